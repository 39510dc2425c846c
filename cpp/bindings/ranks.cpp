// Python before all else.
#include "bindings/ranks.h"

#include <memory>

#include "core/error.h"

namespace digitnet::bindings {
namespace {

// The tensor's memory for torch.from_dlpack, which needs no library of Python's
// torch to be linked.
py::capsule to_capsule(const engine::SharedTensor& tensor) {
  const PyCapsule_Destructor discard = [](PyObject* capsule) {
    // A consumer that takes the memory renames the capsule.
    if (!PyCapsule_IsValid(capsule, "dltensor")) return;
    const auto discard_managed =
        reinterpret_cast<void (*)(void*)>(PyCapsule_GetContext(capsule));
    discard_managed(PyCapsule_GetPointer(capsule, "dltensor"));
  };
  py::capsule capsule(tensor.managed, "dltensor", discard);
  PyCapsule_SetContext(capsule.ptr(), reinterpret_cast<void*>(tensor.discard));
  return capsule;
}

}  // namespace

engine::Ranks ranks_from(const py::object& value) {
  engine::Ranks ranks;
  if (value.is_none()) return ranks;
  const auto parts = value.cast<py::tuple>();
  ranks.rank = parts[0].cast<int64_t>();
  ranks.count = parts[1].cast<int64_t>();
  require(ranks.count >= 1 && ranks.rank >= 0 && ranks.rank < ranks.count,
          "fit.distributed: expected a rank below ", ranks.count, ", got ",
          ranks.rank);
  const auto all_reduce = shared(parts[2]);
  ranks.all_reduce = [all_reduce](const engine::SharedTensor& tensor) {
    with_gil([&] {
      try {
        (*all_reduce)(to_capsule(tensor));
      } catch (py::error_already_set& error) {
        if (error.matches(PyExc_KeyboardInterrupt)) throw;
        throw std::runtime_error(
            join("fit: expected all ranks at every step, got an error: ",
                 std::string(py::str(error.value())),
                 "; a rank has ended or cannot be reached, start all of them "
                 "again, from the last checkpoint if there is one"));
      }
    });
  };
  return ranks;
}

}  // namespace digitnet::bindings
