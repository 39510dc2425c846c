#include "models/layers.h"

namespace digitnet::models::layers {

LayerEntry flatten() {
  return {"flatten",
          "Flatten",
          "all values as one row of features",
          {},
          [](const Layer&, const Shape& input) {
            return flat_shape(input.size());
          }};
}

// Source: Srivastava et al., "Dropout", JMLR 2014.
LayerEntry dropout() {
  return {"dropout",
          "Dropout",
          "zero values at random while training",
          {{"rate", OptionType::Real, 0.5, 0, 0.99,
            "fraction of values set to zero"}},
          same_shape};
}

}  // namespace digitnet::models::layers
