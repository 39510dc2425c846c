// Pictures of any size and content: two bytes of height and width, then pixels.
#include <algorithm>
#include <cmath>

#include "data/resize.h"
#include "features/chain_code.h"
#include "fuzz/targets.h"
#include "pictures/scan.h"

namespace digitnet::fuzz {
namespace {

struct Picture {
  int64_t height, width;
  std::vector<float> pixels;

  explicit Picture(Choices choices)
      : height(1 + choices.byte()), width(1 + choices.byte()) {
    pixels.resize(height * width);
    // What the bytes do not say is what they said last.
    float last = 0;
    for (float& pixel : pixels) {
      if (!choices.empty()) last = static_cast<float>(choices.byte());
      pixel = last;
    }
  }
};

void read_scan(std::string_view bytes) {
  const Picture picture{Choices(bytes)};
  may_refuse([&] {
    constexpr int64_t kSide = 28;
    const auto digit =
        pictures::scan(picture.pixels.data(), picture.height, picture.width,
                       pictures::Form::Mnist, kSide)
            .image;
    promise(digit.size() == kSide * kSide, digit.size(), " pixels");
    promise(*std::max_element(digit.begin(), digit.end()) > 0, "no ink");
  });
  may_refuse([&] {
    const auto digit =
        pictures::scan(picture.pixels.data(), picture.height, picture.width,
                       pictures::Form::Optdigits, 8)
            .image;
    promise(digit.size() == 64, digit.size(), " pixels");
    for (const uint8_t value : digit)
      promise(value <= 16, "a pixel of ", value);
  });
}

void resize_all(std::string_view bytes) {
  Choices choices(bytes);
  const int64_t height = 1 + choices.byte(), width = 1 + choices.byte();
  const Picture picture(choices);
  for (const auto method :
       {data::resize_nearest, data::resize_bilinear, data::resize_area}) {
    std::vector<float> out(height * width, std::nanf(""));
    method(picture.pixels.data(), picture.height, picture.width, out.data(),
           height, width);
    for (const float value : out)
      promise(value >= 0 && value <= 255.001f, "a pixel of ", value);
  }
}

void follow(std::string_view bytes) {
  Choices choices(bytes);
  const int64_t zones = 1 + choices.below(9);
  const Picture picture(choices);
  const data::ImagesView view{picture.pixels.data(),
                              data::PixelType::Float32,
                              1,
                              {1, picture.height, picture.width}};
  const auto codes = features::chain_code_histogram(view, 127, zones);
  double sum = 0;
  for (const float share : codes) sum += share;
  promise(std::abs(sum - 1) < 1e-3 || sum == 0, "directions in all: ", sum);
  for (const float changes : features::transition_counts(view, 127, zones))
    promise(changes >= 0 && changes <= 257, "changes: ", changes);
}

}  // namespace

Target scan() { return {"scan", "scans of digits", read_scan}; }
Target resize() { return {"resize", "resizing to any size", resize_all}; }
Target contours() {
  return {"contours", "chain codes and transitions", follow};
}

}  // namespace digitnet::fuzz
