#include "models/network.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "models/build.h"

namespace digitnet::models {
namespace {

using namespace build;

Layer tower(int depth) {
  return depth == 0 ? relu() : sequence({tower(depth - 1)});
}

Layer small() {
  return named(sequence({conv(4, 3), relu(), residual({conv(4, 3, "same")}),
                         flatten(), dense(10), make_layer("softmax")}));
}

TEST(Network, NamesLayersByKindAndNumber) {
  const Layer network = named(sequence(
      {conv(4, 3), conv(4, 3), he_conv(4, 3, "mine"), dense(2), dense(2)}));
  std::vector<std::string> names;
  for (const Layer& layer : network.children) names.push_back(layer.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1", "conv2", "mine", "dense1",
                                             "dense2"}));
}

TEST(Network, RefusesTwoLayersOfOneName) {
  EXPECT_THROW(named(sequence({he_conv(4, 3, "a"), he_conv(4, 3, "a")})),
               std::invalid_argument);
  EXPECT_THROW(named(sequence({conv(4, 3), he_conv(4, 3, "conv1")})),
               std::invalid_argument);
}

TEST(Network, RefusesTreesThatAreTooDeepOrTooLarge) {
  named(tower(30));
  EXPECT_THROW(named(tower(40)), std::invalid_argument);
  EXPECT_THROW(named(sequence(std::vector<Layer>(10'001, relu()))),
               std::invalid_argument);
}

TEST(Network, GivesEveryTensorItsPath) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters_of(small(), {1, 8, 8}))
    names.push_back(parameter.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1.weight", "conv1.bias",
                                             "residual1.sequence1.conv1.weight",
                                             "residual1.sequence1.conv1.bias",
                                             "dense1.weight", "dense1.bias"}));
}

TEST(Network, SummarisesEveryLeaf) {
  const auto rows = summarise(small(), {1, 8, 8});
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[0].path, "conv1");
  EXPECT_EQ(to_string(rows[0].output), "4x6x6");
  EXPECT_EQ(rows[0].parameters, 40);
  EXPECT_EQ(rows[0].multiply_adds, 36 * 36);
  EXPECT_EQ(rows[4].kind, "dense");
  EXPECT_EQ(rows[4].parameters, 1450);
}

TEST(Network, KnowsTheSmallestImageItTakes) {
  EXPECT_EQ(min_size(small(), 1), 3);
  EXPECT_EQ(min_size(sequence({conv(4, 5), max_pool(), conv(4, 5)}), 3), 14);
  EXPECT_EQ(min_size(sequence({flatten(), conv(4, 3)}), 1), 0);
}

TEST(Network, LosesOnlyALastSoftmax) {
  EXPECT_EQ(without_last_softmax(small()).children.size(), 5u);
  EXPECT_EQ(without_last_softmax(sequence({relu()})).children.size(), 1u);
}

TEST(Network, FindsAKindAnywhereInTheTree) {
  EXPECT_TRUE(contains(small(), "residual"));
  EXPECT_TRUE(contains(small(), "conv"));
  EXPECT_FALSE(contains(small(), "gru"));
}

TEST(Network, NamesTheLayerThatCannotTakeItsInput) {
  try {
    output_shape(small(), {1, 2, 2});
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_EQ(std::string(error.what()).rfind("layer 'conv1'", 0), 0u)
        << error.what();
  }
}

}  // namespace
}  // namespace digitnet::models
