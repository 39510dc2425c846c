// The losses of networks, with their gradients at the outputs.
#pragma once

#include <vector>

#include "engine/executor.h"
#include "engine/native/op.h"
#include "models/model.h"

namespace digitnet::engine::native {

// One sample's loss; gradient = weight * derivative, unless it is null.
//
// `label_smoothing`: the part of the target that all classes share evenly.
double cross_entropy(const float* logits, int64_t classes, int64_t label,
                     double label_smoothing, double weight, float* gradient);
// Of lengths of capsules, given as log-odds. Source: Sabour et al., 2017,
// equation 4.
double margin_loss(const float* logits, int64_t classes, int64_t label,
                   double weight, float* gradient);
// One of the two; label smoothing is the cross-entropy's alone.
double class_loss(models::Loss kind, const float* logits, int64_t classes,
                  int64_t label, double label_smoothing, double weight,
                  float* gradient);
// The mean over the values of image n against `target`, in the network's own
// order; the gradient goes to that of `outputs`, if there is one.
double squared_error(const Tensor& outputs, int64_t n, const float* target,
                     double weight);

// The first of the largest logits.
int64_t best_class(const float* logits, int64_t classes);

struct BatchLoss {
  double mean = 0;      // by the samples' weights
  int64_t correct = 0;  // of the labelled samples, of networks with classes
};
// Sets the outputs' gradient to that of the mean. `losses`: scratch.
BatchLoss loss_of(const Pass& pass, const engine::Batch& batch,
                  models::Loss kind, double label_smoothing,
                  const Tensor& outputs, std::vector<double>& losses);

}  // namespace digitnet::engine::native
