#include "engine/device.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <thread>
#include <utility>

#include "core/environment.h"
#include "core/error.h"
#include "engine/torch_engine.h"

namespace digitnet::engine {
namespace {

constexpr int kMaxThreads = 1024;

int default_threads() {
  const int wanted = std::atoi(environment("OMP_NUM_THREADS").c_str());
  if (wanted > 0) return std::min(wanted, kMaxThreads);
  cpu_set_t usable;
  if (sched_getaffinity(0, sizeof(usable), &usable) == 0)
    return std::clamp(CPU_COUNT(&usable), 1, kMaxThreads);
  // More CPUs than the set has room for.
  return std::clamp<int>(static_cast<int>(std::thread::hardware_concurrency()),
                         1, kMaxThreads);
}

std::atomic<int>& threads() {
  static std::atomic<int> count{default_threads()};
  return count;
}

// Devices that other programs know by a name: what they are.
constexpr std::pair<std::string_view, std::string_view> kOthers[] = {
    {"mps", "a GPU of Apple"}, {"hip", "a GPU of AMD"},
    {"rocm", "a GPU of AMD"},  {"xpu", "a GPU of Intel"},
    {"tpu", "a TPU"},          {"xla", "a TPU"},
};

[[noreturn]] void refuse(const std::string& device) {
  std::string kind = device.substr(0, device.find(':'));
  for (char& letter : kind)
    letter =
        static_cast<char>(std::tolower(static_cast<unsigned char>(letter)));
  std::string about;
  for (const auto& [name, what] : kOthers) {
    if (kind != name) continue;
    about = join(", ", what,
                 "; GPUs must be NVIDIA's, with a CUDA build of torch: "
                 "use device='cpu'");
  }
  throw std::invalid_argument(
      join("device: expected 'auto', 'cpu', 'cuda' or 'cuda:N', got '", device,
           "'", about));
}

}  // namespace

bool gpu_driver_here() {
  const std::string visible = environment("CUDA_VISIBLE_DEVICES");
  if (visible == "-1" ||
      (visible.empty() && std::getenv("CUDA_VISIBLE_DEVICES")))
    return false;
  std::error_code ignored;  // a path that cannot be read is not there for us
  return std::filesystem::exists("/dev/nvidiactl", ignored) ||
         std::filesystem::exists("/dev/dxg", ignored);  // under Windows
}

std::string resolve_device(const std::string& device) {
  if (device == "auto") {
    if (!gpu_driver_here()) return "cpu";
    const TorchEngine* engine = optional_torch_engine();
    return engine && engine->gpu_count() > 0 ? "cuda" : "cpu";
  }
  if (device == "cpu") return device;
  const bool cuda =
      device == "cuda" ||
      (device.starts_with("cuda:") && device.size() > 5 && device.size() < 9 &&
       device.find_first_not_of("0123456789", 5) == std::string::npos);
  if (!cuda) refuse(device);
  const TorchEngine& engine = torch_engine();
  if (engine.gpu_count() == 0) {
    throw std::runtime_error(join("device: expected a GPU for '", device,
                                  "', got none; ", engine.no_gpu_reason(),
                                  "; use device='cpu'"));
  }
  return device;
}

int num_threads() { return threads(); }

void set_num_threads(int count) {
  require(count >= 1 && count <= kMaxThreads, "set_num_threads: expected 1 to ",
          kMaxThreads, ", got ", count);
  threads() = count;
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
