#include "core/error.h"
#include "models/layers.h"

namespace digitnet::models::layers {

// Source: Sabour, Frosst, Hinton, "Dynamic routing between capsules", NeurIPS
// 2017, sections 2 to 4. Gradients also flow through the agreement, as in the
// authors' program.
LayerEntry capsules() {
  return {
      "capsules",
      "Capsules",
      "vectors for the classes, to which vectors in the channels send what "
      "agrees; a map in, units x size features out",
      {whole("units", 0, 1, 4096, "capsules, one a class", true),
       whole("size", 16, 1, 256, "features of each"),
       whole("inputs", 8, 1, 256, "channels of a vector that comes in"),
       whole("routing", 3, 1, 16, "iterations")},
      [](const Layer& layer, const Shape& input) {
        require_spatial(layer, input);
        const int64_t inputs = integer(layer.options, "inputs");
        require(input.channels % inputs == 0,
                "capsules: expected channels that ", inputs,
                " inputs divide, got ", to_string(input));
        return flat_shape(integer(layer.options, "units") *
                          integer(layer.options, "size"));
      },
      [](const Layer& layer, const Shape& input) -> std::vector<Parameter> {
        constexpr double kBound = 0.173;  // standard deviation .1
        const int64_t inputs = integer(layer.options, "inputs");
        return {
            {"weight",
             {input.size() / inputs,
              integer(layer.options, "units") * integer(layer.options, "size"),
              inputs},
             {Init::Kind::Uniform, kBound},
             false,
             true}};
      },
      [](const Layer& layer, const Shape& input) {
        return input.size() * integer(layer.options, "units") *
               integer(layer.options, "size");
      },
      0,
      [](const Layer& layer, const Shape& input) {  // every prediction
        return input.size() / integer(layer.options, "inputs") *
               integer(layer.options, "units") * integer(layer.options, "size");
      }};
}

// A squashed vector of length l stands for "it is there with probability l". If
// exactly one of them is, the probability that it is this one is the softmax of
// log(l / (1 - l)).
LayerEntry capsule_logits() {
  return {"capsule_logits",
          "CapsuleLogits",
          "log-odds of the lengths of vectors; a network that ends in it "
          "learns by the margin loss",
          {whole("size", 16, 1, 256, "features of each vector")},
          [](const Layer& layer, const Shape& input) {
            const int64_t size = integer(layer.options, "size");
            require(input.flat && input.channels % size == 0,
                    "capsule_logits: expected flat features that ", size,
                    " divide, got ", to_string(input));
            return flat_shape(input.channels / size);
          }};
}

}  // namespace digitnet::models::layers
