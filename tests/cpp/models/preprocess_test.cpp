#include "models/preprocess.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

namespace digitnet::models {
namespace {

using Pixels = std::vector<float>;

Pixels applied(const Preprocess& preprocess, const Pixels& image) {
  Pixels out(preprocess.output().size());
  preprocess.apply(image.data(), out.data());
  return out;
}

Pixels applied(const std::string& step, const Options& options,
               const Shape& shape, const Pixels& image) {
  Preprocess preprocess({{step, options}}, shape);
  preprocess.set_max_value(10);
  return applied(preprocess, image);
}

TEST(Preprocess, AppliesEachStepAsByHand) {
  const Shape row{1, 1, 3}, colour{3, 1, 1}, square{1, 3, 3};
  EXPECT_EQ(applied("scale", {}, row, {0, 5, 10}), (Pixels{0, .5f, 1}));
  EXPECT_EQ(applied("standardise",
                    {{"mean", std::vector<double>{4}},
                     {"std", std::vector<double>{2}}},
                    row, {0, 5, 10}),
            (Pixels{-2, .5f, 3}));
  EXPECT_EQ(applied("mean_rgb", {{"mean", std::vector<double>{1, 2, 3}}},
                    colour, {5, 5, 5}),
            (Pixels{4, 3, 2}));
  EXPECT_EQ(applied("grey_to_rgb", {}, row, {1, 2, 3}),
            (Pixels{1, 2, 3, 1, 2, 3, 1, 2, 3}));
  EXPECT_NEAR(applied("rgb_to_grey", {}, colour, {1, 10, 100})[0],
              .299 + 5.87 + 11.4, 1e-5);
  EXPECT_EQ(
      applied(
          "resize",
          {{"height", 2.0}, {"width", 3.0}, {"method", std::string("nearest")}},
          row, {1, 2, 3}),
      (Pixels{1, 2, 3, 1, 2, 3}));
  const Pixels dot = {0, 0, 0, 0, 16, 0, 0, 0, 0};
  EXPECT_EQ(applied("blur", {}, square, dot),
            (Pixels{1, 2, 1, 2, 4, 2, 1, 2, 1}));
  EXPECT_EQ(applied("median", {}, square, dot), Pixels(9, 0.0f));
  EXPECT_EQ(applied("median", {}, square, {1, 2, 3, 4, 5, 6, 7, 8, 9})[4], 5);
  // 5 * 16 at the dot, -16 beside it; values stay within the data's range.
  const Pixels sharp =
      applied("sharpen", {}, square, {2, 2, 2, 2, 3, 2, 2, 2, 2});
  EXPECT_EQ(sharp[4], 5 * 3 - 4 * 2);
}

TEST(Preprocess, RunsStepsInTurn) {
  Preprocess preprocess({{"scale", {}}, {"grey_to_rgb", {}}}, {1, 1, 2});
  preprocess.set_max_value(4);
  EXPECT_EQ(to_string(preprocess.output()), "3x1x2");
  EXPECT_EQ(applied(preprocess, {1, 2}),
            (Pixels{.25f, .5f, .25f, .5f, .25f, .5f}));
  EXPECT_EQ(applied(Preprocess({}, {1, 1, 2}), {1, 2}), (Pixels{1, 2}));
}

TEST(Preprocess, LearnsMeanAndDeviationOnce) {
  const Pixels first = {0, 2, 4, 6}, second = {100, 100, 100, 100};
  Preprocess preprocess({{"standardise", {}}}, {1, 1, 2});
  data::DatasetView training;
  training.images = {first.data(), data::PixelType::Float32, 2, {1, 1, 2}};
  training.count = 2;
  preprocess.learn(training);
  training.images.pixels = second.data();
  preprocess.learn(training);
  const auto out = applied(preprocess, {3, 3 + std::sqrt(5.0f)});
  EXPECT_NEAR(out[0], 0, 1e-6);
  EXPECT_NEAR(out[1], 1, 1e-6);
}

TEST(Preprocess, KnowsWhenItIsOneScaleAndShift) {
  float scale = 0, shift = 0;
  Preprocess affine({{"scale", {}},
                     {"standardise",
                      {{"mean", std::vector<double>{.5}},
                       {"std", std::vector<double>{.25}}}}},
                    {1, 1, 3});
  affine.set_max_value(10);
  ASSERT_TRUE(affine.is_affine(scale, shift));
  const auto out = applied(affine, {0, 5, 10});
  for (int i = 0; i < 3; ++i) EXPECT_NEAR(out[i], 5 * i * scale + shift, 1e-6);
  EXPECT_FALSE(Preprocess({{"blur", {}}}, {1, 3, 3}).is_affine(scale, shift));
}

TEST(Preprocess, RefusesStepsThatCannotTakeTheirInput) {
  EXPECT_THROW(Preprocess({{"grey_to_rgb", {}}}, {3, 1, 1}),
               std::invalid_argument);
  EXPECT_THROW(Preprocess({{"rgb_to_grey", {}}}, {1, 1, 1}),
               std::invalid_argument);
  EXPECT_THROW(Preprocess({{"whiten", {}}}, {1, 1, 1}), std::invalid_argument);
  EXPECT_THROW(
      Preprocess({{"standardise", {{"mean", std::vector<double>{1, 2}}}}},
                 {3, 1, 1}),
      std::invalid_argument);
}

}  // namespace
}  // namespace digitnet::models
