#include <optional>

#include "bindings/convert.h"
#include "core/error.h"
#include "engine/predictor.h"
#include "features/activations.h"
#include "features/chain_code.h"
#include "features/explain.h"
#include "features/image_distortion.h"
#include "features/maximise.h"

namespace digitnet::bindings {
namespace {

using engine::Inspector;
using engine::Predictor;
using models::Model;

// f(inspector) without the GIL.
template <class F>
auto inspect(Predictor& predictor, F f) {
  const GilRelease release;
  const auto lease = predictor.lease_inspector();
  return f(lease.inspector());
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

py::dict activations(Predictor& predictor, const py::array& images,
                     const std::vector<std::string>& layers) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, std::nullopt);
  auto outputs = inspect(predictor, [&](Inspector& inspector) {
    return features::activations(inspector, model, view, layers);
  });
  py::dict result;
  for (auto& layer : outputs) {
    result[py::str(layer.path)] = to_array(
        std::move(layer.values), {layer.sizes.begin(), layer.sizes.end()});
  }
  return result;
}

py::array_t<float> saliency(Predictor& predictor, const py::array& images,
                            const Labels& units) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, std::nullopt);
  const auto classes = units_of(units, view.count);
  auto gradients = inspect(predictor, [&](Inspector& inspector) {
    return features::saliency(inspector, model, view, classes);
  });
  return to_array(std::move(gradients), input_sizes(model, view.count));
}

py::array_t<float> grad_cam(Predictor& predictor, const py::array& images,
                            const std::string& layer, const Labels& units) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, std::nullopt);
  const auto classes = units_of(units, view.count);
  auto maps = inspect(predictor, [&](Inspector& inspector) {
    return features::grad_cam(inspector, model, view, layer, classes);
  });
  return to_array(std::move(maps.values),
                  {view.count, maps.height, maps.width});
}

py::array_t<float> integrated_gradients(Predictor& predictor,
                                        const py::array& images,
                                        const Labels& units, int64_t steps,
                                        float baseline) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, std::nullopt);
  const auto classes = units_of(units, view.count);
  require(steps >= 1 && steps <= 10'000,
          "integrated_gradients.steps: expected 1 to 10000, got ", steps);
  auto gradients = inspect(predictor, [&](Inspector& inspector) {
    return features::integrated_gradients(inspector, model, view, classes,
                                          steps, baseline);
  });
  return to_array(std::move(gradients), input_sizes(model, view.count));
}

py::array_t<float> occlusion(Predictor& predictor, const py::array& images,
                             const Labels& units, int64_t size, int64_t stride,
                             float value) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, std::nullopt);
  const auto classes = units_of(units, view.count);
  const Shape& shape = model.input();
  require(size >= 1 && size <= std::min(shape.height, shape.width),
          "occlusion.size: expected 1 to ", std::min(shape.height, shape.width),
          ", got ", size);
  require(stride >= 1, "occlusion.stride: expected at least 1, got ", stride);
  std::vector<float> drops;
  {
    const GilRelease release;
    const auto lease = predictor.lease("cpu");  // it only predicts
    drops = features::occlusion(lease.executor(), model, view, classes, size,
                                stride, value);
  }
  return to_array(std::move(drops), {view.count, shape.height, shape.width});
}

py::array_t<float> unit_activations(Predictor& predictor,
                                    const py::array& images,
                                    const std::optional<Labels>& rows,
                                    const std::string& layer, int64_t unit) {
  const Model& model = predictor.model();
  const auto view = samples_for(model, images, rows);
  return to_array(inspect(predictor, [&](Inspector& inspector) {
    return features::unit_activations(inspector, model, view, layer, unit,
                                      check_signals);
  }));
}

py::tuple maximise(Predictor& predictor, const std::string& layer,
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
  const Model& model = predictor.model();
  auto result = inspect(predictor, [&](Inspector& inspector) {
    return features::maximise(inspector, model, layer, units,
                              {steps, rate, l2, variation, blur, jitter, seed},
                              check_signals);
  });
  return py::make_tuple(
      to_array(std::move(result.images),
               input_sizes(model, static_cast<int64_t>(units.size()))),
      to_array(std::move(result.first)), to_array(std::move(result.last)));
}

py::array_t<float> chain_code_histogram(const py::array& images,
                                        double threshold, int64_t zones) {
  const auto view = images_view("chain_code_histogram.images", images);
  std::vector<float> histograms;
  {
    const GilRelease release;
    histograms = features::chain_code_histogram(view, threshold, zones);
  }
  return to_array(std::move(histograms),
                  {view.count, zones, zones, features::kDirections});
}

py::array_t<float> transition_counts(const py::array& images, double threshold,
                                     int64_t bands) {
  const auto view = images_view("transition_counts.images", images);
  std::vector<float> counts;
  {
    const GilRelease release;
    counts = features::transition_counts(view, threshold, bands);
  }
  return to_array(std::move(counts), {view.count, 2, bands});
}

py::array_t<int64_t> euclidean_neighbors(const py::array& images,
                                         const py::array& references,
                                         int64_t count) {
  const auto view = images_view("euclidean_neighbors.images", images);
  const auto others = images_view("euclidean_neighbors.references", references);
  std::vector<int64_t> nearest;
  {
    const GilRelease release;
    nearest = features::euclidean_neighbors(view, others, count, check_signals);
  }
  return to_array(std::move(nearest), {view.count, count});
}

py::array_t<int64_t> distortion_distances(const py::array& images,
                                          const py::array& references,
                                          const Labels& rows, int64_t warp,
                                          int64_t context) {
  const auto view = images_view("distortion_distances.images", images);
  const auto others =
      images_view("distortion_distances.references", references);
  require(rows.ndim() == 2 && rows.shape(0) == view.count,
          "distortion_distances.rows: expected one list for each of ",
          view.count, " images, got ", rows.size(), " numbers");
  const py::ssize_t count = rows.shape(1);
  std::vector<int64_t> distances(rows.data(), rows.data() + rows.size());
  {
    const GilRelease release;
    distances = features::distortion_distances(view, others, distances,
                                               {warp, context}, check_signals);
  }
  return to_array(std::move(distances), {view.count, count});
}

}  // namespace

void bind_features(py::module_& root) {
  auto m = root.def_submodule("features", "Activations and attributions.");
  m.def("activations", &activations, "predictor"_a, "images"_a, "layers"_a,
        "Outputs of these layers, or of all, by name.");
  m.def("saliency", &saliency, "predictor"_a, "images"_a, "units"_a,
        "Gradients of the classes' logits by the network's input.");
  m.def("grad_cam", &grad_cam, "predictor"_a, "images"_a, "layer"_a, "units"_a,
        "Where a layer's maps raise the classes' logits, [N, h, w].");
  m.def("integrated_gradients", &integrated_gradients, "predictor"_a,
        "images"_a, "units"_a, "steps"_a, "baseline"_a,
        "How much each input value adds to the classes' logits.");
  m.def("occlusion", &occlusion, "predictor"_a, "images"_a, "units"_a, "size"_a,
        "stride"_a, "value"_a,
        "How much probability falls where squares are covered, [N, H, W].");
  m.def("unit_activations", &unit_activations, "predictor"_a, "images"_a,
        "rows"_a, "layer"_a, "unit"_a,
        "Every image's activation of a unit, [N].");
  m.def(
      "maximise", &maximise, "predictor"_a, "layer"_a, "units"_a, "steps"_a,
      "rate"_a, "l2"_a, "variation"_a, "blur"_a, "jitter"_a, "seed"_a,
      "(images, first, last): images that activate units, and the units before "
      "and after.");
  m.def("chain_code_histogram", &chain_code_histogram, "images"_a,
        "threshold"_a, "zones"_a,
        "Steps of contours by zone and direction, [N, zones, zones, 8].");
  m.def("transition_counts", &transition_counts, "images"_a, "threshold"_a,
        "bands"_a, "Changes of ink along rows and along columns, [N, 2, B].");
  m.def("euclidean_neighbors", &euclidean_neighbors, "images"_a, "references"_a,
        "count"_a, "The nearest references of each image, [N, count].");
  m.def("distortion_distances", &distortion_distances, "images"_a,
        "references"_a, "rows"_a, "warp"_a, "context"_a,
        "Distances of the image distortion model, as `rows`.");
}

}  // namespace digitnet::bindings
