// A network with its weights and preprocessing: what is trained, saved and
// predicts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/network.h"
#include "models/preprocess.h"

namespace digitnet::models {

// The place of a tensor in the model's memory. Four-dimensional weights are
// stored with their second dimension last (out, height, width, in), the order
// in which channels-last convolutions read them.
struct Slot {
  Parameter parameter;
  int64_t offset;  // floats, in trained() or in buffers()
};

// The margin loss: a class that is there has a length above kPresent, others
// below kAbsent.
constexpr double kPresent = 0.9, kAbsent = 0.1, kAbsentWeight = 0.5;

constexpr double kLeastTemperature = 1e-3, kMostTemperature = 1e3;

// The training loss.
enum class Loss {
  CrossEntropy,
  // Of networks that end in capsule_logits. Source: Sabour, Frosst, Hinton,
  // NeurIPS 2017, section 3.
  Margin,
  SquaredError  // of networks that output images
};

// The network's output; an error names the smallest size that fits.
Shape checked_output(const Layer& network, const Shape& input);

class Model {
 public:
  // Weights are drawn from `seed`. Throws std::invalid_argument if the network
  // cannot take the preprocessed input or ends neither in flat features, one a
  // class, nor in images of the input's own shape.
  Model(Layer network, const Shape& input, const std::vector<Spec>& preprocess,
        uint64_t seed);

  const Layer& network() const { return network_; }
  Preprocess& preprocess() { return preprocess_; }
  const Preprocess& preprocess() const { return preprocess_; }
  const Shape& input() const { return preprocess_.input(); }
  // Outputs for a sample: logits, one a class, or an image's values.
  int64_t outputs() const { return output_.size(); }
  bool outputs_images() const { return !output_.flat; }
  Loss loss() const;
  // What predictions divide logits by: 1, or what calibration chose. Training
  // goes without. The setter throws std::invalid_argument outside of
  // [kLeastTemperature, kMostTemperature], and for networks that output images.
  // Source: Guo et al., ICML 2017, section 4.2.
  double temperature() const { return temperature_; }
  void set_temperature(double value);

  const std::vector<Slot>& slots() const { return slots_; }
  const Slot& slot(
      const std::string& name) const;  // throws, listing the known names
  // All trained parameters, and all buffers (running statistics), one block
  // each: every executor, optimizer and average works on these.
  std::vector<float>& trained() { return trained_; }
  const std::vector<float>& trained() const { return trained_; }
  std::vector<float>& buffers() { return buffers_; }
  const std::vector<float>& buffers() const { return buffers_; }

  // A counter of changes, by which executors see that their copy of the weights
  // is old. Call touch() after writing to the blocks from outside.
  uint64_t revision() const { return revision_; }
  void touch() { ++revision_; }

  // One tensor in its own order (out, in, height, width).
  std::vector<float> get(const Slot& slot) const;
  void set(const Slot& slot, const float* values);

 private:
  Layer network_;
  Preprocess preprocess_;
  Shape output_;
  std::vector<Slot> slots_;
  std::vector<float> trained_, buffers_;
  uint64_t revision_ = 0;
  double temperature_ = 1;
};

}  // namespace digitnet::models
