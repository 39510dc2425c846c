// Python before all else.
#include "bindings/recorder.h"

#include <ATen/core/Generator.h>

namespace digitnet::bindings {
namespace {

py::cpp_function without_gil(const engine::Work& work) {
  return py::cpp_function([work] {
    py::gil_scoped_release release;
    work();
  });
}

// Python's generator. Its address is all that can be had without linking a
// library of Python's torch.
std::shared_ptr<at::Generator> generator_of(const py::object& recorder) {
  const auto address =
      recorder.attr("generator").attr("_cdata").cast<uintptr_t>();
  return std::make_shared<at::Generator>(
      c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(
          reinterpret_cast<c10::GeneratorImpl*>(address)));
}

}  // namespace

engine::Recorder recorder_from(const py::object& value) {
  if (value.is_none()) return {};
  const auto recorder = shared(value);
  const auto record = [recorder](const engine::Work& warm_up,
                                 const engine::Work& work) -> engine::Work {
    py::gil_scoped_acquire acquire;
    try {
      const auto repeat =
          shared((*recorder)(without_gil(warm_up), without_gil(work)));
      return [repeat] {
        py::gil_scoped_acquire again;
        (*repeat)();
      };
    } catch (py::error_already_set& error) {
      if (error.matches(PyExc_KeyboardInterrupt)) throw;
      throw std::runtime_error(std::string(py::str(error.value())));
    }
  };
  return {record, generator_of(value)};
}

}  // namespace digitnet::bindings
