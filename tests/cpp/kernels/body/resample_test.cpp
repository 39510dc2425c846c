// Images read at other places, against interpolation in float64.
#include <algorithm>
#include <cmath>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

constexpr int64_t kHeight = 9, kWidth = 21;

std::vector<uint8_t> image() {
  std::vector<uint8_t> pixels;
  for (int64_t i = 0; i < kHeight * kWidth; ++i)
    pixels.push_back(static_cast<uint8_t>(i * 83 % 251));
  return pixels;
}

// What lies beyond the border: a value, the nearest pixel, or the mirror image.
enum class Beyond { Value, Nearest, Mirror };
constexpr int kValue = 77;

int64_t mirrored(int64_t at, int64_t size) {
  const int64_t place = ((at % (2 * size)) + 2 * size) % (2 * size);
  return place < size ? place : 2 * size - 1 - place;
}

double pixel(const std::vector<uint8_t>& from, int64_t y, int64_t x,
             Beyond beyond) {
  const bool inside = y >= 0 && y < kHeight && x >= 0 && x < kWidth;
  if (!inside && beyond == Beyond::Value) return kValue;
  if (beyond == Beyond::Mirror) {
    y = mirrored(y, kHeight);
    x = mirrored(x, kWidth);
  }
  return from[std::clamp<int64_t>(y, 0, kHeight - 1) * kWidth +
              std::clamp<int64_t>(x, 0, kWidth - 1)];
}

double bilinear(const std::vector<uint8_t>& from, double y, double x,
                Beyond beyond) {
  const double top = std::floor(y), left = std::floor(x);
  const auto i = static_cast<int64_t>(top), j = static_cast<int64_t>(left);
  const double down = y - top, across = x - left;
  const double above = (1 - across) * pixel(from, i, j, beyond) +
                       across * pixel(from, i, j + 1, beyond);
  const double below = (1 - across) * pixel(from, i + 1, j, beyond) +
                       across * pixel(from, i + 1, j + 1, beyond);
  return (1 - down) * above + down * below;
}

struct Output {
  std::vector<float> values = std::vector<float>(kHeight * kWidth + 4);
};

Output resampled(const Kernels& kernels, Resample r, Beyond beyond) {
  const auto from = image();
  std::vector<uint32_t> quads(quads_size(kHeight, kWidth));
  kernels.quads(from.data(), kHeight, kWidth,
                beyond == Beyond::Value ? kValue : -1, quads.data());
  Output out;
  r.quads = quads.data();
  r.height = kHeight;
  r.width = kWidth;
  r.reflect = beyond == Beyond::Mirror;
  r.out = out.values.data();
  kernels.resample(r);
  return out;
}

// Turned, moved and enlarged, so that places lie far beyond every border.
Resample turned() {
  Resample r{};
  r.xx = 1.3f * std::cos(0.7f);
  r.xy = -1.3f * std::sin(0.7f);
  r.yx = 1.3f * std::sin(0.7f);
  r.yy = 1.3f * std::cos(0.7f);
  r.dx = 2.375f;
  r.dy = -6.125f;
  r.scale = 1;
  return r;
}

TEST_P(EveryInstructionSet, ResamplesBilinearly) {
  const auto from = image();
  for (const Beyond beyond : {Beyond::Value, Beyond::Nearest, Beyond::Mirror}) {
    const Resample r = turned();
    const Output out = resampled(kernels(), r, beyond);
    for (int64_t i = 0; i < kHeight * kWidth; ++i) {
      const auto u = static_cast<double>(i % kWidth);
      const auto v = static_cast<double>(i / kWidth);
      const double expected = bilinear(from, r.yx * u + r.yy * v + r.dy,
                                       r.xx * u + r.xy * v + r.dx, beyond);
      // A thousandth of a grey level, as the header of augment says.
      ASSERT_NEAR(out.values[i], expected, 2e-3)
          << static_cast<int>(beyond) << " at " << i;
    }
  }
}

TEST_P(EveryInstructionSet, ResamplesAtTheNearestPixel) {
  const auto from = image();
  for (const Beyond beyond : {Beyond::Value, Beyond::Nearest, Beyond::Mirror}) {
    Resample r = turned();
    r.nearest = true;
    const Output out = resampled(kernels(), r, beyond);
    for (int64_t i = 0; i < kHeight * kWidth; ++i) {
      const auto u = static_cast<double>(i % kWidth);
      const auto v = static_cast<double>(i / kWidth);
      const double x = r.xx * u + r.xy * v + r.dx + 0.5;
      const double y = r.yx * u + r.yy * v + r.dy + 0.5;
      // Between two pixels float32 may round to either.
      if (std::abs(x - std::round(x)) < 1e-4) continue;
      if (std::abs(y - std::round(y)) < 1e-4) continue;
      ASSERT_EQ(out.values[i],
                pixel(from, static_cast<int64_t>(std::floor(y)),
                      static_cast<int64_t>(std::floor(x)), beyond))
          << static_cast<int>(beyond) << " at " << i;
    }
  }
}

TEST_P(EveryInstructionSet, ResamplesAtGivenPositions) {
  const auto from = image();
  std::vector<float> x = real_numbers(kHeight * kWidth, 1),
                     y = real_numbers(kHeight * kWidth, 2);
  for (float& value : x) value = value * 30 + 10;
  for (float& value : y) value = value * 15 + 5;
  Resample r{};
  r.x = x.data();
  r.y = y.data();
  r.scale = 0.5f;
  r.shift = 3;
  const Output out = resampled(kernels(), r, Beyond::Nearest);
  for (int64_t i = 0; i < kHeight * kWidth; ++i) {
    ASSERT_NEAR(out.values[i],
                0.5 * bilinear(from, y[i], x[i], Beyond::Nearest) + 3, 2e-3);
  }
}

TEST_P(EveryInstructionSet, ResamplesUnmovedPixelsExactly) {
  Resample r{};
  r.xx = r.yy = r.scale = 1;
  const auto from = image();
  const Output out = resampled(kernels(), r, Beyond::Value);
  for (int64_t i = 0; i < kHeight * kWidth; ++i)
    ASSERT_EQ(out.values[i], from[i]);
  EXPECT_EQ(out.values[kHeight * kWidth], 0);
}

}  // namespace
}  // namespace digitnet::kernels
