#include "engine/ranks.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <torch/csrc/autograd/custom_function.h>

namespace digitnet::engine {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor added_up(const at::Tensor& x, const Ranks& ranks) {
  at::NoGradGuard guard;
  at::Tensor sum = x.detach().clone(at::MemoryFormat::Contiguous);
  ranks.sum(sum);
  return sum;
}

// The loss is the sum of all ranks' parts, so the slope of a sum is, too.
struct Sum : public torch::autograd::Function<Sum> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x,
                            int64_t ranks) {
    context->saved_data["ranks"] = ranks;
    return added_up(x, *reinterpret_cast<const Ranks*>(ranks));
  }
  static variable_list backward(AutogradContext* context,
                                const variable_list& slopes) {
    const int64_t ranks = context->saved_data["ranks"].toInt();
    return {added_up(slopes[0], *reinterpret_cast<const Ranks*>(ranks)),
            at::Tensor()};
  }
};

}  // namespace

at::Tensor summed(const at::Tensor& x, const Ranks& ranks) {
  // A pointer as a number: the ranks live as long as the training.
  return Sum::apply(x, reinterpret_cast<int64_t>(&ranks));
}

std::vector<double> summed(const std::vector<double>& values,
                           const Ranks& ranks) {
  std::vector<double> sums = values;
  ranks.sum(at::from_blob(sums.data(), {static_cast<int64_t>(sums.size())},
                          at::kDouble));
  return sums;
}

Share share_of(int64_t count, const Ranks& ranks) {
  if (!ranks.several()) return {0, count, 1, true};
  if (count < ranks.count)
    return {0, count, 1 / static_cast<double>(ranks.count), ranks.rank == 0};
  const int64_t first = count * ranks.rank / ranks.count;
  const int64_t last = count * (ranks.rank + 1) / ranks.count;
  return {first, last - first,
          static_cast<double>(last - first) / static_cast<double>(count), true};
}

}  // namespace digitnet::engine
