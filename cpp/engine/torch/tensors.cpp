#include "engine/torch/tensors.h"

namespace digitnet::engine {

at::Tensor copied(const at::Tensor& from, at::Device device) {
  return from.to(device, from.scalar_type(), false, true);
}

}  // namespace digitnet::engine
