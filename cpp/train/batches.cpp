#include "train/batches.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "core/random.h"
#include "engine/memory.h"

namespace digitnet::train {

Batches::Batches(const models::Model& model, const data::DatasetView& training,
                 const Config& config, const engine::Ranks& ranks)
    : model_(model),
      training_(training),
      config_(config),
      ranks_(ranks),
      samples_(model, config.augment, config.seed,
               std::min(config.batch_size, training.count)) {
  const int64_t batch = std::min(config.batch_size, training.count);
  images_.resize(batch * model.preprocess().output().size());
  if (model.outputs_images()) targets_.resize(images_.size());
  labels_.resize(batch);
  if (training.weights || training.domains || !config.class_weights.empty())
    weights_.resize(batch);
  if (!config.adversary.name.empty())
    attacker_.emplace(model, config.adversary, config.seed);
}

int64_t Batches::steps() const {
  return (training_.count + config_.batch_size - 1) / config_.batch_size;
}

void Batches::start_epoch(int64_t epoch) {
  epoch_ = epoch;
  order_ = permutation(training_.count,
                       Draws(config_.seed, Stream::Permutation, epoch));
}

std::string Batches::hold(engine::Executor& executor) {
  if (ranks_.several()) return "several ranks share every step";
  if (attacker_) return "attacks look at every batch";
  if (training_.domains) return "batches of two domains are put in order";
  const std::string refused = executor.holds_none();
  if (!refused.empty()) return refused;
  const int64_t room =
      samples_.pipeline().bytes_of_draws(training_.count, model_.input());
  if (room > engine::free_memory() / 4)
    return join("the draws of an epoch take ", room >> 20, " MiB");
  samples_.pipeline().reserve(training_.count, model_.input(), drawn_);
  std::vector<float> weights;
  if (!weights_.empty()) {
    for (int64_t sample = 0; sample < training_.count; ++sample)
      weights.push_back(static_cast<float>(weight(sample)));
  }
  const std::string reason =
      executor.hold({&training_, &samples_.pipeline(), &drawn_, &weights,
                     config_.batch_size});
  if (!reason.empty()) drawn_ = {};
  return reason;
}

void Batches::start_held_epoch(engine::Executor& executor,
                               const std::vector<double>& rates) {
  samples_.draw(executor, order_, epoch_, drawn_);
  executor.start_held_epoch({&order_, &drawn_, &rates});
}

engine::Batch Batches::gather(engine::Executor& executor, int64_t step) {
  const int64_t begin = step * config_.batch_size;
  const int64_t whole = std::min(config_.batch_size, training_.count - begin);
  const engine::Share part = engine::share_of(whole, ranks_);
  const int64_t first = begin + part.first, count = part.count;
  int64_t* chosen = order_.data() + first;
  engine::Batch batch;
  batch.whole = whole;
  batch.counted = part.counted;
  batch.share = part.part;
  if (training_.domains) {
    batch.known = std::stable_partition(chosen, chosen + count,
                                        [&](int64_t sample) {
                                          return training_.domains[sample] == 0;
                                        }) -
                  chosen;
  }
  samples_.fill(executor, training_, chosen, count, epoch_, true,
                images_.data());
  if (!targets_.empty()) {
    samples_.fill(executor, training_, chosen, count, epoch_, false,
                  targets_.data());
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = order_[first + i];
    labels_[i] = training_.labels[sample];
    if (!weights_.empty()) weights_[i] = static_cast<float>(weight(sample));
  }
  if (attacker_)
    (*attacker_)(executor, images_.data(), labels_.data(), chosen, count,
                 epoch_);
  batch.images = images_.data();
  batch.labels = labels_.data();
  if (!weights_.empty()) {
    batch.weights = weights_.data();
    if (ranks_.several()) batch.share *= weight_of(begin, whole, part);
  }
  if (!targets_.empty()) batch.targets = targets_.data();
  batch.count = count;
  return batch;
}

double Batches::weight_of(int64_t begin, int64_t whole,
                          const engine::Share& part) {
  double own = 0, all = 0;
  for (int64_t i = 0; i < whole; ++i) {
    const double value = weight(order_[begin + i]);
    all += value;
    if (i >= part.first && i < part.first + part.count) own += value;
  }
  if (all <= 0) return 1;
  return own / all * static_cast<double>(whole) /
         static_cast<double>(part.count);
}

double Batches::weight(int64_t sample) const {
  if (training_.domains && training_.domains[sample] != 0) return 0;
  const double own = training_.weights ? training_.weights[sample] : 1;
  return config_.class_weights.empty()
             ? own
             : own * config_.class_weights[training_.labels[sample]];
}

double Batches::restoration_error(engine::Executor& executor,
                                  const data::DatasetView& validation,
                                  const std::function<bool()>& keep_going) {
  const int64_t size = model_.outputs();
  std::vector<float> made(images_.size());
  std::vector<int64_t> chosen(images_.size() / size);
  double sum = 0;
  for (int64_t first = 0; first < validation.count && keep_going();) {
    const int64_t count =
        std::min(static_cast<int64_t>(chosen.size()), validation.count - first);
    std::iota(chosen.begin(), chosen.end(), first);
    for (const bool painted : {true, false}) {
      samples_.fill(executor, validation, chosen.data(), count, 0, painted,
                    painted ? images_.data() : targets_.data());
    }
    executor.predict(images_.data(), count, made.data());
    for (int64_t i = 0; i < count * size; ++i) {
      const double error = made[i] - targets_[i];
      sum += error * error;
    }
    first += count;
  }
  return sum / static_cast<double>(validation.count * size);
}

}  // namespace digitnet::train
