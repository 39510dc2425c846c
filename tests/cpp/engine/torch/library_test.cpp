#include "engine/torch/library.h"

#include <gtest/gtest.h>

namespace digitnet::engine {
namespace {

TEST(Library, NamesTheVendorWhoseGpusItDoesNotUse) {
  EXPECT_EQ(reason_without_gpu({}),
            "torch here is the CPU build or finds no device");
  const auto of = [](const std::string& vendor) {
    return "torch here is a build for GPUs of " + vendor +
           ", and only NVIDIA's are supported, with a CUDA build of torch";
  };
  EXPECT_EQ(reason_without_gpu({.amd = true}), of("AMD"));
  EXPECT_EQ(reason_without_gpu({.intel = true}), of("Intel"));
  EXPECT_EQ(reason_without_gpu({.apple = true}), of("Apple"));
}

TEST(Library, SaysWhyThereIsNoGpuOnlyOfWhatIsHere) {
  const TorchEngine* engine = linked_torch_engine();
  if (engine->gpu_count() > 0) GTEST_SKIP() << "a GPU is here";
  EXPECT_EQ(engine->no_gpu_reason(), reason_without_gpu({}));
}

}  // namespace
}  // namespace digitnet::engine
