#include "models/layer.h"

#include <cmath>
#include <set>

#include "core/error.h"
#include "core/list.h"
#include "models/layers.h"

namespace digitnet::models {

Layer make_layer(const std::string& kind, const Options& options,
                 std::vector<Layer> children, const std::string& name) {
  const LayerEntry& entry = find(layers::all(), "layer", kind);
  require(entry.children != 0 || children.empty(), kind,
          ": expected no layers inside, got ", children.size());
  require(entry.children <= 0 ||
              static_cast<int>(children.size()) == entry.children,
          kind, ": expected ", entry.children, " layers inside, got ",
          children.size());
  for (char c : name) {
    require(std::isalnum(static_cast<unsigned char>(c)) || c == '_', kind,
            ".name: expected letters, digits and '_', got '", name, "'");
  }
  require(name.size() <= 64, kind,
          ".name: expected at most 64 characters, got ", name.size());
  return {kind, resolve(kind, entry.options, options), std::move(children),
          name};
}

Shape same_shape(const Layer&, const Shape& input) { return input; }

void require_spatial(const Layer& layer, const Shape& input) {
  require(!input.flat, layer.kind,
          ": expected images (channels x height x width), got ",
          to_string(input), " flat features; put it before flatten");
}

OptionInfo init_option() {
  return {"init",
          OptionType::Choice,
          std::string("torch"),
          0,
          0,
          "how weights start: as torch.nn's, as Keras' (glorot), or He's for "
          "deep networks of ReLUs",
          {"torch", "glorot", "he"}};
}

std::vector<Parameter> weight_and_bias(const Layer& layer,
                                       const std::vector<int64_t>& weight,
                                       int64_t inputs) {
  const std::string& way = text(layer.options, "init");
  int64_t count = 1;
  for (const int64_t size : weight) count *= size;
  // Sums that an input takes part in, as Keras counts them.
  const double outputs = static_cast<double>(count / weight[1]);
  const auto sums = static_cast<double>(inputs);
  double bound = 1 / std::sqrt(sums);
  if (way == "glorot") bound = std::sqrt(6 / (sums + outputs));
  if (way == "he") bound = std::sqrt(6 / sums);
  const Init init{Init::Kind::Uniform, bound};
  std::vector<Parameter> result = {{"weight", weight, init, false, true}};
  if (flag(layer.options, "bias"))
    result.push_back({"bias", {weight[0]}, way == "torch" ? init : Init{}});
  return result;
}

OptionInfo whole(const std::string& name, double fallback, double min,
                 double max, const std::string& summary, bool required) {
  return {name, OptionType::Integer, fallback, min, max, summary, {}, required};
}

}  // namespace digitnet::models
