// Between Python's values and the core's: the only place.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bindings/gil.h"
#include "core/options.h"
#include "data/view.h"
#include "engine/select.h"
#include "models/model.h"

namespace digitnet::bindings {

namespace py = pybind11;
using namespace pybind11::literals;

using Labels = py::array_t<int64_t, py::array::c_style | py::array::forcecast>;
using Floats = py::array_t<float, py::array::c_style | py::array::forcecast>;
using Doubles = py::array_t<double, py::array::c_style | py::array::forcecast>;

void bind_errors(py::module_& root);
void bind_engine(py::module_& root);
void bind_data(py::module_& root);
void bind_image_statistics(py::module_& root);
void bind_augment(py::module_& root);
void bind_corrupt(py::module_& root);
void bind_models(py::module_& root);
void bind_train(py::module_& root);
void bind_metrics(py::module_& root);
void bind_features(py::module_& root);
void bind_attack(py::module_& root);

// A contiguous [N, C, H, W] array of uint8 or float32, borrowed: the array must
// outlive the view. Throws std::invalid_argument for anything else.
data::ImagesView images_view(const std::string& where, const py::array& images);

// All of `images`, or the samples in `rows` (borrowed too), without labels.
data::DatasetView samples_view(const py::array& images,
                               const std::optional<Labels>& rows);

// Samples in the model's own shape. Throws std::invalid_argument.
data::DatasetView samples_for(const models::Model& model,
                              const py::array& images,
                              const std::optional<Labels>& rows);

// A shared reference, released under the GIL by its last owner.
std::shared_ptr<py::object> shared(py::object object);

// Options from keyword arguments: numbers, words, lists of numbers.
Options options_from(const py::dict& values);
py::dict options_to(const Options& options);
Spec spec_from(const py::handle& value,
               const std::string& where);  // "name" or (name, {options})
py::tuple spec_to(const Spec& spec);
// What describe() shows of declared options.
py::list describe_options(const std::vector<OptionInfo>& options);

// engine, device, kernels, threads, reason: digitnet.train.history.Executor.
py::dict choice_to_dict(const engine::Choice& choice);

// (C, H, W), or (H, W) for one channel.
Shape shape_from(const std::vector<int64_t>& sizes, const std::string& where);
std::vector<int64_t> sizes_of(
    const Shape& shape);  // (C, H, W), or (features,) when flat

// Hands a vector's memory to a new array, without copying.
template <class T>
py::array_t<T> to_array(std::vector<T> values, std::vector<py::ssize_t> sizes) {
  auto* owned = new std::vector<T>(std::move(values));
  py::capsule owner(
      owned, [](void* memory) { delete static_cast<std::vector<T>*>(memory); });
  return py::array_t<T>(std::move(sizes), owned->data(), owner);
}

template <class T>
py::array_t<T> to_array(std::vector<T> values) {
  const auto size = static_cast<py::ssize_t>(values.size());
  return to_array(std::move(values), {size});
}

}  // namespace digitnet::bindings
