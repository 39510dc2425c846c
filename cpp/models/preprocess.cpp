#include "models/preprocess.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "core/list.h"
#include "models/preprocess_steps.h"

namespace digitnet::models {
namespace {

bool wants(const Spec& step, const char* option) {
  return numbers(step.options, option).empty();
}

}  // namespace

Preprocess::Preprocess(const std::vector<Spec>& steps, const Shape& input)
    : shapes_{input} {
  for (const Spec& step : steps) {
    const StepEntry& entry =
        find(steps::all(), "preprocessing step", step.name);
    Spec checked{step.name, resolve(step.name, entry.options, step.options)};
    shapes_.push_back(entry.output_shape(checked.options, shapes_.back()));
    steps_.push_back(std::move(checked));
    entries_.push_back(&entry);
  }
}

bool Preprocess::is_affine(float& scale, float& shift) const {
  double factor = 1, offset = 0;
  for (size_t i = 0; i < steps_.size(); ++i) {
    const auto affine = entries_[i]->affine;
    if (!affine || !affine(steps_[i].options, max_value_, factor, offset))
      return false;
  }
  scale = static_cast<float>(factor);
  shift = static_cast<float>(offset);
  return true;
}

void Preprocess::apply_first(size_t count, const float* from, float* to) const {
  if (count == 0) {
    std::copy_n(from, shapes_.front().size(), to);
    return;
  }
  thread_local std::vector<float> before, after;
  for (size_t i = 0; i < count; ++i) {
    const bool last = i + 1 == count;
    if (!last) after.resize(shapes_[i + 1].size());
    entries_[i]->apply(steps_[i].options, max_value_, shapes_[i],
                       i == 0 ? from : before.data(), last ? to : after.data());
    before.swap(after);
  }
}

void Preprocess::learn(const data::DatasetView& training) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    const StepEntry& entry = *entries_[i];
    const bool mean = entry.learns_mean && wants(steps_[i], "mean");
    const bool std = entry.learns_std && wants(steps_[i], "std");
    if (!mean && !std) continue;
    const Shape& shape = shapes_[i];
    const int64_t plane = shape.height * shape.width;
    std::vector<double> sum(shape.channels), squares(shape.channels);
    std::vector<float> raw(input().size()), seen(shape.size());
    for (int64_t sample = 0; sample < training.count; ++sample) {
      poll_interrupt();
      training.images.read(training.row(sample), raw.data());
      apply_first(i, raw.data(), seen.data());
      for (int64_t at = 0; at < shape.size(); ++at) {
        sum[at / plane] += seen[at];
        squares[at / plane] += static_cast<double>(seen[at]) * seen[at];
      }
    }
    const double n = static_cast<double>(training.count * plane);
    std::vector<double> means, stds;
    for (int64_t c = 0; c < shape.channels; ++c) {
      means.push_back(sum[c] / n);
      stds.push_back(
          std::sqrt(std::max(1e-12, squares[c] / n - means[c] * means[c])));
    }
    if (mean) steps_[i].options["mean"] = means;
    if (std) steps_[i].options["std"] = stds;
  }
}

}  // namespace digitnet::models
