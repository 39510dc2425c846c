// A network tree as one LibTorch function over flat blocks of weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "engine/torch/layers.h"
#include "models/model.h"

namespace digitnet::engine {

// A slot as a tensor over its block: four dimensions in channels-last order.
at::Tensor view_of(const models::Slot& slot, const at::Tensor& block);

class TorchNetwork {
 public:
  // In blocks of its own each tensor starts at a multiple of so many values:
  // 128 bytes in bfloat16, 256 in float32. Libraries of a GPU have fast kernels
  // for aligned tensors only, and the caching allocator's start at 512 bytes.
  static constexpr int64_t kAlignment = 64;
  enum class Memory {
    Model,  // the model's own: of a CPU only, and without gaps
    Own     // what lies between the tensors is zero
  };

  // Borrows the model, and on a CPU its memory.
  TorchNetwork(models::Model& model, at::Device device);
  TorchNetwork(models::Model& model, at::Device device, Memory memory);
  // The same network computing in bfloat16 by rounded weights of its own. Batch
  // norms' weights and statistics are those of the other one.
  explicit TorchNetwork(TorchNetwork& exact);
  TorchNetwork(const TorchNetwork&) = delete;  // its functions know where it is

  // [N, C, H, W] or [N, features] to the logits.
  at::Tensor operator()(const at::Tensor& x, RunState& state) const {
    return forward_(x, state);
  }
  // Preprocessed images [count, C, H, W] of the host as the network's input on
  // the device, channels-last.
  at::Tensor input(const float* images, int64_t count) const;

  // The model's, in their order, by their places in the blocks here.
  const std::vector<models::Slot>& slots() const { return slots_; }
  const at::Tensor& values() const { return values_; }    // all trained ones
  const at::Tensor& buffers() const { return buffers_; }  // running statistics
  // What a trained slot takes of its block, the gap behind it included.
  int64_t extent(const models::Slot& slot) const;
  at::Tensor& tensor(const std::string& name) { return tensors_.at(name); }

  // The model's memory becomes the blocks' content, and the other way round.
  void pull();
  void push();
  // A block like values() on the host, in the order of Model::trained(), and
  // back.
  std::vector<float> to_model_order(const at::Tensor& block) const;
  at::Tensor from_model_order(const std::vector<float>& trained) const;

  // Of a network in bfloat16: its weights become these, rounded.
  void round(const at::Tensor& values);

  // Layers whose statistics stay while they are trained.
  void thaw_all() { frozen_.clear(); }
  void freeze_layer_of(const std::string& tensor);

 private:
  using Step = std::function<at::Tensor(const at::Tensor&, RunState&)>;

  // Tensors of a block like values() or buffers() into memory like the model's,
  // and a block of those there, on the host.
  void store(const at::Tensor& block, bool buffers,
             std::vector<float>& memory) const;
  at::Tensor loaded(const std::vector<float>& memory, bool buffers) const;
  bool rounds(const models::Slot& slot) const;
  Step compile(const models::Layer& layer, const std::string& path);
  Step leaf(const models::Layer& layer, const std::string& path);
  // Composites that let their input through.
  static at::Tensor reconstruct(const models::Layer& layer, const Step& decoder,
                                const at::Tensor& x, RunState& state);
  static at::Tensor classify_domains(const models::Layer& layer,
                                     const Step& head, const at::Tensor& x,
                                     RunState& state);

  models::Model& model_;
  at::Device device_;
  Memory memory_;
  std::vector<models::Slot> slots_;
  at::Tensor values_, buffers_;
  bool rounded_ = false;
  Tensors tensors_;               // views of them, by full name
  std::set<std::string> frozen_;  // prefixes ("conv1.") of layers
  Step forward_;
};

}  // namespace digitnet::engine
