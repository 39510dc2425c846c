#include "models/network.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/list.h"
#include "models/layers.h"

namespace digitnet::models {
namespace {

constexpr int kMaxDepth = 32;
constexpr int64_t kMaxLayers = 10'000;
constexpr int64_t kMaxParameters = 2'000'000'000;

void name_children(Layer& parent, int depth, int64_t& layers) {
  require(depth <= kMaxDepth, "network: expected at most ", kMaxDepth,
          " nested layers, got more");
  std::set<std::string> taken;
  for (const Layer& child : parent.children) {
    if (child.name.empty()) continue;
    require(taken.insert(child.name).second,
            "network: expected one layer called '", child.name, "', got two");
  }
  std::map<std::string, int> numbers;
  for (Layer& child : parent.children) {
    require(++layers <= kMaxLayers, "network: expected at most ", kMaxLayers,
            " layers, got more");
    const int place = ++numbers[child.kind];
    if (child.name.empty()) {
      child.name = join(child.kind, place);
      require(taken.insert(child.name).second, "network: the automatic name '",
              child.name, "' is taken; give the layer another name");
    }
    name_children(child, depth + 1, layers);
  }
}

// Without a product that has no room in 64 bits.
bool fits(const Shape& shape) {
  return shape.channels <= kMaxActivations && shape.height <= kMaxActivations &&
         shape.width <= kMaxActivations &&
         shape.channels * shape.height <= kMaxActivations &&
         shape.size() <= kMaxActivations;
}

void visit_leaves(const Layer& layer, const std::string& path,
                  const Shape& input, const Visit& visit) {
  const LayerEntry& entry = find(layers::all(), "layer", layer.kind);
  if (entry.children == 0) {
    visit(path, layer, input, output_shape(layer, input));
    return;
  }
  Shape shape = input;
  for (const Layer& child : layer.children) {
    visit_leaves(child, joined_path(path, child.name), shape, visit);
    if (layer.kind == "sequence") shape = output_shape(child, shape);
  }
}

}  // namespace

std::string joined_path(const std::string& path, const std::string& name) {
  return path.empty() ? name : path + "." + name;
}

bool contains(const Layer& root, const std::string& kind) {
  if (root.kind == kind) return true;
  return std::any_of(root.children.begin(), root.children.end(),
                     [&](const Layer& child) { return contains(child, kind); });
}

Layer without_last_softmax(Layer root) {
  if (!root.children.empty() && root.children.back().kind == "softmax")
    root.children.pop_back();
  return root;
}

Layer named(Layer root) {
  int64_t layers = 0;
  name_children(root, 0, layers);
  return root;
}

Shape output_shape(const Layer& layer, const Shape& input) {
  const LayerEntry& entry = find(layers::all(), "layer", layer.kind);
  try {
    const Shape output = entry.output_shape(layer, input);
    require(fits(output), layer.kind, ": expected an output of at most ",
            kMaxActivations, " values a sample, got ", to_string(output));
    const int64_t within = entry.workspace ? entry.workspace(layer, input) : 0;
    require(within <= kMaxActivations, layer.kind,
            ": expected to compute with at most ", kMaxActivations,
            " values a sample, got more of an input ", to_string(input));
    return output;
  } catch (const std::invalid_argument& error) {
    // A composite passes on its children's errors.
    if (layer.name.empty() || entry.children != 0) throw;
    throw std::invalid_argument(
        join("layer '", layer.name, "': ", error.what()));
  }
}

int64_t min_size(const Layer& root, int64_t channels) {
  for (int64_t side = 1; side <= 512; ++side) {
    try {
      output_shape(root, {channels, side, side});
      return side;
    } catch (const std::invalid_argument&) {  // not yet large enough
    }
  }
  return 0;
}

void for_each_leaf(const Layer& root, const Shape& input, const Visit& visit) {
  visit_leaves(root, "", input, visit);
}

std::vector<Parameter> parameters_of(const Layer& root, const Shape& input) {
  require(fits(input), "preprocess: expected at most ", kMaxActivations,
          " values a sample, got ", to_string(input));
  std::vector<Parameter> result;
  int64_t total = 0;
  for_each_leaf(root, input,
                [&](const std::string& path, const Layer& layer,
                    const Shape& in, const Shape&) {
                  const LayerEntry& entry =
                      find(layers::all(), "layer", layer.kind);
                  if (!entry.parameters) return;
                  for (Parameter parameter : entry.parameters(layer, in)) {
                    parameter.name = joined_path(path, parameter.name);
                    total += parameter.count();
                    require(total <= kMaxParameters,
                            "network: expected at most ", kMaxParameters,
                            " parameters, got more at '", parameter.name, "'");
                    result.push_back(std::move(parameter));
                  }
                });
  return result;
}

int64_t peak_activations(const Layer& root, const Shape& input) {
  int64_t peak = input.size();
  for_each_leaf(
      root, input,
      [&](const std::string&, const Layer& layer, const Shape& in,
          const Shape& out) {
        const LayerEntry& entry = find(layers::all(), "layer", layer.kind);
        const int64_t within = entry.workspace ? entry.workspace(layer, in) : 0;
        peak = std::max(peak, in.size() + out.size() + within);
      });
  return peak;
}

void check_input(const Shape& input) {
  const auto is_side = [](int64_t size) { return size >= 1 && size <= 1024; };
  require(is_side(input.channels) && is_side(input.height) &&
              is_side(input.width) && fits(input),
          "model.input_shape: expected (channels, height, width) from 1 to "
          "1024 each and at most ",
          kMaxActivations, " values, got ", to_string(input));
}

std::vector<SummaryRow> summarise(const Layer& root, const Shape& input) {
  std::vector<SummaryRow> rows;
  for_each_leaf(
      root, input,
      [&](const std::string& path, const Layer& layer, const Shape& in,
          const Shape& out) {
        const LayerEntry& entry = find(layers::all(), "layer", layer.kind);
        int64_t trained = 0;
        if (entry.parameters) {
          for (const Parameter& parameter : entry.parameters(layer, in)) {
            if (!parameter.is_buffer) trained += parameter.count();
          }
        }
        rows.push_back(
            {path, layer.kind, out, trained,
             entry.multiply_adds ? entry.multiply_adds(layer, in) : 0});
      });
  return rows;
}

}  // namespace digitnet::models
