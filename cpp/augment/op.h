// One random operation on an image, geometric or photometric. Geometric ones
// (rotate, shift, elastic) only say where each output pixel reads the input:
// they are composed, and a whole pipeline resamples an image once. Photometric
// ones (brightness, noise, blur) change the values in place, afterwards.
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

// Displacements in pixels: uniform noise smoothed by a Gaussian.
struct Warp {
  double sigma;  // of the Gaussian
  double std;    // of the displacements
};

// Memory that grows, never shrinks; its contents are lost when it grows.
class Buffer {
 public:
  float* reserve(int64_t count) {
    if (static_cast<int64_t>(memory_.size()) < count) memory_.resize(count);
    return memory_.data();
  }

 private:
  std::vector<float> memory_;
};

// Memory and kernels that operations work with; one a thread.
struct Workspace {
  const kernels::Kernels* kernels = nullptr;
  Buffer padded, row, taps;
};

// The strength in the first of the operation's units, and the options in the
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

// A named number of an operation: sigma in "elastic 2px sigma=3px".
struct OpOption {
  std::string name;
  std::string summary;
  std::string unit;
  double fallback;
  double min, max;
  bool whole = false;  // a number without a fraction
};

struct OpEntry {
  std::string name;
  std::string summary;
  std::string source;
  std::vector<std::string>
      units;            // as written behind the strength; the first is default
  double max_strength;  // strengths are 0 to this, in the first unit
  uint32_t stream;      // of random numbers: never renumber

  // A geometric operation has `affine` or `warp`, a photometric one `draw` and
  // `apply`. The affine map of one draw; or what its displacements are drawn
  // from, see draw_displacements() in augment/filtering.h.
  Affine (*affine)(Draws& draws, const Amounts& amounts,
                   const Shape& shape) = nullptr;
  Warp (*warp)(const Amounts& amounts, const Shape& shape) = nullptr;
  // Photometric, in two halves so that the GPU can do the second: `draw` writes
  // the parameters of one image, as many as `identity` has, and `apply` changes
  // the image by them. `noise` is normal, [C, H, W], null unless `noisy`.
  void (*draw)(Draws& draws, const Amounts& amounts, const Shape& shape,
               double* numbers) = nullptr;
  void (*apply)(const double* numbers, const float* noise, const Canvas& canvas,
                Workspace& work) = nullptr;
  std::vector<double> identity = {};  // parameters that change nothing
  bool noisy = false;

  std::vector<OpOption> options = {};
  bool chance = false;  // the strength is a probability: it takes no p=

  bool geometric() const { return apply == nullptr; }
};

}  // namespace digitnet::augment
