#include "engine/device.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <stdexcept>

#include "core/error.h"

namespace digitnet::engine {

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

int num_threads() { return std::max(1, at::get_num_threads()); }

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

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

}  // namespace digitnet::engine
