// A device that vanishes while it trains: a stand-in for LibTorch's engine that
// computes by the native one until then.
#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/native/executor.h"
#include "engine/torch_engine.h"
#include "halves.h"
#include "train/trainer.h"

namespace digitnet::train {
namespace {

using testing::Environment;
using testing::Halves;

constexpr const char* kLost = "CUDA error: unspecified launch failure";

// Takes so many steps, and then does nothing any more but throw.
class Vanishing : public engine::Executor {
 public:
  static inline int64_t steps_left = 0;

  explicit Vanishing(models::Model& model)
      : model_(model), real_(engine::make_native_executor(model)) {}

  std::string name() const override { return "a device"; }
  void predict(const float* images, int64_t count, float* logits) override {
    there().predict(images, count, logits);
  }
  void parallel_for(int64_t tasks,
                    const std::function<void(int64_t)>& task) override {
    real_->parallel_for(tasks, task);  // on the host
  }
  void start_training(const engine::TrainSettings& settings) override {
    there().start_training(settings);
  }
  void start_epoch(int64_t number, int64_t steps) override {
    there().start_epoch(number, steps);
  }
  void train(const engine::Batch& batch, double lr) override {
    there().train(batch, lr);
    --steps_left;
  }
  engine::Totals totals() override { return there().totals(); }
  void swap_averages() override { real_->swap_averages(); }  // only noted
  void pull() override {
    // What has been copied of the weights when it vanishes.
    if (steps_left <= 0) model_.trained()[0] = 1e9f;
    there().pull();
  }
  void push() override { there().push(); }
  engine::TrainingState training_state() override {
    return there().training_state();
  }
  void restore_training(const engine::TrainingState& state) override {
    there().restore_training(state);
  }
  engine::ResidentSupport resident_training() override {
    return real_->resident_training();
  }
  engine::Inspector* inspector() override { return there().inspector(); }

 private:
  engine::Executor& there() {
    if (steps_left <= 0) throw std::runtime_error(kLost);
    return *real_;
  }

  models::Model& model_;
  std::unique_ptr<engine::Executor> real_;
};

const engine::TorchEngine kVanishing = {
    [](models::Model& model, const std::string&,
       int) -> std::unique_ptr<engine::Executor> {
      return std::make_unique<Vanishing>(model);
    },
    [] { return 0; }, [] { return std::string("none"); },
    [](double*, int64_t) { return engine::SharedTensor{}; }};

// The weights that a training leaves behind whose device vanishes in the step
// after so many: five are an epoch.
std::vector<float> weights_after(int64_t steps, Config config,
                                 std::vector<std::vector<float>>& epochs) {
  const Environment device("DIGITNET_EXECUTOR", "torch");
  engine::set_torch_engine(&kVanishing);
  Vanishing::steps_left = steps;
  const Halves data;
  // Of the other classes: the more is learned, the worse.
  Halves validation;
  for (int64_t& label : validation.labels) label = 1 - label;
  models::Model model = testing::lenet5();
  epochs = {model.trained()};
  Hooks hooks;
  hooks.epoch_done = [&](const Epoch&) {
    epochs.push_back(model.trained());
    return Request::GoOn;
  };
  try {
    fit(model, data.view, validation.view, config, hooks);
    ADD_FAILURE() << "expected the device's error";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), kLost);
  }
  engine::set_torch_engine(nullptr);
  return model.trained();
}

Config eight_a_batch() {
  Config config;
  config.batch_size = 8;
  config.epochs = 4;
  return config;
}

TEST(VanishingDevice, LeavesTheWeightsOfTheLastWholeEpoch) {
  std::vector<std::vector<float>> epochs;
  for (const int64_t whole : {0, 1, 2}) {
    Config config = eight_a_batch();
    const auto weights = weights_after(5 * whole + 2, config, epochs);
    EXPECT_EQ(epochs.size(), whole + 1);
    EXPECT_EQ(weights, epochs.back());
    config.ema_decay = 0.9;
    EXPECT_EQ(weights_after(5 * whole + 2, config, epochs), epochs.back());
  }
}

TEST(VanishingDevice, LeavesTheBestWeightsIfTheyAreWanted) {
  Config config = eight_a_batch();
  config.early_stopping = 10;
  std::vector<std::vector<float>> epochs;
  const auto weights = weights_after(5 * 3 + 1, config, epochs);
  ASSERT_EQ(epochs.size(), 4);
  EXPECT_EQ(weights, epochs[1]);
  EXPECT_NE(weights, epochs[3]);
}

}  // namespace
}  // namespace digitnet::train
