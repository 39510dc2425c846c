#include "engine/inference.h"

#include <algorithm>
#include <cmath>

#include "engine/memory.h"

namespace digitnet::engine {
namespace {

constexpr int64_t kBatchFloats = 1 << 26;

// log(sum(exp(row))) without overflow.
double log_sum(const float* row, int64_t classes) {
  const double largest = *std::max_element(row, row + classes);
  double sum = 0;
  for (int64_t k = 0; k < classes; ++k) sum += std::exp(row[k] - largest);
  return largest + std::log(sum);
}

double margin_loss(const float* row, int64_t classes, int64_t label) {
  double sum = 0;
  for (int64_t k = 0; k < classes; ++k) {
    const double length = 1 / (1 + std::exp(-static_cast<double>(row[k])));
    const double miss = k == label ? std::max(0.0, models::kPresent - length)
                                   : std::max(0.0, length - models::kAbsent);
    sum += (k == label ? 1 : models::kAbsentWeight) * miss * miss;
  }
  return sum;
}

}  // namespace

double loss_of(models::Loss kind, const float* logits, int64_t classes,
               int64_t label) {
  return kind == models::Loss::Margin
             ? margin_loss(logits, classes, label)
             : log_sum(logits, classes) - logits[label];
}

std::vector<float> logits_of(Executor& executor, const models::Model& model,
                             const data::DatasetView& samples,
                             int64_t batch_size,
                             const std::function<bool()>& keep_going) {
  const int64_t features = model.preprocess().output().size();
  const int64_t size = model.input().size();
  // A batch of large images is as long as 256 MiB hold.
  batch_size = std::clamp<int64_t>(kBatchFloats / std::max(features, size), 1,
                                   batch_size);
  const int64_t rows = samples.count * model.outputs();
  if (rows > kBatchFloats)
    require_memory(rows * static_cast<int64_t>(sizeof(float)), "predict");
  std::vector<float> raw(blocks_of(batch_size) * size);
  std::vector<float> batch(std::min(batch_size, samples.count) * features);
  std::vector<float> logits(rows);
  for (int64_t start = 0; start < samples.count; start += batch_size) {
    if (keep_going && !keep_going()) break;
    const int64_t count = std::min(batch_size, samples.count - start);
    each_sample(executor, count, [&](int64_t i, int64_t block) {
      float* image = raw.data() + block * size;
      samples.images.read(samples.row(start + i), image);
      model.preprocess().apply(image, batch.data() + i * features);
    });
    executor.predict(batch.data(), count,
                     logits.data() + start * model.outputs());
  }
  return logits;
}

void divide_by_temperature(const models::Model& model,
                           std::vector<float>& values) {
  if (model.temperature() == 1) return;
  const auto temperature = static_cast<float>(model.temperature());
  for (float& value : values) value /= temperature;
}

Score score(models::Loss kind, const std::vector<float>& logits,
            const int64_t* labels, int64_t count, int64_t classes) {
  double loss = 0;
  int64_t hits = 0;
  for (int64_t i = 0; i < count; ++i) {
    const float* row = logits.data() + i * classes;
    loss += loss_of(kind, row, classes, labels[i]);
    hits += std::max_element(row, row + classes) - row == labels[i];
  }
  return {loss / static_cast<double>(count),
          static_cast<double>(hits) / static_cast<double>(count)};
}

std::vector<double> probabilities(const std::vector<float>& logits,
                                  int64_t classes) {
  std::vector<double> result(logits.size());
  for (size_t start = 0; start < logits.size(); start += classes) {
    const double total = log_sum(logits.data() + start, classes);
    for (int64_t k = 0; k < classes; ++k)
      result[start + k] = std::exp(logits[start + k] - total);
  }
  return result;
}

}  // namespace digitnet::engine
