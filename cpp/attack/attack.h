// Adversarial examples: images changed so little that people read them as
// before, but a network need not; every pixel by at most a given strength,
// along the gradient of the loss.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::attack {

// How one kind of attack searches; strength and step in parts of full
// intensity.
struct Search {
  double strength = 0;
  int64_t steps = 1;
  double step = 0;
  int64_t restarts = 1;       // the one of the largest loss counts
  bool random_start = false;  // uniform within the strength, else the image
};

// To add one: write the function in attack.cpp and add it to all().
struct AttackEntry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<OptionInfo> options;
  Search (*search)(const Options& options);
};

const std::vector<AttackEntry>& all();

// One attack on one model, batch by batch.
class Attacker {
 public:
  // Borrows the model, whose scale is known. `label_smoothing` is that of the
  // loss which the model trains by. Throws std::invalid_argument for
  // an unknown attack or option, a model without classes, or one whose
  // preprocessing is not value * scale + shift: then a pixel's bounds are not
  // those of the network's input.
  Attacker(const models::Model& model, const Spec& attack, uint64_t seed,
           double label_smoothing = 0);

  // Changes images [count, C, H, W], as the network takes them, in place; each
  // pixel stays in its range. The start is a function of (seed, epoch,
  // samples[i], restart).
  void operator()(engine::Executor& executor, float* images,
                  const int64_t* labels, const int64_t* samples, int64_t count,
                  int64_t epoch = 0) const;

  // Back on the scale of raw pixels.
  float raw(float value) const { return (value - shift_) / scale_; }

 private:
  void start(engine::Executor& executor, const float* images,
             const int64_t* samples, int64_t count, uint64_t round,
             std::vector<float>& at) const;
  void ascend(engine::Executor& executor, const float* images,
              const int64_t* labels, int64_t count,
              std::vector<float>& at) const;
  float bounded(float value, float image) const;

  const models::Model& model_;
  Search search_;
  uint64_t seed_;
  double label_smoothing_;
  float scale_ = 1, shift_ = 0;
  float radius_ = 0, step_ = 0, low_ = 0, high_ = 1;  // of the network's input
};

// The samples of a view, attacked: raw pixels [count, C, H, W]. Labels are the
// true ones. `keep_going` is called between batches, if set: false ends it.
std::vector<float> attacked(engine::Executor& executor,
                            const models::Model& model, const Spec& attack,
                            const data::DatasetView& samples, uint64_t seed,
                            const std::function<bool()>& keep_going = {});

}  // namespace digitnet::attack
