#include "models/model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "models/build.h"

namespace digitnet::models {
namespace {

using namespace build;

Model small(uint64_t seed) {
  return Model(
      sequence({conv(5, 3), batch_norm(), relu(), flatten(), dense(10)}),
      {2, 7, 6}, {}, seed);
}

TEST(Model, DrawsItsWeightsFromTheSeed) {
  EXPECT_EQ(small(3).trained(), small(3).trained());
  EXPECT_NE(small(3).trained(), small(4).trained());
}

TEST(Model, StartsWeightsWithinTheirBoundsAndUsesAllOfThem) {
  const Model model = small(1);
  const auto weights = model.get(model.slot("dense1.weight"));
  const double bound = 1 / std::sqrt(5.0 * 5 * 4);
  const auto [low, high] = std::minmax_element(weights.begin(), weights.end());
  EXPECT_GE(*low, -bound);
  EXPECT_LE(*high, bound);
  EXPECT_LT(*low, -0.9 * bound);  // of 1000 numbers
  EXPECT_GT(*high, 0.9 * bound);
  EXPECT_EQ(model.get(model.slot("batch_norm1.weight")),
            std::vector<float>(5, 1.0f));
  EXPECT_EQ(model.get(model.slot("batch_norm1.running_var")),
            std::vector<float>(5, 1.0f));
}

TEST(Model, KeepsTensorsInTheirOwnOrder) {
  Model model = small(1);
  for (const Slot& slot : model.slots()) {
    std::vector<float> values(slot.parameter.count());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i);
    model.set(slot, values.data());
    EXPECT_EQ(model.get(slot), values) << slot.parameter.name;
  }
}

TEST(Model, StoresConvolutionsWithTheirInputsLast) {
  Model model = small(1);
  const Slot& slot = model.slot("conv1.weight");  // [5, 2, 3, 3]
  std::vector<float> values(slot.parameter.count(), 0.0f);
  values[(1 * 2 + 1) * 9 + 2 * 3 + 0] = 7;  // output 1, input 1, tap (2, 0)
  model.set(slot, values.data());
  EXPECT_EQ(model.trained()[slot.offset + (1 * 9 + 2 * 3 + 0) * 2 + 1], 7);
}

TEST(Model, CountsChangesOfItsWeights) {
  Model model = small(1);
  const uint64_t before = model.revision();
  const Slot& slot = model.slot("conv1.bias");
  model.set(slot, std::vector<float>(5).data());
  EXPECT_GT(model.revision(), before);
}

TEST(Model, ListsTheNamesItHasForOneItHasNot) {
  const Model model = small(1);
  try {
    model.slot("conv2.weight");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("known: conv1.weight, conv1.bias"),
              std::string::npos);
  }
}

TEST(Model, RefusesNetworksWithoutLogits) {
  EXPECT_THROW(Model(sequence({conv(5, 3)}), {1, 8, 8}, {}, 1),
               std::invalid_argument);
  EXPECT_THROW(Model(sequence({flatten(), dense(1)}), {1, 8, 8}, {}, 1),
               std::invalid_argument);
  EXPECT_THROW(Model(sequence({flatten(), dense(2)}), {1, 0, 8}, {}, 1),
               std::invalid_argument);
  const Model autoencoder(sequence({conv(1, 3, "same")}), {1, 8, 8}, {}, 1);
  EXPECT_TRUE(autoencoder.outputs_images());
  EXPECT_EQ(autoencoder.loss(), Loss::SquaredError);
}

TEST(Model, SaysHowLargeItsImagesMustBe) {
  try {
    Model(sequence({conv(5, 5), max_pool(), conv(5, 5), flatten(), dense(2)}),
          {1, 8, 8}, {}, 1);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("at least 14x14 pixels, got 8x8"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace digitnet::models
