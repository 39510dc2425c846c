#include "engine/torch/resident_set.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>

#include <algorithm>

#include "engine/torch/tensors.h"

namespace digitnet::engine {
namespace {

// Of a launch's images while they are prepared.
constexpr int64_t kLaunchBytes = int64_t{512} << 20;

}  // namespace

at::Tensor images_of(const data::DatasetView& set, at::Device device) {
  const data::ImagesView& images = set.images;
  const Shape& shape = images.shape;
  const std::vector<int64_t> sizes = {images.count, shape.channels,
                                      shape.height, shape.width};
  const at::Tensor all =
      images.type == data::PixelType::UInt8
          ? of_host(static_cast<const uint8_t*>(images.pixels), sizes)
          : of_host(static_cast<const float*>(images.pixels), sizes);
  if (!set.rows) return copied(all.narrow(0, 0, set.count), device);
  return all.index_select(0, of_host(set.rows, {set.count})).to(device);
}

TorchResidentSet::TorchResidentSet(const ResidentSet& source,
                                   const models::Model& model,
                                   at::Device device)
    : count_(source.set->count),
      batch_size_(std::min(source.batch_size, count_)),
      outputs_images_(model.outputs_images()),
      images_(images_of(*source.set, device)),
      labels_(copied(of_host(source.set->labels, {count_}), device)),
      order_(at::arange(count_, at::TensorOptions(at::kLong).device(device))),
      augment_(*source.augment, source.set->images.shape,
               source.set->images.type, model.preprocess().max_value(),
               *source.drawn, source.seed, device),
      preprocess_(model.preprocess(), device) {
  const int64_t input = model.preprocess().output().size();
  const int64_t bytes =
      augment_.bytes() + 2 * input * static_cast<int64_t>(sizeof(float));
  max_steps_ = std::clamp<int64_t>(kLaunchBytes / (batch_size_ * bytes), 1,
                                   TorchTrainer::kMaxSteps);
  first_positions_ = at::arange(max_steps_ * batch_size_, order_.options());
  if (!source.weights->empty())
    weights_ = copied(of_host(*source.weights), device);
}

void TorchResidentSet::start_epoch(const ResidentEpoch& epoch) {
  order_.copy_(of_host(*epoch.order));
  augment_.upload(*epoch.drawn, epoch.epoch);
}

int64_t TorchResidentSet::steps() const {
  return (count_ + batch_size_ - 1) / batch_size_;
}

int64_t TorchResidentSet::count_of(int64_t step) const {
  return std::min(batch_size_, count_ - step * batch_size_);
}

TorchBatch TorchResidentSet::batch(const at::Tensor& position, int64_t steps,
                                   int64_t count) const {
  const at::Tensor positions =
      first_positions_.narrow(0, 0, steps * count) + position * batch_size_;
  const at::Tensor samples = order_.index_select(0, positions);
  const at::Tensor moved = augment_.moved(
      images_.index_select(0, samples).to(at::kFloat), samples, positions);
  TorchBatch batch;
  batch.images = preprocess_(augment_.revalued(moved, samples, positions));
  batch.global_count = count;
  if (outputs_images_) {
    batch.targets = preprocess_(moved);
  } else {
    batch.labels = labels_.index_select(0, samples);
  }
  if (weights_.defined()) batch.weights = weights_.index_select(0, samples);
  return batch;
}

}  // namespace digitnet::engine
