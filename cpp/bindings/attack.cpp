#include "attack/attack.h"

#include <optional>

#include "bindings/convert.h"
#include "core/error.h"
#include "engine/predictor.h"

namespace digitnet::bindings {
namespace {

py::array_t<float> attacked(engine::Predictor& predictor,
                            const py::object& attack, const py::array& images,
                            const std::optional<Labels>& rows,
                            const Labels& labels, uint64_t seed) {
  const models::Model& model = predictor.model();
  auto view = samples_for(model, images, rows);
  require(labels.ndim() == 1 && labels.size() == view.count,
          "attack.labels: expected ", view.count, " labels, one an image, got ",
          labels.size());
  data::check_labels("attack.labels", labels.data(), labels.size(),
                     model.outputs());
  view.labels = labels.data();
  const Spec spec = spec_from(attack, "attack");
  std::vector<float> result;
  {
    const GilRelease release;
    const auto lease = predictor.lease_inspector();
    result = attack::attacked(lease.executor(), model, spec, view, seed,
                              check_signals);
  }
  const Shape& shape = model.input();
  return to_array(std::move(result),
                  {view.count, shape.channels, shape.height, shape.width});
}

}  // namespace

void bind_attack(py::module_& root) {
  auto m = root.def_submodule("attack", "Adversarial examples.");
  m.def(
      "describe",
      [] {
        py::list result;
        for (const auto& entry : attack::all()) {
          result.append(
              py::dict("name"_a = entry.name, "summary"_a = entry.summary,
                       "source"_a = entry.source,
                       "options"_a = describe_options(entry.options)));
        }
        return result;
      },
      "Every attack with its options.");
  m.def("attacked", &attacked, "predictor"_a, "attack"_a, "images"_a, "rows"_a,
        "labels"_a, "seed"_a,
        "The images as the attack leaves them, raw float32 [N, C, H, W].");
}

}  // namespace digitnet::bindings
