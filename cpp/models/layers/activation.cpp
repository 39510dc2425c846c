#include "models/layers.h"

namespace digitnet::models::layers {

LayerEntry relu() { return {"relu", "ReLU", "max(x, 0)", {}, same_shape}; }
LayerEntry relu6() {
  return {"relu6", "ReLU6", "min(max(x, 0), 6)", {}, same_shape};
}
LayerEntry sigmoid() {
  return {"sigmoid", "Sigmoid", "1 / (1 + exp(-x))", {}, same_shape};
}
LayerEntry tanh() {
  return {"tanh", "Tanh", "hyperbolic tangent", {}, same_shape};
}
LayerEntry gelu() {
  return {"gelu",
          "GELU",
          "x times the normal distribution function of x",
          {},
          same_shape};
}
LayerEntry softmax() {
  return {"softmax",
          "Softmax",
          "exp(x) / sum of exp(x); as a network's last layer it is implied by "
          "the loss and left out",
          {},
          same_shape};
}

}  // namespace digitnet::models::layers
