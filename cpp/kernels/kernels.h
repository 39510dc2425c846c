// CPU kernels of the native executor, each in one version per instruction set.
// Maps are channels-last (NHWC): pixel (y, x) of an image has its channels side
// by side. All counts and strides are in floats. Kernels take no lock, throw
// nothing, allocate nothing, and compute the same bits whatever thread they run
// on. They may read up to kSlack floats behind a map or matrix, never before.
//
// Output channels lie in the lanes of a vector, and a register block holds some
// vectors of channels for some neighbouring pixels over the whole sum:
//
//              weights of one term: w[0..15]  w[16..31]     (two vectors)
//   x of pixel 0, in all lanes  x   acc[0][0]  acc[0][1]
//   x of pixel 1                x   acc[1][0]  acc[1][1]
//     ...                             ...        ...
//
// so that a loaded weight serves all pixels and a broadcast x all vectors. A
// broadcast that feeds one vector alone is bound by its load: 130 to 157
// GFLOP/s against 208 to 224 with two, on two AVX-512 cores. blocks.h has the
// shapes of all instruction sets.
#pragma once

#include <stdint.h>

#include <string>
#include <vector>

#include "kernels/sequence.h"

namespace digitnet::kernels {

constexpr int64_t kSlack = 64;
constexpr int64_t kPanel = 32;  // columns of a panel

// Weights [inputs, outputs] lie in panels of kPanel columns, the last one as
// narrow as a multiple of 8 allows; a panel's rows follow each other, so that a
// block's sum reads its weights front to back. With 3 inputs and 44 outputs:
//
//   offset   0        32       64       96     112     128
//            in 0     in 1     in 2     in 0   in 1    in 2
//            out 0-31 out 0-31 out 0-31 out 32-47, of which 44-47 are padding
//            `--------- panel 0 -------' `------ panel 1 ------'
//
// Padding columns are zero. Multiples of 8, not of 16: narrow blocks at the end
// were faster than masked lanes.
inline int64_t panel_width(int64_t outputs, int64_t panel) {
  const int64_t left = outputs - panel * kPanel;
  return left >= kPanel ? kPanel : (left + 7) / 8 * 8;
}
inline int64_t panel_count(int64_t outputs) {
  return (outputs + kPanel - 1) / kPanel;
}
inline int64_t padded(int64_t outputs) { return (outputs + 7) / 8 * 8; }
// Where (input, output) lies.
inline int64_t panel_offset(int64_t inputs, int64_t outputs, int64_t input,
                            int64_t output) {
  const int64_t panel = output / kPanel;
  return panel * kPanel * inputs + input * panel_width(outputs, panel) +
         output % kPanel;
}

// y[pixel, o] = bias[o] + sum over the window of x * weights, then max(0, y) if
// relu. A dense layer is a window of one pixel over a line of samples.
struct Convolution {
  const float* x;         // first tap of the first output pixel
  int64_t x_pixel;        // from one output pixel's window to the next one's
  int64_t x_line;         // from one output row's windows to the next one's
  int64_t x_row;          // from one row of the window to the next
  int64_t rows, run;      // of the window: rows, and floats of each
  const float* weights;   // panels of [rows * run, outputs]
  int64_t weights_panel;  // from one panel to the next: kPanel * rows * run
  const float* bias;      // [padded(outputs)] or null
  int64_t outputs;
  int64_t first_panel, last_panel;  // computed here: [first, last)
  int64_t height, width;            // output pixels, before pooling
  float* y;
  int64_t y_pixel, y_line;
  bool relu;
  bool accumulate;  // y is added to, instead of the bias; without argmax
  // With argmax: y is the largest of each 2x2 window, `argmax` [height / 2,
  // width / 2, outputs] which one it was (0 to 3, row by row; the first of
  // equals). Odd last rows and columns are dropped. A window of NaN gives NaN;
  // one NaN among numbers may be passed over.
  uint8_t* argmax;
};

// Winograd's minimal filtering F(side x side, kernel x kernel) for windows of 3
// or 5 pixels and stride 1. A convolution is a product of polynomials, and
// these are multiplied value by value at T x T points, T = side + kernel - 1:
// for F(2 x 2, 3 x 3) 16 multiplications make 4 outputs that take 36 directly.
//
//   along a row, with F(2 x 2, 3 x 3) and T = 4:
//     input    x0 x1 x2 x3 x4 x5    tile 0 reads x0 to x3,
//              `--tile 0-'          tile 1, which overlaps it, x2 to x5
//                    `--tile 1-'
//     output      y0 y1 y2 y3       tile 0 writes y0 and y1, tile 1 y2 and y3
//
//   1. winograd_input    each tile to its values at the T x T points
//   2. winograd_weights  each kernel to its values there, once a step
//   3. per point: [tiles, inputs] x [inputs, outputs], a dense layer (convolve)
//   4. winograd_output   back to side x side outputs; bias, ReLU, 2x2 max-pool
//
// The gradients run the transposed transforms: winograd_gradient and
// winograd_scatter, and winograd_weight_gradient. Tiles that reach beyond the
// map read zeros and write nothing there. Larger tiles save more products and
// lose more to rounding. Source: Lavin, Gray, CVPR 2016.
inline int64_t point_side(int64_t kernel, int64_t side) {
  return kernel + side - 1;
}
// Some tiles between a map and the points. Values at the points lie plane after
// plane: of point 0 all tiles, each with its channels side by side, then of
// point 1, so that a point's values are the matrix of step 3.
struct Tiles {
  int64_t kernel, side;   // (3, 2), (3, 4) or (5, 2)
  int64_t height, width;  // outputs of an image, before pooling
  int64_t first, count;   // which tiles: image by image, row by row
  int64_t channels;
  float* map;  // of image 0: the first window's first tap, or the first output
  int64_t pixel, line, image;  // from one to the next
  float* points;               // [point_side^2][count, channels], `plane` apart
  int64_t plane;
  // Of winograd_output alone; as in Convolution, but argmax of image 0.
  int64_t valid;  // channels that are outputs, not padding
  const float* bias;
  bool relu;
  uint8_t* argmax;
  int64_t argmax_pixel, argmax_image;
};
// One panel of a convolution's weights and their values at the points.
struct PointWeights {
  int64_t kernel, side, inputs, outputs, panel;
  float* weights;  // panels of [kernel * kernel * inputs, outputs]
  float* points;   // of each point, panels of [inputs, outputs]
};

// gradient[k, o] = sum over pixels of x[pixel, k] * g[pixel, o] (+= if
// accumulate): what a convolution's weights get of some images. Same names as
// above. Padding columns get what lies behind the outputs: clear them.
struct WeightGradient {
  const float* x;
  int64_t x_pixel, x_line, x_row;
  int64_t rows, run;
  const float* g;  // of the output, [height, width, outputs]
  int64_t g_pixel, g_line;
  int64_t outputs, first_panel, last_panel;
  int64_t first_input, last_input;  // of the run: [first, last)
  int64_t height, width;
  int64_t images, x_image, g_image;
  float* gradient;  // panels
  bool accumulate;
};

// A convolution of every channel by itself, channels in the lanes:
//
//   y[pixel, c] = bias[c] + sum over taps of
//                 x[pixel + offsets[tap] + c] * weights[rows[tap], c]
//
// The forward pass has all taps of the window; the input's gradient has those
// that reach a pixel, one call for all pixels that the same taps reach.
struct Depthwise {
  const float* x;           // what offsets of the first pixel count from
  int64_t x_pixel, x_line;  // from one output pixel to the next, and row
  int64_t taps;
  const int64_t *offsets, *rows;  // [taps]
  const float* weights;           // panels of [kernel_taps, channels]
  int64_t kernel_taps;
  const float* bias;  // [padded(channels)] or null
  int64_t channels, height, width;
  float* y;
  int64_t y_pixel, y_line;
};
// gradient[tap, c] += sum over pixels of x[pixel + tap, c] * g[pixel, c]
struct DepthwiseGradient {
  const float* x;                  // first tap of the first pixel
  int64_t x_pixel, x_line, x_row;  // as in Convolution
  int64_t kernel;
  const float* g;  // [height, width, channels]
  int64_t g_pixel, g_line;
  int64_t channels, height, width;
  float* gradient;  // panels of [kernel * kernel, channels]
};

// The terms of a sparse sum of rows: factors[i] * source[offsets[i] ...].
struct Terms {
  int32_t* offsets;
  float* factors;
};

// Sparse sums, one after another, each: target[r, i] += sum over its terms of
// factor * source[offset + r * source_row + i] for r < rows, i < run; beyond
// `run` up to a whole vector is added too. The patch of `rows` x `run` floats
// stays in registers while its terms pass.
struct Gather {
  Terms terms;            // of the first sum
  const int32_t* counts;  // how many
  const float* source;
  int64_t source_row;
  float* target;  // of the first sum
  int64_t target_row;
  int64_t rows, run;
  int64_t sums;
  int64_t terms_step, counts_step, target_step;  // from sum to sum
};

// The gradients of one row of pooled pixels behind a convolution, compressed to
// lists of those that are not zero: a 2x2 max-pool passes one gradient in four
// back, ReLU and dropout fewer. With two pixels, three channels and gradients
// that passed (position of the maximum, gradient; "." for none):
//
//   pixel   channel 0   channel 1   channel 2
//     0      (3, .5)        .        (3, -1)
//     1      (0, .2)     (1, .7)        .
//
//   by_channel: a list each for 0, 1 and 2, kept from row to row
//     [(offsets[3], .5), (offsets[0] + step, .2)]
//     [(offsets[1] + step, .7)]
//     [(offsets[3], -1)]
//   by_position: four lists a pixel, of this row alone
//     pixel 0: [] [] [] [(0, .5), (2 * channel_step, -1)]
//     pixel 1: [(0, .2)] [(channel_step, .7)] [] []
//
// The weights' gradient gathers rows of x by channel; the input's gradient
// gathers rows of weights by position.
struct PooledRow {
  const float* g;         // [width, channels], of the pooled output
  const float* y;         // the pooled output, or null: every gradient counts
  const uint8_t* argmax;  // [width, channels]
  int64_t width, channels;
  float scale;         // of the gradients
  int32_t offsets[4];  // in x, of the windows of the first pixel's positions
  int32_t step;        // in x, from one pooled pixel to the next
  // Terms (channel * channel_step, gradient), [width, 4, position_capacity]; a
  // capacity is the channels and a vector more, which is stored whole. Null:
  // left out.
  Terms by_position;
  int64_t channel_step, position_capacity;
  int32_t* position_counts;  // [width, 4], set
  // Terms (window's offset in x, gradient), [channels, channel_capacity],
  // appended behind counts[channel]. Null: left out.
  Terms by_channel;
  int64_t channel_capacity;
  int32_t* counts;  // [channels], added to
};

// What the weights of a pooled convolution of one input channel get of one
// image, all channels side by side: gradient[tap, o] += sum over pooled pixels
// of g[pixel, o] * x[where the maximum was, tap].
struct SingleGradient {
  const float* x;  // first tap of the first pixel
  int64_t x_row;
  int64_t kernel;  // 3 or 5
  const float* g;  // [height, width, outputs], of the pooled output
  const float* y;  // the pooled output, or null: every gradient counts
  int64_t g_line, y_line;
  const uint8_t* argmax;  // [height, width, outputs]
  int64_t height, width;
  int64_t outputs;  // at most kPanel
  float scale;
  float* gradient;  // [kernel * kernel, padded(outputs)]
  float* bias;      // [padded(outputs)], added to
  float* scratch;   // [single_scratch_size()]
};
inline int64_t single_scratch_size(int64_t kernel, int64_t height,
                                   int64_t width) {
  return 4 * (2 * height + kernel) * (2 * width + kernel);
}

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
  // For batch norm, over [count, channels]: sums[c] += (x - mean)^2; and sums
  // of g and of g * (x - mean).
  void (*column_squares)(const float* x, const float* mean, int64_t count,
                         int64_t channels, float* sums);
  void (*column_products)(const float* x, const float* mean, const float* g,
                          int64_t count, int64_t channels, float* g_sums,
                          float* products);
  // y = x * a[c] + b[c], rectified; out = g * a[c] + x * b[c] + d[c]
  void (*affine)(const float* x, const float* a, const float* b, int64_t count,
                 int64_t channels, Rectifier rectifier, float* y);
  void (*affine_gradient)(const float* g, const float* x, const float* a,
                          const float* b, const float* d, int64_t count,
                          int64_t channels, float* out);

  // to[quads_size()] from a plane of bytes; beyond its border lies this byte,
  // or the nearest pixel if it is below 0.
  void (*quads)(const uint8_t* plane, int64_t height, int64_t width, int beyond,
                uint32_t* to);
  void (*resample)(const Resample&);
  void (*uniforms)(const Random&);  // in [-1, 1)
  void (*normals)(const Random&);   // mean 0, standard deviation 1
  void (*separable_filter)(const SeparableFilter&);

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
