#include "models/layer.h"

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

OptionInfo whole(const std::string& name, double fallback, double least,
                 double most, const std::string& summary, bool required) {
  return {name,    OptionType::Integer, fallback, least, most, summary, {},
          required};
}

}  // namespace digitnet::models
