#include "engine/torch/network.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "engine/torch/tensors.h"

namespace digitnet::engine {

using models::Layer;
using models::Slot;

at::Tensor view_of(const Slot& slot, const at::Tensor& block) {
  const auto& sizes = slot.parameter.sizes;
  if (sizes.size() != 4)
    return block.narrow(0, slot.offset, slot.parameter.count()).view(sizes);
  const int64_t inputs = sizes[1], width = sizes[3];
  return block.as_strided(
      sizes, {slot.parameter.count() / sizes[0], 1, width * inputs, inputs},
      slot.offset);
}

namespace {

// With a count of changes of its own: one that all of a block shared would call
// what a batch norm has saved for backward changed, when another's running
// statistics are.
at::Tensor leaf_of(const Slot& slot, const at::Tensor& block) {
  return view_of(slot, block).variable_data();
}

// The memory as a tensor of one dimension.
at::Tensor borrowed(std::vector<float>& memory) {
  return at::from_blob(memory.data(), {static_cast<int64_t>(memory.size())},
                       at::kFloat);
}

int64_t rounded_up(int64_t count) {
  constexpr int64_t kStep = TorchNetwork::kAlignment;
  return (count + kStep - 1) / kStep * kStep;
}

}  // namespace

TorchNetwork::TorchNetwork(models::Model& model, at::Device device)
    : TorchNetwork(model, device,
                   device.is_cpu() ? Memory::Model : Memory::Own) {}

TorchNetwork::TorchNetwork(models::Model& model, at::Device device,
                           Memory memory)
    : model_(model), device_(device), memory_(memory), slots_(model.slots()) {
  at::NoGradGuard guard;
  if (memory_ == Memory::Model) {
    values_ = borrowed(model_.trained());
    buffers_ = borrowed(model_.buffers());
  } else {
    int64_t trained = 0, buffered = 0;
    for (Slot& slot : slots_) {
      int64_t& size = slot.parameter.is_buffer ? buffered : trained;
      slot.offset = size;
      size += rounded_up(slot.parameter.count());
    }
    values_ = at::zeros({trained}, at::device(device_).dtype(at::kFloat));
    buffers_ = at::zeros({buffered}, values_.options());
    push();
  }
  for (const Slot& slot : slots_) {
    tensors_[slot.parameter.name] =
        leaf_of(slot, slot.parameter.is_buffer ? buffers_ : values_);
  }
  forward_ = compile(models::without_last_softmax(model_.network()), "");
}

TorchNetwork::TorchNetwork(TorchNetwork& exact)
    : model_(exact.model_),
      device_(exact.device_),
      memory_(Memory::Own),
      slots_(exact.slots_),
      values_(exact.values_.to(at::kBFloat16)),
      buffers_(exact.buffers_),
      rounded_(true) {
  for (const Slot& slot : slots_) {
    const std::string& name = slot.parameter.name;
    tensors_[name] =
        rounds(slot) ? leaf_of(slot, values_) : exact.tensors_.at(name);
  }
  forward_ = compile(models::without_last_softmax(model_.network()), "");
}

int64_t TorchNetwork::extent(const Slot& slot) const {
  const int64_t count = slot.parameter.count();
  return memory_ == Memory::Model ? count : rounded_up(count);
}

// One transfer a block: the gaps are left out and filled in on the host.
void TorchNetwork::store(const at::Tensor& block, bool buffers,
                         std::vector<float>& memory) const {
  const at::Tensor host = block.to(at::kCPU).contiguous();
  const float* values = host.const_data_ptr<float>();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].parameter.is_buffer != buffers) continue;
    std::copy_n(values + slots_[i].offset, slots_[i].parameter.count(),
                memory.data() + model_.slots()[i].offset);
  }
}

at::Tensor TorchNetwork::loaded(const std::vector<float>& memory,
                                bool buffers) const {
  const at::Tensor& like = buffers ? buffers_ : values_;
  const at::Tensor block = at::zeros({like.numel()}, at::kFloat);
  float* values = block.mutable_data_ptr<float>();
  for (size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].parameter.is_buffer != buffers) continue;
    std::copy_n(memory.data() + model_.slots()[i].offset,
                slots_[i].parameter.count(), values + slots_[i].offset);
  }
  return block;
}

void TorchNetwork::pull() {
  if (memory_ == Memory::Model) return;
  store(values_, false, model_.trained());
  store(buffers_, true, model_.buffers());
}

void TorchNetwork::push() {
  if (memory_ == Memory::Model) return;
  values_.copy_(loaded(model_.trained(), false));
  buffers_.copy_(loaded(model_.buffers(), true));
}

std::vector<float> TorchNetwork::to_model_order(const at::Tensor& block) const {
  std::vector<float> result(model_.trained().size());
  store(block, false, result);
  return result;
}

at::Tensor TorchNetwork::from_model_order(
    const std::vector<float>& trained) const {
  return loaded(trained, false);
}

void TorchNetwork::round(const at::Tensor& values) { values_.copy_(values); }

// Batch norms' sums need all digits.
bool TorchNetwork::rounds(const Slot& slot) const {
  if (!rounded_ || slot.parameter.is_buffer) return false;
  const std::string& name = slot.parameter.name;
  const std::string mean = name.substr(0, name.rfind('.')) + ".running_mean";
  return std::none_of(
      model_.slots().begin(), model_.slots().end(),
      [&](const Slot& other) { return other.parameter.name == mean; });
}

void TorchNetwork::freeze_layer_of(const std::string& tensor) {
  frozen_.insert(tensor.substr(0, tensor.rfind('.') + 1));
}

// The tree as one function; names are looked up here, once.
TorchNetwork::Step TorchNetwork::compile(const Layer& layer,
                                         const std::string& path) {
  std::vector<Step> children;
  for (const Layer& child : layer.children) {
    children.push_back(compile(child, models::joined_path(path, child.name)));
  }
  if (layer.kind == "sequence") {
    return [children](const at::Tensor& x, RunState& state) {
      at::Tensor y = x;
      for (const Step& child : children) y = child(y, state);
      return y;
    };
  }
  if (layer.kind == "residual") {
    return [children](const at::Tensor& x, RunState& state) {
      const at::Tensor body = children[0](x, state);
      return body + (children.size() == 2 ? children[1](x, state) : x);
    };
  }
  if (layer.kind == "concat") {
    return [children](const at::Tensor& x, RunState& state) {
      std::vector<at::Tensor> branches;
      for (const Step& child : children) branches.push_back(child(x, state));
      return at::cat(branches, 1);
    };
  }
  for (const auto& [kind, auxiliary] :
       {std::pair{"reconstruct", &TorchNetwork::reconstruct},
        std::pair{"domain_head", &TorchNetwork::classify_domains}}) {
    if (layer.kind != kind) continue;
    return [layer, children, run = auxiliary](const at::Tensor& x,
                                              RunState& state) {
      // A prediction is the same without them, and sooner there.
      if (!state.training && !state.observe) return x;
      return run(layer, children[0], x, state);
    };
  }
  return leaf(layer, path);
}

// Only the features of the true class, or of the longest vector, go in.
at::Tensor TorchNetwork::reconstruct(const Layer& layer, const Step& decoder,
                                     const at::Tensor& x, RunState& state) {
  const at::Tensor vectors =
      x.reshape({x.size(0), -1, integer(layer.options, "size")});
  const at::Tensor chosen =
      state.labels.defined() ? state.labels : vectors.square().sum(2).argmax(1);
  const at::Tensor mask =
      at::one_hot(chosen, vectors.size(1)).to(x.dtype()).unsqueeze(2);
  const at::Tensor decoded =
      decoder((vectors * mask).flatten(1), state).flatten(1);
  if (state.training) {
    state.add_loss((decoded - state.input.flatten(1)).square().sum(1) *
                   number(layer.options, "weight"));
  }
  return x;
}

// Gradient reversal: the head's input has the value of x and minus its gradient
// times the coefficient.
at::Tensor TorchNetwork::classify_domains(const Layer& layer, const Step& head,
                                          const at::Tensor& x,
                                          RunState& state) {
  const double coefficient =
      number(layer.options, "weight") * state.reversal_coefficient;
  const at::Tensor logits =
      head(x.detach() * (1 + coefficient) - x * coefficient, state);
  if (state.training && state.labelled >= 0) {
    const at::Tensor log_probability = at::log_softmax(logits, 1);
    const int64_t unlabelled = x.size(0) - state.labelled;
    state.add_loss(
        at::cat({log_probability.narrow(0, 0, state.labelled).select(1, 0),
                 log_probability.narrow(0, state.labelled, unlabelled)
                     .select(1, 1)})
            .neg());
  }
  return x;
}

TorchNetwork::Step TorchNetwork::leaf(const Layer& layer,
                                      const std::string& path) {
  Tensors tensors;
  const std::string prefix = path + ".";
  for (const auto& [name, tensor] : tensors_) {
    if (name.starts_with(prefix)) tensors[name.substr(prefix.size())] = tensor;
  }
  const Forward forward = torch_forward(layer.kind);
  return [this, layer, tensors, forward, path, prefix](const at::Tensor& x,
                                                       RunState& state) {
    at::Tensor y = forward(layer, tensors, frozen_.count(prefix) > 0, x, state);
    if (state.observe) state.observe(path, y);
    return y;
  };
}

at::Tensor TorchNetwork::input(const float* images, int64_t count) const {
  const Shape& shape = model_.preprocess().output();
  const at::Tensor batch =
      of_host(images, {count, shape.channels, shape.height, shape.width});
  return batch.to(device_).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace digitnet::engine
