#include "engine/torch/ranks.h"

#include <ATen/DLConvertor.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

namespace digitnet::engine {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor reduced_copy(const at::Tensor& x, const Ranks& ranks) {
  at::NoGradGuard guard;
  at::Tensor sum = x.detach().clone(at::MemoryFormat::Contiguous);
  ranks.all_reduce(shared(sum));
  return sum;
}

// The loss is the sum of all ranks' losses: its gradient by one rank's term is
// the sum of the gradients that all ranks have by the sum.
struct AllReduce : public torch::autograd::Function<AllReduce> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            int64_t ranks) {
    context->saved_data["ranks"] = ranks;
    return reduced_copy(x, *reinterpret_cast<const Ranks*>(ranks));
  }
  static variable_list backward(AutogradContext* context,
                                const variable_list& gradients) {
    const int64_t ranks = context->saved_data["ranks"].toInt();
    return {reduced_copy(gradients[0], *reinterpret_cast<const Ranks*>(ranks)),
            at::Tensor()};
  }
};

}  // namespace

SharedTensor shared(const at::Tensor& tensor) {
  return {at::toDLPack(tensor), [](void* managed) {
            auto* unused = static_cast<DLManagedTensor*>(managed);
            unused->deleter(unused);
          }};
}

at::Tensor all_reduced(const at::Tensor& x, const Ranks& ranks) {
  // A pointer as a number, for saved_data takes no other.
  return AllReduce::apply(x, reinterpret_cast<int64_t>(&ranks));
}

}  // namespace digitnet::engine
