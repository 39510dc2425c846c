// Deterministic steps from raw pixels to the network's input, as Keras'
// preprocessing layers. They belong to the model and are saved with it, so that
// training, evaluation and serving cannot disagree.
#pragma once

#include <vector>

#include "core/options.h"
#include "core/shape.h"
#include "data/view.h"

namespace digitnet::models {

// One kind of step. `from` and `to` are [C, H, W] floats of the step's input
// and output shape and do not overlap.
struct StepEntry {
  std::string name;
  std::string class_name;  // in digitnet.preprocess
  std::string summary;
  std::vector<OptionInfo> options;
  Shape (*output_shape)(const Options& options, const Shape& input);
  // `max_value` is the largest pixel value of the data the model was fitted on.
  void (*apply)(const Options& options, double max_value, const Shape& input,
                const float* from, float* to);
  // Which options are measured on the first training data when left empty.
  bool learns_mean = false;
  bool learns_std = false;
  // value * scale + shift is composed onto (scale, shift); false: it is not the
  // same for all values. Null: never is.
  bool (*affine)(const Options& options, double max_value, double& scale,
                 double& shift) = nullptr;
};

// The steps of one model.
class Preprocess {
 public:
  Preprocess() = default;
  // Throws std::invalid_argument for unknown steps or options, or a step that
  // cannot take the shape it gets.
  Preprocess(const std::vector<Spec>& steps, const Shape& input);

  const std::vector<Spec>& steps() const { return steps_; }
  const Shape& input() const { return shapes_.front(); }
  const Shape& output() const { return shapes_.back(); }

  // 0 until the first fit.
  double max_value() const { return max_value_; }
  void set_max_value(double value) { max_value_ = value; }
  // Fits means and deviations that were left empty, as adapt() of Keras; later
  // calls change nothing.
  void learn(const data::DatasetView& training);

  // One image: from[input], to[output]. Thread-safe.
  void apply(const float* from, float* to) const {
    apply_first(steps_.size(), from, to);
  }

  // Whether all steps together are value * scale + shift for every value, to
  // float32's precision.
  bool is_affine(float& scale, float& shift) const;

 private:
  void apply_first(size_t count, const float* from, float* to) const;

  std::vector<Spec> steps_;
  std::vector<const StepEntry*> entries_;
  std::vector<Shape> shapes_ = {
      Shape{}};  // before, between and behind the steps
  double max_value_ = 0;
};

}  // namespace digitnet::models
