#include <array>
#include <vector>

#include "models/preprocess_steps.h"

namespace digitnet::models::steps {
namespace {

using Kernel = std::array<float, 9>;
// Source: Kanaparthi, thesis, preprocessing of the Kaggle digits.
constexpr Kernel kBlur = {1 / 16.f, 2 / 16.f, 1 / 16.f, 2 / 16.f, 4 / 16.f,
                          2 / 16.f, 1 / 16.f, 2 / 16.f, 1 / 16.f};
constexpr Kernel kSharpen = {0, -1, 0, -1, 5, -1, 0, -1, 0};

void filter_plane(const Kernel& kernel, const float* from, float* to,
                  int64_t height, int64_t width) {
  for (int64_t y = 0; y < height; ++y) {
    for (int64_t x = 0; x < width; ++x) {
      float sum = 0;
      for (int64_t i = -1; i <= 1; ++i) {
        for (int64_t j = -1; j <= 1; ++j) {
          if (y + i < 0 || y + i >= height || x + j < 0 || x + j >= width)
            continue;
          sum += kernel[(i + 1) * 3 + j + 1] * from[(y + i) * width + x + j];
        }
      }
      to[y * width + x] = sum;
    }
  }
}

void filter(const Kernel& kernel, const Options& options, const Shape& shape,
            const float* from, float* to) {
  const int64_t plane = shape.height * shape.width;
  std::vector<float> image(from, from + shape.size());
  for (int64_t pass = 0; pass < integer(options, "passes"); ++pass) {
    for (int64_t c = 0; c < shape.channels; ++c) {
      filter_plane(kernel, image.data() + c * plane, to + c * plane,
                   shape.height, shape.width);
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
         float* to) { filter(kBlur, options, input, from, to); }};
}

StepEntry sharpen() {
  return {
      "sharpen",
      "Sharpen",
      "3x3 sharpening, so many passes",
      {kPasses},
      same,
      [](const Options& options, double, const Shape& input, const float* from,
         float* to) { filter(kSharpen, options, input, from, to); }};
}

}  // namespace digitnet::models::steps
