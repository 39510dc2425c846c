// The LibTorch engine's loading, and the core's threads.
#include "bindings/convert.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "engine/select.h"
#include "engine/torch_engine.h"

namespace digitnet::bindings {
namespace {

// Python's side: digitnet/_utils/torch_engine.py.
py::object python_loader(const char* name) {
  return py::module_::import("digitnet._utils.torch_engine").attr(name);
}

void load() {
  with_gil([] {
    try {
      python_loader("load")();
    } catch (py::error_already_set& error) {
      if (!error.matches(PyExc_RuntimeError)) throw;
      throw std::runtime_error(std::string(py::str(error.value())));
    }
  });
}

void warn(const std::string& reason) {
  with_gil([&] { python_loader("warn_of_missing_engine")(reason); });
}

}  // namespace

void bind_engine(py::module_& root) {
  engine::set_torch_loader({load, warn});
  auto m = root.def_submodule("engine", "Engines, devices and threads.");
  m.def("core_id", &engine::core_id,
        "A hash of the sources of the core and of the LibTorch engine.");
  m.def("load_torch_engine", &engine::load_torch_engine, "path"_a,
        "Open a LibTorch engine's library; torch has been imported.");
  m.def(
      "torch_engine_loaded",
      [] { return engine::loaded_torch_engine() != nullptr; },
      "Whether the LibTorch engine has been loaded.");
  m.def(
      "gpu_count", [] { return engine::torch_engine().gpu_count(); },
      "GPUs of NVIDIA that torch finds; loads the LibTorch engine.");
  m.def(
      "no_gpu_reason", [] { return engine::torch_engine().no_gpu_reason(); },
      "Why gpu_count() is 0; loads the LibTorch engine.");
  m.def("gpu_driver_here", &engine::gpu_driver_here,
        "Whether the driver of an NVIDIA GPU is here.");
  m.def("resolve_device", &engine::resolve_device, "device"_a,
        "The device that 'auto' stands for.");
  m.def(
      "executor",
      [](const std::string& device) {
        return choice_to_dict(engine::choose_executor(device));
      },
      "device"_a, "Which executor would predict, and why.");
  m.def("require_memory", &engine::require_memory, "bytes"_a, "where"_a,
        "OutOfMemory, unless so many bytes are free.");
  m.def("num_threads", &engine::num_threads,
        "Threads of whatever the core computes.");
  m.def("set_num_threads", &engine::set_num_threads, "threads"_a,
        "Use so many threads from now on.");
}

}  // namespace digitnet::bindings
