// Each optimizer in its two forms: LibTorch's operations and the native kernel
// take the same steps.
#include "engine/torch/optimizers.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "core/random.h"
#include "optimizers/all.h"

namespace digitnet::optimizers {
// GoogleTest names a parametrised test by it.
static void PrintTo(const OptimizerEntry& entry, std::ostream* out) {
  *out << entry.name;
}

namespace {

constexpr int64_t kCount = 41;
constexpr float kRate = 0.01f;

std::vector<float> numbers_of(uint64_t seed) {
  std::vector<float> values(kCount);
  Draws(seed, 3000, 0, 0).fill(values.data(), kCount, -1, 1);
  return values;
}

// The parameters after some steps by LibTorch.
std::vector<float> by_torch(const OptimizerEntry& entry, const Options& options,
                            int steps) {
  std::vector<float> value = numbers_of(1);
  const at::Tensor tensor = at::from_blob(value.data(), {kCount});
  std::vector<at::Tensor> state;
  const engine::TorchUpdate update = engine::torch_update(entry.name);
  for (int i = 0; i < entry.states; ++i) state.push_back(at::zeros({kCount}));
  for (int step = 1; step <= steps; ++step) {
    std::vector<float> gradient = numbers_of(10 + step);
    update(options, at::full({}, kRate), at::full({}, static_cast<float>(step)),
           tensor, at::from_blob(gradient.data(), {kCount}), state);
  }
  return value;
}

// And by the native kernel.
std::vector<float> natively(const kernels::Kernels& kernels,
                            const OptimizerEntry& entry, const Options& options,
                            int steps) {
  std::vector<float> value = numbers_of(1), first(kCount), second(kCount);
  kernels::Update update{};
  entry.configure(options, update);
  update.value = value.data();
  update.state[0] = first.data();
  update.state[1] = second.data();
  update.count = kCount;
  update.lr = kRate;
  update.gradient_scale = 1;
  for (int step = 1; step <= steps; ++step) {
    const std::vector<float> gradient = numbers_of(10 + step);
    update.gradient = gradient.data();
    update.step = step;
    (kernels.*entry.kernel)(update);
  }
  return value;
}

// Each option at its default, and away from it.
std::vector<Options> variants(const OptimizerEntry& entry) {
  std::vector<Options> result = {resolve(entry.name, entry.options, {})};
  for (const OptionInfo& info : entry.options) {
    Options options = result[0];
    if (info.type == OptionType::Flag) {
      options[info.name] = 1.0;
      if (options.count("momentum")) options["momentum"] = 0.8;
    } else {
      options[info.name] = info.name == "epsilon" ? 1e-3 : 0.3;
    }
    result.push_back(options);
  }
  return result;
}

class EveryOptimizer : public testing::TestWithParam<OptimizerEntry> {};

TEST_P(EveryOptimizer, TakesTheSameStepsInBothExecutors) {
  const OptimizerEntry& entry = GetParam();
  for (const Options& options : variants(entry)) {
    const auto expected = by_torch(entry, options, 4);
    EXPECT_NE(expected, numbers_of(1));
    for (const kernels::Kernels* kernels : kernels::available()) {
      const auto value = natively(*kernels, entry, options, 4);
      for (int64_t i = 0; i < kCount; ++i)
        ASSERT_NEAR(value[i], expected[i], 5e-6) << kernels->name;
    }
  }
}

TEST_P(EveryOptimizer, KeepsAsMuchStateAsItSays) {
  EXPECT_LE(GetParam().states, 2);
  EXPECT_GT(GetParam().default_lr, 0);
  resolve(GetParam().name, GetParam().options, {});
}

INSTANTIATE_TEST_SUITE_P(Optimizers, EveryOptimizer, testing::ValuesIn(all()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace digitnet::optimizers
