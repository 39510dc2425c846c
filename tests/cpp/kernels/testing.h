// What the tests of kernels share: one suite that runs on every instruction set
// of this machine, and numbers whose sums are exact.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <vector>

#include "core/random.h"
#include "kernels/kernels.h"

namespace digitnet::kernels {

// GoogleTest names a parametrised test by it.
inline void PrintTo(const Kernels* kernels, std::ostream* out) {
  *out << kernels->name;
}

// Instantiated once, in kernels_test.cpp, for the tests of all files.
class EveryInstructionSet : public testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& kernels() const { return *GetParam(); }
};

constexpr float kUntouched = -12345;  // where a kernel must not write

// Small whole numbers: float sums of their products are exact in any order, so
// that results are compared without a tolerance. Readable for kSlack more.
inline std::vector<float> whole_numbers(int64_t count, uint64_t seed,
                                        int64_t largest = 3) {
  Draws draws(seed, 1000, 0, 0);
  std::vector<float> values(count + kSlack, 0.0f);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(
        static_cast<int64_t>(draws.below(2 * largest + 1)) - largest);
  }
  return values;
}

// Uniform in [-1, 1). Readable for kSlack more.
inline std::vector<float> real_numbers(int64_t count, uint64_t seed) {
  Draws draws(seed, 1001, 0, 0);
  std::vector<float> values(count + kSlack, 0.0f);
  draws.fill(values.data(), count, -1, 1);
  return values;
}

// A matrix [inputs, outputs] in panels, padding columns 0.
inline std::vector<float> in_panels(const std::vector<float>& matrix,
                                    int64_t inputs, int64_t outputs) {
  std::vector<float> panels(inputs * padded(outputs) + kSlack, 0.0f);
  for (int64_t i = 0; i < inputs; ++i) {
    for (int64_t o = 0; o < outputs; ++o)
      panels[panel_offset(inputs, outputs, i, o)] = matrix[i * outputs + o];
  }
  return panels;
}

}  // namespace digitnet::kernels
