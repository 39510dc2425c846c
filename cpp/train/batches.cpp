#include "train/batches.h"

#include <algorithm>
#include <numeric>
#include <utility>

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
    attacker_.emplace(model, config.adversary, config.seed,
                      config.label_smoothing);
}

int64_t Batches::steps() const {
  return (training_.count + config_.batch_size - 1) / config_.batch_size;
}

std::vector<int64_t> Batches::order_of(int64_t epoch) const {
  return permutation(training_.count,
                     Draws(config_.seed, Stream::Permutation, epoch));
}

void Batches::start_epoch(int64_t epoch) {
  epoch_ = epoch;
  if (!ahead_.valid()) order_ = order_of(epoch);
}

engine::ResidentSupport Batches::make_resident(engine::Executor& executor) {
  if (ranks_.several()) return {nullptr, "several ranks share every step"};
  if (attacker_) return {nullptr, "attacks look at every batch"};
  if (training_.domains)
    return {nullptr, "batches of two domains are put in order"};
  engine::ResidentSupport support = executor.resident_training();
  if (!support.training) return support;
  const int64_t bytes = samples_.pipeline().bytes_of_draws(training_.count);
  if (bytes > engine::free_memory() / 4)
    return {nullptr, join("the draws of an epoch take ", bytes >> 20, " MiB")};
  for (augment::Drawn* drawn : {&drawn_, &next_drawn_})
    samples_.pipeline().reserve(training_.count, model_.input(), *drawn);
  std::vector<float> weights;
  if (!weights_.empty()) {
    for (int64_t sample = 0; sample < training_.count; ++sample)
      weights.push_back(static_cast<float>(weight(sample)));
  }
  const std::string reason =
      support.training->load({&training_, &samples_.pipeline(), &drawn_,
                              &weights, config_.batch_size, config_.seed});
  if (reason.empty()) return support;
  drawn_ = next_drawn_ = {};
  return {nullptr, reason};
}

void Batches::start_resident_epoch(engine::Executor& executor,
                                   engine::ResidentTraining& resident,
                                   const std::vector<double>& rates) {
  if (ahead_.valid()) {
    ahead_.get();
    order_.swap(next_order_);
    std::swap(drawn_, next_drawn_);
  } else {
    samples_.draw(order_, epoch_, drawn_, &executor);
  }
  resident.start_epoch({&order_, &drawn_, &rates, epoch_});
  if (epoch_ == config_.epochs) return;
  // Alone: the executor's threads are not ours while it trains.
  ahead_ = std::async(std::launch::async, [this, epoch = epoch_ + 1] {
    next_order_ = order_of(epoch);
    samples_.draw(next_order_, epoch, next_drawn_, nullptr);
  });
}

engine::Batch Batches::gather(engine::Executor& executor, int64_t step) {
  const int64_t begin = step * config_.batch_size;
  const int64_t global_count =
      std::min(config_.batch_size, training_.count - begin);
  const engine::Shard shard = engine::shard_of(global_count, ranks_);
  const int64_t count = shard.count;
  int64_t* indices = order_.data() + begin + shard.first;
  engine::Batch batch;
  batch.global_count = global_count;
  batch.in_totals = shard.in_totals;
  batch.rank_weight = shard.weight;
  if (training_.domains) {
    // Networks with a domain head want the labelled domain first.
    const int64_t* end = std::stable_partition(
        indices, indices + count,
        [&](int64_t sample) { return training_.domains[sample] == 0; });
    batch.labelled = end - indices;
  }
  samples_.fill(executor, training_, indices, count, epoch_, true,
                images_.data());
  if (!targets_.empty()) {
    samples_.fill(executor, training_, indices, count, epoch_, false,
                  targets_.data());
  }
  for (int64_t i = 0; i < count; ++i) {
    const int64_t sample = indices[i];
    labels_[i] = training_.labels[sample];
    if (!weights_.empty()) weights_[i] = static_cast<float>(weight(sample));
  }
  if (attacker_)
    (*attacker_)(executor, images_.data(), labels_.data(), indices, count,
                 epoch_);
  batch.images = images_.data();
  batch.labels = labels_.data();
  if (!weights_.empty()) {
    batch.weights = weights_.data();
    if (ranks_.several())
      batch.rank_weight *= relative_weight(begin, global_count, shard);
  }
  if (!targets_.empty()) batch.targets = targets_.data();
  batch.count = count;
  return batch;
}

double Batches::relative_weight(int64_t begin, int64_t count,
                                const engine::Shard& shard) const {
  double shard_sum = 0, sum = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double value = weight(order_[begin + i]);
    sum += value;
    if (i >= shard.first && i < shard.first + shard.count) shard_sum += value;
  }
  if (sum <= 0) return 1;
  return shard_sum / sum * static_cast<double>(count) /
         static_cast<double>(shard.count);
}

double Batches::weight(int64_t sample) const {
  if (training_.domains && training_.domains[sample] != 0) return 0;
  const double weight = training_.weights ? training_.weights[sample] : 1;
  return config_.class_weights.empty()
             ? weight
             : weight * config_.class_weights[training_.labels[sample]];
}

double Batches::reconstruction_error(engine::Executor& executor,
                                     const data::DatasetView& validation,
                                     const std::function<bool()>& keep_going) {
  const int64_t size = model_.outputs();
  std::vector<float> outputs(images_.size());
  std::vector<int64_t> indices(images_.size() / size);
  double sum = 0;
  for (int64_t first = 0; first < validation.count && keep_going();) {
    const int64_t count = std::min(static_cast<int64_t>(indices.size()),
                                   validation.count - first);
    std::iota(indices.begin(), indices.end(), first);
    for (const bool photometric : {true, false}) {
      samples_.fill(executor, validation, indices.data(), count, 0, photometric,
                    photometric ? images_.data() : targets_.data());
    }
    executor.predict(images_.data(), count, outputs.data());
    for (int64_t i = 0; i < count * size; ++i) {
      const double error = outputs[i] - targets_[i];
      sum += error * error;
    }
    first += count;
  }
  return sum / static_cast<double>(validation.count * size);
}

}  // namespace digitnet::train
