// One operation of a plan: what it computes of a batch, forward and backward.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/native/tensor.h"
#include "kernels/thread_pool.h"
#include "models/layer.h"

namespace digitnet::engine {
struct Batch;
}

namespace digitnet::engine::native {

struct Chunks;
struct Weight;

// Takes an optimizer's step with gradients that are complete, while they are
// still in a core's cache.
class Updater {
 public:
  virtual ~Updater() = default;
  // Numbers [first, first + count) of a weight; from any thread.
  virtual void update(const Weight& weight, int64_t first, int64_t count) = 0;
};

// One pass over a batch: its size and mode, and what it runs on.
struct Pass {
  const kernels::Kernels& kernels;
  kernels::ThreadPool& pool;
  int64_t count;         // images
  bool training;         // batch statistics, dropout
  uint32_t key[2] = {};  // of this step's dropout
  // For weights that are `early`; null: all weights wait for the step's end.
  Updater* updater = nullptr;
  // What auxiliary heads train on; null outside of training.
  const engine::Batch* batch = nullptr;
  // Auxiliary heads compute, too; in training they always do.
  bool auxiliary = false;
  // Backward: Weight::gradient is written. Without, only that of activations
  // is, and Weight::gradient may be null.
  bool weight_gradients = true;
  // Not 0: batch norms go by this batch, and their running statistics move
  // towards it by so much.
  double statistics_momentum = 0;

  bool runs_auxiliary() const { return training || auxiliary; }
};

// The part of the dropout key that one operation has to itself.
struct DropoutKey {
  uint32_t words[2];
  DropoutKey(const Pass& pass, uint32_t number)
      : words{pass.key[0] + number, pass.key[1]} {}
};
// What dropout leaves is scaled by this; outside of training it leaves all.
inline float kept_scale(const Pass& pass, double dropout) {
  return pass.training ? static_cast<float>(1 / (1 - dropout)) : 1.0f;
}

// f(n) for every image, some a task: for work so small that taking a task would
// cost as much.
template <class F>
void each_image(const Pass& pass, const F& f) {
  constexpr int64_t kImages = 16;
  pass.pool.parallel_for(
      (pass.count + kImages - 1) / kImages, [&](int64_t block) {
        const int64_t end = (block + 1) * kImages;
        const int64_t last = end < pass.count ? end : pass.count;
        for (int64_t n = block * kImages; n < last; ++n) f(n);
      });
}

// f(n, row) for every row of every image of the batch.
template <class F>
void each_row(const Pass& pass, const Map& map, const F& f) {
  pass.pool.parallel_for(pass.count, [&](int64_t n) {
    for (int64_t row = 0; row < map.height; ++row) f(n, row);
  });
}
// Floats of a row without its border.
inline int64_t line(const Map& map) { return map.width * map.channels; }

// A parameter in the plan's own block. Weights lie in panels (kernels.h), with
// their inputs in the order of the maps; the rest as in the model.
struct Weight {
  std::string name;                 // in the model
  int64_t inputs = 0, outputs = 0;  // of panels; inputs 0: a plain list
  int64_t height = 1, width = 1;    // of flat inputs' maps
  // Where it begins in the model's tensor, which several weights may share.
  int64_t first = 0;
  int64_t count() const {
    return inputs ? inputs * kernels::padded(outputs)
                  : kernels::padded(outputs);
  }
  int64_t capacity() const { return (count() + 15) / 16 * 16; }  // whole lines
  // How it is trained in a run; 0: frozen.
  double lr_scale = 1;
  bool decays = true;
  bool frozen() const { return lr_scale == 0; }
  // Its operation hands it to the pass' updater as soon as its gradient is
  // complete; the executor updates all others at the step's end.
  bool early = false;
  int64_t offset = 0;
  float* value = nullptr;
  float* gradient = nullptr;  // null in plans that borrow their values

  // Zeroes the gradients of a panel's padding columns.
  void clear_padding(int64_t panel, int64_t first_input,
                     int64_t input_count) const;
  // The gradient becomes the sum of the chunks' partial ones, in their order;
  // these lie as it does, `step` floats apart.
  void sum_partials(const Pass& pass, const Chunks& chunks,
                    const float* partial, int64_t step) const;
};

// Fixed parts of a batch, whose partial sums are reduced in order: float sums
// depend on their order, which must not depend on the number of threads. The
// count is a function of the batch and the weights alone.
struct Chunks {
  int64_t count, images;  // of each but the last
  int64_t total;          // images
  // Images of a chunk: [first, last).
  int64_t first(int64_t chunk) const { return chunk * images; }
  int64_t last(int64_t chunk) const {
    const int64_t end = first(chunk) + images;
    return end < total ? end : total;
  }
  static Chunks of(int64_t images, int64_t floats_each);
  // The largest count for so many images or fewer.
  static int64_t max_count(int64_t images, int64_t floats_each);
};

// Some images of one chunk, which one thread works on.
struct Images {
  int64_t first, last;  // [first, last)
  int64_t chunk;
  bool starts_chunk;
  int thread;
};

// A pass of an operation is of the whole batch at once, or image by image.
// Operations of the second kind that follow each other run together, some
// images at a time (run.h), so that each finds in a core's cache what the one
// before has left there. They have of each pass
//
//   start    before any image, while the operations before are still to come
//   images   of images in order, from several threads, chunk by chunk
//   finish   when all images are done; `waits`: the operations behind need it
class Op {
 public:
  virtual ~Op() = default;
  virtual std::vector<Weight*> weights() { return {}; }
  // Called once buffers for `capacity` images are in place; `training`: with
  // those of gradients. Scratch for Weight::gradient is needed only if that is
  // not null.
  virtual void prepare(int64_t /*capacity*/, bool /*training*/,
                       int /*threads*/) {}
  // The whole batch; of those that work image by image, alone.
  virtual void forward(const Pass& pass);
  virtual void backward(const Pass& pass);

  virtual bool forward_by_images() const { return false; }
  virtual void start_forward(const Pass&) {}
  virtual void forward_images(const Pass&, const Images&) {}
  virtual void finish_forward(const Pass&, const Chunks&) {}
  virtual bool forward_waits() const { return false; }
  virtual bool backward_by_images() const { return false; }
  virtual void start_backward(const Pass&) {}
  virtual void backward_images(const Pass&, const Images&) {}
  virtual void finish_backward(const Pass&, const Chunks&) {}
  virtual bool backward_waits() const { return false; }
  // Of those: what a chunk's partial sums take, and an image's maps.
  virtual int64_t sum_floats() const { return 0; }
  virtual int64_t image_floats() const { return 0; }

  virtual int64_t bytes() const { return 0; }  // of scratch memory
  // About the floats of it that each image of a batch takes, beside its maps;
  // of operations where they are more than those.
  virtual int64_t scratch_floats() const { return 0; }
  // The same of each thread.
  virtual int64_t thread_floats(bool /*training*/) const { return 0; }
  // What the last forward pass adds to the network's mean loss.
  virtual double loss() const { return 0; }
};

using OpPtr = std::unique_ptr<Op>;

struct ConvOptions {
  int64_t kernel, stride, padding;
  bool relu = false, pool = false;
  double dropout = 0;
};
OpPtr make_conv(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
                Weight bias, uint32_t number);
// Each output channel sees one input channel; as many as there are inputs.
// relu, pool and dropout: not here.
OpPtr make_depthwise_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                          Weight weight, Weight bias);
OpPtr make_dense(Tensor& x, Tensor& y, bool relu, double dropout, Weight weight,
                 Weight bias, uint32_t number);
// Two operations: statistics of x, and y. running: mean and variance in the
// model's memory.
std::pair<OpPtr, OpPtr> make_batch_norm(Tensor& x, Tensor& y, double momentum,
                                        double epsilon,
                                        kernels::Rectifier rectifier,
                                        Weight scale, Weight shift, float* mean,
                                        float* variance);
OpPtr make_layer_norm(Tensor& x, Tensor& y, double epsilon, Weight scale,
                      Weight shift);
OpPtr make_max_pool(Tensor& x, Tensor& y, int64_t size, int64_t stride,
                    int64_t padding);
OpPtr make_average_pool(Tensor& x, Tensor& y, int64_t size, int64_t stride);
// Windows that cover x, as many as y has pixels.
OpPtr make_adaptive_average_pool(Tensor& x, Tensor& y);
// Every pixel as a square.
OpPtr make_upsample(Tensor& x, Tensor& y);
OpPtr make_dropout(Tensor& x, Tensor& y, double rate, uint32_t number);
OpPtr make_activation(Tensor& x, Tensor& y, const std::string& kind);
OpPtr make_softmax(Tensor& x, Tensor& y);
OpPtr make_position(Tensor& x, Tensor& y, Weight weight);
// Names as in the model: weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0.
struct GruWeights {
  Weight input, state, input_bias, state_bias;
};
OpPtr make_gru(Tensor& x, Tensor& y, GruWeights weights);
// x: queries, keys and values as channels.
OpPtr make_attention(Tensor& x, Tensor& y, int64_t heads);
struct CapsuleOptions {
  int64_t inputs, units, size, routing;
};
// weight: panels of [units * size * inputs, capsules], as in the model.
OpPtr make_capsules(Tensor& x, Tensor& y, const CapsuleOptions& options,
                    Weight weight);
OpPtr make_capsule_logits(Tensor& x, Tensor& y, int64_t size);
// y gets x in another layout: flat, or with another border.
OpPtr make_copy(Tensor& x, Tensor& y);
// y gets x, flat features in a map's order, in the network's.
OpPtr make_reorder(Tensor& x, Tensor& y);
OpPtr make_add(Tensor& a, Tensor& b, Tensor& y);
OpPtr make_concat(std::vector<Tensor*> parts, Tensor& y);
// parts: x's channels in order.
OpPtr make_split(Tensor& x, std::vector<Tensor*> parts);
// y has each channel of x several times, side by side.
OpPtr make_repeat_channels(Tensor& x, Tensor& y);
// x is read by several operations, each with a gradient of its own.
OpPtr make_fork(Tensor& x, std::vector<Tensor*> branches);
// Auxiliary heads: from x to the network inside, whose part of x's gradient is
// added to what is there; and the losses at that network's end, x.
OpPtr make_reversal(Tensor& x, Tensor& branch, double weight);
OpPtr make_chosen_vector(Tensor& x, Tensor& branch, int64_t size);
OpPtr make_domain_loss(Tensor& x);
OpPtr make_reconstruction_loss(Tensor& x, double weight);

}  // namespace digitnet::engine::native
