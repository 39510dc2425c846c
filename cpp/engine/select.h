// Which executor computes, and why.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::engine {

// What an executor is for beside predicting and training by itself. The native
// one does not do the first two.
struct Requirements {
  int64_t ranks = 1;      // processes that train one model
  bool bfloat16 = false;  // TrainSettings::bfloat16
};

// `device` as for resolve_device(); the executor borrows the model. On a CPU it
// is the native one, unless the environment variable DIGITNET_EXECUTOR is
// "torch" or something is required that it does not do; then, and on a GPU, it
// is the LibTorch engine's. Throws std::runtime_error if there is no such
// device or engine, or in a forked child.
std::unique_ptr<Executor> make_executor(models::Model& model,
                                        const std::string& device,
                                        const Requirements& requirements = {});

// Which executor that would be and, if it is not the native one, why.
struct Choice {
  std::string engine;   // "native" or "torch"
  std::string device;   // "cpu", "cuda", "cuda:1"
  std::string kernels;  // the native one's instruction set: "avx512"
  int threads = 0;      // of the native one
  std::string reason;   // "" for the native one
};
Choice choose_executor(const std::string& device,
                       const Requirements& requirements = {});

// What make_executor() goes by beside the model, to compare: an executor made
// under other settings is out of date.
std::string executor_settings(const std::string& device);

}  // namespace digitnet::engine
