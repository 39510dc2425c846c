#include "bindings/convert.h"

#include "core/error.h"

namespace digitnet::bindings {
namespace {

Value value_from(const std::string& name, const py::handle& value) {
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value) ||
      py::isinstance<py::array>(value)) {
    try {
      return value.cast<std::vector<double>>();
    } catch (const py::cast_error&) {
      throw std::invalid_argument(
          join(name, ": expected a list of numbers, got ",
               std::string(py::str(value)).substr(0, 60)));
    }
  }
  try {
    return value.cast<double>();
  } catch (const py::cast_error&) {
    throw std::invalid_argument(
        join(name, ": expected a number, a word or a list of numbers, got ",
             std::string(py::str(py::type::of(value).attr("__name__")))));
  }
}

py::object value_to(const OptionType* type, const Value& value) {
  if (const auto* word = std::get_if<std::string>(&value))
    return py::str(*word);
  if (const auto* list = std::get_if<std::vector<double>>(&value))
    return py::cast(*list);
  const double real = std::get<double>(value);
  if (type && *type == OptionType::Flag) return py::bool_(real != 0);
  const auto whole = static_cast<int64_t>(real);
  if (static_cast<double>(whole) == real &&
      (!type || *type == OptionType::Integer))
    return py::int_(whole);
  return py::float_(real);
}

}  // namespace

data::ImagesView images_view(const std::string& where,
                             const py::array& images) {
  const bool bytes = images.dtype().equal(py::dtype::of<uint8_t>());
  const bool floats = images.dtype().equal(py::dtype::of<float>());
  require(bytes || floats, where, ": expected uint8 or float32 pixels, got ",
          std::string(py::str(images.dtype())));
  require(images.ndim() == 4 && (images.flags() & py::array::c_style) != 0,
          where,
          ": expected a contiguous array of shape (images, channels, height, "
          "width), got ",
          images.ndim(), " dimensions");
  return {images.data(),
          bytes ? data::PixelType::UInt8 : data::PixelType::Float32,
          images.shape(0),
          {images.shape(1), images.shape(2), images.shape(3)}};
}

data::DatasetView samples_view(const py::array& images,
                               const std::optional<Labels>& rows) {
  data::DatasetView view;
  view.images = images_view("images", images);
  view.count = view.images.count;
  if (rows) {
    view.rows = rows->data();
    view.count = rows->size();
    data::check_rows("rows", view.rows, view.count, view.images.count);
  }
  return view;
}

data::DatasetView samples_for(const models::Model& model,
                              const py::array& images,
                              const std::optional<Labels>& rows) {
  const auto view = samples_view(images, rows);
  require(view.images.shape == model.input(), "images: expected shape ",
          to_string(model.input()), ", got ", to_string(view.images.shape));
  return view;
}

std::shared_ptr<py::object> shared(py::object object) {
  return {new py::object(std::move(object)), [](py::object* owned) {
            const GilAcquire acquire;
            delete owned;
          }};
}

Options options_from(const py::dict& values) {
  Options options;
  for (const auto& [key, value] : values) {
    const std::string name = py::str(key);
    options[name] = value_from(name, value);
  }
  return options;
}

py::dict options_to(const Options& options) {
  py::dict result;
  for (const auto& [name, value] : options)
    result[py::str(name)] = value_to(nullptr, value);
  return result;
}

Spec spec_from(const py::handle& value, const std::string& where) {
  if (py::isinstance<py::str>(value)) return {value.cast<std::string>(), {}};
  const bool pair =
      (py::isinstance<py::tuple>(value) || py::isinstance<py::list>(value)) &&
      py::len(value) == 2;
  if (pair) {
    const auto items = py::reinterpret_borrow<py::sequence>(value);
    if (py::isinstance<py::str>(items[0]) &&
        py::isinstance<py::dict>(items[1])) {
      return {items[0].cast<std::string>(),
              options_from(items[1].cast<py::dict>())};
    }
  }
  throw std::invalid_argument(
      join(where, ": expected a name or (name, {options}), got ",
           std::string(py::repr(value)).substr(0, 60)));
}

py::tuple spec_to(const Spec& spec) {
  return py::make_tuple(spec.name, options_to(spec.options));
}

py::list describe_options(const std::vector<OptionInfo>& options) {
  py::list result;
  for (const OptionInfo& info : options) {
    result.append(py::dict(
        "name"_a = info.name,
        "default"_a =
            info.required ? py::none() : value_to(&info.type, info.fallback),
        "required"_a = info.required, "least"_a = info.min, "most"_a = info.max,
        "choices"_a = info.choices, "summary"_a = info.summary));
  }
  return result;
}

py::dict choice_to_dict(const engine::Choice& choice) {
  return py::dict("engine"_a = choice.engine, "device"_a = choice.device,
                  "kernels"_a = choice.kernels, "threads"_a = choice.threads,
                  "reason"_a = choice.reason);
}

Shape shape_from(const std::vector<int64_t>& sizes, const std::string& where) {
  require(sizes.size() == 2 || sizes.size() == 3, where,
          ": expected (height, width) or (channels, height, width), got ",
          sizes.size(), " numbers");
  const size_t at = sizes.size() - 2;
  const Shape shape{at ? sizes[0] : 1, sizes[at], sizes[at + 1]};
  for (int64_t size : sizes)
    require(size >= 1 && size <= 1024, where,
            ": expected sizes from 1 to 1024, got ", size);
  return shape;
}

std::vector<int64_t> sizes_of(const Shape& shape) {
  if (shape.flat) return {shape.channels};
  return {shape.channels, shape.height, shape.width};
}

}  // namespace digitnet::bindings
