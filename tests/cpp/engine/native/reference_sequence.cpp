// The reference's layers that read an image as a sequence, a set of pixels or a
// set of capsules. Their gradients come from a tape, so that no derivative is
// worked out by hand twice.
#include <memory>
#include <stdexcept>

#include "engine/native/reference.h"
#include "engine/native/tape.h"

namespace digitnet::engine::native {
namespace {

using models::Layer;

// Numbers of one image, [C, H, W] or flat features.
struct Image {
  Shape shape;
  std::vector<Var> values;
  const Var& at(int64_t c, int64_t y, int64_t x) const {
    return values[(c * shape.height + y) * shape.width + x];
  }
};
using Parameters = std::map<std::string, std::vector<Var>>;

std::vector<Var> position(const Layer&, const Parameters& parameters,
                          const Image& x) {
  std::vector<Var> y;
  for (size_t i = 0; i < x.values.size(); ++i)
    y.push_back(x.values[i] + parameters.at("weight")[i]);
  return y;
}

std::vector<Var> affine(const std::vector<Var>& x,
                        const std::vector<Var>& weight,
                        const std::vector<Var>& bias) {
  std::vector<Var> y = bias;
  for (size_t o = 0; o < y.size(); ++o)
    for (size_t i = 0; i < x.size(); ++i)
      y[o] = y[o] + weight[o * x.size() + i] * x[i];
  return y;
}

std::vector<Var> gru(const Layer& layer, const Parameters& parameters,
                     const Image& x) {
  const int64_t units = integer(layer.options, "units");
  std::vector<Var> state(units, Var(0));
  for (int64_t row = 0; row < x.shape.height; ++row) {
    std::vector<Var> step;
    for (int64_t c = 0; c < x.shape.channels; ++c)
      for (int64_t column = 0; column < x.shape.width; ++column)
        step.push_back(x.at(c, row, column));
    const auto a = affine(step, parameters.at("weight_ih_l0"),
                          parameters.at("bias_ih_l0"));
    const auto b = affine(state, parameters.at("weight_hh_l0"),
                          parameters.at("bias_hh_l0"));
    for (int64_t u = 0; u < units; ++u) {
      const Var r = sigmoid(a[u] + b[u]);
      const Var z = sigmoid(a[units + u] + b[units + u]);
      const Var n = tanh(a[2 * units + u] + r * b[2 * units + u]);
      state[u] = (Var(1) - z) * n + z * state[u];
    }
  }
  return state;
}

constexpr double kTiny = 1e-12;  // under roots, as in LibTorch's engine

// Vectors of `size` numbers one after another, each s |s| / (1 + |s|^2).
std::vector<Var> squashed(const std::vector<Var>& s, size_t size) {
  std::vector<Var> result;
  for (size_t first = 0; first < s.size(); first += size) {
    Var squares;
    for (size_t i = 0; i < size; ++i)
      squares = squares + s[first + i] * s[first + i];
    for (size_t i = 0; i < size; ++i)
      result.push_back(s[first + i] * sqrt(squares + kTiny) /
                       (Var(1) + squares));
  }
  return result;
}

void softmax(std::vector<Var>& x) {
  Var sum;
  for (Var& value : x) sum = sum + (value = exp(value));
  for (Var& value : x) value = value / sum;
}

std::vector<Var> attention(const Layer& layer, const Parameters&,
                           const Image& x) {
  const int64_t heads = integer(layer.options, "heads");
  const int64_t pixels = x.shape.height * x.shape.width;
  const int64_t channels = x.shape.channels / 3, size = channels / heads;
  // Of queries (0), keys (1) or values (2).
  const auto at = [&](int64_t part, int64_t channel, int64_t pixel) {
    return x.values[(part * channels + channel) * pixels + pixel];
  };
  std::vector<Var> y(channels * pixels);
  for (int64_t head = 0; head < heads; ++head) {
    for (int64_t pixel = 0; pixel < pixels; ++pixel) {
      std::vector<Var> weights(pixels);
      for (int64_t other = 0; other < pixels; ++other)
        for (int64_t c = head * size; c < (head + 1) * size; ++c)
          weights[other] = weights[other] + at(0, c, pixel) * at(1, c, other) /
                                                std::sqrt(double(size));
      softmax(weights);
      for (int64_t c = head * size; c < (head + 1) * size; ++c)
        for (int64_t other = 0; other < pixels; ++other)
          y[c * pixels + pixel] =
              y[c * pixels + pixel] + weights[other] * at(2, c, other);
    }
  }
  return y;
}

std::vector<Var> capsules(const Layer& layer, const Parameters& parameters,
                          const Image& x) {
  const int64_t units = integer(layer.options, "units");
  const int64_t size = integer(layer.options, "size");
  const int64_t inputs = integer(layer.options, "inputs");
  std::vector<Var> raw;
  for (int64_t group = 0; group < x.shape.channels / inputs; ++group)
    for (int64_t row = 0; row < x.shape.height; ++row)
      for (int64_t column = 0; column < x.shape.width; ++column)
        for (int64_t i = 0; i < inputs; ++i)
          raw.push_back(x.at(group * inputs + i, row, column));
  const std::vector<Var> vectors = squashed(raw, inputs);
  const int64_t count = static_cast<int64_t>(raw.size()) / inputs;
  const int64_t outputs = units * size;
  std::vector<Var> predictions(count * outputs);
  for (int64_t c = 0; c < count; ++c)
    for (int64_t o = 0; o < outputs; ++o)
      for (int64_t i = 0; i < inputs; ++i) {
        Var& sum = predictions[c * outputs + o];
        sum = sum + parameters.at("weight")[(c * outputs + o) * inputs + i] *
                        vectors[c * inputs + i];
      }
  std::vector<Var> agreements(count * units), result;
  for (int64_t round = integer(layer.options, "routing"); round > 0; --round) {
    std::vector<Var> sums(outputs);
    for (int64_t c = 0; c < count; ++c) {
      std::vector<Var> factors(agreements.begin() + c * units,
                               agreements.begin() + (c + 1) * units);
      softmax(factors);
      for (int64_t o = 0; o < outputs; ++o)
        sums[o] = sums[o] + factors[o / size] * predictions[c * outputs + o];
    }
    result = squashed(sums, size);
    for (int64_t i = 0; i < count * outputs && round > 1; ++i) {
      Var& agreement = agreements[i / outputs * units + i % outputs / size];
      agreement = agreement + predictions[i] * result[i % outputs];
    }
  }
  return result;
}

std::vector<Var> capsule_logits(const Layer& layer, const Parameters&,
                                const Image& x) {
  const auto size = static_cast<size_t>(integer(layer.options, "size"));
  std::vector<Var> y;
  for (size_t first = 0; first < x.values.size(); first += size) {
    Var squares = kTiny;
    for (size_t i = first; i < first + size; ++i)
      squares = squares + x.values[i] * x.values[i];
    Var length = sqrt(squares);
    if (length.value > 1 - 1e-6) length = 1 - 1e-6;
    y.push_back(log(length / (Var(1) - length)));
  }
  return y;
}

using Formula = std::vector<Var> (*)(const Layer&, const Parameters&,
                                     const Image&);
const std::map<std::string, Formula>& formulas() {
  static const std::map<std::string, Formula> all = {
      {"position", position},
      {"gru", gru},
      {"attention", attention},
      {"capsules", capsules},
      {"capsule_logits", capsule_logits}};
  return all;
}

// One image's pass through a formula.
struct Record {
  Tape tape;
  Parameters parameters;
  Image x;
  std::vector<Var> y;
};

}  // namespace

bool ReferenceNetwork::has_formula(const std::string& kind) {
  return formulas().count(kind) > 0;
}

Traced ReferenceNetwork::by_formula(const Layer& layer, const std::string& path,
                                    const Batch& x) {
  Batch y(x.count, models::output_shape(layer, x.shape));
  std::vector<std::shared_ptr<Record>> records;
  const std::string prefix = path + ".";
  for (int64_t n = 0; n < x.count; ++n) {
    auto record = std::make_shared<Record>();
    Tape& tape = record->tape;
    for (const auto& [name, values] : parameters) {
      if (name.rfind(prefix, 0) != 0) continue;
      auto& vars = record->parameters[name.substr(prefix.size())];
      for (const double value : values) vars.push_back(tape.input(value));
    }
    record->x.shape = x.shape;
    const int64_t size = x.shape.size();
    for (int64_t i = 0; i < size; ++i)
      record->x.values.push_back(tape.input(x.values[n * size + i]));
    record->y = formulas().at(layer.kind)(layer, record->parameters, record->x);
    if (static_cast<int64_t>(record->y.size()) != y.shape.size())
      throw std::logic_error("the reference's " + layer.kind + " is wrong");
    for (int64_t i = 0; i < y.shape.size(); ++i)
      y.values[n * y.shape.size() + i] = record->y[i].value;
    records.push_back(std::move(record));
  }
  return {y, [this, prefix, records, shape = x.shape](const Batch& g) {
            Batch dx(g.count, shape);
            for (int64_t n = 0; n < g.count; ++n) {
              const auto first = g.values.begin() + n * g.shape.size();
              const auto all = records[n]->tape.gradients(
                  records[n]->y, {first, first + g.shape.size()});
              for (int64_t i = 0; i < shape.size(); ++i) {
                dx.values[n * shape.size() + i] =
                    all[records[n]->x.values[i].place];
              }
              for (const auto& [name, vars] : records[n]->parameters) {
                auto& to = gradients.at(prefix + name);
                for (size_t i = 0; i < vars.size(); ++i)
                  to[i] += all[vars[i].place];
              }
            }
            return dx;
          }};
}

}  // namespace digitnet::engine::native
