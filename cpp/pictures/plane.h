// A grey picture in memory.
#pragma once

#include <cstdint>
#include <vector>

namespace digitnet::pictures {

struct Plane {
  int64_t height = 0, width = 0;
  std::vector<float> pixels;  // [height, width]

  Plane() = default;
  Plane(int64_t rows, int64_t columns, float value = 0)
      : height(rows), width(columns), pixels(rows * columns, value) {}

  int64_t size() const { return height * width; }
  float& at(int64_t y, int64_t x) { return pixels[y * width + x]; }
  float at(int64_t y, int64_t x) const { return pixels[y * width + x]; }
};

// Which pixels belong to something: 0 or 1.
struct Mask {
  int64_t height = 0, width = 0;
  std::vector<uint8_t> pixels;  // [height, width]

  Mask() = default;
  Mask(int64_t rows, int64_t columns)
      : height(rows), width(columns), pixels(rows * columns, 0) {}

  uint8_t& at(int64_t y, int64_t x) { return pixels[y * width + x]; }
  uint8_t at(int64_t y, int64_t x) const { return pixels[y * width + x]; }
};

struct Box {
  int64_t top = 0, left = 0, height = 0, width = 0;

  int64_t bottom() const { return top + height; }
  int64_t right() const { return left + width; }
};

}  // namespace digitnet::pictures
