// Which convolutions are computed by Winograd's filtering.
#include "engine/native/winograd.h"

#include <gtest/gtest.h>

#include "engine/native/conv.h"

namespace digitnet::engine::native {
namespace {

TEST(Tiling, OfPhasesHasThreeOrFiveTapsOfStrideTwo) {
  const auto taps = [](int64_t kernel, int64_t stride) -> int64_t {
    const auto tiling = Tiling::of_phases(kernel, stride, 32, 32, 4, 4);
    return tiling ? tiling->kernel : 0;
  };
  EXPECT_EQ(taps(5, 2), 3);
  EXPECT_EQ(taps(6, 2), 3);
  EXPECT_EQ(taps(9, 2), 5);
  EXPECT_EQ(taps(10, 2), 5);
  for (const int64_t kernel : {1, 2, 3, 4, 7, 8, 11})
    EXPECT_EQ(taps(kernel, 2), 0);
  EXPECT_EQ(taps(5, 1), 0);
  EXPECT_EQ(taps(9, 3), 0);
}

TEST(Tiling, OfPhasesLeavesFewChannelsAndSmallMaps) {
  EXPECT_FALSE(Tiling::of_phases(9, 2, 31, 64, 8, 8));
  EXPECT_FALSE(Tiling::of_phases(9, 2, 64, 31, 8, 8));
  EXPECT_FALSE(Tiling::of_phases(9, 2, 64, 64, 5, 3));
}

TEST(Tiling, OfPhasesTakesLargeTilesWhereTheySaveProducts) {
  EXPECT_EQ(Tiling::of_phases(5, 2, 32, 32, 8, 8)->side, 4);
  EXPECT_EQ(Tiling::of_phases(5, 2, 32, 32, 5, 5)->side, 2);
  EXPECT_EQ(Tiling::of_phases(9, 2, 32, 32, 8, 8)->side, 2);
}

// Of a prediction by the operation that make_conv() chooses.
int64_t scratch_bytes(const ConvOptions& options, int64_t channels,
                      int64_t size) {
  Tensor x{};
  x.channels = channels;
  x.height = x.width = size;
  Tensor y{};
  y.channels = channels;
  y.height = y.width =
      (size + 2 * options.padding - options.kernel) / options.stride + 1;
  Weight weight;
  weight.inputs = options.kernel * options.kernel * channels;
  weight.outputs = channels;
  const OpPtr op = make_conv(x, y, options, weight, {}, 0);
  op->prepare(1, false, 1);
  return op->bytes();
}

TEST(MakeConv, KeepsTheWeightsOfPhasesAtThePoints) {
  constexpr int64_t kPhases = 4, kPoints = 36;
  EXPECT_GE(scratch_bytes({9, 2, 0}, 32, 15),
            kPhases * kPoints * 32 * 32 * int64_t{sizeof(float)});
  EXPECT_EQ(scratch_bytes({9, 2, 0}, 31, 15), 0);
  EXPECT_EQ(scratch_bytes({7, 2, 0}, 32, 15), 0);
}

}  // namespace
}  // namespace digitnet::engine::native
