// A network tree as a list of operations over buffers that are allocated once:
// fresh pages at each step cost PyTorch's eager mode 10 to 35 % of it.
//
//   conv1 relu1 max_pool1 flatten1 dense1 relu2 dropout1 dense2     the layers
//   `------ Conv -------' `-Copy-' `------ Dense -----' `Dense'     the
//   operations
//
// Operations are fused where one pass over the memory does (plan_build.cpp), so
// outputs of inner layers, as relu1's, are never written. A plan that is not
// fused has them all.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/native/op.h"
#include "models/model.h"

namespace digitnet::engine::native {

// Images of one pass in prediction and inspection, a trade-off: the maps of
// more leave a core's cache between two layers, fewer read the weights more
// often.
constexpr int64_t kPassImages = 64;
// And the bytes of their maps, beyond which a pass has fewer images: a network
// whose maps have 16 MiB an image fills a core's cache with one of them.
constexpr int64_t kPassBytes = int64_t{1} << 30;

struct PlanOptions {
  bool fused = true;            // else layers() has every layer's output
  bool input_gradient = false;  // backward() gives that of the images, too
  // Another plan's values() of the same model, borrowed; load() and store() are
  // for that plan, and passes here are without weight_gradients.
  Floats* values = nullptr;
};

// A layer that is not composite, and its output.
struct LayerOutput {
  std::string path;
  Tensor* output;
};

class Plan {
 public:
  // Borrows the model: running statistics stay in its memory; parameters come
  // with load().
  explicit Plan(models::Model& model, const PlanOptions& options = {});

  // Buffers for so many images; done again only for more, or for training.
  // Throws std::bad_alloc, and then holds none.
  void reserve(int64_t images, bool training, int threads);
  int64_t capacity() const { return capacity_; }
  // Of the maps of so many images and of scratch, about what reserve() would
  // take.
  int64_t bytes_for(int64_t images, bool training, int threads) const;
  // reserve() of a pass of at most so many images that needs no more than
  // kPassBytes, or of one image; returns how many it may have. Throws
  // OutOfMemory if not even that would fit into the free memory.
  int64_t reserve_pass(int64_t images, bool training, int threads);
  // Of all buffers, parameters included.
  int64_t bytes() const;

  // images: [count, C, H, W]; afterwards logits(n) is the n-th row of logits.
  void forward(const Pass& pass, const float* images);
  float* logits(int64_t n) { return output_->value.at(n); }
  float* logits_gradient(int64_t n) { return output_->gradient.at(n); }
  Tensor& output() { return *output_; }
  // Of the last forward pass in training: what auxiliary heads add to the loss.
  double auxiliary_loss() const;
  // From the logits' gradients to gradients() and that of the images.
  void backward(const Pass& pass);

  // Of a plan that is not fused: in order of execution.
  const std::vector<LayerOutput>& layers() const { return layers_; }
  Tensor& input() { return *input_; }
  // From the gradient of one layer's output to that of another's, or of the
  // images, before it; returns false if it is not before it.
  bool backward(const Pass& pass, Tensor& from, Tensor& to);

  Floats& values() { return values_; }
  Floats& gradients() { return gradients_; }
  // `lr_scales`: one per slot of the model; those of 0 are frozen.
  void set_rates(const std::vector<double>& lr_scales);
  std::vector<const Weight*> weights() const;

  void load();   // parameters from the model
  void store();  // and back
  // The same of a block like values(), and of one like Model::trained().
  void load(const std::vector<float>& theirs, Floats& block) const;
  void store(const Floats& block, std::vector<float>& theirs) const;

 private:
  // A layer with its full name; sequences within sequences are laid flat.
  struct Leaf {
    models::Layer layer;
    std::string path;
  };
  // Operations that run together, and what they read and write.
  struct Step {
    std::vector<Tensor*> from, to;
    size_t first_op, last_op;  // [first, last)
    bool auxiliary;            // runs only where Pass::runs_auxiliary()
    bool adds;  // backward adds to the gradient of `from`, others write it
  };
  void add_step(size_t first_op, std::vector<Tensor*> from,
                std::vector<Tensor*> to);
  Tensor& tensor(const Shape& shape, const Tensor* order = nullptr);
  Tensor& build(const models::Layer& layer, const std::string& path, Tensor& x);
  // Makes the operation of leaves[at], and of those behind it that it takes
  // along; x becomes its output. Returns the next leaf's number.
  using Build = size_t (Plan::*)(const std::vector<Leaf>& leaves, size_t at,
                                 Tensor*& x);
  // Throws std::logic_error for a kind of layer that has no line in its table.
  static Build build_of(const models::Layer& layer);
  size_t build_leaf(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_conv(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  Tensor& build_grouped_conv(const Leaf& leaf, const ConvOptions& options,
                             Tensor& x);
  size_t build_dense(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_batch_norm(const std::vector<Leaf>& leaves, size_t at,
                          Tensor*& x);
  size_t build_layer_norm(const std::vector<Leaf>& leaves, size_t at,
                          Tensor*& x);
  size_t build_flatten(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_pool(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_dropout(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_activation(const std::vector<Leaf>& leaves, size_t at,
                          Tensor*& x);
  size_t build_composite(const std::vector<Leaf>& leaves, size_t at,
                         Tensor*& x);
  // plan_sequence.cpp has these.
  size_t build_position(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_gru(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_attention(const std::vector<Leaf>& leaves, size_t at,
                         Tensor*& x);
  size_t build_capsules(const std::vector<Leaf>& leaves, size_t at, Tensor*& x);
  size_t build_capsule_logits(const std::vector<Leaf>& leaves, size_t at,
                              Tensor*& input);
  size_t build_auxiliary(const std::vector<Leaf>& leaves, size_t at,
                         Tensor*& x);
  Tensor& output_of(const Leaf& leaf, const Tensor& x);
  Tensor& in_order(Tensor& x);
  Weight weight(const std::string& name, int64_t inputs, int64_t outputs) const;
  Weight feature_weight(const std::string& name, const Tensor& x) const;
  Weight bias_of(const Leaf& leaf, int64_t outputs) const;  // no name: none
  void place_weights();
  // move(place in Model::trained(), place in values()) for each number.
  template <class Move>
  void each_number(const Move& move) const;
  template <class Move>
  void each_number(const Weight& weight, const Move& move) const;

  models::Model& model_;
  PlanOptions options_;
  std::vector<std::unique_ptr<Tensor>> tensors_;
  std::vector<std::unique_ptr<Buffer>> buffers_;
  std::vector<OpPtr> ops_;
  std::vector<Step> steps_;   // all operations, in their order
  std::vector<Op*> waiting_;  // while a pass runs (run.h)
  std::vector<LayerOutput> layers_;
  Tensor* input_ = nullptr;
  Tensor* output_ = nullptr;
  Floats values_, gradients_;
  uint32_t dropouts_ = 0;
  bool auxiliary_ = false;  // while building: inside of an auxiliary head
  int64_t capacity_ = 0;
  bool training_ = false;
};

}  // namespace digitnet::engine::native
