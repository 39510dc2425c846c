// Python before all else.
#include "bindings/recorder.h"

namespace digitnet::bindings {
namespace {

py::cpp_function without_gil(const engine::Work& work) {
  return py::cpp_function([work] {
    const GilRelease release(OnInterrupt::Ignore);  // a training's hooks look
    work();
  });
}

}  // namespace

engine::Recorder recorder_from(const py::object& value) {
  if (value.is_none()) return {};
  const auto recorder = shared(value);
  const auto record = [recorder](const engine::Work& first,
                                 const engine::Work& work) -> engine::Work {
    return with_gil([&]() -> engine::Work {
      try {
        const auto repeat =
            shared((*recorder)(without_gil(first), without_gil(work)));
        return [repeat] { with_gil([&] { (*repeat)(); }); };
      } catch (py::error_already_set& error) {
        if (error.matches(PyExc_KeyboardInterrupt)) throw;
        throw std::runtime_error(std::string(py::str(error.value())));
      }
    });
  };
  engine::Recorder result{record};
  // Its address is all that can be had without linking Python's torch.
  result.generator = value.attr("generator").attr("_cdata").cast<uintptr_t>();
  result.pays_from = value.attr("pays_from").cast<int64_t>();
  result.min_repeats = value.attr("min_repeats").cast<int64_t>();
  result.launch_seconds = value.attr("launch_seconds").cast<double>();
  return result;
}

}  // namespace digitnet::bindings
