// What pooled and plain convolutions share: the forward pass with bias, ReLU,
// 2x2 max-pool and dropout, and the sum of the weights' gradients.
#pragma once

#include "engine/native/op.h"

namespace digitnet::engine::native {

// Winograd's kernel with its transformed weights and scratch memory. Use:
// prepare() once, transform() whenever the weights have changed, then run().
class WinogradStage {
 public:
  // Whether it beats the direct kernel: enough channels and tiles.
  static bool pays(int64_t kernel, int64_t stride, int64_t inputs,
                   int64_t outputs, int64_t height, int64_t width);
  void prepare(int64_t kernel, int64_t inputs, int64_t outputs, int64_t width,
               int threads);
  void transform(const Pass& pass, const float* weights);
  // `c` as for the direct kernel; its weights are replaced.
  void run(const Pass& pass, kernels::Convolution c, int thread);
  int64_t bytes() const { return weights_.bytes() + scratch_.bytes(); }

 private:
  int64_t kernel_ = 0, inputs_ = 0, outputs_ = 0, scratch_size_ = 0;
  Buffer weights_, scratch_;  // scratch: of each thread
};

class ConvBase : public Op {
 public:
  ConvBase(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
           Weight bias, uint32_t number);

  std::vector<Weight*> weights() override;
  void forward(const Pass& pass) override;

 protected:
  void prepare_forward(int64_t capacity, int threads);
  // First tap of the first pixel of image n.
  static float* window(const Map& map, int64_t n, int64_t padding) {
    return map.at(n) - padding * (map.row() + map.channels);
  }
  float gradient_scale() const;  // of dropout
  float* bias_partial(int64_t chunk) {
    return bias_partial_.data() + chunk * kernels::padded(weight_.outputs);
  }
  void sum_bias(const Chunks& chunks);
  // Sets image n of a gradient to zero; and its border, when the windows have
  // reached beyond it.
  static void clear(const Map& map, int64_t n);
  static void clear_border(const Map& map, int64_t n);

  Tensor &x_, &y_;
  ConvOptions options_;
  Weight weight_, bias_;
  int64_t height_, width_;  // of the output before pooling
  int64_t run_;             // floats of a window's row
  int64_t run_room_;        // the same in whole cache lines
  std::vector<uint8_t> argmax_;
  Buffer bias_partial_;  // of each chunk
  WinogradStage winograd_;

 private:
  kernels::Convolution convolution(int64_t n);
  void drop(const Pass& pass, int64_t n) const;

  uint32_t number_;  // of its dropout
  bool uses_winograd_;
};

bool first_conv_fits(const Tensor& x, const ConvOptions& options,
                     const Weight& weight);
OpPtr make_first_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number);
OpPtr make_plain_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number);
OpPtr make_pooled_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                       Weight weight, Weight bias, uint32_t number);

}  // namespace digitnet::engine::native
