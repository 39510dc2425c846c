#include "engine/native/losses.h"

#include <algorithm>
#include <cmath>

namespace digitnet::engine::native {

int64_t best_class(const float* logits, int64_t classes) {
  int64_t best = 0;
  for (int64_t k = 1; k < classes; ++k)
    if (logits[k] > logits[best]) best = k;
  return best;
}

// gradient = weight * (softmax - target)
double cross_entropy(const float* logits, int64_t classes, int64_t label,
                     double label_smoothing, double weight, float* gradient) {
  const float largest = logits[best_class(logits, classes)];
  float sum = 0;
  for (int64_t k = 0; k < classes; ++k) {
    const float part = std::exp(logits[k] - largest);
    if (gradient) gradient[k] = part;
    sum += part;
  }
  const double log_sum = std::log(sum) + largest;
  double loss = (1 - label_smoothing) * (log_sum - logits[label]);
  const double smoothed = label_smoothing / static_cast<double>(classes);
  for (int64_t k = 0; k < classes; ++k) {
    if (label_smoothing > 0) loss += smoothed * (log_sum - logits[k]);
    if (!gradient) continue;
    const double target = smoothed + (k == label ? 1 - label_smoothing : 0);
    gradient[k] = static_cast<float>(weight * (gradient[k] / sum - target));
  }
  return loss;
}

double margin_loss(const float* logits, int64_t classes, int64_t label,
                   double weight, float* gradient) {
  double loss = 0;
  for (int64_t k = 0; k < classes; ++k) {
    const double length = 1 / (1 + std::exp(-static_cast<double>(logits[k])));
    const bool present = k == label;
    const double factor = present ? 1 : models::kAbsentWeight;
    // Not std::max, which would pass over NaN.
    double miss =
        present ? models::kPresent - length : length - models::kAbsent;
    if (miss < 0) miss = 0;
    loss += factor * miss * miss;
    if (!gradient) continue;
    const double by_length = (present ? -2 : 2) * factor * miss;
    gradient[k] =
        static_cast<float>(weight * by_length * length * (1 - length));
  }
  return loss;
}

double class_loss(models::Loss kind, const float* logits, int64_t classes,
                  int64_t label, double label_smoothing, double weight,
                  float* gradient) {
  return kind == models::Loss::Margin
             ? margin_loss(logits, classes, label, weight, gradient)
             : cross_entropy(logits, classes, label, label_smoothing, weight,
                             gradient);
}

double squared_error(const Tensor& outputs, int64_t n, const float* target,
                     double weight) {
  const Map &y = outputs.value, &g = outputs.gradient;
  const int64_t width = outputs.width, channels = outputs.channels;
  const auto size = static_cast<double>(outputs.shape.size());
  const double factor = 2 * weight / size;
  double sum = 0;
  for (int64_t row = 0; row < outputs.height; ++row) {
    const float* values = y.at(n) + row * outputs.row(y);
    float* gradient = g.data ? g.at(n) + row * outputs.row(g) : nullptr;
    for (int64_t i = 0; i < width * channels; ++i) {
      const int64_t column = i / channels, c = i % channels;
      const double error =
          values[i] - target[(c * outputs.height + row) * width + column];
      sum += error * error;
      if (gradient) gradient[i] = static_cast<float>(factor * error);
    }
  }
  return sum / size;
}

BatchLoss loss_of(const Pass& pass, const engine::Batch& batch,
                  models::Loss kind, double label_smoothing,
                  const Tensor& outputs, std::vector<double>& losses) {
  const int64_t classes = outputs.shape.size();
  const int64_t labelled = batch.labelled < 0 ? batch.count : batch.labelled;
  const auto weight_of = [&](int64_t n) {
    return n >= labelled ? 0.0 : batch.weights ? batch.weights[n] : 1.0;
  };
  double weight_sum = 0;
  for (int64_t n = 0; n < batch.count; ++n) weight_sum += weight_of(n);
  weight_sum = std::max(weight_sum, 1e-12);
  losses.resize(batch.count);
  each_image(pass, [&](int64_t n) {
    const double weight = weight_of(n) / weight_sum;
    const float* logits = outputs.value.at(n);
    // Without parameters before the loss there is no gradient.
    float* gradient = outputs.gradient.data ? outputs.gradient.at(n) : nullptr;
    if (batch.targets) {
      losses[n] = squared_error(
          outputs, n, batch.targets + n * outputs.shape.size(), weight);
    } else if (n < labelled) {
      losses[n] = class_loss(kind, logits, classes, batch.labels[n],
                             label_smoothing, weight, gradient);
    } else {
      losses[n] = 0;
      if (gradient) std::fill_n(gradient, classes, 0.0f);
    }
  });
  BatchLoss result;
  for (int64_t n = 0; n < batch.count; ++n) {
    result.mean += weight_of(n) / weight_sum * losses[n];
    if (!batch.targets && n < labelled) {
      result.correct +=
          best_class(outputs.value.at(n), classes) == batch.labels[n];
    }
  }
  return result;
}

}  // namespace digitnet::engine::native
