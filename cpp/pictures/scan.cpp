#include "pictures/scan.h"

#include <algorithm>
#include <cmath>

#include "pictures/digits.h"
#include "pictures/ink.h"
#include "pictures/normalise.h"

namespace digitnet::pictures {
namespace {

constexpr int64_t kOptdigitsSide = 8;

Box in_source(const Box& box, double scale, int64_t height, int64_t width) {
  const auto place = [&](int64_t pixels, int64_t limit) {
    return std::clamp<int64_t>(
        std::llround(static_cast<double>(pixels) * scale), 0, limit);
  };
  const int64_t top = place(box.top, height - 1),
                left = place(box.left, width - 1);
  return {top, left, std::max<int64_t>(1, place(box.bottom(), height) - top),
          std::max<int64_t>(1, place(box.right(), width) - left)};
}

}  // namespace

Scan scan(const float* grey, int64_t height, int64_t width, Form form,
          int64_t size) {
  const Ink ink = find_ink(grey, height, width);
  const Digits digits = find_digits(ink);
  const Digit& digit = digits.found.front();
  Scan result;
  result.side = form == Form::Mnist ? size : kOptdigitsSide;
  result.image = form == Form::Mnist ? as_mnist(ink, digits, digit, size)
                                     : as_optdigits(ink, digits, digit);
  result.box = in_source(digit.box, ink.scale, height, width);
  result.digits = static_cast<int64_t>(digits.found.size());
  result.certainty = digits.certainty;
  result.is_dark = ink.is_dark;
  result.contrast = ink.contrast;
  return result;
}

}  // namespace digitnet::pictures
