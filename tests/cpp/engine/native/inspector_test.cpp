#include "engine/native/inspector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/random.h"
#include "engine/native/losses.h"
#include "engine/native/reference.h"
#include "models/build.h"

namespace digitnet::engine::native {
namespace {

using namespace models::build;
using models::Layer;

constexpr Shape kInput{2, 9, 8};

std::vector<Layer> layers() {
  return {conv(6, 3),
          batch_norm(),
          relu(),
          max_pool(),
          residual({conv(6, 3, "same"), relu()}),
          appended({conv(3, 1)}),
          dropout(0.3),
          flatten(),
          dense(11),
          relu(),
          models::make_layer("domain_head", {},
                             {sequence({dense(5), relu(), dense(2)})}),
          dense(4)};
}

models::Model model_of(const std::vector<Layer>& layers, uint64_t seed = 3) {
  models::Model model(sequence(layers), kInput, {}, seed);
  Draws(seed, 2003, 0, 0)
      .fill(model.buffers().data(),
            static_cast<int64_t>(model.buffers().size()), 0.5, 1);
  return model;
}

std::vector<float> images_of(int64_t count, uint64_t seed = 1) {
  std::vector<float> images(count * kInput.size());
  Draws(seed, 2000, 0, 0)
      .fill(images.data(), static_cast<int64_t>(images.size()), -1, 1);
  return images;
}

// An inspector of an executor's plan.
struct Fixture {
  models::Model model;
  Plan plan;
  kernels::ThreadPool pool;
  NativeInspector inspector;

  explicit Fixture(const std::vector<Layer>& layers, int threads = 2)
      : model(model_of(layers)),
        plan(model),
        pool(threads),
        inspector(model, kernels::select(), pool, plan.values()) {
    plan.load();
  }
  TargetGradients gradients(const std::vector<float>& images,
                            const Target& target, const std::string& layer) {
    TargetGradients result;
    inspector.target_gradients(images.data(),
                               static_cast<int64_t>(target.units.size()),
                               target, layer, result);
    return result;
  }
};

void expect_near(const std::vector<float>& values,
                 const std::vector<double>& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (size_t i = 0; i < values.size(); ++i)
    ASSERT_NEAR(values[i], expected[i], 2e-5) << i;
}

Batch batch_of(const std::vector<float>& images) {
  Batch x(static_cast<int64_t>(images.size()) / kInput.size(), kInput);
  std::copy(images.begin(), images.end(), x.values.begin());
  return x;
}

// Ones at each sample's unit.
Batch seeds_of(const std::vector<int64_t>& units, int64_t outputs) {
  Batch g(static_cast<int64_t>(units.size()), flat_shape(outputs));
  for (int64_t n = 0; n < g.count; ++n) g.at(n, units[n]) = 1;
  return g;
}

TEST(Inspector, GivesEveryLayersOutputInOrderOfExecution) {
  Fixture f(layers());
  const auto images = images_of(3);
  ReferenceNetwork reference(f.model, false);
  reference.forward(batch_of(images));
  const auto all = f.inspector.activations(images.data(), 3, {});
  ASSERT_EQ(all.size(), reference.layers.size());
  for (size_t i = 0; i < all.size(); ++i) {
    SCOPED_TRACE(all[i].path);
    EXPECT_EQ(all[i].path, reference.layers[i]);
    const Batch& expected = reference.outputs.at(all[i].path);
    std::vector<int64_t> sizes = {3, expected.shape.channels};
    if (!expected.shape.flat)
      sizes.insert(sizes.end(), {expected.shape.height, expected.shape.width});
    EXPECT_EQ(all[i].sizes, sizes);
    expect_near(all[i].values, expected.values);
  }
}

TEST(Inspector, GivesTheLayersThatAreAskedForOfAnyNumberOfImages) {
  Fixture f(layers());
  const auto images = images_of(67);  // more than a pass has
  const auto some =
      f.inspector.activations(images.data(), 67, {"dense1", "conv1", "none"});
  ASSERT_EQ(some.size(), 2u);
  EXPECT_EQ(some[0].path, "conv1");
  EXPECT_EQ(some[1].path, "dense1");
  const auto last = f.inspector.activations(images.data() + 66 * kInput.size(),
                                            1, {"dense1"});
  EXPECT_TRUE(std::equal(last[0].values.begin(), last[0].values.end(),
                         some[1].values.begin() + 66 * 11));
}

TEST(Inspector, GivesGradientsOfLogitsByEveryLayerAndTheImages) {
  Fixture f(layers());
  const auto images = images_of(5);
  const std::vector<int64_t> units = {3, 0, 1, 1, 2};
  ReferenceNetwork reference(f.model, false);
  const Traced traced = reference.forward(batch_of(images));
  const Batch dx = traced.backward(seeds_of(units, 4));
  const TargetGradients by_images = f.gradients(images, {"", units}, "");
  expect_near(by_images.gradients, dx.values);
  EXPECT_EQ(by_images.outputs, images);
  EXPECT_EQ(by_images.sizes, (std::vector<int64_t>{5, 2, 9, 8}));
  for (int64_t n = 0; n < 5; ++n)
    EXPECT_NEAR(by_images.values[n], traced.y.at(n, units[n]), 2e-5);
  for (const std::string& layer : reference.layers) {
    if (layer.starts_with("domain_head")) continue;
    SCOPED_TRACE(layer);
    const TargetGradients result = f.gradients(images, {"", units}, layer);
    expect_near(result.outputs, reference.outputs.at(layer).values);
    expect_near(result.gradients, reference.output_gradients.at(layer).values);
    EXPECT_EQ(f.gradients(images, {"dense2", units}, layer).gradients,
              result.gradients);  // the last layer's output is the logits
  }
}

// A network cut off behind a layer has that layer's units as its logits; means
// of maps are an average pool's.
TEST(Inspector, GivesGradientsOfInnerUnits) {
  Fixture f(layers());
  const auto images = images_of(4);
  const std::vector<int64_t> units = {5, 0, 2, 2};
  const auto all = layers();
  for (const auto& [target, count] :
       {std::pair{"max_pool1", 4}, {"dense1", 9}}) {
    SCOPED_TRACE(target);
    std::vector<Layer> cut(all.begin(), all.begin() + count);
    if (count < 9) {
      cut.push_back(adaptive_average_pool(1));
      cut.push_back(flatten());
    }
    models::Model model = model_of(cut);
    for (const models::Slot& slot : model.slots())
      model.set(slot, f.model.get(f.model.slot(slot.parameter.name)).data());
    ReferenceNetwork reference(model, false);
    const Traced traced = reference.forward(batch_of(images));
    const Batch dx = traced.backward(seeds_of(units, traced.y.shape.channels));
    const TargetGradients result = f.gradients(images, {target, units}, "");
    expect_near(result.gradients, dx.values);
    for (int64_t n = 0; n < 4; ++n)
      EXPECT_NEAR(result.values[n], traced.y.at(n, units[n]), 2e-5);
  }
}

TEST(Inspector, LooksIntoHeads) {
  Fixture f(layers());
  const auto images = images_of(3);
  const Target target{"domain_head1.sequence1.dense2", {1, 0, 1}};
  const TargetGradients inside =
      f.gradients(images, target, "domain_head1.sequence1.dense1");
  const auto weight =
      f.model.get(f.model.slot("domain_head1.sequence1.dense2.weight"));
  for (int64_t n = 0; n < 3; ++n) {
    for (int64_t i = 0; i < 5; ++i) {
      const bool alive = inside.outputs[n * 5 + i] > 0;
      EXPECT_NEAR(inside.gradients[n * 5 + i],
                  alive ? weight[target.units[n] * 5 + i] : 0, 1e-6);
    }
  }
  // The reversal's coefficient is 0 outside of training.
  const auto before = f.gradients(images, target, "dense1").gradients;
  EXPECT_EQ(before, std::vector<float>(3 * 11, 0.0f));
  // It leaves nothing behind for the next one.
  const auto first = f.gradients(images, {"", {0, 1, 2}}, "relu2").gradients;
  f.gradients(images, target, "");
  EXPECT_EQ(f.gradients(images, {"", {0, 1, 2}}, "relu2").gradients, first);
}

void expect_error(Fixture& f, const Target& target, const std::string& layer,
                  const std::string& message) {
  const auto images = images_of(1);
  try {
    f.gradients(images, target, layer);
    ADD_FAILURE() << message;
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(message), std::string::npos)
        << error.what();
  }
}

TEST(Inspector, RefusesWhatIsNotThere) {
  Fixture f(layers());
  expect_error(f, {"", {0}}, "conv9", "unknown layer 'conv9'; known: conv1, ");
  expect_error(f, {"dense9", {0}}, "conv1", "unknown layer 'dense9'; known: ");
  expect_error(f, {"", {4}}, "", "features.unit: expected 0 to 3, got 4");
  expect_error(f, {"conv1", {-1}}, "",
               "features.unit: expected 0 to 5, got -1");
  expect_error(f, {"conv1", {0}}, "dense1",
               "features.layer: expected one before 'conv1', got 'dense1'");
  expect_error(
      f, {"", {0}}, "domain_head1.sequence1.dense2",
      "features.layer: expected one before 'the logits', got 'domain_");
}

TEST(Inspector, GivesTheGradientOfTheLossByTheImages) {
  Fixture f(layers());
  const auto images = images_of(70);
  std::vector<int64_t> labels;
  for (int64_t n = 0; n < 70; ++n) labels.push_back(n % 4);
  LossGradients result;
  f.inspector.loss_gradients(images.data(), labels.data(), 70, 0.1, result);
  ReferenceNetwork reference(f.model, false);
  const Traced traced = reference.forward(batch_of(images));
  Batch g(70, flat_shape(4));
  for (int64_t n = 0; n < 70; ++n) {
    std::vector<float> logits(4), gradient(4);
    for (int64_t k = 0; k < 4; ++k)
      logits[k] = static_cast<float>(traced.y.at(n, k));
    EXPECT_NEAR(
        result.losses[n],
        cross_entropy(logits.data(), 4, labels[n], 0.1, 1, gradient.data()),
        1e-5);
    for (int64_t k = 0; k < 4; ++k) g.at(n, k) = gradient[k];
  }
  expect_near(result.gradients, traced.backward(g).values);
}

TEST(Inspector, GivesTheSameBitsOnAnyNumberOfThreads) {
  const auto images = images_of(70);
  const std::vector<int64_t> units(70, 1);
  Fixture one(layers(), 1), two(layers(), 2);
  for (const std::string layer : {"", "conv1", "dense1"}) {
    const auto a = one.gradients(images, {"", units}, layer);
    const auto b = two.gradients(images, {"", units}, layer);
    EXPECT_EQ(a.gradients, b.gradients);
    EXPECT_EQ(a.outputs, b.outputs);
  }
  one.inspector.observe_statistics(images.data(), 70, 0.4);
  two.inspector.observe_statistics(images.data(), 70, 0.4);
  EXPECT_EQ(one.model.buffers(), two.model.buffers());
}

TEST(Inspector, SeesTheWeightsOfNow) {
  Fixture f(layers());
  const auto images = images_of(2);
  const Target target{"", {0, 1}};
  const auto before = f.gradients(images, target, "").values;
  for (float& weight : f.model.trained()) weight *= 0.5f;
  EXPECT_EQ(f.gradients(images, target, "").values, before);
  f.plan.load();
  EXPECT_NE(f.gradients(images, target, "").values, before);
}

TEST(Inspector, MovesRunningStatisticsTowardsTheBatchs) {
  Fixture f({flatten(), batch_norm(), dense(3)});
  const int64_t features = kInput.size();
  const auto images = images_of(6);
  const auto before = f.model.buffers();
  const uint64_t revision = f.model.revision();
  f.inspector.observe_statistics(images.data(), 6, 0.25);
  EXPECT_GT(f.model.revision(), revision);
  const auto mean = f.model.get(f.model.slot("batch_norm1.running_mean"));
  const auto variance = f.model.get(f.model.slot("batch_norm1.running_var"));
  for (int64_t i = 0; i < features; ++i) {
    double sum = 0, squares = 0;
    for (int64_t n = 0; n < 6; ++n) sum += images[n * features + i] / 6;
    for (int64_t n = 0; n < 6; ++n)
      squares += std::pow(images[n * features + i] - sum, 2) / 5;
    EXPECT_NEAR(mean[i], 0.75 * before[i] + 0.25 * sum, 1e-6);
    EXPECT_NEAR(variance[i], 0.75 * before[features + i] + 0.25 * squares,
                1e-6);
  }
  // One value has no variance.
  f.inspector.observe_statistics(images.data(), 1, 1);
  EXPECT_EQ(f.model.get(f.model.slot("batch_norm1.running_var")),
            std::vector<float>(features, 0.0f));
}

}  // namespace
}  // namespace digitnet::engine::native
