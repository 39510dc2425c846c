// Convolutions. ConvBase has the forward pass of all, with bias, ReLU, 2x2
// max-pool and dropout; six classes have the backward pass. make_conv takes
// the first row that fits:
//
//   class         pool  when                                   backward pass
//   FirstConv     yes   one input channel that needs no        a permutation in
//                       gradient, 3x3 or 5x5, at most kPanel   the lanes
//                       outputs
//   PooledConv    yes   else                                   sparse lists
//   WinogradConv  no    Tiling::of() has a value: stride 1,    at the points
//                       3x3 or 5x5, at least 16 channels in
//                       and out, at least 48 output pixels
//   Strided-      no    Tiling::of_phases() has a value:       at the points
//   WinogradConv        stride 2, window of 5, 6, 9 or 10
//                       pixels, at least 32 channels in
//                       and out, at least 16 output pixels
//   PointwiseConv no    1x1, stride 1, no padding              a matrix product
//   PlainConv     no    else                                   dense sums; tap
//                                                              by tap of large
//                                                              weights
//
// The forward pass is Winograd's wherever Tiling::of() has a value, pooled or
// not, by phases in StridedWinogradConv, else the direct kernel.
//
// How a batch is divided does not depend on the threads: forward by images,
// weight gradients by Chunks whose partial sums are added in order.
#pragma once

#include "engine/native/winograd.h"

namespace digitnet::engine::native {

class ConvBase : public Op {
 public:
  ConvBase(Tensor& x, Tensor& y, const ConvOptions& options, Weight weight,
           Weight bias, uint32_t number);

  std::vector<Weight*> weights() override;
  void forward(const Pass& pass) override;
  // By the direct kernel, unless its weights are large.
  bool forward_by_images() const override { return !winograd_ && !by_panel(); }
  void forward_images(const Pass& pass, const Images& images) override;
  int64_t image_floats() const override {
    return x_.value.image() + y_.value.image();
  }
  int64_t bytes() const override;

 protected:
  void prepare_forward(int64_t capacity, int threads);
  // First tap of the first pixel of image n.
  static float* window(const Map& map, int64_t n, int64_t padding) {
    return map.at(n) - padding * (map.row() + map.channels);
  }
  // The bias' partial sum of a chunk.
  float* bias_of(int64_t chunk, bool starts);
  float* start_bias(int64_t part) { return bias_of(part, true); }
  void reduce_bias(int64_t parts);  // all partial sums to the gradient
  // The output's gradient of image n through dropout and ReLU, in place; and
  // its sum over the pixels is added to `bias`, unless that is null.
  void output_gradient(const Pass& pass, int64_t n, float* bias) const;
  // Dropout of image n, in training.
  void drop(const Pass& pass, int64_t n) const;
  // Sets the border of image n of a gradient to zero, into which windows that
  // overlap it have written.
  static void clear_border(const Map& map, int64_t n);

  Tensor &x_, &y_;
  ConvOptions options_;
  Weight weight_, bias_;
  int64_t height_, width_;  // of the output before pooling
  int64_t run_;             // floats of a window's row
  int64_t run_padded_;      // the same in whole cache lines
  std::vector<uint8_t> argmax_;
  Buffer bias_partial_;  // of each part of a batch
  std::optional<Tiling> tiling_;
  std::optional<WinogradForward> winograd_;  // if there is a tiling

 private:
  bool by_panel() const;
  kernels::Convolution convolution(int64_t n);
  void by_winograd(const Pass& pass, int64_t first, int64_t last, int thread);
  void by_panels(const Pass& pass);

  uint32_t number_;  // of its dropout
};

// Weights beyond this many floats (8 MiB) lie in no core's cache: whoever walks
// them once a pixel or row of pixels waits for memory.
constexpr int64_t kLargeWeights = 2 << 20;
// So many images are served by a part of them that fits a cache, at a time.
constexpr int64_t kServed = 16;
// One panel's outputs of some images, `x_image` and `y_image` apart, window row
// by window row: each row's weights stay in a core's cache while all images
// pass. Without argmax. The same sums in the same order as image by image.
void convolve_by_rows(const kernels::Kernels& kernels,
                      const kernels::Convolution& first, int64_t panel,
                      int64_t images, int64_t x_image, int64_t y_image);

// A matrix [rows, columns] whose panels are rows [from_row, ...) of panels of
// from_rows rows, transposed into rows [to_row, ...) of others.
void transpose_panels(const kernels::Kernels& kernels, const float* from,
                      int64_t from_rows, int64_t from_row, int64_t rows,
                      int64_t columns, float* to, int64_t to_rows,
                      int64_t to_row);

bool first_conv_fits(const Tensor& x, const ConvOptions& options,
                     const Weight& weight);
OpPtr make_first_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number);
OpPtr make_plain_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                      Weight weight, Weight bias, uint32_t number);
// Without a pool, of one pixel, with stride 1 and without padding.
OpPtr make_pointwise_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                          Weight weight, Weight bias, uint32_t number);
// Without a pool, where Tiling::of() has a value.
OpPtr make_winograd_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                         Weight weight, Weight bias, uint32_t number);
// Without a pool, where Tiling::of_phases() has a value.
OpPtr make_strided_winograd_conv(Tensor& x, Tensor& y,
                                 const ConvOptions& options, Weight weight,
                                 Weight bias, uint32_t number);
OpPtr make_pooled_conv(Tensor& x, Tensor& y, const ConvOptions& options,
                       Weight weight, Weight bias, uint32_t number);

}  // namespace digitnet::engine::native
