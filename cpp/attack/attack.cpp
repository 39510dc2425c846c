#include "attack/attack.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/list.h"
#include "core/random.h"
#include "engine/inference.h"
#include "features/activations.h"

namespace digitnet::attack {
namespace {

// Images of one batch, a trade-off: each costs the memory of a network's maps
// and of their gradients; fewer launch more often.
constexpr int64_t kBatch = 256;

OptionInfo strength() {
  return {"strength", OptionType::Real,
          0.1,        0,
          1,          "largest change of a pixel, of full intensity"};
}

AttackEntry fgsm() {
  return {"fgsm",
          "one step of full strength along the sign of the loss's gradient",
          "Goodfellow, Shlens, Szegedy, ICLR 2015, section 4",
          {strength()},
          [](const Options& options) {
            const double strength = number(options, "strength");
            return Search{strength, 1, strength, 1, false};
          }};
}

AttackEntry pgd() {
  return {"pgd",
          "many small steps from random starts, each brought back within the "
          "strength",
          "Madry et al., Towards deep learning models resistant to adversarial "
          "attacks, ICLR 2018, section 2.1",
          {strength(),
           {"steps", OptionType::Integer, 40.0, 1, 10'000, "of each start"},
           {"step", OptionType::Real, 0.0, 0, 1,
            "size of a step; 0: 2.5 times the strength over the steps"},
           {"restarts", OptionType::Integer, 1.0, 1, 1000,
            "random starts; the one of the largest loss counts"}},
          [](const Options& options) {
            Search search;
            search.strength = number(options, "strength");
            search.steps = integer(options, "steps");
            search.step = number(options, "step");
            if (search.step == 0) {
              search.step =
                  2.5 * search.strength / static_cast<double>(search.steps);
            }
            search.restarts = integer(options, "restarts");
            search.random_start = true;
            return search;
          }};
}

}  // namespace

const std::vector<AttackEntry>& all() {
  static const std::vector<AttackEntry> entries = {fgsm(), pgd()};
  return entries;
}

Attacker::Attacker(const models::Model& model, const Spec& attack,
                   uint64_t seed, double label_smoothing)
    : model_(model), seed_(seed), label_smoothing_(label_smoothing) {
  const AttackEntry& entry = find(all(), "attack", attack.name);
  search_ = entry.search(resolve(attack.name, entry.options, attack.options));
  require(!model.outputs_images(), attack.name,
          ": expected a network with classes, got one that outputs images");
  require(model.preprocess().is_affine(scale_, shift_), attack.name,
          ": expected preprocessing that only scales and shifts all pixels "
          "alike, got other steps; train with preprocess=['scale']");
  const auto full = static_cast<float>(model.preprocess().max_value());
  const float range = std::abs(scale_) * full;
  radius_ = static_cast<float>(search_.strength) * range;
  step_ = static_cast<float>(search_.step) * range;
  low_ = std::min(shift_, shift_ + scale_ * full);
  high_ = low_ + range;
}

void Attacker::operator()(engine::Executor& executor, float* images,
                          const int64_t* labels, const int64_t* samples,
                          int64_t count, int64_t epoch) const {
  const int64_t size = model_.preprocess().output().size();
  const int64_t classes = model_.outputs();
  std::vector<float> at, best(images, images + count * size), logits;
  std::vector<double> largest(count, -1);
  for (int64_t i = 0; i < search_.restarts; ++i) {
    start(executor, images, samples, count,
          static_cast<uint64_t>(epoch * search_.restarts + i), at);
    ascend(executor, images, labels, count, at);
    if (search_.restarts == 1) {
      best.swap(at);
      break;
    }
    logits.resize(count * classes);
    executor.predict(at.data(), count, logits.data());
    for (int64_t n = 0; n < count; ++n) {
      const double loss = engine::loss_of(
          model_.loss(), logits.data() + n * classes, classes, labels[n]);
      if (loss <= largest[n]) continue;
      largest[n] = loss;
      std::copy_n(at.data() + n * size, size, best.data() + n * size);
    }
  }
  std::copy(best.begin(), best.end(), images);
}

void Attacker::start(engine::Executor& executor, const float* images,
                     const int64_t* samples, int64_t count, uint64_t round,
                     std::vector<float>& at) const {
  const int64_t size = model_.preprocess().output().size();
  at.assign(images, images + count * size);
  if (!search_.random_start) return;
  engine::each_sample(executor, count, [&](int64_t n, int64_t) {
    Draws draws(seed_, Stream::Attack, round,
                static_cast<uint64_t>(samples[n]));
    for (int64_t p = n * size; p < (n + 1) * size; ++p) {
      const auto moved = static_cast<float>(draws.uniform(-radius_, radius_));
      at[p] = bounded(images[p] + moved, images[p]);
    }
  });
}

// Up the sign of the gradient: the step that raises a linear loss the most
// within a bound on every pixel.
void Attacker::ascend(engine::Executor& executor, const float* images,
                      const int64_t* labels, int64_t count,
                      std::vector<float>& at) const {
  const int64_t size = model_.preprocess().output().size();
  engine::LossGradients loss;
  for (int64_t step = 0; step < search_.steps; ++step) {
    executor.inspector()->loss_gradients(at.data(), labels, count,
                                         label_smoothing_, loss);
    engine::each_sample(executor, count, [&](int64_t n, int64_t) {
      for (int64_t p = n * size; p < (n + 1) * size; ++p) {
        const float gradient = loss.gradients[p];
        const float sign = gradient > 0 ? 1.0f : gradient < 0 ? -1.0f : 0.0f;
        at[p] = bounded(at[p] + step_ * sign, images[p]);
      }
    });
  }
}

float Attacker::bounded(float value, float image) const {
  const float near = std::clamp(value, image - radius_, image + radius_);
  return std::clamp(near, low_, high_);
}

std::vector<float> attacked(engine::Executor& executor,
                            const models::Model& model, const Spec& attack,
                            const data::DatasetView& samples, uint64_t seed,
                            const std::function<bool()>& keep_going) {
  const Attacker attacker(model, attack, seed);
  const int64_t size = model.input().size();
  std::vector<float> result = features::preprocessed(model, samples);
  std::vector<int64_t> numbers(samples.count);
  std::iota(numbers.begin(), numbers.end(), 0);
  for (int64_t first = 0; first < samples.count; first += kBatch) {
    if (keep_going && !keep_going()) break;
    const int64_t count = std::min(kBatch, samples.count - first);
    float* images = result.data() + first * size;
    attacker(executor, images, samples.labels + first, numbers.data() + first,
             count);
  }
  for (float& value : result) value = attacker.raw(value);
  return result;
}

}  // namespace digitnet::attack
