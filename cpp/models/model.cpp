#include "models/model.h"

#include <algorithm>

#include "core/error.h"
#include "core/list.h"
#include "core/random.h"

namespace digitnet::models {
namespace {

// Calls f(place in storage, place in the tensor's own order) for every element.
template <class F>
void for_each_element(const std::vector<int64_t>& sizes, F f) {
  if (sizes.size() != 4) {
    int64_t count = 1;
    for (int64_t size : sizes) count *= size;
    for (int64_t i = 0; i < count; ++i) f(i, i);
    return;
  }
  const int64_t inputs = sizes[1], area = sizes[2] * sizes[3];
  for (int64_t out = 0; out < sizes[0]; ++out) {
    for (int64_t in = 0; in < inputs; ++in) {
      for (int64_t at = 0; at < area; ++at) {
        f((out * area + at) * inputs + in, (out * inputs + in) * area + at);
      }
    }
  }
}

std::vector<float> initial(const Parameter& parameter, uint64_t seed,
                           uint64_t index) {
  std::vector<float> values(parameter.count(),
                            static_cast<float>(parameter.init.value));
  if (parameter.init.kind == Init::Kind::Uniform) {
    Draws draws(seed, Stream::Weights, index);
    const double bound = parameter.init.value;
    draws.fill(values.data(), parameter.count(), -bound, bound);
  }
  return values;
}

// What is inside a reconstruct must make the network's own input.
void check_reconstructions(const Layer& layer, const Shape& at,
                           const Shape& image) {
  Shape shape = at;
  for (const Layer& child : layer.children) {
    check_reconstructions(child, shape, image);
    if (layer.kind == "sequence") shape = output_shape(child, shape);
  }
  if (layer.kind != "reconstruct") return;
  const Shape output = output_shape(layer.children[0], at);
  require(output.size() == image.size(),
          "reconstruct: expected a network that ", "makes the ", image.size(),
          " values of its input ", to_string(image), ", got ", output.size(),
          "; resize in preprocess or change its end");
}

}  // namespace

Shape checked_output(const Layer& network, const Shape& input) {
  try {
    return output_shape(network, input);
  } catch (const std::invalid_argument& error) {
    const int64_t min_side = min_size(network, input.channels);
    if (min_side <= std::min(input.height, input.width)) throw;
    throw std::invalid_argument(
        join(error.what(), "; the network needs at least ", min_side, "x",
             min_side, " pixels, got ", input.height, "x", input.width,
             ": resize in preprocess"));
  }
}

Model::Model(Layer network, const Shape& input,
             const std::vector<Spec>& preprocess, uint64_t seed)
    : network_(named(std::move(network))), preprocess_(preprocess, input) {
  check_input(input);
  output_ = checked_output(network_, preprocess_.output());
  require(
      (output_ == preprocess_.output() && !network_.children.empty()) ||
          (output_.flat && output_.channels >= 2),
      "model: expected the network to end in at least 2 flat outputs, or in "
      "images of its input's shape, got ",
      to_string(output_), "; end it with flatten and dense");
  check_reconstructions(network_, preprocess_.output(), preprocess_.output());
  int64_t trained = 0, buffered = 0;
  for (const Parameter& parameter :
       parameters_of(network_, preprocess_.output())) {
    int64_t& size = parameter.is_buffer ? buffered : trained;
    slots_.push_back({parameter, size});
    size += parameter.count();
  }
  trained_.resize(trained);
  buffers_.resize(buffered);
  for (size_t i = 0; i < slots_.size(); ++i)
    set(slots_[i], initial(slots_[i].parameter, seed, i + 1).data());
}

Loss Model::loss() const {
  if (outputs_images()) return Loss::SquaredError;
  const bool capsules = !network_.children.empty() &&
                        network_.children.back().kind == "capsule_logits";
  return capsules ? Loss::Margin : Loss::CrossEntropy;
}

void Model::set_temperature(double value) {
  require(value >= kLeastTemperature && value <= kMostTemperature,
          "model.temperature: expected a number from ", kLeastTemperature,
          " to ", kMostTemperature, ", got ", value);
  require(!outputs_images() || value == 1,
          "model.temperature: expected a network with classes, got one that "
          "outputs images");
  temperature_ = value;
}

const Slot& Model::slot(const std::string& name) const {
  std::vector<std::string> names;
  for (const Slot& slot : slots_) {
    if (slot.parameter.name == name) return slot;
    names.push_back(slot.parameter.name);
  }
  throw std::invalid_argument(
      join("unknown parameter '", name, "'; known: ", listed(names)));
}

std::vector<float> Model::get(const Slot& slot) const {
  const float* from =
      (slot.parameter.is_buffer ? buffers_ : trained_).data() + slot.offset;
  std::vector<float> values(slot.parameter.count());
  for_each_element(slot.parameter.sizes, [&](int64_t stored, int64_t own) {
    values[own] = from[stored];
  });
  return values;
}

void Model::set(const Slot& slot, const float* values) {
  touch();
  float* to =
      (slot.parameter.is_buffer ? buffers_ : trained_).data() + slot.offset;
  for_each_element(slot.parameter.sizes, [&](int64_t stored, int64_t own) {
    to[stored] = values[own];
  });
}

}  // namespace digitnet::models
