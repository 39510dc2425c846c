// Shapes, parameters and multiply-adds of every kind of layer, by hand.
#include "models/layers.h"

#include <gtest/gtest.h>

#include <ostream>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/list.h"
#include "models/build.h"
#include "models/network.h"

namespace digitnet::models::layers {
namespace {

struct Case {
  std::string name;
  Layer layer;
  Shape input, output;
  int64_t parameters = 0;  // buffers included
  int64_t multiply_adds = 0;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

Layer make(const std::string& kind, const Options& options = {}) {
  return make_layer(kind, options);
}

std::vector<Case> cases() {
  namespace b = models::build;
  const Shape image{3, 8, 10};
  return {
      // 16 * 3 * 5 * 5 weights and 16 biases; each of 4 * 6 pixels sees all.
      {"Conv", b::conv(16, 5), image, {16, 4, 6}, 1216, 16 * 75 * 24},
      {"ConvSame",
       b::conv(4, 3, "same", false),
       image,
       {4, 8, 10},
       108,
       108 * 80},
      {"ConvStrided",
       b::strided_conv(2, 3, 2, 1),
       image,
       {2, 4, 5},
       56,
       54 * 20},
      {"ConvGroups", b::bare_conv(6, 3, 1, 3), image, {6, 8, 10}, 54, 54 * 80},
      {"Dense", b::dense(10), flat_shape(50), flat_shape(10), 510, 500},
      {"BatchNorm", b::batch_norm(), image, image, 12},
      {"LayerNorm", b::layer_norm(), image, image, 6},
      {"Position", make("position"), image, image, 240},
      {"Gru", make("gru", {{"units", 7.0}}), image, flat_shape(7),
       21 * 30 + 21 * 7 + 42, 8 * 21 * (30 + 7)},
      {"MaxPool", b::max_pool(), image, {3, 4, 5}},
      {"MaxPoolOverlapping", b::max_pool(3, 2), image, {3, 3, 4}},
      {"MaxPoolDropsTheRest", b::max_pool(3), image, {3, 2, 3}},
      {"MaxPoolPadded",
       make("max_pool", {{"size", 3.0}, {"stride", 2.0}, {"padding", 1.0}}),
       image,
       {3, 4, 5}},
      {"AveragePool", b::average_pool(4), image, {3, 2, 2}},
      {"AdaptiveAveragePool", b::adaptive_average_pool(3), image, {3, 3, 3}},
      {"Upsample", b::upsample(), image, {3, 16, 20}},
      {"Flatten", b::flatten(), image, flat_shape(240)},
      {"Dropout", b::dropout(0.5), image, image},
      {"Relu", b::relu(), image, image},
      {"Relu6", b::relu6(), image, image},
      {"Sigmoid", b::sigmoid(), image, image},
      {"Tanh", make("tanh"), image, image},
      {"Gelu", b::gelu(), image, image},
      {"Softmax", make("softmax"), flat_shape(10), flat_shape(10)},
      {"Attention",
       make("attention", {{"heads", 2.0}}),
       {12, 3, 3},
       {4, 3, 3},
       0,
       2 * 81 * 4},
      {"Capsules",
       make("capsules", {{"units", 10.0}, {"size", 4.0}}),
       {16, 2, 3},
       flat_shape(40),
       12 * 40 * 8,
       96 * 40},
      {"CapsuleLogits", make("capsule_logits", {{"size", 4.0}}), flat_shape(40),
       flat_shape(10)},
      {"Sequence", b::sequence({b::conv(2, 3), b::flatten(), b::dense(4)}),
       image, flat_shape(4), 56 + 4 * 96 + 4},
      {"Residual", b::residual({b::conv(3, 3, "same")}), image, image, 84},
      {"Concat", b::appended({b::conv(4, 1)}), image, {7, 8, 10}, 16},
      {"Reconstruct",
       make_layer("reconstruct", {{"size", 5.0}},
                  {b::sequence({b::dense(240)})}),
       flat_shape(10), flat_shape(10), 2640},
      {"DomainHead",
       make_layer("domain_head", {}, {b::sequence({b::dense(2)})}),
       flat_shape(10), flat_shape(10), 22},
  };
}

class EveryLayer : public testing::TestWithParam<Case> {};

TEST_P(EveryLayer, HasTheShapeAndSizeCountedByHand) {
  const Case& c = GetParam();
  const Layer layer = named(c.layer);
  EXPECT_EQ(output_shape(layer, c.input), c.output)
      << to_string(output_shape(layer, c.input));
  int64_t count = 0;
  std::set<std::string> names;
  for (const Parameter& parameter : parameters_of(layer, c.input)) {
    count += parameter.count();
    EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name;
  }
  EXPECT_EQ(count, c.parameters);
  if (!c.layer.children.empty()) return;
  const auto& entry = find(all(), "layer", layer.kind);
  EXPECT_EQ(entry.multiply_adds ? entry.multiply_adds(layer, c.input) : 0,
            c.multiply_adds);
}

INSTANTIATE_TEST_SUITE_P(Models, EveryLayer, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST(Layers, AreAllCountedByHand) {
  std::set<std::string> counted;
  for (const Case& c : cases()) counted.insert(c.layer.kind);
  for (const std::string& kind : names(all()))
    EXPECT_TRUE(counted.count(kind)) << kind;
}

TEST(Layers, RefuseShapesTheyCannotTake) {
  namespace b = models::build;
  struct Refused {
    Layer layer;
    Shape input;
  };
  const Shape image{3, 8, 10}, flat = flat_shape(50);
  for (const auto& [layer, input] : std::vector<Refused>{
           {b::conv(4, 9), image},
           {b::conv(4, 3), flat},
           {b::conv(4, 2, "same"), image},
           {b::bare_conv(4, 3, 1, 2), image},  // groups of three channels
           {b::dense(4), image},
           {b::max_pool(9), image},
           {b::max_pool(), flat},
           {make("attention", {{"heads", 2.0}}), image},
           {make("capsules", {{"units", 10.0}}), image},
           {make("capsule_logits"), flat},
           {b::residual({b::conv(4, 3)}), image},
           {b::sequence({b::appended({b::conv(4, 3)})}), image},
           {make_layer("domain_head", {}, {b::dense(3)}), flat},
       }) {
    EXPECT_THROW(output_shape(layer, input), std::invalid_argument)
        << layer.kind;
  }
}

TEST(Layers, RefuseOptionsTheyDoNotKnow) {
  EXPECT_THROW(make("conv", {{"channels", 4.0}}), std::invalid_argument);
  EXPECT_THROW(make("conv", {{"channels", 0.0}, {"kernel", 3.0}}),
               std::invalid_argument);
  EXPECT_THROW(make("dropout", {{"rate", 1.0}}), std::invalid_argument);
  EXPECT_THROW(make("relu", {{"slope", 0.1}}), std::invalid_argument);
  EXPECT_THROW(make("convolution"), std::invalid_argument);
  EXPECT_THROW(make_layer("relu", {}, {build::relu()}), std::invalid_argument);
  EXPECT_THROW(make_layer("relu", {}, {}, "a.b"), std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::models::layers
