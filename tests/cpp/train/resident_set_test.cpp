// Training on a set in the device's memory against batches of the host. A CPU
// keeps such a set only if the environment says so.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

#include "halves.h"
#include "train/trainer.h"

namespace digitnet::train {
namespace {

using testing::Environment;
using testing::Halves;

Config short_training() {
  Config config;
  config.epochs = 2;
  config.batch_size = 2;
  config.optimizer = {"sgd", {}};
  config.learning_rate = 0.02;
  config.augment = "shift 1px | noise 5%";
  config.ema_decay = 0.9;
  return config;
}

struct Result {
  std::vector<float> weights;
  Outcome outcome;
};

Result trained(const char* resident, const engine::Recorder& recorder = {}) {
  const Environment torch("DIGITNET_EXECUTOR", "torch");
  const Environment where("DIGITNET_RESIDENT", resident);
  constexpr int64_t kSide = 8;
  const Halves data(kSide);
  models::Model model = testing::smooth_cnn(kSide);
  Hooks hooks;
  hooks.recorder = recorder;
  const Outcome outcome = fit(model, data.view, {}, short_training(), hooks);
  return {model.trained(), outcome};
}

// Repeats work by doing it again, and counts.
struct CountingRecorder {
  int recorded = 0, launches = 0;

  engine::Recorder recorder() {
    return {[this](const engine::Work& warm_up, const engine::Work& work) {
              warm_up();
              ++recorded;
              return [this, work] {
                ++launches;
                work();
              };
            },
            0};
  }
};

TEST(ResidentSet, TrainsTheSameWeightsAsBatchesFromTheHost) {
  const Result host = trained("0"), resident = trained("1");
  EXPECT_EQ(host.outcome.loop, "");
  EXPECT_EQ(resident.outcome.loop,
            "the data in the device's memory, steps launched one by one");
  ASSERT_EQ(host.weights.size(), resident.weights.size());
  for (size_t i = 0; i < host.weights.size(); ++i)
    ASSERT_NEAR(host.weights[i], resident.weights[i], 2e-5) << "weight " << i;
}

TEST(ResidentSet, TrainsTheSameBitsByCapturedSteps) {
  CountingRecorder counting;
  const Result captured = trained("1", counting.recorder());
  EXPECT_EQ(
      captured.outcome.loop,
      "the data in the device's memory, captured steps, up to 16 a launch");
  EXPECT_EQ(counting.recorded, 2);            // sixteen steps, and one
  EXPECT_EQ(counting.launches, 2 * (1 + 4));  // twenty steps an epoch
  EXPECT_EQ(captured.weights, trained("1").weights);
}

TEST(ResidentSet, TrainsStepByStepWhereTheDeviceCapturesNothing) {
  const engine::Recorder failing{
      [](const engine::Work& warm_up, const engine::Work&) -> engine::Work {
        warm_up();
        throw std::runtime_error("no graphs here");
      },
      0};
  const Result single = trained("1", failing);
  EXPECT_EQ(single.outcome.loop,
            "the data in the device's memory, steps not captured: no graphs "
            "here");
  EXPECT_EQ(single.weights, trained("1").weights);
}

}  // namespace
}  // namespace digitnet::train
