#include "engine/select.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/error.h"
#include "engine/native/executor.h"
#include "halves.h"

namespace digitnet::engine {
namespace {

using testing::Environment;

TEST(Select, TakesTheNativeExecutorForAUsualNetworkOnACpu) {
  models::Model model = testing::lenet5();
  const Choice choice = choose_executor("cpu");
  EXPECT_EQ(choice.engine, "native");
  EXPECT_EQ(choice.device, "cpu");
  EXPECT_EQ(choice.reason, "");
  const std::string name = make_executor(model, "cpu")->name();
  EXPECT_EQ(name, native_name());
  EXPECT_NE(name.find(join("(", choice.kernels, ", ", choice.threads)),
            std::string::npos);
}

TEST(Select, TakesLibTorchForWhatTheNativeExecutorDoesNotDo) {
  models::Model model = testing::lenet5();
  for (const Requirements& requirements :
       {Requirements{.ranks = 2}, Requirements{.bfloat16 = true}}) {
    const Choice choice = choose_executor("cpu", requirements);
    EXPECT_EQ(choice.engine, "torch");
    EXPECT_EQ(choice.threads, 0);
    EXPECT_NE(choice.reason, "");
    EXPECT_EQ(make_executor(model, "cpu", requirements)->name(),
              "torch on cpu");
  }
}

TEST(Select, GivesTheNativeExecutorToWhoLooksInside) {
  models::Model model = testing::lenet5();
  const auto executor = make_executor(model, "cpu");
  EXPECT_EQ(executor->name(), native_name());
  EXPECT_NE(executor->inspector(), nullptr);
}

TEST(Select, GoesByTheEnvironmentAndRefusesUnknownValues) {
  models::Model model = testing::lenet5();
  const std::string settings = executor_settings("cpu");
  const Environment torch("DIGITNET_EXECUTOR", "torch");
  EXPECT_EQ(make_executor(model, "cpu")->name(), "torch on cpu");
  EXPECT_NE(executor_settings("cpu"), settings);
  const Environment unknown("DIGITNET_EXECUTOR", "other");
  EXPECT_THROW(make_executor(model, "cpu"), std::invalid_argument);
}

TEST(Select, RefusesADeviceThatIsNone) {
  models::Model model = testing::lenet5();
  EXPECT_THROW(make_executor(model, "tpu"), std::invalid_argument);
}

TEST(ResidentTraining, ComesWithAReasonWhereThereIsNone) {
  models::Model model = testing::lenet5();
  const auto native = make_native_executor(model);
  const ResidentSupport support = native->resident_training();
  EXPECT_EQ(support.training, nullptr);
  EXPECT_EQ(support.reason, "the native executor works in the host's memory");
}

}  // namespace
}  // namespace digitnet::engine
