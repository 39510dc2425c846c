// The native plan on awkward shapes: under the sanitizers of the asan preset
// these tests find a kernel that reads or writes beyond its maps.
#include "engine/native/plan.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/random.h"
#include "models/build.h"
#include "models/layers.h"

namespace digitnet::engine::native {
namespace {

using namespace models::build;
using models::Layer;

struct Case {
  std::string name;
  Shape input;
  std::vector<Layer> layers;
};

std::vector<Case> sequences() {
  const auto gru = [](double units) {
    return models::make_layer("gru", {{"units", units}});
  };
  const auto capsules = [](double units, double size, double inputs,
                           double routing) {
    return models::make_layer("capsules", {{"units", units},
                                           {"size", size},
                                           {"inputs", inputs},
                                           {"routing", routing}});
  };
  const auto attention = [](double heads) {
    return models::make_layer("attention", {{"heads", heads}});
  };
  const Layer position = models::make_layer("position");
  return {
      {"positions", {3, 5, 7}, {position, conv(6, 3, "same"), position}},
      {"flat positions", {3, 5, 7}, {flatten(), position}},
      {"few units", {1, 9, 7}, {gru(3)}},
      {"many units", {1, 4, 28}, {gru(130)}},
      {"recurrent behind maps", {1, 9, 6}, {conv(5, 3, "same"), gru(33)}},
      {"one step", {3, 1, 2}, {gru(17)}},
      {"attention", {1, 5, 7}, {conv(27, 3, "same"), attention(3)}},
      {"much attention", {1, 9, 9}, {conv(6, 1), attention(2), conv(5, 3)}},
      {"capsules", {1, 9, 9}, {conv(24, 3, "same"), capsules(3, 5, 8, 3)}},
      {"few capsules", {3, 1, 1}, {capsules(17, 3, 1, 2)}},
  };
}

std::vector<Case> cases() {
  std::vector<Case> result;
  for (const int channels : {1, 3, 6, 16, 24, 33, 64}) {
    for (const int kernel : {1, 3, 5}) {
      const std::string name =
          std::to_string(channels) + " by " + std::to_string(kernel);
      result.push_back({"pooled " + name,
                        {3, 11, 13},
                        {conv(channels, 3), relu(), conv(17, kernel, "same"),
                         relu(), max_pool(), dropout(0.4)}});
      result.push_back({"plain " + name,
                        {1, 13, 10},
                        {conv(channels, 3, "same"), batch_norm(), relu(),
                         conv(20, kernel), relu()}});
      result.push_back({"first " + name,
                        {1, 9, 12},
                        {conv(channels, kernel), max_pool(), relu()}});
    }
  }
  result.push_back({"large tiles", {1, 21, 18}, {conv(16, 3), conv(40, 3)}});
  result.push_back({"phases",
                    {1, 43, 44},
                    {conv(49, 1), strided_conv(40, 5, 2, 1), relu()}});
  result.push_back({"no maps", {1, 3, 5}, {}});
  for (Case& c : sequences()) result.push_back(std::move(c));
  for (Case& c : result) {
    for (const Layer& layer :
         {flatten(), dense(37), relu(), dropout(0.2), dense(33), dense(4)})
      c.layers.push_back(layer);
  }
  return result;
}

// The logits and gradients of one pass over images that all differ.
std::vector<float> pass_over(const Case& c, int64_t count, int threads) {
  models::Model model(models::named(sequence(c.layers)), c.input, {}, 7);
  Plan plan(model);
  plan.load();
  kernels::ThreadPool pool(threads);
  plan.reserve(count, true, pool.threads());
  const Pass pass{kernels::select(), pool, count, true, {3, 4}};
  std::vector<float> images(count * c.input.size());
  Draws(1, 2, 3, 4)
      .fill(images.data(), static_cast<int64_t>(images.size()), -1, 1);
  plan.forward(pass, images.data());
  std::vector<float> result;
  for (int64_t n = 0; n < count; ++n) {
    for (int k = 0; k < 4; ++k) {
      result.push_back(plan.logits(n)[k]);
      plan.logits_gradient(n)[k] = std::sin(static_cast<float>(4 * n + k));
    }
  }
  plan.backward(pass);
  const Floats& gradients = plan.gradients();
  result.insert(result.end(), gradients.begin(), gradients.end());
  return result;
}

bool all_finite(const Floats& values) {
  for (const float value : values)
    if (!std::isfinite(value)) return false;
  return true;
}

TEST(Plan, ComputesFiniteGradientsForEveryShapeOnEveryInstructionSet) {
  for (const Case& c : cases()) {
    models::Model model(models::named(sequence(c.layers)), c.input, {}, 7);
    for (const kernels::Kernels* kernels : kernels::available()) {
      SCOPED_TRACE(c.name + ", " + kernels->name);
      Plan plan(model);
      plan.load();
      kernels::ThreadPool pool(2);
      for (const int64_t count : {5, 1, 19}) {
        plan.reserve(count, true, pool.threads());
        const Pass pass{*kernels, pool, count, true, {3, 4}};
        const std::vector<float> images(count * c.input.size(), 0.5f);
        plan.forward(pass, images.data());
        for (int64_t n = 0; n < count; ++n) {
          for (int k = 0; k < 4; ++k) {
            ASSERT_TRUE(std::isfinite(plan.logits(n)[k]));
            plan.logits_gradient(n)[k] = k == 0 ? 1.0f : -0.5f;
          }
        }
        plan.backward(pass);
        ASSERT_TRUE(all_finite(plan.gradients()));
      }
    }
  }
}

TEST(Plan, ComputesTheSameBitsOnAnyNumberOfThreads) {
  for (const Case& c : cases()) {
    SCOPED_TRACE(c.name);
    const std::vector<float> one = pass_over(c, 29, 1);
    for (const int threads : {2, 3})
      ASSERT_EQ(pass_over(c, 29, threads), one) << threads << " threads";
  }
}

}  // namespace
}  // namespace digitnet::engine::native
