// Every kernel, compiled for the instruction set of the file that includes this
// inside a namespace of its own.

// clang-format off: each builds on those before it.
#include "kernels/body/lanes.h"
#include "kernels/body/blocks.h"
#include "kernels/body/tile.h"
#include "kernels/body/convolve.h"
#include "kernels/body/filtering.h"
#include "kernels/body/winograd.h"
#include "kernels/body/weight_gradient.h"
#include "kernels/body/single_gradient.h"
#include "kernels/body/gather.h"
#include "kernels/body/elementwise.h"
#include "kernels/body/gru.h"
#include "kernels/body/capsules.h"
#if defined(__AVX512F__)
#include "kernels/body/compress_avx512.h"
#else
#include "kernels/body/compress.h"
#endif
#include "kernels/body/channels.h"
#include "kernels/body/normalise.h"
#include "kernels/body/depthwise.h"
#include "kernels/body/transpose.h"
#include "kernels/body/resample.h"
#include "kernels/body/random.h"
#include "kernels/body/separable_filter.h"
#include "kernels/body/distortion.h"
#include "kernels/body/update.h"
// clang-format on

constexpr Kernels table(const char* name) {
  Kernels k{};
  k.name = name;
  k.convolve = convolve;
  k.winograd_input = winograd_input;
  k.winograd_gradient = winograd_gradient;
  k.winograd_output = winograd_output;
  k.winograd_scatter = winograd_scatter;
  k.winograd_weights = winograd_weights;
  k.winograd_weight_gradient = winograd_weight_gradient;
  k.weight_gradient = weight_gradient;
  k.single_gradient = single_gradient;
  k.depthwise = depthwise;
  k.depthwise_gradient = depthwise_gradient;
  k.gather = gather;
  k.sum = sum;
  k.compress_nonzeros = compress_nonzeros;
  k.transpose = transpose;
  k.sigmoid = sigmoid;
  k.tanh = tanh;
  k.gelu = gelu;
  k.sigmoid_gradient = sigmoid_gradient;
  k.tanh_gradient = tanh_gradient;
  k.gelu_gradient = gelu_gradient;
  k.relu = relu;
  k.relu_gradient = relu_gradient;
  k.relu6 = relu6;
  k.relu6_gradient = relu6_gradient;
  k.softmax = softmax;
  k.softmax_gradient = softmax_gradient;
  k.layer_norm = layer_norm;
  k.layer_norm_gradient = layer_norm_gradient;
  k.gru_step = gru_step;
  k.gru_step_gradient = gru_step_gradient;
  k.capsules = {capsule_predictions,
                capsule_weight_gradient,
                capsule_vector_gradient,
                capsule_agreements,
                capsule_sums,
                capsule_spread,
                capsule_softmax,
                capsule_softmax_gradient,
                capsule_squash,
                capsule_squash_gradient};
  k.add = add;
  k.max_of_taps = max_of_taps;
  k.dropout = dropout;
  k.column_sums = column_sums;
  k.column_moments = column_moments;
  k.column_products = column_products;
  k.affine = affine;
  k.affine_gradient = affine_gradient;
  k.quads = quads;
  k.resample = resample;
  k.uniforms = uniforms;
  k.normals = normals;
  k.separable_filter = separable_filter;
  k.squared_distance = squared_distance;
  k.distortion = distortion;
  k.sgd = sgd;
  k.adam = adam;
  k.adamw = adamw;
  k.rmsprop = rmsprop;
  k.regularise = regularise;
  k.average = average;
  k.sum_of_squares = sum_of_squares;
  return k;
}
