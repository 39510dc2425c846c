#include "engine/executor.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>

#include "core/error.h"
#include "engine/native/executor.h"
#include "engine/native/plan.h"
#include "engine/torch/executor.h"

namespace digitnet::engine {
namespace {

// LibTorch's threads do not survive a fork: the child would wait for them for
// ever.
void refuse_forked_child() {
  static std::atomic<pid_t> owner{0};
  pid_t expected = 0;
  if (owner.compare_exchange_strong(expected, getpid()) || expected == getpid())
    return;
  throw std::runtime_error(
      join("digitnet: expected the process that first computed (", expected,
           "), got its forked child ", getpid(),
           "; start workers with multiprocessing's 'spawn' method"));
}

}  // namespace

std::string environment(const char* name) {
  const char* word = std::getenv(name);
  return word ? word : "";
}

int num_threads() { return std::max(1, at::get_num_threads()); }

std::string resolve_device(const std::string& device) {
  if (device == "auto") return at::hasCUDA() ? "cuda" : "cpu";
  if (device == "cpu") return device;
  const bool cuda =
      device == "cuda" ||
      (device.starts_with("cuda:") && device.size() > 5 && device.size() < 9 &&
       device.find_first_not_of("0123456789", 5) == std::string::npos);
  require(cuda, "device: expected 'auto', 'cpu', 'cuda' or 'cuda:N', got '",
          device, "'");
  if (!at::hasCUDA()) {
    throw std::runtime_error(join(
        "device: expected a GPU for '", device, "', got ",
        at::globalContext().hasHIP() ? "an AMD build" : "none",
        "; torch here is the CPU build or finds no device; use device='cpu'"));
  }
  return device;
}

namespace {

// Why not the native executor, as far as the network does not say.
std::string native_refused(const std::string& device, const std::string& need) {
  const std::string word = environment("DIGITNET_EXECUTOR");
  require(word.empty() || word == "native" || word == "torch",
          "DIGITNET_EXECUTOR: expected 'native' or 'torch', got '", word, "'");
  if (word == "torch") return "DIGITNET_EXECUTOR is 'torch'";
  if (!need.empty()) return need;
  return device == "cpu" ? "" : "the native executor is for CPUs";
}

}  // namespace

std::string executor_settings(const std::string& device) {
  refuse_forked_child();  // an executor's threads stay behind as well
  const std::string place = resolve_device(device);
  return join(place, " ", native_refused(place, ""), " ", native_name());
}

std::unique_ptr<Executor> make_executor(models::Model& model,
                                        const std::string& device,
                                        const std::string& need) {
  refuse_forked_child();
  const std::string place = resolve_device(device);
  if (native_refused(place, need).empty()) {
    try {
      return make_native_executor(model);
    } catch (const native::NotCovered&) {
      // choose_executor() tells who asks.
    }
  }
  return make_torch_executor(model, place);
}

Choice choose_executor(models::Model& model, const std::string& device,
                       const std::string& need) {
  const std::string place = resolve_device(device);
  std::string reason = native_refused(place, need);
  if (reason.empty()) {
    try {
      native::Plan plan(model);
      return {native_name(), ""};
    } catch (const native::NotCovered& error) {
      reason = error.what();
    }
  }
  return {"torch on " + place, reason};
}

}  // namespace digitnet::engine
