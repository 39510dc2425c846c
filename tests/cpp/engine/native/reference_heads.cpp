// Auxiliary heads and two domains in float64.
#include <algorithm>
#include <cmath>

#include "engine/native/reference.h"

namespace digitnet::engine::native {
namespace {

using models::Layer;

// Samples [first, first + count).
Batch part_of(const Batch& x, int64_t first, int64_t count) {
  Batch result(count, x.shape);
  std::copy_n(x.values.begin() + first * x.shape.size(), result.values.size(),
              result.values.begin());
  return result;
}

Batch joined(const Batch& a, const Batch& b) {
  Batch result(a.count + b.count, a.shape);
  std::copy(b.values.begin(), b.values.end(),
            std::copy(a.values.begin(), a.values.end(), result.values.begin()));
  return result;
}

}  // namespace

Traced ReferenceNetwork::reconstruct(const Layer& layer,
                                     const std::string& path, const Batch& x) {
  const int64_t size = integer(layer.options, "size");
  const double weight = number(layer.options, "weight");
  const bool told = training_ && heads;
  Batch mask(x.count, x.shape), chosen(x.count, x.shape);
  for (int64_t n = 0; n < x.count; ++n) {
    int64_t longest = 0;
    double most = -1;
    for (int64_t v = 0; v < x.shape.size() / size; ++v) {
      double square = 0;
      for (int64_t i = v * size; i < (v + 1) * size; ++i)
        square += x.at(n, i) * x.at(n, i);
      if (square > most) longest = v;
      most = std::max(most, square);
    }
    const int64_t vector = told ? heads->labels[n] : longest;
    for (int64_t i = vector * size; i < (vector + 1) * size; ++i) {
      mask.at(n, i) = 1;
      chosen.at(n, i) = x.at(n, i);
    }
  }
  const Layer& inner = layer.children[0];
  const Traced decoder =
      run(inner, models::joined_path(path, inner.name), chosen);
  if (!told) return {x, [](const Batch& g) { return g; }};
  Batch dy = decoder.y;
  const auto count = static_cast<double>(x.count);
  for (size_t i = 0; i < dy.values.size(); ++i) {
    const double error = decoder.y.values[i] - heads->images.values[i];
    auxiliary_loss += weight * error * error / count;
    dy.values[i] = 2 * weight * error / count;
  }
  return {x, [dy, mask, back = decoder.backward](Batch g) {
            const Batch inside = back(dy);
            for (size_t i = 0; i < g.values.size(); ++i)
              g.values[i] += mask.values[i] * inside.values[i];
            return g;
          }};
}

Traced ReferenceNetwork::domain_head(const Layer& layer,
                                     const std::string& path, const Batch& x) {
  const Layer& inner = layer.children[0];
  const Traced head = run(inner, models::joined_path(path, inner.name), x);
  if (!training_ || !heads) return {x, [](const Batch& g) { return g; }};
  const double coefficient =
      number(layer.options, "weight") * heads->reversal_coefficient;
  Batch dy(x.count, head.y.shape);
  const auto count = static_cast<double>(x.count);
  for (int64_t n = 0; n < x.count && heads->labelled >= 0; ++n) {
    const int64_t domain = n < heads->labelled ? 0 : 1;
    const double first = std::exp(head.y.at(n, 0));
    const double second = std::exp(head.y.at(n, 1));
    for (int64_t k = 0; k < 2; ++k) {
      const double probability = (k ? second : first) / (first + second);
      if (k == domain) auxiliary_loss -= std::log(probability) / count;
      dy.at(n, k) = (probability - (k == domain)) / count;
    }
  }
  return {x, [dy, coefficient, back = head.backward](Batch g) {
            const Batch inside = back(dy);
            for (size_t i = 0; i < g.values.size(); ++i)
              g.values[i] -= coefficient * inside.values[i];
            return g;
          }};
}

Traced ReferenceNetwork::batch_norm_of_domains(const Layer& layer,
                                               const std::string& path,
                                               const Batch& x) {
  const int64_t labelled = heads->labelled, others = x.count - labelled;
  const auto mean = parameters.at(path + ".running_mean");
  const auto variance = parameters.at(path + ".running_var");
  const Traced first = batch_norm(layer, path, part_of(x, 0, labelled));
  parameters.at(path + ".running_mean") = mean;
  parameters.at(path + ".running_var") = variance;
  const Traced second = batch_norm(layer, path, part_of(x, labelled, others));
  return {joined(first.y, second.y),
          [=, back = first.backward, other = second.backward](const Batch& g) {
            return joined(back(part_of(g, 0, labelled)),
                          other(part_of(g, labelled, others)));
          }};
}

}  // namespace digitnet::engine::native
