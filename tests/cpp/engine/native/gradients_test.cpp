// Every operation of a plan, forward and backward, against float64: networks
// that make each class of operation run, on every instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "engine/native/networks.h"
#include "engine/native/plan.h"
#include "engine/native/reference.h"
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
      {"Plain1x1", {3, 6, 7}, {conv(10, 1), relu(), conv(33, 1)}},
      {"PlainFewChannels", {2, 8, 9}, {conv(5, 3), relu(), conv(7, 5, "same")}},
      {"PlainWithStride",
       {2, 9, 10},
       {conv(8, 3), relu(), strided_conv(12, 3, 2, 1), relu()}},
      {"PlainWithWidePadding",
       {1, 6, 7},
       {conv(4, 3), relu(), strided_conv(6, 2, 1, 2)}},
      {"ConvolutionWithoutBias",
       {1, 8, 8},
       {bare_conv(9, 3), relu(), bare_conv(8, 3, 2)}},
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

std::vector<Network> networks() {
  std::vector<Network> result;
  for (const auto& list : {convolutions(), grouped_convolutions(), pools(),
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

// A batch, what the reference makes of it, and the model both have.
struct Problem {
  static constexpr int64_t kCount = 5;
  // Of inputs of ReLU and gaps of pools: far more than float32 is off.
  static constexpr double kMargin = 1e-5;

  models::Model model;
  std::vector<float> images;
  Batch g;
  ReferenceNetwork reference;
  Batch logits, dx;

  // Numbers from `seed` on that no kink is too near to.
  static Problem far_from_kinks(const Network& network, bool training) {
    for (uint64_t seed = 1;; ++seed) {
      Problem problem(network, training, seed);
      if (problem.reference.margin <= kMargin) continue;
      problem.dx = problem.traced.backward(problem.g);
      return problem;
    }
  }

 private:
  Problem(const Network& network, bool training, uint64_t seed)
      : model(random_model(network, seed)),
        images(kCount * network.input.size()),
        g(kCount, flat_shape(5)),
        reference(model, training),
        logits(kCount, flat_shape(5)),
        dx(kCount, network.input),
        traced{logits, {}} {
    Draws(seed, 2000, 0, 0)
        .fill(images.data(), static_cast<int64_t>(images.size()), -1, 1);
    Batch x(kCount, network.input);
    std::copy(images.begin(), images.end(), x.values.begin());
    Draws draws(seed, 2001, 0, 0);
    for (double& value : g.values)
      value = static_cast<float>(draws.uniform(-1, 1));
    traced = reference.forward(x);
    logits = traced.y;
  }

  static models::Model random_model(const Network& network, uint64_t seed) {
    models::Model model(sequence(network.layers), network.input, {}, seed);
    // Scales and statistics too, which start as 1 and 0.
    Draws(seed, 2002, 0, 0)
        .fill(model.trained().data(),
              static_cast<int64_t>(model.trained().size()), -0.4, 0.4);
    Draws(seed, 2003, 0, 0)
        .fill(model.buffers().data(),
              static_cast<int64_t>(model.buffers().size()), 0.5, 1);
    return model;
  }

  Traced traced;  // refers to this problem's own reference
};

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

class EveryNetwork : public testing::TestWithParam<Network> {};

TEST_P(EveryNetwork, GivesTheLogitsAndGradientsOfFloat64) {
  const Problem p = Problem::far_from_kinks(GetParam(), true);
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    models::Model model = p.model;
    Plan plan(model);
    plan.load();
    kernels::ThreadPool pool(2);
    plan.reserve(Problem::kCount, true, pool.threads());
    const Pass pass{*kernels, pool, Problem::kCount, true, {3, 4}};
    plan.forward(pass, p.images.data());
    for (int64_t n = 0; n < Problem::kCount; ++n) {
      for (int64_t k = 0; k < 5; ++k) {
        EXPECT_NEAR(plan.logits(n)[k], p.logits.at(n, k),
                    2e-5 * (1 + largest(p.logits.values)));
        plan.logits_gradient(n)[k] = static_cast<float>(p.g.at(n, k));
      }
    }
    plan.backward(pass);
    // In the weights' place they come back in the model's order.
    plan.values() = plan.gradients();
    plan.store();
    for (const models::Slot& slot : model.slots()) {
      const std::string& name = slot.parameter.name;
      const auto& expected = slot.parameter.is_buffer
                                 ? p.reference.parameters.at(name)
                                 : p.reference.gradients.at(name);
      const auto values = model.get(slot);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], expected[i], 5e-5 * (1 + largest(expected)))
            << name << "[" << i << "]";
      }
    }
  }
}

TEST_P(EveryNetwork, PredictsAsFloat64DoesOneImageOrMany) {
  const Problem p = Problem::far_from_kinks(GetParam(), false);
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    models::Model model = p.model;
    Plan plan(model);
    plan.load();
    kernels::ThreadPool pool(1);
    for (const int64_t count : {Problem::kCount, int64_t{1}}) {
      plan.reserve(count, false, pool.threads());
      plan.forward({*kernels, pool, count, false}, p.images.data());
      for (int64_t n = 0; n < count; ++n) {
        for (int64_t k = 0; k < 5; ++k)
          EXPECT_NEAR(plan.logits(n)[k], p.logits.at(n, k),
                      2e-5 * (1 + largest(p.logits.values)));
      }
    }
  }
}

// A value or gradient in the network's order.
void expect_near(const kernels::Kernels& kernels, const Tensor& tensor,
                 const Map& map, const Batch& expected) {
  const int64_t size = expected.shape.size();
  std::vector<float> values(size);
  for (int64_t n = 0; n < expected.count; ++n) {
    to_row_major(kernels, tensor, map, n, values.data());
    for (int64_t i = 0; i < size; ++i) {
      ASSERT_NEAR(values[i], expected.values[n * size + i],
                  2e-5 * (1 + largest(expected.values)))
          << n << ", " << i;
    }
  }
}

// Passes in evaluation mode without the weights' gradients, by a plan that
// borrows its weights.
TEST_P(EveryNetwork, GivesTheGradientByTheImagesOfFloat64) {
  const Problem p = Problem::far_from_kinks(GetParam(), false);
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    models::Model model = p.model;
    Plan owner(model);
    Plan plan(model, {.input_gradient = true, .values = &owner.values()});
    owner.load();
    kernels::ThreadPool pool(2);
    plan.reserve(Problem::kCount, true, pool.threads());
    Pass pass{*kernels, pool, Problem::kCount, false};
    pass.weight_gradients = false;
    plan.forward(pass, p.images.data());
    for (int64_t n = 0; n < Problem::kCount; ++n)
      for (int64_t k = 0; k < 5; ++k)
        plan.logits_gradient(n)[k] = static_cast<float>(p.g.at(n, k));
    plan.backward(pass);
    expect_near(*kernels, plan.input(), plan.input().gradient, p.dx);
  }
}

TEST_P(EveryNetwork, KeepsTheOutputOfEveryLayerAndItsGradient) {
  const Problem p = Problem::far_from_kinks(GetParam(), false);
  for (const kernels::Kernels* kernels : kernels::available()) {
    models::Model model = p.model;
    Plan plan(model, {.fused = false, .input_gradient = true});
    plan.load();
    kernels::ThreadPool pool(2);
    plan.reserve(Problem::kCount, true, pool.threads());
    const Pass pass{*kernels, pool, Problem::kCount, false};
    ASSERT_EQ(plan.layers().size(), p.reference.layers.size());
    for (size_t i = 0; i < plan.layers().size(); ++i) {
      const auto& [path, output] = plan.layers()[i];
      SCOPED_TRACE(join(kernels->name, ", ", path));
      EXPECT_EQ(path, p.reference.layers[i]);
      plan.forward(pass, p.images.data());  // backward may change what it left
      expect_near(*kernels, *output, output->value,
                  p.reference.outputs.at(path));
      for (int64_t n = 0; n < Problem::kCount; ++n)
        for (int64_t k = 0; k < 5; ++k)
          plan.logits_gradient(n)[k] = static_cast<float>(p.g.at(n, k));
      EXPECT_TRUE(plan.backward(pass, plan.output(), *output));
      expect_near(*kernels, *output, output->gradient,
                  p.reference.output_gradients.at(path));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Native, EveryNetwork, testing::ValuesIn(networks()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace digitnet::engine::native
