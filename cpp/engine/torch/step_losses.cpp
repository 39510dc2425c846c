#include "engine/torch/step_losses.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_log_softmax_backward_data.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sigmoid.h>

#include <vector>

#include "engine/torch/losses.h"

namespace digitnet::engine {
namespace {

at::Tensor smoothed(const at::Tensor& truth, double label_smoothing) {
  if (label_smoothing == 0) return truth;
  const auto classes = static_cast<double>(truth.size(1));
  return truth * (1 - label_smoothing) + label_smoothing / classes;
}

}  // namespace

StepLosses::StepLosses(models::Loss loss, const at::Tensor& labels,
                       int64_t classes, double label_smoothing,
                       const StepMeans& means)
    : StepLosses(
          loss == models::Loss::Margin ? Kind::Margin : Kind::CrossEntropy,
          smoothed(labels.unsqueeze(1)
                       .eq(at::arange(classes, labels.options()))
                       .to(at::kFloat),
                   label_smoothing),
          means) {}

StepLosses::StepLosses(const at::Tensor& targets, const StepMeans& means)
    : StepLosses(Kind::SquaredError, targets, means) {}

StepLosses::StepLosses(Kind kind, const at::Tensor& targets,
                       const StepMeans& means)
    : kind_(kind),
      steps_(means.steps),
      count_(targets.size(0) / means.steps),
      factor_(means.factor),
      targets_(targets) {
  if (means.weights.defined()) {
    std::vector<int64_t> each(static_cast<size_t>(targets.dim()), 1);
    each[0] = -1;
    const at::Tensor by_step = means.weights.view({steps_, count_});
    shares_ = (by_step / by_step.sum(1, true).clamp_min(1e-12)).view(each);
  }
  if (kind_ == Kind::CrossEntropy) slopes_ = weighted(targets_, 0, -1);
}

at::Tensor StepLosses::weighted(const at::Tensor& x, int64_t first,
                                double constant) const {
  const double factor = constant * factor_;
  return shares_.defined() ? x * (shares_.narrow(0, first, x.size(0)) * factor)
                           : x * (factor / static_cast<double>(count_));
}

at::Tensor StepLosses::gradient(const at::Tensor& outputs, int64_t step) const {
  const int64_t first = step * count_;
  if (kind_ == Kind::CrossEntropy) {
    return at::_log_softmax_backward_data(slopes_.narrow(0, first, count_),
                                          at::log_softmax(outputs, 1), 1,
                                          at::kFloat);
  }
  const at::Tensor target = targets_.narrow(0, first, count_);
  if (kind_ == Kind::SquaredError) {
    const auto values = static_cast<double>(target[0].numel());
    return weighted(outputs - target, first, 2 / values);
  }
  const at::Tensor lengths = at::sigmoid(outputs);
  const at::Tensor slope = (lengths - models::kAbsent).clamp_min(0) *
                               (models::kAbsentWeight * (1 - target)) -
                           (models::kPresent - lengths).clamp_min(0) * target;
  return weighted(slope * lengths * (1 - lengths), first, 2);
}

at::Tensor StepLosses::of_samples(const at::Tensor& outputs) const {
  switch (kind_) {
    case Kind::SquaredError:
      return (outputs - targets_).square().mean({1, 2, 3});
    case Kind::Margin:
      return margins_of(outputs, targets_);
    case Kind::CrossEntropy:
      return (at::log_softmax(outputs, 1) * targets_).sum(1).neg();
  }
  return {};
}

at::Tensor StepLosses::of(const at::Tensor& outputs) const {
  const at::Tensor losses = of_samples(outputs);
  return shares_.defined()
             ? (losses * shares_.flatten()).view({steps_, count_}).sum(1)
             : losses.view({steps_, count_}).mean(1);
}

}  // namespace digitnet::engine
