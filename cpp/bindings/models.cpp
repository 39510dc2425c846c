#include <algorithm>
#include <cmath>
#include <optional>

#include "bindings/convert.h"
#include "core/error.h"
#include "core/list.h"
#include "engine/inference.h"
#include "engine/memory.h"
#include "engine/native/executor.h"
#include "engine/predictor.h"
#include "engine/select.h"
#include "features/activations.h"
#include "models/layers.h"
#include "models/model.h"
#include "models/preprocess_steps.h"
#include "models/zoo.h"

namespace digitnet::bindings {
namespace {

using models::Layer;
using models::Model;

// {"kind", "name", "options", "layers"}: what the saved file holds of a layer.
py::dict layer_to(const Layer& layer) {
  py::dict result("kind"_a = layer.kind, "name"_a = layer.name,
                  "options"_a = options_to(layer.options));
  if (!layer.children.empty()) {
    py::list children;
    for (const Layer& child : layer.children) children.append(layer_to(child));
    result["layers"] = children;
  }
  return result;
}

Layer layer_from(const py::handle& value, int depth = 0) {
  require(depth <= 32, "network: expected at most 32 nested layers, got more");
  require(py::isinstance<py::dict>(value),
          "network: expected a layer as {kind, name, options, layers}, got ",
          std::string(py::repr(value)).substr(0, 60));
  std::string kind, name;
  Options options;
  std::vector<Layer> children;
  for (const auto& [key, field] : py::reinterpret_borrow<py::dict>(value)) {
    const std::string word = py::str(key);
    const bool is_text = py::isinstance<py::str>(field);
    if (word == "kind" && is_text) {
      kind = field.cast<std::string>();
    } else if (word == "name" && is_text) {
      name = field.cast<std::string>();
    } else if (word == "options" && py::isinstance<py::dict>(field)) {
      options = options_from(field.cast<py::dict>());
    } else if (word == "layers" && py::isinstance<py::list>(field)) {
      for (const auto& child : field.cast<py::list>())
        children.push_back(layer_from(child, depth + 1));
    } else {
      throw std::invalid_argument(
          join("network: expected fields kind, name, options and layers, got '",
               word, "'"));
    }
  }
  return models::make_layer(kind, options, std::move(children), name);
}

std::vector<Spec> specs_from(const py::sequence& values) {
  std::vector<Spec> specs;
  for (const auto& value : values)
    specs.push_back(spec_from(value, "preprocess"));
  return specs;
}

py::list parameters_to(const Layer& network, const std::vector<int64_t>& input,
                       const py::sequence& preprocess) {
  const Shape shape = shape_from(input, "input_shape");
  models::check_input(shape);
  const models::Preprocess steps(specs_from(preprocess), shape);
  py::list result;
  for (const auto& parameter :
       models::parameters_of(models::named(network), steps.output())) {
    result.append(py::make_tuple(parameter.name,
                                 py::tuple(py::cast(parameter.sizes)),
                                 parameter.is_buffer));
  }
  return result;
}

// Throws OutOfMemory for a network whose weights have no room.
void require_room(const Layer& network, const Shape& input,
                  const std::vector<Spec>& preprocess) {
  models::check_input(input);
  const models::Preprocess steps(preprocess, input);
  const Layer whole = models::named(network);
  models::checked_output(whole, steps.output());
  int64_t floats = 0;
  for (const auto& parameter : models::parameters_of(whole, steps.output()))
    floats += parameter.count();
  engine::require_memory(2 * floats * static_cast<int64_t>(sizeof(float)),
                         "the network's weights");
}

py::array_t<float> get_parameter(const Model& model, const std::string& name) {
  const auto& slot = model.slot(name);
  return to_array(model.get(slot),
                  {slot.parameter.sizes.begin(), slot.parameter.sizes.end()});
}

void set_parameter(Model& model, const std::string& name,
                   const Floats& values) {
  const auto& slot = model.slot(name);
  const std::vector<int64_t> sizes(values.shape(),
                                   values.shape() + values.ndim());
  require(sizes == slot.parameter.sizes, "parameter '", name,
          "': expected shape ",
          std::string(py::str(py::cast(slot.parameter.sizes))), ", got ",
          std::string(py::str(py::cast(sizes))));
  model.set(slot, values.data());
}

py::array_t<double> predict(engine::Predictor& predictor,
                            const py::array& images,
                            const std::optional<Labels>& rows,
                            const std::string& device, bool as_probabilities) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, rows);
  const int64_t outputs = model.outputs();
  std::vector<double> result;
  {
    const GilRelease release;
    const auto logits = predictor.logits(view, device, check_signals);
    result = as_probabilities
                 ? engine::probabilities(logits, outputs)
                 : std::vector<double>(logits.begin(), logits.end());
  }
  return to_array(std::move(result), {view.count, outputs});
}

py::array_t<float> preprocessed(const Model& model, const py::array& images) {
  const auto view = samples_for(model, images, std::nullopt);
  const Shape& out = model.preprocess().output();
  std::vector<float> pixels;
  {
    const GilRelease release;
    pixels = features::preprocessed(model, view);
  }
  return to_array(std::move(pixels),
                  {view.count, out.channels, out.height, out.width});
}

// The steps on pixels scaled to [0, 1], what comes out clipped to that; bytes
// stay bytes, of 255 levels.
py::array apply_steps(const py::sequence& steps, const py::array& images,
                      const std::optional<Labels>& rows, double max_value) {
  const data::DatasetView samples = samples_view(images, rows);
  require(std::isfinite(max_value) && max_value > 0,
          "preprocess.max_value: expected a positive number, got ", max_value);
  models::Preprocess preprocess(specs_from(steps), samples.images.shape);
  preprocess.set_max_value(1);
  const Shape& shape = preprocess.output();
  py::array result(images.dtype(),
                   std::vector<py::ssize_t>{samples.count, shape.channels,
                                            shape.height, shape.width});
  const bool bytes = samples.images.type == data::PixelType::UInt8;
  void* out = result.mutable_data();
  const GilRelease release;
  std::vector<float> raw(samples.images.shape.size()), output(shape.size());
  for (int64_t i = 0; i < samples.count; ++i) {
    poll_interrupt();
    samples.images.read(samples.row(i), raw.data());
    for (float& value : raw) value /= static_cast<float>(max_value);
    preprocess.apply(raw.data(), output.data());
    for (int64_t p = 0; p < shape.size(); ++p) {
      const float value = std::clamp(output[p], 0.0f, 1.0f);
      const int64_t at = i * shape.size() + p;
      if (bytes) {
        static_cast<uint8_t*>(out)[at] =
            static_cast<uint8_t>(std::lrint(value * 255));
      } else {
        static_cast<float*>(out)[at] = value;
      }
    }
  }
  return result;
}

py::list summary(const Model& model) {
  py::list rows;
  for (const auto& row :
       models::summarise(model.network(), model.preprocess().output())) {
    rows.append(py::dict("layer"_a = row.path, "kind"_a = row.kind,
                         "output"_a = py::tuple(py::cast(sizes_of(row.output))),
                         "parameters"_a = row.parameters,
                         "multiply_adds"_a = row.multiply_adds));
  }
  return rows;
}

// (name, output shape) of the outermost layers.
py::list outermost(const Model& model) {
  py::list result;
  Shape shape = model.preprocess().output();
  for (const Layer& child : model.network().children) {
    shape = models::output_shape(child, shape);
    result.append(
        py::make_tuple(child.name, py::tuple(py::cast(sizes_of(shape)))));
  }
  return result;
}

void bind_lists(py::module_& m) {
  m.def(
      "describe",
      [] {
        py::list result;
        for (const auto& entry : models::zoo::all()) {
          result.append(py::dict(
              "name"_a = entry.name, "summary"_a = entry.summary,
              "source"_a = entry.source,
              "outputs_images"_a = entry.outputs_images,
              "input_shape"_a = py::tuple(py::cast(sizes_of(entry.input)))));
        }
        return result;
      },
      "Every named network with its summary, source and usual input shape.");
  m.def(
      "describe_layers",
      [] {
        py::list result;
        for (const auto& entry : models::layers::all()) {
          result.append(py::dict("name"_a = entry.name,
                                 "class_name"_a = entry.class_name,
                                 "summary"_a = entry.summary,
                                 "options"_a = describe_options(entry.options),
                                 "composite"_a = entry.children != 0));
        }
        return result;
      },
      "Every kind of layer with its options.");
  m.def(
      "describe_steps",
      [] {
        py::list result;
        for (const auto& entry : models::steps::all()) {
          result.append(
              py::dict("name"_a = entry.name, "class_name"_a = entry.class_name,
                       "summary"_a = entry.summary,
                       "options"_a = describe_options(entry.options)));
        }
        return result;
      },
      "Every preprocessing step with its options.");
}

}  // namespace

void bind_models(py::module_& root) {
  auto m = root.def_submodule("models", "Networks.");
  bind_lists(m);
  py::class_<Layer>(m, "Layer", "One layer of a network, as a value.")
      .def(py::init([](const std::string& kind, const py::dict& options,
                       const std::vector<Layer>& children,
                       const std::string& name) {
             return models::make_layer(kind, options_from(options), children,
                                       name);
           }),
           "kind"_a, "options"_a = py::dict(),
           "children"_a = std::vector<Layer>{}, "name"_a = "")
      .def_readonly("kind", &Layer::kind, "The kind's name, such as 'conv'.")
      .def_readonly(
          "name", &Layer::name,
          "Its name among its siblings; empty until the network is made.")
      .def_readonly("children", &Layer::children, "The layers inside.")
      .def_property_readonly(
          "options", [](const Layer& self) { return options_to(self.options); },
          "All options.")
      .def("to_dict", &layer_to, "The layer as plain values, for JSON.")
      .def_static(
          "from_dict", [](const py::dict& value) { return layer_from(value); },
          "value"_a, "The reverse of to_dict().");
  m.def(
      "make",
      [](const std::string& name, int64_t classes) {
        require(classes >= 2 && classes <= 1'000'000,
                "models.make.classes: expected 2 to 1000000, got ", classes);
        const auto& entry = find(models::zoo::all(), "model", name);
        return py::make_tuple(entry.make(classes),
                              py::tuple(py::cast(sizes_of(entry.input))));
      },
      "name"_a, "classes"_a, "The named network and its usual input shape.");
  m.def("apply_steps", &apply_steps, "steps"_a, "images"_a, "rows"_a,
        "max_value"_a, "Images as these preprocessing steps leave them.");
  m.def("parameters_of", &parameters_to, "network"_a, "input_shape"_a,
        "preprocess"_a,
        "(name, shape, is_buffer) of every tensor, without making any.");
  py::class_<Model>(m, "Model", "Network, preprocessing and weights.")
      .def(py::init([](const Layer& network, const std::vector<int64_t>& input,
                       const py::sequence& preprocess, uint64_t seed) {
             const Shape shape = shape_from(input, "model.input_shape");
             const std::vector<Spec> steps = specs_from(preprocess);
             require_room(network, shape, steps);
             return std::make_unique<Model>(network, shape, steps, seed);
           }),
           "network"_a, "input_shape"_a, "preprocess"_a, "seed"_a)
      .def_property_readonly("network", &Model::network)
      .def_property_readonly(
          "input_shape",
          [](const Model& self) {
            return py::tuple(py::cast(sizes_of(self.input())));
          })
      .def_property_readonly("outputs", &Model::outputs,
                             "Numbers given for a sample.")
      .def_property_readonly("outputs_images", &Model::outputs_images)
      .def_property_readonly(
          "output_shape",
          [](const Model& self) {
            const Shape& shape = self.preprocess().output();
            return self.outputs_images() ? py::tuple(py::cast(sizes_of(shape)))
                                         : py::make_tuple(self.outputs());
          },
          "Of what is given for a sample.")
      .def_property_readonly(
          "preprocess",
          [](const Model& self) {
            py::list steps;
            for (const Spec& step : self.preprocess().steps())
              steps.append(spec_to(step));
            return steps;
          })
      .def_property(
          "max_value",
          [](const Model& self) { return self.preprocess().max_value(); },
          [](Model& self, double value) {
            self.preprocess().set_max_value(value);
          })
      .def_property("temperature", &Model::temperature, &Model::set_temperature,
                    "What predictions divide logits by.")
      .def_property_readonly("parameter_names",
                             [](const Model& self) {
                               std::vector<std::string> result;
                               for (const auto& slot : self.slots())
                                 result.push_back(slot.parameter.name);
                               return result;
                             })
      .def("count_params",
           [](const Model& self) { return self.trained().size(); })
      .def("get", &get_parameter, "name"_a)
      .def("set", &set_parameter, "name"_a, "values"_a)
      .def("summary", &summary)
      .def("outermost", &outermost,
           "(name, output shape) of the outermost layers.")
      .def("native_bytes", &engine::native_bytes, "batch_size"_a,
           "About the bytes of the native executor while it trains.")
      .def("preprocessed", &preprocessed, "images"_a);
  py::class_<engine::Predictor>(
      m, "Predictor",
      "Predicts and inspects; keeps its executors for the next call.")
      .def(py::init<Model&>(), "model"_a, py::keep_alive<1, 2>())
      .def("predict", &predict, "images"_a, "rows"_a, "device"_a,
           "probabilities"_a)
      .def_property_readonly("executors_made",
                             &engine::Predictor::executors_made,
                             "How many executors were made so far.")
      .def("clear", &engine::Predictor::clear, py::call_guard<GilRelease>(),
           "Frees its executors.");
}

}  // namespace digitnet::bindings
