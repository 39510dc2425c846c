// A sequence of random operations, written as text: "shift 2px | rotate 8deg |
// zoom 10%".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "augment/op.h"
#include "data/view.h"

namespace digitnet::augment {

class Pipeline {
 public:
  // Operations separated by `|`, each a name, a strength and its unit (a
  // missing unit is the operation's first). Empty text changes nothing. Throws
  // std::invalid_argument naming the word and the known ones.
  explicit Pipeline(const std::string& text);

  bool empty() const { return steps_.empty(); }
  std::string text() const;  // in canonical form

  // Image `row` as it looks at (seed, epoch, sample), bilinear, 0 beyond the
  // border.
  //   scratch, out   [C*H*W] floats
  // The result depends on nothing else: not on batch, order or thread.
  void apply(const data::ImagesView& images, int64_t row, uint64_t seed,
             uint64_t epoch, uint64_t sample, float* scratch, float* out) const;

 private:
  struct Step {
    OpEntry op;
    double strength;  // as written
    std::string unit;
    uint32_t stream;
  };
  std::vector<Step> steps_;
};

}  // namespace digitnet::augment
