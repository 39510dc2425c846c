// How many steps a launch has; what is launched is tested in
// tests/train/test_capture.py.
#include "engine/torch/captured_steps.h"

#include <gtest/gtest.h>

namespace digitnet::engine {
namespace {

TEST(StepsOfLaunch, AreAsManyAsTakeTheTimeOfALaunch) {
  EXPECT_EQ(steps_of_launch(0.0002, 0.01, 16), 16);
  EXPECT_EQ(steps_of_launch(0.001, 0.01, 16), 8);
  EXPECT_EQ(steps_of_launch(0.005, 0.01, 16), 2);
  EXPECT_EQ(steps_of_launch(0.0051, 0.01, 16), 1);
  EXPECT_EQ(steps_of_launch(1, 0.01, 16), 1);
}

TEST(StepsOfLaunch, AreNoMoreThanMemoryAllows) {
  EXPECT_EQ(steps_of_launch(0.0002, 0.01, 5), 4);
  EXPECT_EQ(steps_of_launch(0.0002, 0.01, 1), 1);
  EXPECT_EQ(steps_of_launch(0, 0.01, 16), 16);
}

}  // namespace
}  // namespace digitnet::engine
