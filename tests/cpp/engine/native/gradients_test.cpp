// Every operation of a plan, forward and backward, against float64: networks
// that make each class of operation run, on every instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "engine/native/networks.h"
#include "engine/native/plan.h"
#include "engine/native/reference.h"
#include "models/build.h"

namespace digitnet::engine::native {
namespace {

// A batch, what the reference makes of it, and the model both have.
struct Problem {
  static constexpr int64_t kCount = 5;
  // Of inputs of ReLU and gaps of pools: far more than float32 is off.
  static constexpr double kMargin = 1e-5;

  models::Model model;
  std::vector<float> images;
  Batch g;
  ReferenceNetwork reference;
  Batch logits, dx;

  // Numbers from `seed` on that no kink is too near to.
  static Problem far_from_kinks(const Network& network, bool training) {
    for (uint64_t seed = 1;; ++seed) {
      Problem problem(network, training, seed);
      if (problem.reference.margin <= kMargin) continue;
      problem.dx = problem.traced.backward(problem.g);
      return problem;
    }
  }

 private:
  Problem(const Network& network, bool training, uint64_t seed)
      : model(random_model(network, seed)),
        images(kCount * network.input.size()),
        g(kCount, flat_shape(5)),
        reference(model, training),
        logits(kCount, flat_shape(5)),
        dx(kCount, network.input),
        traced{logits, {}} {
    Draws(seed, 2000, 0, 0)
        .fill(images.data(), static_cast<int64_t>(images.size()), -1, 1);
    Batch x(kCount, network.input);
    std::copy(images.begin(), images.end(), x.values.begin());
    Draws draws(seed, 2001, 0, 0);
    for (double& value : g.values)
      value = static_cast<float>(draws.uniform(-1, 1));
    traced = reference.forward(x);
    logits = traced.y;
  }

  static models::Model random_model(const Network& network, uint64_t seed) {
    models::Model model(models::build::sequence(network.layers), network.input,
                        {}, seed);
    // Scales and statistics too, which start as 1 and 0.
    Draws(seed, 2002, 0, 0)
        .fill(model.trained().data(),
              static_cast<int64_t>(model.trained().size()), -0.4, 0.4);
    Draws(seed, 2003, 0, 0)
        .fill(model.buffers().data(),
              static_cast<int64_t>(model.buffers().size()), 0.5, 1);
    return model;
  }

  Traced traced;  // refers to this problem's own reference
};

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

class EveryNetwork : public testing::TestWithParam<Network> {};

TEST_P(EveryNetwork, GivesTheLogitsAndGradientsOfFloat64) {
  const Problem p = Problem::far_from_kinks(GetParam(), true);
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    models::Model model = p.model;
    Plan plan(model);
    plan.load();
    kernels::ThreadPool pool(2);
    plan.reserve(Problem::kCount, true, pool.threads());
    const Pass pass{*kernels, pool, Problem::kCount, true, {3, 4}};
    plan.forward(pass, p.images.data());
    for (int64_t n = 0; n < Problem::kCount; ++n) {
      for (int64_t k = 0; k < 5; ++k) {
        EXPECT_NEAR(plan.logits(n)[k], p.logits.at(n, k),
                    2e-5 * (1 + largest(p.logits.values)));
        plan.logits_gradient(n)[k] = static_cast<float>(p.g.at(n, k));
      }
    }
    plan.backward(pass);
    // In the weights' place they come back in the model's order.
    plan.values() = plan.gradients();
    plan.store();
    for (const models::Slot& slot : model.slots()) {
      const std::string& name = slot.parameter.name;
      const auto& expected = slot.parameter.is_buffer
                                 ? p.reference.parameters.at(name)
                                 : p.reference.gradients.at(name);
      const auto values = model.get(slot);
      const double allowed = 5e-5 * (1 + largest(expected));
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], expected[i], allowed) << name << "[" << i << "]";
      }
    }
  }
}

TEST_P(EveryNetwork, PredictsAsFloat64DoesOneImageOrMany) {
  const Problem p = Problem::far_from_kinks(GetParam(), false);
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    models::Model model = p.model;
    Plan plan(model);
    plan.load();
    kernels::ThreadPool pool(1);
    for (const int64_t count : {Problem::kCount, int64_t{1}}) {
      plan.reserve(count, false, pool.threads());
      plan.forward({*kernels, pool, count, false}, p.images.data());
      for (int64_t n = 0; n < count; ++n) {
        for (int64_t k = 0; k < 5; ++k)
          EXPECT_NEAR(plan.logits(n)[k], p.logits.at(n, k),
                      2e-5 * (1 + largest(p.logits.values)));
      }
    }
  }
}

// A value or gradient in the network's order.
void expect_near(const kernels::Kernels& kernels, const Tensor& tensor,
                 const Map& map, const Batch& expected) {
  const int64_t size = expected.shape.size();
  const double allowed = 2e-5 * (1 + largest(expected.values));
  std::vector<float> values(size);
  for (int64_t n = 0; n < expected.count; ++n) {
    to_row_major(kernels, tensor, map, n, values.data());
    for (int64_t i = 0; i < size; ++i) {
      ASSERT_NEAR(values[i], expected.values[n * size + i], allowed)
          << n << ", " << i;
    }
  }
}

// Passes in evaluation mode without the weights' gradients, by a plan that
// borrows its weights.
TEST_P(EveryNetwork, GivesTheGradientByTheImagesOfFloat64) {
  const Problem p = Problem::far_from_kinks(GetParam(), false);
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    models::Model model = p.model;
    Plan owner(model);
    Plan plan(model, {.input_gradient = true, .values = &owner.values()});
    owner.load();
    kernels::ThreadPool pool(2);
    plan.reserve(Problem::kCount, true, pool.threads());
    Pass pass{*kernels, pool, Problem::kCount, false};
    pass.weight_gradients = false;
    plan.forward(pass, p.images.data());
    for (int64_t n = 0; n < Problem::kCount; ++n)
      for (int64_t k = 0; k < 5; ++k)
        plan.logits_gradient(n)[k] = static_cast<float>(p.g.at(n, k));
    plan.backward(pass);
    expect_near(*kernels, plan.input(), plan.input().gradient, p.dx);
  }
}

TEST_P(EveryNetwork, KeepsTheOutputOfEveryLayerAndItsGradient) {
  const Problem p = Problem::far_from_kinks(GetParam(), false);
  for (const kernels::Kernels* kernels : kernels::available()) {
    models::Model model = p.model;
    Plan plan(model, {.fused = false, .input_gradient = true});
    plan.load();
    kernels::ThreadPool pool(2);
    plan.reserve(Problem::kCount, true, pool.threads());
    const Pass pass{*kernels, pool, Problem::kCount, false};
    ASSERT_EQ(plan.layers().size(), p.reference.layers.size());
    for (size_t i = 0; i < plan.layers().size(); ++i) {
      const auto& [path, output] = plan.layers()[i];
      SCOPED_TRACE(join(kernels->name, ", ", path));
      EXPECT_EQ(path, p.reference.layers[i]);
      plan.forward(pass, p.images.data());  // backward may change what it left
      expect_near(*kernels, *output, output->value,
                  p.reference.outputs.at(path));
      for (int64_t n = 0; n < Problem::kCount; ++n)
        for (int64_t k = 0; k < 5; ++k)
          plan.logits_gradient(n)[k] = static_cast<float>(p.g.at(n, k));
      EXPECT_TRUE(plan.backward(pass, plan.output(), *output));
      expect_near(*kernels, *output, output->gradient,
                  p.reference.output_gradients.at(path));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Native, EveryNetwork, testing::ValuesIn(networks()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace digitnet::engine::native
