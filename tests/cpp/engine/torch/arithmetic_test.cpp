// The flags that torch keeps for the process: as wanted while we compute, the
// user's otherwise.
#include "engine/torch/arithmetic.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <thread>
#include <tuple>
#include <vector>

namespace digitnet::engine {
namespace {

using at::Float32Backend;
using at::Float32Op;
using at::Float32Precision;
using c10::DeviceType;

at::Context& context() { return at::globalContext(); }

Float32Precision cuda(Float32Op op) {
  return context().float32Precision(Float32Backend::CUDA, op);
}

// Of matrix products: what a GPU's kernels make of both names, -1 if they
// differ.
int older_name() {
  try {
    return context().allowTF32CuBLAS();
  } catch (const c10::Error&) {
    return -1;
  }
}

// Everything that a scope may change.
auto flags() {
  std::vector<Float32Precision> precisions;
  for (const auto backend : {Float32Backend::CUDA, Float32Backend::MKLDNN}) {
    for (const auto op : {Float32Op::CONV, Float32Op::RNN, Float32Op::MATMUL})
      precisions.push_back(context().float32Precision(backend, op));
  }
  return std::tuple{precisions,
                    older_name(),
                    context().deterministicCuDNN(),
                    context().benchmarkCuDNN(),
                    context().deterministicAlgorithms(),
                    context().deterministicAlgorithmsWarnOnly(),
                    context().deterministicFillUninitializedMemory()};
}

struct User {
  const char* name;
  void (*sets)();
};

const std::array kUsers = {
    User{"nothing", [] {}},
    User{"high", [] { context().setFloat32MatmulPrecision("high"); }},
    User{"medium", [] { context().setFloat32MatmulPrecision("medium"); }},
    User{"the newer name alone",
         [] {
           context().setFloat32Precision(
               Float32Backend::CUDA, Float32Op::MATMUL, Float32Precision::TF32);
         }},
    User{"a CPU's name alone",
         [] {
           context().setFloat32Precision(Float32Backend::MKLDNN,
                                         Float32Op::MATMUL,
                                         Float32Precision::BF16);
         }},
    User{"exact convolutions",
         [] {
           context().setFloat32Precision(Float32Backend::CUDA, Float32Op::CONV,
                                         Float32Precision::IEEE);
         }},
    User{"determinism with warnings, and benchmarks",
         [] {
           context().setDeterministicAlgorithms(true, true);
           context().setBenchmarkCuDNN(true);
         }},
};

class ArithmeticOfUser : public testing::TestWithParam<User> {
 protected:
  void SetUp() override {
    reset();
    GetParam().sets();
  }
  void TearDown() override { reset(); }

  static void reset() {
    context().setFloat32MatmulPrecision("highest");
    for (const auto op : {Float32Op::CONV, Float32Op::RNN})
      context().setFloat32Precision(Float32Backend::CUDA, op,
                                    Float32Precision::TF32);
    context().setDeterministicAlgorithms(false, false);
    context().setDeterministicCuDNN(false);
    context().setBenchmarkCuDNN(false);
  }
};

TEST_P(ArithmeticOfUser, IsExactOnAGpuUnlessTf32IsWanted) {
  const auto before = flags();
  {
    const ArithmeticScope scope({.device = DeviceType::CUDA});
    for (const auto op : {Float32Op::CONV, Float32Op::RNN, Float32Op::MATMUL})
      EXPECT_NE(cuda(op), Float32Precision::TF32);
    EXPECT_FALSE(
        context().allowTF32CuBLAS());  // throws if the two names differ
  }
  EXPECT_EQ(flags(), before);
  {
    const ArithmeticScope scope({.device = DeviceType::CUDA, .tf32 = true});
    for (const auto op : {Float32Op::CONV, Float32Op::RNN, Float32Op::MATMUL})
      EXPECT_EQ(cuda(op), Float32Precision::TF32);
    EXPECT_TRUE(context().allowTF32CuBLAS());
  }
  EXPECT_EQ(flags(), before);
}

TEST_P(ArithmeticOfUser, IsExactOnACpu) {
  const auto before = flags();
  {
    const ArithmeticScope scope({.device = DeviceType::CPU, .tf32 = true});
    for (const auto op : {Float32Op::CONV, Float32Op::RNN, Float32Op::MATMUL}) {
      const auto now = context().float32Precision(Float32Backend::MKLDNN, op);
      EXPECT_TRUE(now == Float32Precision::IEEE ||
                  now == Float32Precision::NONE);
    }
  }
  EXPECT_EQ(flags(), before);
}

TEST_P(ArithmeticOfUser, IsDeterministicIfThatIsWanted) {
  const auto before = flags();
  const bool own = context().deterministicAlgorithms();
  {
    const ArithmeticScope scope(
        {.device = DeviceType::CUDA, .deterministic = true});
    EXPECT_TRUE(context().deterministicCuDNN());
    EXPECT_FALSE(context().benchmarkCuDNN());
    EXPECT_TRUE(context().deterministicAlgorithms());
    EXPECT_FALSE(context().deterministicAlgorithmsWarnOnly());
    EXPECT_FALSE(context().deterministicFillUninitializedMemory());
    const ArithmeticScope inner({.device = DeviceType::CUDA});
    EXPECT_TRUE(context().deterministicAlgorithms());  // the outer one holds
  }
  EXPECT_EQ(flags(), before);
  {
    const ArithmeticScope scope({.device = DeviceType::CUDA});
    EXPECT_EQ(context().deterministicAlgorithms(), own);
  }
  EXPECT_EQ(flags(), before);
}

INSTANTIATE_TEST_SUITE_P(Users, ArithmeticOfUser, testing::ValuesIn(kUsers),
                         [](const auto& info) {
                           return "User" + std::to_string(info.index);
                         });

TEST(Arithmetic, IsSharedByThreadsThatWantTheSameAndWaitedForByOthers) {
  const Arithmetic exact{.device = DeviceType::CUDA};
  const Arithmetic tf32{.device = DeviceType::CUDA, .tf32 = true};
  std::atomic<int> wrong = 0;
  const auto work = [&](const Arithmetic& wanted) {
    for (int i = 0; i < 300; ++i) {
      const ArithmeticScope scope(wanted);
      wrong += (cuda(Float32Op::CONV) == Float32Precision::TF32) != wanted.tf32;
      std::this_thread::sleep_for(std::chrono::microseconds(20));
      wrong += (cuda(Float32Op::CONV) == Float32Precision::TF32) != wanted.tf32;
    }
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back(work, i % 2 ? tf32 : exact);
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

// Two threads that hand the flags to each other without a gap must let a third
// in that wants others.
TEST(Arithmetic, KeepsNobodyWaitingForLong) {
  std::atomic<bool> over = false;
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i) {
    busy.emplace_back([&] {
      while (!over) {
        const ArithmeticScope scope({.device = DeviceType::CUDA, .tf32 = true});
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i)
    const ArithmeticScope scope({.device = DeviceType::CUDA});
  const auto spent = std::chrono::steady_clock::now() - start;
  over = true;
  for (std::thread& thread : busy) thread.join();
  EXPECT_LT(spent, std::chrono::seconds(2));
}

TEST(Arithmetic, LetsAFlagFollowTheOneAboveItAgain) {
  const auto generic = [](Float32Precision precision) {
    context().setFloat32Precision(Float32Backend::GENERIC, Float32Op::ALL,
                                  precision);
  };
  context().setFloat32Precision(Float32Backend::CUDA, Float32Op::RNN,
                                Float32Precision::NONE);
  generic(Float32Precision::TF32);
  EXPECT_EQ(cuda(Float32Op::RNN), Float32Precision::TF32);
  { const ArithmeticScope scope({.device = DeviceType::CUDA}); }
  EXPECT_EQ(cuda(Float32Op::RNN), Float32Precision::TF32);
  generic(Float32Precision::IEEE);
  EXPECT_EQ(cuda(Float32Op::RNN), Float32Precision::IEEE);
  generic(Float32Precision::NONE);
  context().setFloat32Precision(Float32Backend::CUDA, Float32Op::RNN,
                                Float32Precision::TF32);
}

}  // namespace
}  // namespace digitnet::engine
