// How errors become Python's.
#include <new>
#include <stdexcept>

#include "bindings/convert.h"
#include "core/error.h"
#include "core/message.h"
#include "engine/executor.h"
#include "engine/memory.h"

namespace digitnet::bindings {
namespace {

PyObject* data_error = nullptr;  // of the module, which is never unloaded
PyObject* out_of_memory = nullptr;

PyObject* made(py::module_& root, const char* name, PyObject* base,
               const char* about) {
  const std::string full = std::string("digitnet._core.") + name;
  PyObject* type =
      PyErr_NewExceptionWithDoc(full.c_str(), about, base, nullptr);
  if (type == nullptr) throw py::error_already_set();
  root.add_object(name, type);
  return type;
}

void set(PyObject* type, const std::string& message) {
  PyErr_SetString(type, shown_message(message).c_str());
}

std::string no_memory() {
  constexpr int64_t kMega = 1 << 20;
  return join("expected more free memory than ", engine::free_memory() / kMega,
              " MiB; take fewer or smaller images at once, or a smaller "
              "network");
}

void translate(std::exception_ptr error) {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const py::builtin_exception&) {  // pybind11's own, with their types
    throw;
  } catch (const DataError& e) {
    set(data_error, e.what());
  } catch (const engine::OutOfMemory& e) {
    set(out_of_memory, e.what());
  } catch (const std::bad_alloc&) {
    set(out_of_memory, no_memory());
  } catch (const std::length_error&) {  // a vector of more than there can be
    set(out_of_memory, no_memory());
  } catch (const std::invalid_argument& e) {
    set(PyExc_ValueError, e.what());
  } catch (const std::range_error&) {
    throw;
  } catch (const std::overflow_error&) {
    throw;
  } catch (const std::runtime_error& e) {
    set(PyExc_RuntimeError, e.what());
  }
}

}  // namespace

void bind_errors(py::module_& root) {
  data_error = made(root, "DataError", PyExc_ValueError,
                    "A damaged or hostile file; names the file and the field.");
  out_of_memory =
      made(root, "OutOfMemory", PyExc_MemoryError,
           "Too little memory; names the batch size and a smaller one.");
  py::register_exception_translator(&translate);
}

}  // namespace digitnet::bindings
