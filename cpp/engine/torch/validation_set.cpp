#include "engine/torch/validation_set.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "engine/torch/resident_set.h"

namespace digitnet::engine {
namespace {

// Images of a batch of validation: few launches for small networks, and maps of
// a gigabyte for large ones.
constexpr int64_t kValidationBatch = 4096;
constexpr int64_t kMapBytes = int64_t{1} << 30;

int64_t validation_batch(const models::Model& model) {
  int64_t widest = model.preprocess().output().size();
  models::for_each_leaf(
      model.network(), model.preprocess().output(),
      [&](const std::string&, const models::Layer&, const Shape&,
          const Shape& output) { widest = std::max(widest, output.size()); });
  const int64_t bytes = widest * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(kMapBytes / bytes, 1, kValidationBatch);
}

}  // namespace

TorchValidationSet::TorchValidationSet(const data::DatasetView& set,
                                       const models::Model& model,
                                       const TorchNetwork& network,
                                       at::Device device)
    : network_(network),
      images_(images_of(set, device)),
      preprocess_(model.preprocess(), device),
      logits_(at::empty({set.count, model.outputs()},
                        at::TensorOptions(at::kFloat).device(device))),
      batch_size_(validation_batch(model)) {}

bool TorchValidationSet::predict(const std::function<bool()>& keep_going,
                                 std::vector<float>& logits) {
  at::NoGradGuard guard;
  const int64_t total = images_.size(0);
  for (int64_t first = 0; first < total; first += batch_size_) {
    if (!keep_going()) return false;
    const int64_t count = std::min(batch_size_, total - first);
    RunState state;
    const at::Tensor input =
        preprocess_(images_.narrow(0, first, count).to(at::kFloat));
    logits_.narrow(0, first, count).copy_(network_(input, state));
  }
  const at::Tensor there = logits_.to(at::kCPU);
  const float* values = there.const_data_ptr<float>();
  logits.assign(values, values + there.numel());
  return true;
}

bool TorchValidationSet::take_less() {
  if (batch_size_ == 1) return false;
  batch_size_ /= 2;
  return true;
}

}  // namespace digitnet::engine
