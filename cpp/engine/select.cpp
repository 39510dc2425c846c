#include "engine/select.h"

#include "core/environment.h"
#include "core/error.h"
#include "engine/device.h"
#include "engine/native/executor.h"
#include "engine/torch_engine.h"
#include "kernels/kernels.h"

namespace digitnet::engine {
namespace {

std::string missing_in_native(const Requirements& requirements) {
  if (requirements.ranks > 1)
    return join(requirements.ranks, " ranks share every step");
  if (requirements.bfloat16) return "the native executor computes in float32";
  return "";
}

// Why not the native executor, or "".
std::string native_refusal(const std::string& device,
                           const Requirements& requirements) {
  const std::string value = environment("DIGITNET_EXECUTOR");
  require(value.empty() || value == "native" || value == "torch",
          "DIGITNET_EXECUTOR: expected 'native' or 'torch', got '", value, "'");
  if (value == "torch") return "DIGITNET_EXECUTOR is 'torch'";
  const std::string missing = missing_in_native(requirements);
  if (!missing.empty()) return missing;
  return device == "cpu" ? "" : "the native executor is for CPUs";
}

}  // namespace

std::unique_ptr<Executor> make_executor(models::Model& model,
                                        const std::string& device,
                                        const Requirements& requirements) {
  refuse_forked_child();
  const std::string resolved = resolve_device(device);
  if (native_refusal(resolved, requirements).empty())
    return make_native_executor(model);
  return torch_engine().make_executor(model, resolved, num_threads());
}

Choice choose_executor(const std::string& device,
                       const Requirements& requirements) {
  const std::string resolved = resolve_device(device);
  const std::string reason = native_refusal(resolved, requirements);
  if (reason.empty())
    return {"native", resolved, kernels::select().name, num_threads(), ""};
  return {"torch", resolved, "", 0, reason};
}

std::string executor_settings(const std::string& device) {
  refuse_forked_child();  // a kept executor's threads stay behind as well
  const std::string resolved = resolve_device(device);
  return join(resolved, " ", native_refusal(resolved, {}), " ", native_name());
}

}  // namespace digitnet::engine
