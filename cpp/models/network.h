// A whole network: names, shapes, parameters, summary.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "models/layer.h"

namespace digitnet::models {

// The tree with a name for every layer: the given one, else kind and number
// among its siblings ("conv1", "conv2", "dense1"). Throws std::invalid_argument
// for two siblings of one name and for trees deeper than 32 or of more than
// 10,000 layers.
Layer named(Layer root);

// "residual1.conv2" from "residual1" and "conv2".
std::string joined_path(const std::string& path, const std::string& name);

// Whether a layer of the kind is anywhere in the tree.
bool contains(const Layer& root, const std::string& kind);

// The tree without a last softmax: the loss and predict_proba imply it.
Layer without_last_softmax(Layer root);

// As many values a sample may have between two layers or within one, 1 GiB of
// floats: 64 maps of 2048 x 2048 pixels.
constexpr int64_t kMaxActivations = int64_t{1} << 28;

// Shape behind one layer; errors name the layer. Throws std::invalid_argument
// for more than kMaxActivations, too, of what comes out or is computed with.
Shape output_shape(const Layer& layer, const Shape& input);

// The smallest square image of so many channels that the network can take, or 0
// if none of up to 512 pixels a side is.
int64_t min_size(const Layer& root, int64_t channels);

// Calls visit(path, layer, input shape, output shape) for every layer that is
// not composite, in order of execution.
using Visit = std::function<void(const std::string&, const Layer&, const Shape&,
                                 const Shape&)>;
void for_each_leaf(const Layer& root, const Shape& input, const Visit& visit);

// Every tensor of the network with its full name ("conv1.weight"), in order.
std::vector<Parameter> parameters_of(const Layer& root, const Shape& input);

// The most values that one of the layers takes for a sample: those that go in,
// come out, and that it computes with.
int64_t peak_activations(const Layer& root, const Shape& input);

// Throws std::invalid_argument unless an input has 1 to 1024 channels, rows and
// columns, and no more than kMaxActivations.
void check_input(const Shape& input);

struct SummaryRow {
  std::string path;
  std::string kind;
  Shape output;
  int64_t parameters;     // trained ones
  int64_t multiply_adds;  // for one sample
};
std::vector<SummaryRow> summarise(const Layer& root, const Shape& input);

}  // namespace digitnet::models
