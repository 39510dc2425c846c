// Tensors summed over ranks.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/ranks.h"

namespace digitnet::engine {

// For Ranks::all_reduce; borrows the tensor's memory.
SharedTensor shared(const at::Tensor& tensor);

// The sum over all ranks, in memory of its own; autograd does not see it.
at::Tensor all_reduced(const at::Tensor& x, const Ranks& ranks);

}  // namespace digitnet::engine
