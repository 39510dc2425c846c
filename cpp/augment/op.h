// One random operation on an image. Geometric ones say where pixels are read
// from, so that a whole pipeline resamples an image once; the others paint:
// they change pixels in place, afterwards.
#pragma once

#include <string>
#include <vector>

#include "core/random.h"
#include "core/shape.h"
#include "kernels/kernels.h"

namespace digitnet::augment {

// Where output pixel (x, y) reads the input, both measured from the image's
// centre in pixels: input = matrix * output + offset.
struct Affine {
  double xx = 1, xy = 0, yx = 0, yy = 1;
  double dx = 0, dy = 0;

  // First this map, then (nearer to the input) `next`.
  Affine then(const Affine& next) const;
  bool is_identity() const;
};

// Memory that grows when more is asked for; its contents are lost then.
class Buffer {
 public:
  float* reserve(int64_t count) {
    if (static_cast<int64_t>(memory_.size()) < count) memory_.resize(count);
    return memory_.data();
  }

 private:
  std::vector<float> memory_;
};

// What operations work with; one a thread.
struct Workspace {
  const kernels::Kernels* kernels = nullptr;
  Buffer padded, row, taps;
};

// How much: in the first of the operation's units, and its own options in the
// order of OpEntry::options.
struct Amounts {
  double strength = 0;
  std::vector<double> options;
};

// An image to be changed in place.
struct Canvas {
  float* pixels;  // [C, H, W], in [0, full] before and after
  Shape shape;
  float full;  // the value of full intensity
};

// A number that may be given by name: "elastic 2px sigma=3px".
struct OpOption {
  std::string name;
  std::string summary;
  std::string unit;
  double fallback;
  double least, most;
};

struct OpEntry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<std::string>
      units;        // as written behind the strength; the first is usual
  double most;      // strengths are 0 to `most`, in the first unit
  uint32_t stream;  // its own random stream: never renumber

  // One of these: `affine`, `warp`, or `draw` and `apply`.
  // The affine map of one draw.
  Affine (*affine)(Draws& draws, const Amounts& amounts,
                   const Shape& shape) = nullptr;
  // Displacements of one draw, dx[H * W] and dy[H * W] in pixels: the pixel at
  // p is read at p + (dx, dy).
  void (*warp)(Draws& draws, const Amounts& amounts, const Shape& shape,
               Workspace& work, float* dx, float* dy) = nullptr;
  // Painting, in two halves that need not be done in one place: what a draw
  // says in numbers, as many as `identity` has, and what they make of an image.
  // `noise` is normal, [C, H, W], of a noisy operation.
  void (*draw)(Draws& draws, const Amounts& amounts, const Shape& shape,
               double* numbers) = nullptr;
  void (*apply)(const double* numbers, const float* noise, const Canvas& canvas,
                Workspace& work) = nullptr;
  std::vector<double> idle = {};  // the numbers that change nothing
  bool noisy = false;

  std::vector<OpOption> options = {};
  bool chance = false;  // the strength itself says how often

  bool geometric() const { return apply == nullptr; }
};

}  // namespace digitnet::augment
