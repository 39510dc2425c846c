// How LibTorch's kernels compute. torch keeps that as flags of the process, and
// backward passes read them: they are set while we launch and then put back.
#pragma once

#include <c10/core/DeviceType.h>

namespace digitnet::engine {

struct Arithmetic {
  c10::DeviceType device = c10::DeviceType::CPU;
  // An NVIDIA GPU may multiply in TF32; else float32 is exact.
  bool tf32 = false;
  // Kernels that repeat bit for bit; else whatever the user has asked for.
  bool deterministic = false;

  bool operator==(const Arithmetic&) const = default;
};

// While it lives, LibTorch computes so. Those who want the same share the
// flags; others wait until they are back, and are served in the order in which
// they came. Inside another scope of its thread it does nothing: that one
// holds.
class ArithmeticScope {
 public:
  explicit ArithmeticScope(const Arithmetic& wanted);
  ~ArithmeticScope();
  ArithmeticScope(const ArithmeticScope&) = delete;
  ArithmeticScope& operator=(const ArithmeticScope&) = delete;

 private:
  bool outermost_;  // of its thread
};

}  // namespace digitnet::engine
