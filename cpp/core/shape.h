// The shape of one sample: C channels of H x W values, or a flat list of
// features.
#pragma once

#include <cstdint>
#include <string>

#include "core/error.h"

namespace digitnet {

struct Shape {
  int64_t channels = 0;
  int64_t height = 1;
  int64_t width = 1;
  bool flat =
      false;  // true after flatten: `channels` features, height = width = 1

  int64_t size() const { return channels * height * width; }
  bool operator==(const Shape&) const = default;
};

inline Shape flat_shape(int64_t features) { return {features, 1, 1, true}; }

// "16x7x7", or "784" when flat.
inline std::string to_string(const Shape& shape) {
  if (shape.flat) return join(shape.channels);
  return join(shape.channels, "x", shape.height, "x", shape.width);
}

}  // namespace digitnet
