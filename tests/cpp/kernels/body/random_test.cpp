// Planes of random numbers: those of Philox, whatever the vectors' width.
#include <cmath>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

Random random(std::vector<float>& out, int64_t count) {
  return {{11, 22}, 1000, 3, 4, 5, out.data(), count};
}

// Word w of block j, whose number is element w * quarter + j of the plane.
uint32_t word(int64_t element, int64_t count) {
  const int64_t quarter = (count + 3) / 4;
  const auto block = philox4x32(
      {static_cast<uint32_t>(1000 + element % quarter), 3, 4, 5}, {11, 22});
  return block[element / quarter];
}

TEST_P(EveryInstructionSet, DrawsPhiloxsUniformNumbers) {
  for (const int64_t count : {1, 3, 4, 63, 256, 257, 1030}) {
    std::vector<float> values(count + 8, kUntouched);
    kernels().uniforms(random(values, count));
    for (int64_t i = 0; i < count; ++i) {
      const auto bits = static_cast<int32_t>(word(i, count)) >> 8;
      ASSERT_EQ(values[i], std::ldexp(static_cast<float>(bits), -23)) << count;
    }
    EXPECT_EQ(values[count], kUntouched);
  }
}

TEST_P(EveryInstructionSet, DrawsNormalNumbersByBoxAndMuller) {
  const double turn = 2 * std::acos(-1.0);
  for (const int64_t count : {1, 5, 256, 1030}) {
    std::vector<float> values(count + 8, kUntouched);
    kernels().normals(random(values, count));
    const int64_t quarter = (count + 3) / 4;
    for (int64_t i = 0; i < count; ++i) {
      const int64_t first = i / quarter / 2 * 2 * quarter + i % quarter;
      const double u = std::ldexp((word(first, count) >> 8) + 0.5, -24);
      const auto bits = static_cast<int32_t>(word(first + quarter, count)) >> 8;
      const double angle = turn * std::ldexp(bits, -24);
      const double radius = std::sqrt(-2 * std::log(u));
      const double expected =
          radius * (i / quarter % 2 ? std::sin(angle) : std::cos(angle));
      ASSERT_NEAR(values[i], expected, 5e-6) << count << ", " << i;
    }
    EXPECT_EQ(values[count], kUntouched);
  }
}

TEST_P(EveryInstructionSet, DrawsNumbersOfTheRightMoments) {
  constexpr int64_t kCount = 200'000;
  std::vector<float> uniform(kCount), normal(kCount);
  kernels().uniforms(random(uniform, kCount));
  kernels().normals(random(normal, kCount));
  const auto moment = [](const std::vector<float>& values, int power) {
    double sum = 0;
    for (const float value : values)
      sum += std::pow(static_cast<double>(value), power);
    return sum / kCount;
  };
  // Within five standard deviations of each mean.
  const double deviations = 5 / std::sqrt(static_cast<double>(kCount));
  EXPECT_NEAR(moment(uniform, 1), 0, deviations * std::sqrt(1.0 / 3));
  EXPECT_NEAR(moment(uniform, 2), 1.0 / 3, deviations * std::sqrt(4.0 / 45));
  EXPECT_NEAR(moment(normal, 1), 0, deviations);
  EXPECT_NEAR(moment(normal, 2), 1, deviations * std::sqrt(2.0));
  EXPECT_NEAR(moment(normal, 4), 3, deviations * std::sqrt(96.0));
}

}  // namespace
}  // namespace digitnet::kernels
