// Reverse-mode differentiation in float64: a formula is written once, forward,
// and its gradients follow from what was recorded.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace digitnet::engine::native {

class Tape;

// A number and where it stands on its tape; constants stand on none.
struct Var {
  double value = 0;
  Tape* tape = nullptr;
  size_t place = 0;

  Var() = default;
  Var(double constant) : value(constant) {}  // NOLINT: numbers convert
  Var(double value, Tape* tape, size_t place)
      : value(value), tape(tape), place(place) {}
};

class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;  // numbers point to it
  Tape& operator=(const Tape&) = delete;

  Var input(double value) { return push(value, {}, 0, {}, 0); }

  // A number that depends on two others, with its derivatives by them.
  Var push(double value, const Var& a, double by_a, const Var& b, double by_b) {
    steps_.push_back({a, b, by_a, by_b});
    return {value, this, steps_.size() - 1};
  }

  // The gradient by every number of the sum of outputs[i] * g[i], by place.
  std::vector<double> gradients(const std::vector<Var>& outputs,
                                const std::vector<double>& g) const {
    std::vector<double> result(steps_.size(), 0.0);
    for (size_t i = 0; i < outputs.size(); ++i)
      if (outputs[i].tape) result[outputs[i].place] += g[i];
    for (size_t i = steps_.size(); i-- > 0;) {
      const Step& step = steps_[i];
      if (step.a.tape) result[step.a.place] += step.by_a * result[i];
      if (step.b.tape) result[step.b.place] += step.by_b * result[i];
    }
    return result;
  }

 private:
  struct Step {
    Var a, b;
    double by_a, by_b;
  };
  std::vector<Step> steps_;
};

inline Var recorded(double value, const Var& a, double by_a, const Var& b = {},
                    double by_b = 0) {
  Tape* tape = a.tape ? a.tape : b.tape;
  return tape ? tape->push(value, a, by_a, b, by_b) : Var(value);
}

inline Var operator+(const Var& a, const Var& b) {
  return recorded(a.value + b.value, a, 1, b, 1);
}
inline Var operator-(const Var& a, const Var& b) {
  return recorded(a.value - b.value, a, 1, b, -1);
}
inline Var operator*(const Var& a, const Var& b) {
  return recorded(a.value * b.value, a, b.value, b, a.value);
}
inline Var operator/(const Var& a, const Var& b) {
  return recorded(a.value / b.value, a, 1 / b.value, b,
                  -a.value / (b.value * b.value));
}
inline Var exp(const Var& x) {
  const double y = std::exp(x.value);
  return recorded(y, x, y);
}
inline Var log(const Var& x) {
  return recorded(std::log(x.value), x, 1 / x.value);
}
inline Var sqrt(const Var& x) {
  const double y = std::sqrt(x.value);
  return recorded(y, x, 1 / (2 * y));
}
inline Var tanh(const Var& x) {
  const double y = std::tanh(x.value);
  return recorded(y, x, 1 - y * y);
}
inline Var sigmoid(const Var& x) { return Var(1) / (Var(1) + exp(Var(0) - x)); }

}  // namespace digitnet::engine::native
