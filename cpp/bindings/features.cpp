#include <optional>

#include "bindings/convert.h"
#include "core/error.h"
#include "engine/executor.h"
#include "engine/torch/executor.h"
#include "features/activations.h"
#include "features/explain.h"
#include "features/maximise.h"

namespace digitnet::bindings {
namespace {

using models::Model;

// f(executor) without the GIL. Only LibTorch keeps layers' outputs and slopes:
// no native plan is made to be passed over.
template <class F>
auto computed(Model& model, F f) {
  py::gil_scoped_release release;
  auto executor = engine::make_torch_executor(model, "cpu");
  return f(*executor);
}

// One unit for each sample.
features::Units units_of(const Labels& units, int64_t samples) {
  require(units.ndim() == 1 && units.shape(0) == samples,
          "features.units: expected ", samples, " classes, one an image, got ",
          units.size());
  return {units.data(), units.data() + units.size()};
}

std::vector<py::ssize_t> input_sizes(const Model& model, int64_t count) {
  const Shape& shape = model.preprocess().output();
  return {count, shape.channels, shape.height, shape.width};
}

py::dict activations(Model& model, const py::array& images,
                     const std::vector<std::string>& layers) {
  const auto view = samples_for(model, images, std::nullopt);
  auto found = computed(model, [&](engine::Executor& executor) {
    return features::activations(executor, model, view, layers);
  });
  py::dict result;
  for (auto& layer : found) {
    result[py::str(layer.path)] = to_array(
        std::move(layer.values), {layer.sizes.begin(), layer.sizes.end()});
  }
  return result;
}

py::array_t<float> saliency(Model& model, const py::array& images,
                            const Labels& units) {
  const auto view = samples_for(model, images, std::nullopt);
  const auto chosen = units_of(units, view.count);
  return to_array(computed(model,
                           [&](engine::Executor& executor) {
                             return features::saliency(executor, model, view,
                                                       chosen);
                           }),
                  input_sizes(model, view.count));
}

py::array_t<float> grad_cam(Model& model, const py::array& images,
                            const std::string& layer, const Labels& units) {
  const auto view = samples_for(model, images, std::nullopt);
  const auto chosen = units_of(units, view.count);
  auto maps = computed(model, [&](engine::Executor& executor) {
    return features::grad_cam(executor, model, view, layer, chosen);
  });
  return to_array(std::move(maps.values),
                  {view.count, maps.height, maps.width});
}

py::array_t<float> integrated_gradients(Model& model, const py::array& images,
                                        const Labels& units, int64_t steps,
                                        float baseline) {
  const auto view = samples_for(model, images, std::nullopt);
  const auto chosen = units_of(units, view.count);
  require(steps >= 1 && steps <= 10'000,
          "integrated_gradients.steps: expected 1 to 10000, got ", steps);
  return to_array(computed(model,
                           [&](engine::Executor& executor) {
                             return features::integrated_gradients(
                                 executor, model, view, chosen, steps,
                                 baseline);
                           }),
                  input_sizes(model, view.count));
}

py::array_t<float> occlusion(Model& model, const py::array& images,
                             const Labels& units, int64_t size, int64_t stride,
                             float value) {
  const auto view = samples_for(model, images, std::nullopt);
  const auto chosen = units_of(units, view.count);
  const Shape& shape = model.input();
  require(size >= 1 && size <= std::min(shape.height, shape.width),
          "occlusion.size: expected 1 to ", std::min(shape.height, shape.width),
          ", got ", size);
  require(stride >= 1, "occlusion.stride: expected at least 1, got ", stride);
  std::vector<float> lost;
  {
    py::gil_scoped_release release;
    // Many predictions and nothing else: whoever is fastest.
    auto executor = engine::make_executor(model, "cpu");
    lost = features::occlusion(*executor, model, view, chosen, size, stride,
                               value);
  }
  return to_array(std::move(lost), {view.count, shape.height, shape.width});
}

py::array_t<float> strengths(Model& model, const py::array& images,
                             const std::optional<Labels>& rows,
                             const std::string& layer, int64_t unit) {
  const auto view = samples_for(model, images, rows);
  return to_array(computed(model, [&](engine::Executor& executor) {
    return features::strengths(executor, model, view, layer, unit, no_signal);
  }));
}

py::tuple maximise(Model& model, const std::string& layer,
                   const std::vector<int64_t>& units, int64_t steps,
                   double rate, double l2, double variation, double blur,
                   int64_t jitter, uint64_t seed) {
  require(!units.empty(), "maximise.units: expected at least one, got none");
  require(steps >= 1 && steps <= 100'000,
          "maximise.steps: expected 1 to 100000, got ", steps);
  require(rate > 0 && rate <= 1, "maximise.rate: expected 0 < rate <= 1, got ",
          rate);
  require(l2 >= 0 && l2 < 1, "maximise.l2: expected 0 <= l2 < 1, got ", l2);
  require(variation >= 0 && variation <= 100,
          "maximise.variation: expected 0 to 100, got ", variation);
  require(blur >= 0 && blur <= 0.8, "maximise.blur: expected 0 to 0.8, got ",
          blur);
  require(jitter >= 0 && jitter <= 64,
          "maximise.jitter: expected 0 to 64, got ", jitter);
  auto found = computed(model, [&](engine::Executor& executor) {
    return features::maximise(executor, model, layer, units,
                              {steps, rate, l2, variation, blur, jitter, seed},
                              no_signal);
  });
  return py::make_tuple(
      to_array(std::move(found.images),
               input_sizes(model, static_cast<int64_t>(units.size()))),
      to_array(std::move(found.first)), to_array(std::move(found.last)));
}

}  // namespace

void bind_features(py::module_& root) {
  auto m = root.def_submodule("features", "What a network makes of an image.");
  m.def("activations", &activations, "model"_a, "images"_a, "layers"_a,
        "Outputs of these layers, or of all, by name.");
  m.def("saliency", &saliency, "model"_a, "images"_a, "units"_a,
        "Slopes of the classes' logits by the network's input.");
  m.def("grad_cam", &grad_cam, "model"_a, "images"_a, "layer"_a, "units"_a,
        "Where a layer's maps speak for the classes, [N, h, w].");
  m.def("integrated_gradients", &integrated_gradients, "model"_a, "images"_a,
        "units"_a, "steps"_a, "baseline"_a,
        "Shares of the input's pixels in the classes' logits.");
  m.def("occlusion", &occlusion, "model"_a, "images"_a, "units"_a, "size"_a,
        "stride"_a, "value"_a,
        "Probability that is lost where squares are covered, [N, H, W].");
  m.def("strengths", &strengths, "model"_a, "images"_a, "rows"_a, "layer"_a,
        "unit"_a, "How strongly every image excites a unit, [N].");
  m.def("maximise", &maximise, "model"_a, "layer"_a, "units"_a, "steps"_a,
        "rate"_a, "l2"_a, "variation"_a, "blur"_a, "jitter"_a, "seed"_a,
        "(images, first, last): images that excite units, and their answers.");
}

}  // namespace digitnet::bindings
