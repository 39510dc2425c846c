#include "engine/native/reference.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "models/layers.h"

namespace digitnet::engine::native {
namespace {

using models::Layer;

struct Function {
  double (*value)(double);
  double (*derivative)(double);  // by the input
};

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double normal_below(double x) { return std::erfc(-x / std::sqrt(2.0)) / 2; }

Function function_of(const std::string& kind) {
  if (kind == "relu")
    return {[](double x) { return std::max(0.0, x); },
            [](double x) { return x > 0 ? 1.0 : 0.0; }};
  if (kind == "relu6")
    return {[](double x) { return std::clamp(x, 0.0, 6.0); },
            [](double x) { return x > 0 && x < 6 ? 1.0 : 0.0; }};
  if (kind == "sigmoid")
    return {sigmoid, [](double x) { return sigmoid(x) * (1 - sigmoid(x)); }};
  if (kind == "tanh")
    return {[](double x) { return std::tanh(x); },
            [](double x) { return 1 - std::tanh(x) * std::tanh(x); }};
  if (kind == "gelu")
    return {[](double x) { return x * normal_below(x); },
            [](double x) {
              return normal_below(x) +
                     x * std::exp(-x * x / 2) / std::sqrt(2 * std::acos(-1.0));
            }};
  throw std::invalid_argument("the reference has no layer " + kind);
}

}  // namespace

ReferenceNetwork::ReferenceNetwork(const models::Model& model, bool training)
    : root_(models::without_last_softmax(model.network())),
      training_(training) {
  for (const models::Slot& slot : model.slots()) {
    const auto values = model.get(slot);
    parameters[slot.parameter.name].assign(values.begin(), values.end());
    gradients[slot.parameter.name].assign(values.size(), 0.0);
  }
}

Traced ReferenceNetwork::forward(const Batch& x) {
  margin = std::numeric_limits<double>::infinity();
  return run(root_, "", x);
}

Traced ReferenceNetwork::run(const Layer& layer, const std::string& path,
                             const Batch& x) {
  Traced result = compute(layer, path, x);
  if (!layer.children.empty() || layer.kind == "sequence") return result;
  layers.push_back(path);
  outputs.emplace(path, result.y);
  return {result.y, [this, path, inner = result.backward](const Batch& g) {
            output_gradients.emplace(path, g);
            return inner(g);
          }};
}

Traced ReferenceNetwork::compute(const Layer& layer, const std::string& path,
                                 const Batch& x) {
  const auto child = [&](size_t i, const Batch& input) {
    const Layer& inner = layer.children[i];
    return run(inner, models::joined_path(path, inner.name), input);
  };
  if (layer.kind == "sequence") {
    Traced result{x, [](const Batch& g) { return g; }};
    for (size_t i = 0; i < layer.children.size(); ++i) {
      Traced next = child(i, result.y);
      result = {next.y, [first = result.backward, second = next.backward](
                            const Batch& g) { return first(second(g)); }};
    }
    return result;
  }
  if (layer.kind == "residual") {
    const Traced body = child(0, x);
    Traced shortcut{x, [](const Batch& g) { return g; }};
    if (layer.children.size() > 1) shortcut = child(1, x);
    return sum({body, shortcut});
  }
  if (layer.kind == "concat") return concat(layer, path, x);
  if (layer.kind == "conv") return conv(layer, path, x);
  if (layer.kind == "dense") return dense(layer, path, x);
  if (layer.kind == "layer_norm") return layer_norm(layer, path, x);
  if (layer.kind == "softmax") return softmax(x);
  if (layer.kind == "upsample") return upsample(layer, x);
  if (layer.kind == "batch_norm") {
    const bool domains = training_ && heads && heads->labelled >= 2 &&
                         x.count - heads->labelled >= 2;
    return domains ? batch_norm_of_domains(layer, path, x)
                   : batch_norm(layer, path, x);
  }
  if (layer.kind == "reconstruct") return reconstruct(layer, path, x);
  if (layer.kind == "domain_head") return domain_head(layer, path, x);
  if (layer.kind == "dropout" && !training_)
    return {x, [](const Batch& g) { return g; }};
  if (layer.kind == "max_pool") return max_pool(layer, x);
  if (layer.kind == "average_pool" || layer.kind == "adaptive_average_pool")
    return average_pool(layer, x);
  if (layer.kind == "flatten") {
    Batch y = x;
    y.shape = flat_shape(x.shape.size());
    return {y, [shape = x.shape](Batch g) {
              g.shape = shape;
              return g;
            }};
  }
  if (has_formula(layer.kind)) return by_formula(layer, path, x);
  return activation(layer.kind, x);
}

Traced ReferenceNetwork::conv(const Layer& layer, const std::string& path,
                              const Batch& x) {
  const int64_t k = integer(layer.options, "kernel");
  const int64_t stride = integer(layer.options, "stride");
  const int64_t padding = models::layers::conv_padding(layer);
  const auto& weight = parameters.at(path + ".weight");
  const bool has_bias = flag(layer.options, "bias");
  Batch y(x.count, models::output_shape(layer, x.shape));
  const int64_t groups = integer(layer.options, "groups");
  const int64_t inputs = x.shape.channels / groups;
  const int64_t outputs = y.shape.channels / groups;
  // f(weight's index, input's row, input's column, input's channel)
  const auto each_tap = [=](const Batch& in, int64_t o, int64_t row,
                            int64_t column, const auto& f) {
    for (int64_t c = 0; c < inputs; ++c)
      for (int64_t i = 0; i < k; ++i)
        for (int64_t j = 0; j < k; ++j) {
          const int64_t at_y = row * stride + i - padding;
          const int64_t at_x = column * stride + j - padding;
          if (inside(in, at_y, at_x))
            f(((o * inputs + c) * k + i) * k + j, at_y, at_x,
              o / outputs * inputs + c);
        }
  };
  each(y, [&](int64_t n, int64_t o, int64_t row, int64_t column) {
    double sum = has_bias ? parameters.at(path + ".bias")[o] : 0;
    each_tap(x, o, row, column,
             [&](int64_t tap, int64_t at_y, int64_t at_x, int64_t c) {
               sum += weight[tap] * x.at(n, c, at_y, at_x);
             });
    y.at(n, o, row, column) = sum;
  });
  return {y, [this, path, x, each_tap, has_bias](const Batch& g) {
            Batch dx(x.count, x.shape);
            const auto& weight = parameters.at(path + ".weight");
            auto& dw = gradients.at(path + ".weight");
            each(g, [&](int64_t n, int64_t o, int64_t row, int64_t column) {
              const double d = g.at(n, o, row, column);
              if (has_bias) gradients.at(path + ".bias")[o] += d;
              each_tap(x, o, row, column,
                       [&](int64_t tap, int64_t at_y, int64_t at_x, int64_t c) {
                         dw[tap] += d * x.at(n, c, at_y, at_x);
                         dx.at(n, c, at_y, at_x) += d * weight[tap];
                       });
            });
            return dx;
          }};
}

Traced ReferenceNetwork::dense(const Layer& layer, const std::string& path,
                               const Batch& x) {
  const int64_t inputs = x.shape.size();
  const bool has_bias = flag(layer.options, "bias");
  Batch y(x.count, models::output_shape(layer, x.shape));
  const auto& weight = parameters.at(path + ".weight");
  each(y, [&](int64_t n, int64_t o, int64_t, int64_t) {
    double sum = has_bias ? parameters.at(path + ".bias")[o] : 0;
    for (int64_t i = 0; i < inputs; ++i)
      sum += weight[o * inputs + i] * x.at(n, i);
    y.at(n, o) = sum;
  });
  return {y, [this, path, x, inputs, has_bias](const Batch& g) {
            Batch dx(x.count, x.shape);
            const auto& weight = parameters.at(path + ".weight");
            auto& dw = gradients.at(path + ".weight");
            each(g, [&](int64_t n, int64_t o, int64_t, int64_t) {
              if (has_bias) gradients.at(path + ".bias")[o] += g.at(n, o);
              for (int64_t i = 0; i < inputs; ++i) {
                dw[o * inputs + i] += g.at(n, o) * x.at(n, i);
                dx.at(n, i) += g.at(n, o) * weight[o * inputs + i];
              }
            });
            return dx;
          }};
}

Traced ReferenceNetwork::activation(const std::string& kind, const Batch& x) {
  const Function function = function_of(kind);
  Batch y = x;
  for (double& value : y.values) {
    // An exact 0 is a sum of what other ReLUs cut off: 0 in float32, too.
    if ((kind == "relu" || kind == "relu6") && value != 0)
      margin = std::min(margin, std::abs(value));
    if (kind == "relu6") margin = std::min(margin, std::abs(value - 6));
    value = function.value(value);
  }
  return {y, [x, function](Batch g) {
            for (size_t i = 0; i < g.values.size(); ++i)
              g.values[i] *= function.derivative(x.values[i]);
            return g;
          }};
}

Traced ReferenceNetwork::sum(std::vector<Traced> branches) {
  Batch y = branches[0].y;
  for (size_t i = 0; i < y.values.size(); ++i)
    y.values[i] += branches[1].y.values[i];
  return {y, [branches](const Batch& g) {
            Batch dx = branches[0].backward(g);
            const Batch other = branches[1].backward(g);
            for (size_t i = 0; i < dx.values.size(); ++i)
              dx.values[i] += other.values[i];
            return dx;
          }};
}

Traced ReferenceNetwork::concat(const Layer& layer, const std::string& path,
                                const Batch& x) {
  std::vector<Traced> parts;
  for (const Layer& inner : layer.children)
    parts.push_back(run(inner, models::joined_path(path, inner.name), x));
  Batch y(x.count, models::output_shape(layer, x.shape));
  // f(part, channel of the whole, channel of the part)
  const auto each_channel = [parts](const auto& f) {
    int64_t whole = 0;
    for (size_t p = 0; p < parts.size(); ++p)
      for (int64_t c = 0; c < parts[p].y.shape.channels; ++c) f(p, whole++, c);
  };
  const auto copy = [](const Batch& from, int64_t source, Batch& to,
                       int64_t target) {
    for (int64_t n = 0; n < to.count; ++n)
      for (int64_t row = 0; row < to.shape.height; ++row)
        for (int64_t column = 0; column < to.shape.width; ++column)
          to.at(n, target, row, column) = from.at(n, source, row, column);
  };
  each_channel([&](size_t p, int64_t whole, int64_t c) {
    copy(parts[p].y, c, y, whole);
  });
  return {y, [=](const Batch& g) {
            Batch dx(x.count, x.shape);
            std::vector<Batch> part_gradients;
            for (const Traced& part : parts)
              part_gradients.emplace_back(g.count, part.y.shape);
            each_channel([&](size_t p, int64_t whole, int64_t c) {
              copy(g, whole, part_gradients[p], c);
            });
            for (size_t p = 0; p < parts.size(); ++p) {
              const Batch back = parts[p].backward(part_gradients[p]);
              for (size_t i = 0; i < dx.values.size(); ++i)
                dx.values[i] += back.values[i];
            }
            return dx;
          }};
}

}  // namespace digitnet::engine::native
