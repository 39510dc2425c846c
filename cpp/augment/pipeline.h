// A sequence of random operations, written as text: "shift 2px | rotate 8deg |
// noise 5% p=50% | fill nearest".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "augment/geometry.h"
#include "augment/op.h"
#include "data/view.h"

namespace digitnet::augment {

// One operation of a pipeline, as written.
struct Step {
  const OpEntry* op;
  double strength;  // as written
  std::string unit;
  Amounts amounts;  // strength is set at each draw, from the image's size
  double probability;
  uint32_t stream;
};

// What one sample's draws are a function of: the same key, the same image.
struct SampleKey {
  uint64_t seed, epoch, sample;
  bool photometric = true;  // false: only moved by the geometric operations
};

// The random parameters of n samples, for an executor that applies them on its
// own device. Planes of noise are not among them: they are functions of the
// stream and the sample's key, see draw_plane() in augment/filtering.h.
struct Drawn {
  // One operation that warps, as draw_displacements() does.
  struct Warping {
    Warp warp;
    uint32_t stream;
  };
  // One photometric operation: parameters [n, k], `identity` for samples that
  // its probability leaves out.
  struct Photometric {
    const OpEntry* op;
    Amounts amounts;  // the largest ones
    uint32_t stream;
    std::vector<float> numbers;
  };

  // Where output pixel (x, y) reads the input, both counted from the first
  // pixel: it is moved by an affine map, then displaced by a warp, and so on in
  // turn, and by a last map. Maps [n, warps + 1, 6], x' = [0] x + [1] y + [2]
  // and y' = [3] x + [4] y + [5], empty if nothing is geometric; and whether
  // each warp takes place, [n, warps], 1 or 0.
  std::vector<float> maps, warped;
  std::vector<Warping> warps;
  std::vector<Photometric> photometric;
};

class Pipeline {
 public:
  // Parts separated by `|`. An operation is a name, a strength and its unit (a
  // missing unit is the operation's first), then options such as sigma=4px and,
  // for all but flips, p=50%: how often it is applied. "fill constant 0%",
  // "fill nearest" or "fill reflect" and "interpolation bilinear" or
  // "interpolation nearest" say how geometric operations read the image.
  // Empty text changes nothing. Throws std::invalid_argument naming the word
  // and the known ones.
  explicit Pipeline(const std::string& text);

  bool empty() const { return steps_.empty(); }
  // Whether full intensity matters: else pixels may have any range.
  bool needs_full() const {
    return geometric_ < steps_.size() || sampling_.value != 0;
  }
  // In canonical form: geometric operations come first, in one resampling, the
  // others follow, each kind in the order in which it was written.
  std::string text() const;

  const Sampling& sampling() const { return sampling_; }

  // Memory of one caller for images of one shape.
  class Scratch {
   public:
    Scratch(const Pipeline& pipeline, const Shape& shape);

   private:
    friend class Pipeline;
    Workspace work_;
    std::vector<float> image_, dx_, dy_, x_, y_;
    std::vector<uint32_t> quads_;
  };

  // Image `row`, whose pixels lie in [0, full] if needs_full(), as drawn for
  // `key`, times `scale` plus `shift`, to out[C * H * W]. The result depends
  // on nothing else: not on batch, order or thread.
  void apply(const data::ImagesView& images, int64_t row, double full,
             const SampleKey& key, Scratch& scratch, float* out,
             float scale = 1, float shift = 0) const;

  // For executors that apply draws themselves: bytes that the parameters of n
  // samples take; memory for them, kept if it is there already; and the
  // parameters of one sample, written as the `at`-th.
  int64_t bytes_of_draws(int64_t n) const;
  void reserve(int64_t n, const Shape& shape, Drawn& drawn) const;
  void draw(const Shape& shape, const SampleKey& key, int64_t at,
            Drawn& drawn) const;

 private:
  int64_t warps() const;  // how many operations
  SamplingGrid draw_grid(const Shape& shape, const SampleKey& key,
                         Scratch& scratch) const;
  // The maps between the sample's warps, and which of these take place.
  void draw_maps(const Shape& shape, const SampleKey& key, float* maps,
                 float* warped) const;
  void apply_photometric(const Canvas& canvas, const SampleKey& key,
                         Scratch& scratch) const;
  // Whether the step takes place; its parameters then, or identity.
  static bool draw_photometric(const Step& step, const Shape& shape,
                               Draws& draws, double* numbers);

  std::vector<Step> steps_;  // geometric ones first
  size_t geometric_ = 0;     // how many
  Sampling sampling_;
  const kernels::Kernels* kernels_;
};

}  // namespace digitnet::augment
