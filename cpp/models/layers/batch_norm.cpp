#include "models/layers.h"

namespace digitnet::models::layers {
namespace {

std::vector<Parameter> parameters(const Layer&, const Shape& input) {
  const Init zero{Init::Kind::Constant, 0}, one{Init::Kind::Constant, 1};
  return {{"weight", {input.channels}, one},
          {"bias", {input.channels}, zero},
          {"running_mean", {input.channels}, zero, true},
          {"running_var", {input.channels}, one, true}};
}

}  // namespace

// Source: Ioffe, Szegedy, "Batch normalization", ICML 2015.
LayerEntry batch_norm() {
  return {
      "batch_norm",
      "BatchNorm",
      "normalise each channel over the batch",
      {{"momentum", OptionType::Real, 0.1, 0, 1,
        "weight of a new batch in the running statistics"},
       {"epsilon", OptionType::Real, 1e-5, 1e-12, 1, "added to the variance"}},
      same_shape,
      parameters};
}

}  // namespace digitnet::models::layers
