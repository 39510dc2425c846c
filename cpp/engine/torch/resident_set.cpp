#include "engine/torch/resident_set.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "engine/torch/tensors.h"

namespace digitnet::engine {
namespace {

// In the samples' order.
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

// Of the input of a launch's steps in float32.
constexpr int64_t kLaunchBytes = int64_t{128} << 20;

int64_t steps_in_memory(const Shape& input, int64_t batch_size) {
  const int64_t bytes =
      batch_size * input.size() * static_cast<int64_t>(sizeof(float));
  return std::clamp<int64_t>(kLaunchBytes / bytes, 1, TorchTrainer::kMostSteps);
}

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

TorchResidentSet::TorchResidentSet(const ResidentSet& source,
                                   const models::Model& model,
                                   at::Device device)
    : count_(source.set->count),
      batch_size_(std::min(source.batch_size, count_)),
      most_steps_(steps_in_memory(model.preprocess().output(), batch_size_)),
      outputs_images_(model.outputs_images()),
      images_(images_of(*source.set, device)),
      labels_(copied(of_host(source.set->labels, {count_}), device)),
      order_(at::arange(count_, at::TensorOptions(at::kLong).device(device))),
      first_positions_(at::arange(most_steps_ * batch_size_, order_.options())),
      augment_(*source.augment, source.set->images.shape,
               source.set->images.type, model.preprocess().max_value(),
               *source.drawn, source.seed, device),
      preprocess_(model.preprocess(), device) {
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
  const at::Tensor images = images_.index_select(0, samples).to(at::kFloat);
  TorchBatch batch;
  batch.images = input(images, samples, positions, true);
  batch.global_count = count;
  if (outputs_images_) {
    batch.targets = input(images, samples, positions, false);
  } else {
    batch.labels = labels_.index_select(0, samples);
  }
  if (weights_.defined()) batch.weights = weights_.index_select(0, samples);
  return batch;
}

at::Tensor TorchResidentSet::input(const at::Tensor& images,
                                   const at::Tensor& samples,
                                   const at::Tensor& positions,
                                   bool photometric) const {
  return preprocess_(augment_(images, samples, positions, photometric))
      .contiguous(at::MemoryFormat::ChannelsLast);
}

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
        preprocess_(images_.narrow(0, first, count).to(at::kFloat))
            .contiguous(at::MemoryFormat::ChannelsLast);
    logits_.narrow(0, first, count).copy_(network_(input, state));
  }
  const at::Tensor there = logits_.to(at::kCPU);
  const float* values = there.const_data_ptr<float>();
  logits.assign(values, values + there.numel());
  return true;
}

}  // namespace digitnet::engine
