// Sums over ranks that autograd can go back through.
#pragma once

#include <ATen/core/Tensor.h>

#include "engine/ranks.h"

namespace digitnet::engine {

// For Ranks::all_reduce; borrows the tensor's memory.
SharedTensor shared(const at::Tensor& tensor);

// The sum over all ranks, with a gradient: that of the sum of all ranks'
// losses. The ranks must outlive the backward pass.
at::Tensor all_reduced(const at::Tensor& x, const Ranks& ranks);

}  // namespace digitnet::engine
