// The losses of training steps, whose gradients are written by hand.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/model.h"

namespace digitnet::engine {

// How several steps on equally many samples each make one loss of theirs.
struct StepMeans {
  int64_t steps = 1;
  at::Tensor weights = {};  // [N] of the samples, or undefined: all 1
  double factor = 1;        // of every step's mean in what gradients are of
};

// What the outputs of several steps are to become, made once, so that a step
// takes few operations: its gradient is written by hand.
class StepLosses {
 public:
  // Of a network with classes, trained by `loss`: `labels` [N].
  StepLosses(models::Loss loss, const at::Tensor& labels, int64_t classes,
             double label_smoothing, const StepMeans& means);
  // The mean squared error of one that makes images: `targets` like its
  // outputs.
  StepLosses(const at::Tensor& targets, const StepMeans& means);

  // Of a step's loss, times the factor, with respect to its outputs.
  at::Tensor gradient(const at::Tensor& outputs, int64_t step) const;
  double factor() const { return factor_; }
  // The loss of each step, [steps], from the outputs of all samples.
  at::Tensor of(const at::Tensor& outputs) const;

 private:
  enum class Kind { CrossEntropy, Margin, SquaredError };

  StepLosses(Kind kind, const at::Tensor& targets, const StepMeans& means);
  at::Tensor of_samples(const at::Tensor& outputs) const;  // [N]
  // Times what the samples from `first` on count in the gradient.
  at::Tensor weighted(const at::Tensor& x, int64_t first,
                      double constant) const;

  Kind kind_;
  int64_t steps_, count_;  // samples of a step
  double factor_;
  at::Tensor targets_;  // [N, K]: the probability of each class; or images
  // What each sample's loss counts in its step's mean, [N, 1 ..]; undefined:
  // all alike.
  at::Tensor shares_;
  // Of a cross-entropy: the gradient with respect to logarithms of
  // probabilities.
  at::Tensor slopes_;
};

}  // namespace digitnet::engine
