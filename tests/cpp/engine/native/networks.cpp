#include "engine/native/networks.h"

#include "models/build.h"
#include "models/network.h"

namespace digitnet::engine::native {
namespace {

using namespace models::build;
using models::Layer;

Layer tanh_layer() { return models::make_layer("tanh"); }

std::vector<Network> convolutions() {
  const Layer first = conv(16, 3, "same");  // enough channels for Winograd
  return {
      {"FirstLayer3x3Pooled", {1, 10, 12}, {conv(9, 3), max_pool(), relu()}},
      {"FirstLayer5x5Pooled", {1, 11, 12}, {conv(24, 5), relu(), max_pool()}},
      {"FirstLayerWithoutRelu", {1, 9, 9}, {conv(32, 3, "same"), max_pool()}},
      {"PooledFewChannels",
       {1, 9, 10},
       {conv(6, 3), relu(), conv(17, 3, "same"), relu(), max_pool()}},
      {"PooledOfThreeChannels", {3, 9, 9}, {conv(12, 5, "same"), max_pool()}},
      {"PooledByWinograd3x3",
       {2, 12, 10},
       {first, relu(), conv(20, 3, "same"), relu(), max_pool()}},
      {"PooledByWinograd5x5",
       {2, 11, 10},
       {first, relu(), conv(33, 5, "same"), relu(), max_pool()}},
      {"WinogradSmallTiles", {1, 8, 9}, {first, relu(), conv(24, 3), relu()}},
      {"WinogradLargeTiles", {1, 10, 10}, {first, relu(), conv(40, 3)}},
      {"Winograd5x5", {1, 12, 12}, {first, relu(), conv(16, 5), relu()}},
      {"Pointwise", {3, 6, 7}, {conv(10, 1), relu(), conv(33, 1)}},
      {"PointwiseOfOnePixel",
       {6, 1, 1},
       {conv(130, 1), tanh_layer(), conv(41, 1), relu()}},
      {"PointwiseOfFewPixels",
       {3, 2, 3},
       {conv(129, 1), tanh_layer(), bare_conv(70, 1), tanh_layer(),
        conv(3, 1)}},
      {"PointwiseBetweenBorders",
       {2, 5, 4},
       {conv(6, 1), relu(), conv(7, 3, "same"), conv(9, 1), relu(),
        strided_conv(5, 3, 1, 1), conv(4, 1), max_pool()}},
      {"PlainFewChannels", {2, 8, 9}, {conv(5, 3), relu(), conv(7, 5, "same")}},
      {"PlainWithStride",
       {2, 9, 10},
       {conv(8, 3), relu(), strided_conv(12, 3, 2, 1), relu()}},
      // More than a core's caches hold.
      {"PlainOfManyWeights", {1, 3, 4}, {conv(490, 1), conv(480, 3)}},
      {"PlainOfManyWeightsWithStride",
       {1, 3, 4},
       {conv(490, 1), strided_conv(480, 3, 2, 1)}},
      {"PlainWithWidePadding",
       {1, 6, 7},
       {conv(4, 3), relu(), strided_conv(6, 2, 1, 2)}},
      {"ConvolutionWithoutBias",
       {1, 8, 8},
       {bare_conv(9, 3), relu(), bare_conv(8, 3, 2)}},
  };
}

// Kernels whose phases have three or five taps, or one less.
std::vector<Network> strided_convolutions() {
  return {
      {"StridedWinograd5x5",
       {1, 11, 14},
       {conv(32, 1), tanh_layer(), strided_conv(64, 5, 2, 0), relu()}},
      {"StridedWinograd5x5LargeTiles",
       {1, 18, 19},
       {conv(35, 1), tanh_layer(), strided_conv(38, 5, 2, 1)}},
      // More than are taken together.
      {"StridedWinogradOfManyImages",
       {1, 13, 12},
       {conv(920, 1), tanh_layer(), strided_conv(32, 5, 2, 0)}},
      {"StridedWinograd6x6",
       {1, 12, 13},
       {conv(70, 1), tanh_layer(), strided_conv(32, 6, 2, 1), relu()}},
      {"StridedWinograd6x6LargeTiles",
       {1, 20, 20},
       {conv(32, 1), tanh_layer(), strided_conv(32, 6, 2, 2)}},
      {"StridedWinograd9x9",
       {1, 15, 16},
       {conv(33, 1), tanh_layer(), strided_conv(72, 9, 2, 0)}},
      {"StridedWinograd9x9WithPadding",
       {1, 9, 8},
       {conv(64, 1), tanh_layer(), strided_conv(97, 9, 2, 4), relu()}},
      {"StridedWinograd10x10",
       {1, 17, 15},
       {conv(40, 1), tanh_layer(), bare_conv(33, 10, 2)}},
  };
}

std::vector<Network> others() {
  return {
      {"DenseOnly", {1, 3, 5}, {flatten(), dense(37), relu(), dense(70)}},
      {"DenseWithoutBias", {2, 4, 4}, {flatten(), dense(33, false), relu()}},
      {"BatchNormOfMaps",
       {2, 7, 6},
       {conv(10, 3), batch_norm(), relu(), conv(5, 3), batch_norm()}},
      {"BatchNormOfFeatures",
       {1, 5, 5},
       {flatten(), dense(19), batch_norm(), relu()}},
      {"BatchNormBehindFlatten",
       {1, 7, 7},
       {conv(6, 3), flatten(), batch_norm(), relu()}},
      {"OverlappingMaxPool", {1, 10, 11}, {conv(5, 3), relu(), max_pool(3, 2)}},
      {"AveragePool", {1, 8, 8}, {conv(5, 3), average_pool(2), relu()}},
      {"AdaptiveAveragePool",
       {2, 9, 9},
       {conv(5, 4), adaptive_average_pool(3), relu()}},
      {"Sigmoid", {1, 6, 6}, {conv(5, 3), models::build::sigmoid()}},
      {"Tanh", {1, 6, 6}, {conv(5, 3), tanh_layer()}},
      {"Gelu", {1, 6, 6}, {conv(5, 3), gelu()}},
      {"Residual",
       {1, 7, 7},
       {conv(6, 3), relu(), residual({conv(6, 3, "same"), relu()}), relu()}},
      {"ResidualWithShortcut",
       {2, 8, 8},
       {residual({conv(9, 3, "same"), relu(), conv(9, 3, "same")},
                 {conv(9, 1)}),
        relu()}},
      {"Concat",
       {1, 8, 8},
       {conv(4, 3), relu(), appended({conv(7, 3, "same"), relu()}),
        appended({batch_norm(), relu(), conv(3, 1)})}},
  };
}

Layer grouped_conv(int channels, int kernel, int stride, int padding,
                   int groups, bool bias = true) {
  return models::make_layer("conv", {{"channels", double(channels)},
                                     {"kernel", double(kernel)},
                                     {"stride", double(stride)},
                                     {"padding", double(padding)},
                                     {"groups", double(groups)},
                                     {"bias", double(bias)}});
}

// Each behind a convolution, so that its input's gradient counts.
std::vector<Network> grouped_convolutions() {
  return {
      {"Depthwise3x3", {2, 8, 9}, {conv(6, 1), grouped_conv(6, 3, 1, 1, 6)}},
      {"Depthwise3x3ManyChannels",
       {2, 9, 8},
       {conv(37, 1), grouped_conv(37, 3, 1, 1, 37, false)}},
      {"Depthwise3x3WithStride",
       {2, 9, 10},
       {conv(56, 1), grouped_conv(56, 3, 2, 1, 56)}},
      {"Depthwise5x5", {2, 7, 8}, {conv(9, 1), grouped_conv(9, 5, 1, 2, 9)}},
      {"Depthwise2x2WithStride3",
       {2, 9, 11},
       {conv(7, 1), grouped_conv(7, 2, 3, 0, 7)}},
      {"Depthwise3x3WithStride4AndWidePadding",
       {2, 6, 5},
       {conv(5, 1), grouped_conv(5, 3, 4, 5, 5)}},
      {"Depthwise1x1", {2, 5, 5}, {conv(19, 1), grouped_conv(19, 1, 1, 0, 19)}},
      {"DepthwiseOfOnePixel",
       {3, 1, 1},
       {conv(18, 1), grouped_conv(18, 3, 1, 1, 18)}},
      {"DepthwiseFirst", {3, 7, 7}, {grouped_conv(3, 3, 2, 1, 3), relu()}},
      {"DepthwiseWithMultiplier",
       {2, 7, 6},
       {conv(5, 1), grouped_conv(15, 3, 2, 1, 5)}},
      {"DepthwiseTwice",
       {1, 8, 8},
       {conv(6, 3), grouped_conv(6, 3, 1, 1, 6), grouped_conv(6, 3, 1, 0, 6)}},
      {"Groups",
       {2, 9, 8},
       {conv(12, 1), relu(), grouped_conv(9, 3, 1, 1, 3), relu(), max_pool()}},
      {"GroupsWithStride",
       {4, 9, 9},
       {grouped_conv(34, 3, 2, 1, 2, false), relu()}},
      {"GroupsByWinograd",
       {2, 10, 10},
       {conv(32, 1), grouped_conv(48, 3, 1, 1, 2)}},
  };
}

// Several layers behind each other that keep, or lose, the order of a map.
std::vector<Network> orders() {
  const auto softmax = [] { return models::make_layer("softmax"); };
  return {
      {"SoftmaxOfPixels", {2, 5, 6}, {conv(7, 2), softmax(), conv(3, 2)}},
      {"SoftmaxOfManyChannels", {1, 4, 4}, {conv(37, 2), softmax()}},
      {"SoftmaxOfFlattened", {2, 4, 5}, {conv(3, 2), flatten(), softmax()}},
      {"LayerNormOfPixels",
       {2, 5, 6},
       {conv(19, 2), layer_norm(), relu(), conv(4, 2), layer_norm()}},
      {"LayerNormOfManyChannels", {1, 4, 3}, {conv(66, 2), layer_norm()}},
      {"LayerNormOfFeatures", {1, 4, 4}, {flatten(), dense(21), layer_norm()}},
      {"LayerNormOfFlattened",
       {2, 5, 4},
       {conv(5, 2), flatten(), layer_norm(), relu()}},
      {"LayerNormFirst", {3, 4, 4}, {layer_norm(), conv(5, 2)}},
      {"ResidualOfFlattened",
       {2, 4, 4},
       {conv(3, 2), flatten(), residual({dense(27), relu()}), relu()}},
      {"ResidualOfFlattenedBranches",
       {2, 5, 4},
       {residual({conv(5, 2), flatten(), batch_norm()},
                 {conv(5, 2), relu(), flatten()})}},
      {"ConcatOfFlattened",
       {2, 4, 5},
       {models::make_layer(
           "concat", {},
           {sequence({conv(3, 2), relu(), flatten()}),
            sequence({flatten(), dense(9)}),
            sequence({average_pool(2), flatten(), layer_norm()})})}},
  };
}

std::vector<Network> pools() {
  const auto padded_pool = [](int size, int stride, int padding) {
    return models::make_layer("max_pool", {{"size", double(size)},
                                           {"stride", double(stride)},
                                           {"padding", double(padding)}});
  };
  const auto enlarged = [](int factor) {
    return models::make_layer("upsample", {{"factor", double(factor)}});
  };
  return {
      {"PaddedMaxPool", {1, 9, 10}, {conv(5, 2), padded_pool(3, 2, 1)}},
      {"PaddedMaxPoolOfNegatives",
       {1, 7, 7},
       {conv(18, 2), padded_pool(4, 3, 2)}},
      {"PaddedMaxPoolBeforePadding",
       {1, 8, 8},
       {conv(4, 1), padded_pool(2, 1, 1), conv(3, 3, "same")}},
      {"UnevenAdaptiveAveragePool",
       {2, 8, 11},
       {conv(5, 2), adaptive_average_pool(3), relu()}},
      {"AdaptiveAveragePoolToMore",
       {2, 3, 4},
       {conv(5, 2), adaptive_average_pool(5)}},
      {"GlobalAveragePool",
       {2, 6, 9},
       {conv(20, 2), adaptive_average_pool(1), flatten(), layer_norm()}},
      {"Upsample", {2, 4, 5}, {conv(5, 2), relu(), enlarged(2), conv(3, 3)}},
      {"UpsampleByThree",
       {1, 3, 3},
       {conv(17, 1), enlarged(3), conv(4, 3, "same")}},
      {"UpsampleByOne", {1, 4, 3}, {conv(3, 1), enlarged(1)}},
      {"Relu6", {1, 6, 6}, {conv(12, 3), relu6()}},
      {"Relu6BehindBatchNorm",
       {2, 7, 6},
       {conv(10, 3), batch_norm(), relu6(), conv(5, 3), batch_norm()}},
  };
}

}  // namespace

std::vector<Network> networks() {
  std::vector<Network> result;
  for (const auto& list :
       {convolutions(), strided_convolutions(), grouped_convolutions(), pools(),
        orders(), others(), sequence_networks()}) {
    for (const Network& network : list) result.push_back(network);
  }
  for (Network& network : result) {
    Shape shape = models::output_shape(sequence(network.layers), network.input);
    if (!shape.flat) network.layers.push_back(flatten());
    network.layers.push_back(dense(5));
  }
  return result;
}

}  // namespace digitnet::engine::native
