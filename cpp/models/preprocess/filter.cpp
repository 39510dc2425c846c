#include <algorithm>
#include <vector>

#include "models/preprocess_steps.h"

namespace digitnet::models::steps {
namespace {

// Nine values around each pixel, row by row, to one.
template <class F>
void filter_plane(const F& join, const float* from, float* to, int64_t height,
                  int64_t width) {
  std::array<float, 9> around;
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      for (int64_t i = -1; i <= 1; ++i) {
        for (int64_t j = -1; j <= 1; ++j) {
          const bool within =
              y + i >= 0 && y + i < height && x + j >= 0 && x + j < width;
          around[(i + 1) * 3 + j + 1] =
              within ? from[(y + i) * width + x + j] : 0;
        }
      }
      to[y * width + x] = join(around);
    }
  }
}

auto weighted_by(const Kernel& kernel) {
  return [&kernel](const std::array<float, 9>& around) {
    float sum = 0;
    for (size_t i = 0; i < around.size(); ++i) sum += kernel[i] * around[i];
    return sum;
  };
}

float median_of(std::array<float, 9> around) {
  std::nth_element(around.begin(), around.begin() + 4, around.end());
  return around[4];
}

template <class F>
void filter(const F& join, const Options& options, const Shape& shape,
            const float* from, float* to) {
  const int64_t plane = shape.height * shape.width;
  std::vector<float> image(from, from + shape.size());
  for (int64_t pass = 0; pass < integer(options, "passes"); ++pass) {
    for (int64_t c = 0; c < shape.channels; ++c) {
      filter_plane(join, image.data() + c * plane, to + c * plane, shape.height,
                   shape.width);
    }
    image.assign(to, to + shape.size());
  }
}

Shape same(const Options&, const Shape& input) { return input; }

const OptionInfo kPasses = {"passes", OptionType::Integer, 1.0, 1,
                            100,      "how often"};

}  // namespace

StepEntry blur() {
  return {
      "blur",
      "Blur",
      "3x3 Gaussian, so many passes",
      {kPasses},
      same,
      [](const Options& options, double, const Shape& input, const float* from,
         float* to) { filter(weighted_by(kBlur), options, input, from, to); }};
}

StepEntry sharpen() {
  return {"sharpen",
          "Sharpen",
          "3x3 sharpening, so many passes",
          {kPasses},
          same,
          [](const Options& options, double, const Shape& input,
             const float* from, float* to) {
            filter(weighted_by(kSharpen), options, input, from, to);
          }};
}

StepEntry median() {
  return {
      "median",
      "Median",
      "median of 3x3 pixels, so many passes",
      {kPasses},
      same,
      [](const Options& options, double, const Shape& input, const float* from,
         float* to) { filter(median_of, options, input, from, to); }};
}

}  // namespace digitnet::models::steps
