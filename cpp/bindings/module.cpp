// The extension module: a list of bind_x, and how errors become Python's.
#include <exception>
#include <new>

#include "bindings/convert.h"
#include "core/error.h"
#include "engine/executor.h"

namespace dn = digitnet;
namespace py = pybind11;

namespace {

// Wherever memory ran out: as OutOfMemory, with words.
void translate_bad_alloc(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const std::bad_alloc&) {
    py::set_error(
        py::module_::import("digitnet._core").attr("OutOfMemory"),
        "digitnet: expected enough memory, got less than this takes; use fewer "
        "or smaller images at a time");
  }
}

}  // namespace

PYBIND11_MODULE(_core, root) {
  root.doc() = "The compute core of digitnet, in C++.";
  py::register_exception<dn::DataError>(root, "DataError", PyExc_ValueError)
      .attr("__doc__") =
      "A damaged or hostile file; names the file and the field.";
  py::register_exception<dn::engine::OutOfMemory>(root, "OutOfMemory",
                                                  PyExc_MemoryError)
      .attr("__doc__") =
      "Too little memory; names the batch size and a smaller one.";
  py::register_local_exception_translator(translate_bad_alloc);
  dn::bindings::stop_threads_at_exit();
  dn::bindings::bind_engine(root);
  dn::bindings::bind_data(root);
  dn::bindings::bind_augment(root);
  dn::bindings::bind_corrupt(root);
  dn::bindings::bind_models(root);
  dn::bindings::bind_train(root);
  dn::bindings::bind_metrics(root);
  dn::bindings::bind_features(root);
  dn::bindings::bind_attack(root);
}
