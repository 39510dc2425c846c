#include "engine/native/inspector.h"

#include <algorithm>

#include "core/error.h"
#include "core/list.h"
#include "engine/memory.h"
#include "engine/native/losses.h"

namespace digitnet::engine::native {
namespace {

std::vector<int64_t> sizes_of(const Tensor& tensor, int64_t count) {
  const Shape& shape = tensor.shape;
  if (shape.flat) return {count, shape.channels};
  return {count, shape.channels, shape.height, shape.width};
}

// Units of a tensor: its features, or its maps.
int64_t units_of(const Tensor& tensor) { return tensor.shape.channels; }

// Calls f(a pixel's value of the unit) for the pixels of image n; a feature is
// one of them.
template <class F>
void each_value(const Tensor& tensor, const Map& map, int64_t n, int64_t unit,
                const F& f) {
  if (tensor.shape.flat) {
    const int64_t area = tensor.height * tensor.width;
    f(map.at(n)[unit % area * tensor.channels + unit / area]);
    return;
  }
  for (int64_t row = 0; row < map.height; ++row) {
    float* pixel = map.at(n, row) + unit;
    for (int64_t x = 0; x < map.width; ++x, pixel += map.channels) f(*pixel);
  }
}

// The unit's value of image n, its map's mean.
float value_of(const Tensor& tensor, int64_t n, int64_t unit) {
  float sum = 0;
  each_value(tensor, tensor.value, n, unit, [&](float value) { sum += value; });
  return tensor.shape.flat
             ? sum
             : sum / static_cast<float>(tensor.height * tensor.width);
}

// The gradient of that value.
void seed(const Tensor& tensor, int64_t n, int64_t unit) {
  const Map& map = tensor.gradient;
  map.clear(n);
  const int64_t values = tensor.shape.flat ? 1 : tensor.height * tensor.width;
  each_value(tensor, map, n, unit, [&](float& gradient) {
    gradient = 1 / static_cast<float>(values);
  });
}

}  // namespace

Plan& NativeInspector::fused() {
  if (!fused_)
    fused_.emplace(model_,
                   PlanOptions{.input_gradient = true, .values = &values_});
  return *fused_;
}

Plan& NativeInspector::layered() {
  if (!layered_)
    layered_.emplace(model_, PlanOptions{.fused = false,
                                         .input_gradient = true,
                                         .values = &values_});
  return *layered_;
}

Pass NativeInspector::pass_of(int64_t count) const {
  Pass pass{kernels_, pool_, count, false};
  pass.weight_gradients = false;
  return pass;
}

template <class F>
void NativeInspector::each_pass(Plan& plan, const float* images, int64_t count,
                                bool gradients, bool auxiliary, const F& f) {
  const int64_t pass_images =
      plan.reserve_pass(count, gradients, pool_.threads());
  const int64_t size = plan.input().shape.size();
  for (int64_t first = 0; first < count; first += pass_images) {
    Pass pass = pass_of(std::min(pass_images, count - first));
    pass.auxiliary = auxiliary;
    plan.forward(pass, images + first * size);
    f(pass, first);
  }
}

std::vector<Activation> NativeInspector::activations(
    const float* images, int64_t count,
    const std::vector<std::string>& layers) {
  return with_memory([&] {
    Plan& plan = layered();
    std::vector<Activation> result;
    std::vector<const Tensor*> outputs;
    const auto requested = [&](const std::string& path) {
      return layers.empty() ||
             std::count(layers.begin(), layers.end(), path) != 0;
    };
    int64_t floats = 0;
    for (const auto& [path, output] : plan.layers())
      floats += requested(path) ? output->shape.size() : 0;
    require_memory(count * floats * static_cast<int64_t>(sizeof(float)),
                   join("the outputs of ", count, " images"));
    for (const auto& [path, output] : plan.layers()) {
      if (!requested(path)) continue;
      result.push_back({path, sizes_of(*output, count),
                        std::vector<float>(count * output->shape.size())});
      outputs.push_back(output);
    }
    const auto copy = [&](const Pass& pass, int64_t first) {
      for (size_t i = 0; i < outputs.size(); ++i) {
        const Tensor& output = *outputs[i];
        float* values = result[i].values.data() + first * output.shape.size();
        each_image(pass, [&](int64_t n) {
          to_row_major(kernels_, output, output.value, n,
                       values + n * output.shape.size());
        });
      }
    };
    each_pass(plan, images, count, false, true, copy);
    return result;
  });
}

NativeInspector::Ends NativeInspector::find_ends(Plan& plan,
                                                 const Target& target,
                                                 const std::string& layer) {
  Ends ends{target.layer.empty() ? &plan.output() : nullptr,
            layer.empty() ? &plan.input() : nullptr};
  std::vector<std::string> known;
  for (const auto& [path, output] : plan.layers()) {
    known.push_back(path);
    if (path == target.layer) ends.target = output;
    if (path == layer) ends.base = output;
  }
  require(ends.target && ends.base, "unknown layer '",
          ends.target ? layer : target.layer, "'; known: ", listed(known));
  const int64_t units = units_of(*ends.target);
  for (const int64_t unit : target.units) {
    require(unit >= 0 && unit < units, "features.unit: expected 0 to ",
            units - 1, ", got ", unit);
  }
  return ends;
}

void NativeInspector::target_gradients(const float* images, int64_t count,
                                       const Target& target,
                                       const std::string& layer,
                                       TargetGradients& result) {
  with_memory([&] {
    const bool whole = target.layer.empty() && layer.empty();
    Plan& plan = whole ? fused() : layered();
    const Ends ends = find_ends(plan, target, layer);
    const Tensor& base = *ends.base;
    const int64_t size = base.shape.size();
    result.values.resize(count);
    result.sizes = sizes_of(base, count);
    result.outputs.resize(count * size);
    result.gradients.resize(count * size);
    const auto run = [&](const Pass& pass, int64_t first) {
      each_image(pass, [&](int64_t n) {
        const int64_t unit = target.units[first + n];
        result.values[first + n] = value_of(*ends.target, n, unit);
        seed(*ends.target, n, unit);
      });
      const bool before =
          whole || plan.backward(pass, *ends.target, *ends.base);
      require(before, "features.layer: expected one before '",
              target.layer.empty() ? "the logits" : target.layer, "', got '",
              layer, "'");
      if (whole) plan.backward(pass);
      each_image(pass, [&](int64_t n) {
        const int64_t at = (first + n) * size;
        to_row_major(kernels_, base, base.value, n, result.outputs.data() + at);
        to_row_major(kernels_, base, base.gradient, n,
                     result.gradients.data() + at);
      });
    };
    each_pass(plan, images, count, true, !whole, run);
  });
}

void NativeInspector::loss_gradients(const float* images, const int64_t* labels,
                                     int64_t count, double label_smoothing,
                                     LossGradients& result) {
  with_memory([&] {
    Plan& plan = fused();
    const Tensor &x = plan.input(), &y = plan.output();
    const int64_t size = x.shape.size();
    result.losses.resize(count);
    result.gradients.resize(count * size);
    const auto run = [&](const Pass& pass, int64_t first) {
      each_image(pass, [&](int64_t n) {
        result.losses[first + n] = static_cast<float>(class_loss(
            model_.loss(), y.value.at(n), y.shape.size(), labels[first + n],
            label_smoothing, 1, y.gradient.at(n)));
      });
      plan.backward(pass);
      each_image(pass, [&](int64_t n) {
        to_row_major(kernels_, x, x.gradient, n,
                     result.gradients.data() + (first + n) * size);
      });
    };
    each_pass(plan, images, count, true, false, run);
  });
}

void NativeInspector::observe_statistics(const float* images, int64_t count,
                                         double momentum) {
  with_memory([&] {
    Plan& plan = fused();
    require_memory(plan.bytes_for(count, false, pool_.threads()),
                   join("the maps of ", count, " images"));
    plan.reserve(count, false, pool_.threads());  // one batch, whole
    Pass pass = pass_of(count);
    pass.statistics_momentum = momentum;
    plan.forward(pass, images);
  });
  model_.touch();
}

}  // namespace digitnet::engine::native
