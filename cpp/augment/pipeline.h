// A sequence of random operations, written as text: "shift 2px | rotate 8deg |
// zoom 10%".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "augment/op.h"
#include "data/view.h"
#include "kernels/kernels.h"

namespace digitnet::augment {

class Pipeline {
 public:
  // Operations separated by `|`, each a name, a strength and its unit (a
  // missing unit is the operation's first). Empty text changes nothing. Throws
  // std::invalid_argument naming the word and the known ones.
  explicit Pipeline(const std::string& text);

  bool empty() const { return steps_.empty(); }
  std::string text() const;  // in canonical form

  // Memory of one caller for images of one shape.
  struct Scratch {
    explicit Scratch(const Shape& shape)
        : image(shape.size()),
          quads(kernels::quads_size(shape.height, shape.width)) {}
    std::vector<float> image;
    std::vector<uint32_t> quads;
  };

  // Image `row` as it looks at (seed, epoch, sample), bilinear, 0 beyond the
  // border, times `scale` plus `shift`, to out[C*H*W].
  // The result depends on nothing else: not on batch, order or thread. Places
  // are computed in float: values are within a thousandth of a grey level of
  // exact ones for images of up to 64 pixels a side.
  void apply(const data::ImagesView& images, int64_t row, uint64_t seed,
             uint64_t epoch, uint64_t sample, Scratch& scratch, float* out,
             float scale = 1, float shift = 0) const;

 private:
  struct Step {
    OpEntry op;
    double strength;  // as written
    std::string unit;
    uint32_t stream;
  };
  // The map of one sample, all operations in one.
  Affine draw(const Shape& shape, uint64_t seed, uint64_t epoch,
              uint64_t sample) const;

  std::vector<Step> steps_;
  const kernels::Kernels* kernels_;
};

}  // namespace digitnet::augment
