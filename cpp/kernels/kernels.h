// CPU kernels of the native executor, each in one version per instruction set.
// Maps are channels-last (NHWC): pixel (y, x) of an image has its channels side
// by side. All counts and strides are in floats. Kernels take no lock, throw
// nothing, allocate nothing, and compute the same bits whatever thread they run
// on. They may read up to kSlack floats behind a map or matrix, never before.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/sequence.h"

namespace digitnet::kernels {

// y = (x - mean) / std * scale + shift over the channels of each of `count`
// pixels, which lie side by side.
struct LayerNorm {
  const float* x;
  int64_t count, channels;
  const float *scale, *shift;  // [channels]
  float epsilon;
  float* y;
  float *mean, *inverse_std;  // [count], set
};
struct LayerNormGradient {
  const float *x, *g;
  int64_t count, channels;
  const float *scale, *mean, *inverse_std;
  float* dx;                       // or null
  float *scale_sums, *shift_sums;  // [channels], added to
};

// What cuts an affine map's values off: none below 0, or also none above 6.
enum class Rectifier { None, Relu, Relu6 };
// What affine() computed y from, and y's gradient, which passes back where y
// was not cut off: told from x, so that y need not be read.
struct AffineGradient {
  const float *x, *g;  // [count, channels]
  const float *a, *b;  // [channels]
  int64_t count, channels;
  Rectifier rectifier;
};

// A plane of bytes read at other positions: out(x, y) = value(position of
// (x, y)) * scale + shift. Positions are in pixels, counted from the first
// pixel: those of the affine map, (xx * x + xy * y + dx, yx * x + yy * y + dy),
// or x[] and y[] where these are not null. Between pixels the value is
// bilinear, or the nearest pixel's.
struct Resample {
  // The plane as quads(): the four neighbours of each place in one word.
  const uint32_t* quads;
  int64_t height, width;
  float xx, xy, dx, yx, yy, dy;
  const float* x;  // [height, width], readable for kSlack more, or null
  const float* y;
  bool reflect;  // positions beyond the border are mirrored, else clamped
  bool nearest;
  float scale, shift;
  float* out;  // [height, width]
};
// Words of a row of quads; and of a plane, with the memory to make them.
inline int64_t quads_row(int64_t width) { return width + 3; }
inline int64_t quads_size(int64_t height, int64_t width) {
  return (height + 2) * quads_row(width) + (height + 3) * quads_row(width) / 4 +
         kSlack;
}

// A plane of random numbers: a function of key, counter and index alone.
struct Random {
  uint32_t key[2];
  uint32_t first_block, stream, epoch, sample;  // Philox's counter
  float* out;                                   // [count]
  int64_t count;
};

// An image against a reference under the image distortion model, see
// features/image_distortion.h: gradients [layers, H + 2 b, row] with a border b
// = warp + context of zeros, row at least W + 2 b; up to kDistortionRun numbers
// behind them are read, too. Gradients are at most 1020, layers 8, context 3.
struct Distortion {
  const int16_t *image, *reference;
  int64_t row, layers;
  int64_t height, width, warp, context;
  int32_t* work;  // [distortion_work()]
};
constexpr int64_t kDistortionRun = 16;
inline int64_t distortion_row(int64_t width) {
  return (width + kDistortionRun - 1) / kDistortionRun * kDistortionRun;
}
inline int64_t distortion_work(int64_t height, int64_t width, int64_t context) {
  return (2 * height + 2 * context + 1) * distortion_row(width) +
         distortion_row(width + 2 * context) + 2 * context;
}

// A plane filtered by symmetric taps, along rows and along columns.
struct SeparableFilter {
  const float* in;  // [height + 2 radius, stride], border included
  int64_t height, width, radius;
  int64_t stride;     // at least width + 2 radius
  const float* taps;  // [2 radius + 1]
  float* row;         // [width + 2 radius + kSlack], to work in
  float* out;         // [height, width]
};

// One optimizer's step on `count` parameters.
struct Update {
  float* value;
  const float* gradient;
  float* state[2];
  int64_t count;
  float lr;
  double step;  // 1 for the first
  float weight_decay;
  float gradient_scale;  // of clipping
  float momentum;
  double beta1, beta2;  // beta1: also rho of rmsprop
  float epsilon;
  bool nesterov;
};

struct Kernels {
  const char* name;  // "avx512"
  void (*convolve)(const Convolution&);
  // Between maps and points: from a convolution's input, from its output's
  // gradient, to its output, and to its input's gradient, which is added to.
  void (*winograd_input)(const Tiles&);
  void (*winograd_gradient)(const Tiles&);
  void (*winograd_output)(const Tiles&);
  void (*winograd_scatter)(const Tiles&);
  // From weights to points; and the weights' gradient from that at the points.
  void (*winograd_weights)(const PointWeights&);
  void (*winograd_weight_gradient)(const PointWeights&);
  void (*weight_gradient)(const WeightGradient&);
  void (*single_gradient)(const SingleGradient&);
  void (*depthwise)(const Depthwise&);
  void (*depthwise_gradient)(const DepthwiseGradient&);
  void (*gather)(const Gather&);
  void (*compress_nonzeros)(const PooledRow&);
  float (*sum)(const float* x, int64_t count);
  // to[c, r] = from[r, c]
  void (*transpose)(const float* from, int64_t rows, int64_t columns,
                    int64_t from_row, float* to, int64_t to_row);

  void (*sigmoid)(const float* x, float* y, int64_t count);
  void (*tanh)(const float* x, float* y, int64_t count);
  void (*gelu)(const float* x, float* y, int64_t count);
  // g *= derivative, by the output y
  void (*sigmoid_gradient)(const float* y, const float* g, float* out,
                           int64_t count);
  void (*tanh_gradient)(const float* y, const float* g, float* out,
                        int64_t count);
  // By the input x, which the output does not determine.
  void (*gelu_gradient)(const float* x, const float* g, float* out,
                        int64_t count);
  void (*relu)(const float* x, float* y, int64_t count);
  // out = y > 0 ? g * scale : 0
  void (*relu_gradient)(const float* y, const float* g, float scale, float* out,
                        int64_t count);
  // min(max(x, 0), 6); out = 0 < y < 6 ? g : 0
  void (*relu6)(const float* x, float* y, int64_t count);
  void (*relu6_gradient)(const float* y, const float* g, float* out,
                         int64_t count);
  // Over the channels of each of `count` pixels; the gradient by the output.
  void (*softmax)(const float* x, float* y, int64_t count, int64_t channels);
  void (*softmax_gradient)(const float* y, const float* g, float* out,
                           int64_t count, int64_t channels);
  void (*layer_norm)(const LayerNorm&);
  void (*layer_norm_gradient)(const LayerNormGradient&);
  void (*gru_step)(const GruStep&);
  void (*gru_step_gradient)(const GruStepGradient&);
  CapsuleKernels capsules;
  void (*add)(const float* a, const float* b, float* out, int64_t count);
  // y[c] = the largest of image[corner + taps[t] + c] and `where[c]` its place
  // in the image; the first of equals. Where all of them are NaN so is y, as
  // when weights have diverged; one NaN among numbers may be passed over.
  void (*max_of_taps)(const float* image, int32_t corner, const int32_t* taps,
                      int64_t tap_count, int64_t channels, float* y,
                      int32_t* where);
  // Keeps each value, scaled by 1 / keep, with probability `keep`: a function
  // of (key, first + index).
  void (*dropout)(const float* x, float* y, int64_t count, double keep,
                  const uint32_t key[2], uint64_t first);
  // sums[c] += rows of [count, channels] with a pixel stride
  void (*column_sums)(const float* x, int64_t count, int64_t pixel,
                      int64_t channels, float* sums);
  // For batch norm, over [count, channels]: sums[c] += x - pivot and
  // squares[c] += (x - pivot)^2; and, of the gradients that pass back, sums of
  // g and of g * (x - mean).
  void (*column_moments)(const float* x, const float* pivot, int64_t count,
                         int64_t channels, float* sums, float* squares);
  void (*column_products)(const AffineGradient&, const float* mean,
                          float* g_sums, float* products);
  // y = x * a[c] + b[c], rectified; out = g * a[c] + x * by_x[c] + constant[c]
  // with the g that passes back.
  void (*affine)(const float* x, const float* a, const float* b, int64_t count,
                 int64_t channels, Rectifier rectifier, float* y);
  void (*affine_gradient)(const AffineGradient&, const float* by_x,
                          const float* constant, float* out);

  // to[quads_size()] from a plane of bytes; beyond its border lies this byte,
  // or the nearest pixel if it is below 0.
  void (*quads)(const uint8_t* plane, int64_t height, int64_t width, int beyond,
                uint32_t* to);
  void (*resample)(const Resample&);
  void (*uniforms)(const Random&);  // in [-1, 1)
  void (*normals)(const Random&);   // mean 0, standard deviation 1
  void (*separable_filter)(const SeparableFilter&);
  // The sum of squared differences; and of those at the best displacements.
  int64_t (*squared_distance)(const uint8_t* a, const uint8_t* b,
                              int64_t count);
  int64_t (*distortion)(const Distortion&);

  void (*sgd)(const Update&);
  void (*adam)(const Update&);  // weight_decay is added to the gradient
  void (*adamw)(const Update&);
  void (*rmsprop)(const Update&);
  // gradient += l1 * sign(value) + 2 * l2 * value
  void (*regularise)(const float* value, float l1, float l2, float* gradient,
                     int64_t count);
  // average += (value - average) * part
  void (*average)(const float* value, float* average, float part,
                  int64_t count);
  double (*sum_of_squares)(const float* x, int64_t count);
};

// The versions this machine can run, the fastest first.
std::vector<const Kernels*> available();
// The fastest, or the one that the environment variable DIGITNET_KERNELS names.
// Throws std::invalid_argument for a name that is not available.
const Kernels& select();

}  // namespace digitnet::kernels
