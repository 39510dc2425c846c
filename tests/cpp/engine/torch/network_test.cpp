// Networks whose tensors start at aligned places of blocks of their own, beside
// those over the model's memory.
#include "engine/torch/network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "core/list.h"
#include "core/random.h"
#include "engine/torch/trainer.h"
#include "models/build.h"
#include "optimizers/all.h"

namespace digitnet::engine {
namespace {

using Memory = TorchNetwork::Memory;

constexpr int64_t kImages = 12, kSide = 8, kSteps = 5;
constexpr double kRate = 0.01;
// Sums round otherwise where tensors start elsewhere; a rule of an optimizer
// that is left out moves weights by a hundred times as much.
constexpr double kRounding = 1e-5;
// Adam makes whole steps of gradients that are nothing but rounding errors, as
// those of a bias in front of batch norm: not with an epsilon far above them.
constexpr double kEpsilon = 1e-3;

// No tensor fills up to the next aligned place.
models::Model odd_model() {
  using namespace models::build;
  return {models::named(sequence({conv(3, 3), batch_norm(), relu(), flatten(),
                                  dense(7), relu(), dense(5)})),
          {1, kSide, kSide},
          {{"scale", {}}},
          3};
}

TEST(TorchNetwork, StartsEveryTensorOfItsOwnMemoryAtAnAlignedPlace) {
  models::Model model = odd_model();
  TorchNetwork exact(model, at::kCPU, Memory::Own), rounded(exact);
  for (TorchNetwork* network : {&exact, &rounded}) {
    for (const models::Slot& slot : model.slots()) {
      const at::Tensor& tensor = network->tensor(slot.parameter.name);
      EXPECT_EQ(tensor.storage_offset() % TorchNetwork::kAlignment, 0)
          << slot.parameter.name;
    }
  }
}

TEST(TorchNetwork, TakesMemoryOfItsOwnWhereTheDeviceIsNoCpu) {
  models::Model model = odd_model();
  const TorchNetwork here(model, at::kCPU), there(model, at::kMeta);
  EXPECT_EQ(here.values().const_data_ptr(), model.trained().data());
  EXPECT_EQ(here.values().numel(),
            static_cast<int64_t>(model.trained().size()));
  EXPECT_EQ(there.slots()[1].offset, TorchNetwork::kAlignment);
}

TEST(TorchNetwork, BringsEveryTensorThereAndBack) {
  models::Model model = odd_model();
  const std::vector<float> trained = model.trained(), buffers = model.buffers();
  TorchNetwork network(model, at::kCPU, Memory::Own);
  for (const models::Slot& slot : model.slots()) {
    const std::vector<float> expected = model.get(slot);
    const at::Tensor tensor =
        network.tensor(slot.parameter.name).contiguous().view(-1);
    ASSERT_EQ(tensor.numel(), static_cast<int64_t>(expected.size()));
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(tensor[static_cast<int64_t>(i)].item<float>(), expected[i]);
  }
  for (auto* block : {&model.trained(), &model.buffers()})
    std::fill(block->begin(), block->end(), 0.0f);
  network.pull();
  EXPECT_EQ(model.trained(), trained);
  EXPECT_EQ(model.buffers(), buffers);
}

struct Case {
  std::string name;
  TrainSettings settings;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

TrainSettings with(const Spec& optimizer) {
  TrainSettings settings;
  const auto& known = find(optimizers::all(), "optimizer", optimizer.name);
  settings.optimizer = {optimizer.name, resolve(optimizer.name, known.options,
                                                optimizer.options)};
  settings.lr_scales.assign(odd_model().slots().size(), 1);
  return settings;
}

std::vector<Case> cases() {
  std::vector<Case> result = {
      {"Sgd", with({"sgd", {{"momentum", 0.9}}})},
      {"Adam", with({"adam", {{"epsilon", kEpsilon}}})},
      {"Adamw",
       with({"adamw", {{"weight_decay", 0.1}, {"epsilon", kEpsilon}}})},
      {"Rmsprop", with({"rmsprop", {{"epsilon", kEpsilon}}})},
      {"Penalties", with({"sgd", {}})},
      {"Clipped", with({"sgd", {}})},
      {"Averaged", with({"adam", {{"epsilon", kEpsilon}}})},
      {"Scaled", with({"adam", {{"epsilon", kEpsilon}}})},
      {"Rounded", with({"adam", {{"epsilon", kEpsilon}}})},
  };
  result[4].settings.l1 = result[4].settings.l2 = 0.01;
  result[5].settings.clip_norm = 0.5;
  result[6].settings.ema_decay = 0.9;
  auto& scales = result[7].settings.lr_scales;
  scales[0] = 0.5;    // of the convolution's weights
  scales.back() = 0;  // of the last bias
  result[8].settings.bfloat16 = true;
  return result;
}

// The model after some steps of a network in such memory.
models::Model trained_in(Memory memory, const TrainSettings& settings) {
  models::Model model = odd_model();
  TorchNetwork network(model, at::kCPU, memory);
  TorchTrainer trainer(model, network, at::kCPU, settings);
  std::vector<float> pixels(kImages * kSide * kSide);
  Draws(5, 3000, 0, 0).fill(pixels.data(), pixels.size(), 0, 1);
  trainer.start_epoch(1, std::vector<double>(kSteps, kRate));
  for (int64_t step = 0; step < kSteps; ++step) {
    TorchBatch batch;
    batch.images = network.input(pixels.data(), kImages);
    batch.labels = at::arange(kImages).remainder(5);
    batch.global_count = kImages;
    trainer.take_step(batch, kRate);
  }
  trainer.swap_averages();
  network.pull();
  int64_t values = 0;
  for (const models::Slot& slot : model.slots())
    values += slot.parameter.is_buffer ? 0 : slot.parameter.count();
  EXPECT_LE(network.values().count_nonzero().item<int64_t>(), values);
  return model;
}

class InEitherMemory : public testing::TestWithParam<Case> {};

TEST_P(InEitherMemory, TrainsTheSameWeights) {
  const TrainSettings& settings = GetParam().settings;
  const models::Model model = trained_in(Memory::Model, settings),
                      own = trained_in(Memory::Own, settings);
  const std::vector<float> before = odd_model().trained();
  ASSERT_EQ(model.trained().size(), own.trained().size());
  double moved = 0;
  for (size_t i = 0; i < own.trained().size(); ++i) {
    moved += std::abs(own.trained()[i] - before[i]);
    ASSERT_NEAR(own.trained()[i], model.trained()[i], kRounding) << i;
  }
  EXPECT_GT(moved, 0.1);
  for (size_t i = 0; i < own.buffers().size(); ++i)
    ASSERT_NEAR(own.buffers()[i], model.buffers()[i], kRounding) << i;
}

INSTANTIATE_TEST_SUITE_P(All, InEitherMemory, testing::ValuesIn(cases()),
                         [](const auto& about) { return about.param.name; });

}  // namespace
}  // namespace digitnet::engine
