// Auxiliary heads: their input passes unchanged, and in training the loss of
// the network inside is added.
#include "core/error.h"
#include "models/layers.h"
#include "models/network.h"

namespace digitnet::models::layers {

// Source: Sabour, Frosst, Hinton, "Dynamic routing between capsules", NeurIPS
// 2017, section 4.1.
LayerEntry reconstruct() {
  return {"reconstruct",
          "Reconstruct",
          "lets features through; in training the network inside must make the "
          "image from those of the true class alone",
          {whole("size", 16, 1, 256, "features of a class"),
           {"weight", OptionType::Real, 0.0005, 0, 1e6,
            "of the sum of squared errors, beside the loss"}},
          [](const Layer& layer, const Shape& input) {
            const int64_t size = integer(layer.options, "size");
            require(input.flat && input.channels % size == 0,
                    "reconstruct: expected flat features that ", size,
                    " divide, got ", to_string(input));
            output_shape(layer.children[0], input);  // or throws
            return input;
          },
          nullptr,
          nullptr,
          1};
}

// Source: Ganin et al., "Domain-adversarial training of neural networks", JMLR
// 17, 2016, section 4.
LayerEntry domain_head() {
  return {"domain_head",
          "DomainHead",
          "lets features through; in training the network inside must tell two "
          "domains apart, and what is before it that it cannot",
          {{"weight", OptionType::Real, 1.0, 0, 1e6,
            "of the reversed gradient at the end of training"}},
          [](const Layer& layer, const Shape& input) {
            const Shape output = output_shape(layer.children[0], input);
            require(output.flat && output.channels == 2,
                    "domain_head: expected a network that ends in 2 flat "
                    "outputs, got ",
                    to_string(output));
            return input;
          },
          nullptr,
          nullptr,
          1};
}

}  // namespace digitnet::models::layers
