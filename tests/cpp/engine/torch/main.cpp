// The program of the tests that compute by LibTorch, which is linked in here.
#include <gtest/gtest.h>

#include "engine/torch/library.h"
#include "engine/torch_engine.h"

int main(int argc, char** argv) {
  digitnet::engine::set_torch_engine(digitnet::engine::linked_torch_engine());
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
