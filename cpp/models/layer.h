// A network is a tree of layers, each a plain value: its kind, its options and
// the layers inside, as get_config() of Keras gives them. Nothing here
// computes: executors, summary, saved file and to_torch() all read this one
// description.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/options.h"
#include "core/shape.h"

namespace digitnet::models {

struct Layer {
  std::string kind;             // a name in layers.h
  Options options;              // resolved against the kind's declaration
  std::vector<Layer> children;  // of the composite kinds only
  std::string name;             // unique among its siblings; given by named()
};

// What a weight starts as. Uniform: in [-bound, bound].
struct Init {
  enum class Kind { Uniform, Constant } kind = Kind::Constant;
  double value = 0;  // bound or constant
};

// One tensor of a layer. Buffers (running statistics) are saved but not
// trained.
struct Parameter {
  std::string name;  // "weight"; in a network "conv1.weight"
  std::vector<int64_t> sizes;
  Init init;
  bool is_buffer = false;
  bool decays = false;  // L1 and L2 act on it: weights, not biases or scales

  int64_t count() const {
    int64_t product = 1;
    for (int64_t size : sizes) product *= size;
    return product;
  }
};

// One kind of layer. `Layer` arguments have resolved options.
struct LayerEntry {
  std::string name;  // "max_pool": the kind, in files and in automatic names
  std::string class_name;  // "MaxPool": in digitnet.layers
  std::string summary;
  std::vector<OptionInfo> options = {};
  // Throws std::invalid_argument saying what the layer cannot take.
  Shape (*output_shape)(const Layer& layer, const Shape& input) = nullptr;
  std::vector<Parameter> (*parameters)(const Layer& layer,
                                       const Shape& input) = nullptr;
  int64_t (*multiply_adds)(const Layer& layer, const Shape& input) = nullptr;
  // Composite kinds: how many children, -1 for any number. Their parameters and
  // multiply-adds are those of the children.
  int children = 0;
  // Values that it computes with for a sample, beside its input and output;
  // null: no more than those.
  int64_t (*workspace)(const Layer& layer, const Shape& input) = nullptr;
};

// A layer of a known kind with checked options.
Layer make_layer(const std::string& kind, const Options& options = {},
                 std::vector<Layer> children = {},
                 const std::string& name = "");

// What several entries need: the shape of the input; or an error for flat
// input.
Shape same_shape(const Layer& layer, const Shape& input);
void require_spatial(const Layer& layer, const Shape& input);
// The option "init", how weights start: see layers.h.
OptionInfo init_option();
// "weight" of these sizes, each output a sum over `inputs`, and, if the layer
// has one, "bias", as the layer's init option says.
std::vector<Parameter> weight_and_bias(const Layer& layer,
                                       const std::vector<int64_t>& weight,
                                       int64_t inputs);
// A whole number from min to max.
OptionInfo whole(const std::string& name, double fallback, double min,
                 double max, const std::string& summary, bool required = false);

}  // namespace digitnet::models
