#include "augment/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "augment/ops.h"
#include "core/error.h"
#include "core/list.h"

namespace digitnet::augment {
namespace {

constexpr uint32_t kStreamsPerOccurrence = 1024;

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, '|')) parts.push_back(part);
  return parts;
}

// from[H, W] read through `map`, bilinear with zeros beyond the border.
void resample(const float* from, float* out, int64_t height, int64_t width,
              const Affine& map) {
  const double middle_x = static_cast<double>(width - 1) / 2;
  const double middle_y = static_cast<double>(height - 1) / 2;
  const auto pixel = [&](int64_t y, int64_t x) {
    return y < 0 || y >= height || x < 0 || x >= width ? 0.0f
                                                       : from[y * width + x];
  };
  for (int64_t row = 0; row < height; ++row) {
    const double v = static_cast<double>(row) - middle_y;
    for (int64_t column = 0; column < width; ++column) {
      const double u = static_cast<double>(column) - middle_x;
      const double x = map.xx * u + map.xy * v + map.dx + middle_x;
      const double y = map.yx * u + map.yy * v + map.dy + middle_y;
      const double left = std::floor(x), top = std::floor(y);
      if (left < -1 || left >= static_cast<double>(width) || top < -1 ||
          top >= static_cast<double>(height)) {
        out[row * width + column] = 0;
        continue;
      }
      const auto i = static_cast<int64_t>(top), j = static_cast<int64_t>(left);
      const auto across = static_cast<float>(x - left),
                 down = static_cast<float>(y - top);
      const float above =
          pixel(i, j) + (pixel(i, j + 1) - pixel(i, j)) * across;
      const float below =
          pixel(i + 1, j) + (pixel(i + 1, j + 1) - pixel(i + 1, j)) * across;
      out[row * width + column] = above + (below - above) * down;
    }
  }
}

// The same map measured from the first pixel instead of the centre.
kernels::Resample from_corner(const Affine& map, int64_t height,
                              int64_t width) {
  const double middle_x = static_cast<double>(width - 1) / 2;
  const double middle_y = static_cast<double>(height - 1) / 2;
  kernels::Resample from{};
  from.height = height;
  from.width = width;
  from.xx = static_cast<float>(map.xx);
  from.xy = static_cast<float>(map.xy);
  from.yx = static_cast<float>(map.yx);
  from.yy = static_cast<float>(map.yy);
  from.dx = static_cast<float>(map.dx + middle_x - map.xx * middle_x -
                               map.xy * middle_y);
  from.dy = static_cast<float>(map.dy + middle_y - map.yx * middle_x -
                               map.yy * middle_y);
  return from;
}

}  // namespace

Affine Affine::then(const Affine& next) const {
  return {next.xx * xx + next.xy * yx,
          next.xx * xy + next.xy * yy,
          next.yx * xx + next.yy * yx,
          next.yx * xy + next.yy * yy,
          next.xx * dx + next.xy * dy + next.dx,
          next.yx * dx + next.yy * dy + next.dy};
}

Pipeline::Pipeline(const std::string& text) : kernels_(&kernels::select()) {
  std::map<std::string, uint32_t> occurrences;
  for (const std::string& part : parts_of(text)) {
    std::istringstream words(part);
    std::string name, amount, extra;
    words >> name >> amount;
    if (name.empty() && parts_of(text).size() == 1) continue;
    const OpEntry& op = find(all(), "augmentation", name);
    words >> extra;  // "10 %" is as good as "10%"
    amount += extra;
    require(!(words >> extra),
            "augment: expected operations separated by '|', got '", part, "'");
    char* rest = nullptr;
    const double strength = std::strtod(amount.c_str(), &rest);
    std::string unit = rest;
    require(rest != amount.c_str(), "augment.", name,
            ": expected a strength such as '", name, " 1", op.units[0],
            "', got '", amount, "'");
    if (unit.empty()) unit = op.units[0];
    require(std::count(op.units.begin(), op.units.end(), unit) > 0, "augment.",
            name, ": expected the unit ", listed(op.units), ", got '", unit,
            "'");
    const double most = unit == "%" ? std::min(100.0, op.most * 100) : op.most;
    require(strength >= 0 && strength <= most, "augment.", name,
            ": expected a strength from 0 to ", most, unit, ", got ", amount);
    steps_.push_back({op, strength, unit,
                      static_cast<uint32_t>(Stream::Augment) + op.stream +
                          kStreamsPerOccurrence * occurrences[name]++});
  }
}

std::string Pipeline::text() const {
  std::string result;
  for (const Step& step : steps_) {
    result += join(result.empty() ? "" : " | ", step.op.name, " ",
                   step.strength, step.unit);
  }
  return result;
}

Affine Pipeline::draw(const Shape& shape, uint64_t seed, uint64_t epoch,
                      uint64_t sample) const {
  Affine map;
  for (const Step& step : steps_) {
    Draws draws(seed, step.stream, epoch, sample);
    double strength = step.strength;
    if (step.unit == "%") {
      // Of the side for lengths in pixels, of one for factors.
      strength *=
          step.op.units[0] == "px"
              ? static_cast<double>(std::max(shape.height, shape.width)) / 100
              : 0.01;
    }
    // Output pixels are traced back through the last operation first.
    map = step.op.draw(draws, strength, shape).then(map);
  }
  return map;
}

void Pipeline::apply(const data::ImagesView& images, int64_t row, uint64_t seed,
                     uint64_t epoch, uint64_t sample, Scratch& scratch,
                     float* out, float scale, float shift) const {
  const Shape& shape = images.shape;
  const int64_t plane = shape.height * shape.width;
  if (steps_.empty()) {
    images.read(row, out);
  } else if (images.type == data::PixelType::UInt8) {
    const auto* bytes =
        static_cast<const uint8_t*>(images.pixels) + row * shape.size();
    kernels::Resample from = from_corner(draw(shape, seed, epoch, sample),
                                         shape.height, shape.width);
    from.quads = scratch.quads.data();
    from.scale = scale;
    from.shift = shift;
    for (int64_t c = 0; c < shape.channels; ++c) {
      kernels_->quads(bytes + c * plane, shape.height, shape.width,
                      scratch.quads.data());
      from.out = out + c * plane;
      kernels_->resample(from);
    }
    return;
  } else {
    images.read(row, scratch.image.data());
    const Affine map = draw(shape, seed, epoch, sample);
    for (int64_t c = 0; c < shape.channels; ++c) {
      resample(scratch.image.data() + c * plane, out + c * plane, shape.height,
               shape.width, map);
    }
  }
  if (scale == 1 && shift == 0) return;
  for (int64_t i = 0; i < shape.size(); ++i) out[i] = out[i] * scale + shift;
}

}  // namespace digitnet::augment
