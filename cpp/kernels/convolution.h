// What the kernels of convolutions and dense layers take: see kernels.h for
// what holds of all kernels.
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
  // Of winograd_input and winograd_scatter alone: how many of the last rows and
  // columns of a window's taps are 0. What only they reach is not read.
  int64_t zero_rows, zero_columns;
  // Of winograd_output alone; as in Convolution, but argmax of image 0.
  int64_t valid;  // channels that are outputs, not padding
  const float* bias;
  bool relu;
  uint8_t* argmax;
  int64_t argmax_pixel, argmax_image;
};
// One panel of a convolution's weights and their values at the points. Its taps
// are those of a window, or of a larger one every step-th from (row, column)
// on; beyond that window they are 0, and their gradients are dropped.
struct PointWeights {
  int64_t kernel, side, inputs, outputs, panel;
  float* weights;  // panels of [window * window * inputs, outputs]
  float* points;   // of each point, panels of [inputs, outputs], `plane` apart
  int64_t plane;
  int64_t window, step, row, column;
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

}  // namespace digitnet::kernels
