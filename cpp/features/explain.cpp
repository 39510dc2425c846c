#include "features/explain.h"

#include <algorithm>

#include "core/error.h"
#include "engine/inference.h"
#include "features/activations.h"

namespace digitnet::features {
namespace {

// First pixels of squares of `size` in a side of `length`.
std::vector<int64_t> corners(int64_t length, int64_t size, int64_t stride) {
  std::vector<int64_t> result;
  for (int64_t at = 0; at + size < length; at += stride) result.push_back(at);
  result.push_back(std::max<int64_t>(length - size, 0));
  return result;
}

// The outputs of a layer ("": the input) and the gradients of the samples'
// logits by them.
engine::TargetGradients logit_gradients(engine::Inspector& inspector,
                                        const models::Model& model,
                                        const std::vector<float>& batch,
                                        const std::string& layer,
                                        const Units& units) {
  engine::TargetGradients result;
  inspector.target_gradients(batch.data(), static_cast<int64_t>(units.size()),
                             {"", units}, layer, result);
  engine::divide_by_temperature(model, result.gradients);
  return result;
}

}  // namespace

std::vector<float> saliency(engine::Inspector& inspector,
                            const models::Model& model,
                            const data::DatasetView& samples,
                            const Units& units) {
  const std::vector<float> batch = preprocessed(model, samples);
  return logit_gradients(inspector, model, batch, "", units).gradients;
}

Maps grad_cam(engine::Inspector& inspector, const models::Model& model,
              const data::DatasetView& samples, const std::string& layer,
              const Units& units) {
  const std::vector<float> batch = preprocessed(model, samples);
  const engine::TargetGradients result =
      logit_gradients(inspector, model, batch, layer, units);
  require(result.sizes.size() == 4,
          "grad_cam.layer: expected a layer that gives a map, got '", layer,
          "'");
  const int64_t channels = result.sizes[1];
  Maps maps{{}, result.sizes[2], result.sizes[3]};
  const int64_t area = maps.height * maps.width;
  maps.values.assign(samples.count * area, 0.0f);
  for (int64_t i = 0; i < samples.count; ++i) {
    float* map = maps.values.data() + i * area;
    for (int64_t c = 0; c < channels; ++c) {
      const int64_t offset = (i * channels + c) * area;
      const float* gradient = result.gradients.data() + offset;
      const float* output = result.outputs.data() + offset;
      double mean = 0;
      for (int64_t p = 0; p < area; ++p) mean += gradient[p];
      const auto weight = static_cast<float>(mean / static_cast<double>(area));
      for (int64_t p = 0; p < area; ++p) map[p] += weight * output[p];
    }
    for (int64_t p = 0; p < area; ++p) map[p] = std::max(map[p], 0.0f);
  }
  return maps;
}

std::vector<float> integrated_gradients(engine::Inspector& inspector,
                                        const models::Model& model,
                                        const data::DatasetView& samples,
                                        const Units& units, int64_t steps,
                                        float baseline) {
  const std::vector<float> ends = preprocessed(model, samples);
  const int64_t size = model.preprocess().output().size();
  const std::vector<float> raw(model.input().size(), baseline);
  std::vector<float> start(size);
  model.preprocess().apply(raw.data(), start.data());
  std::vector<float> between(ends.size());
  std::vector<double> sums(ends.size(), 0.0);
  for (int64_t step = 0; step < steps; ++step) {
    const float position =
        (static_cast<float>(step) + 0.5f) / static_cast<float>(steps);
    for (size_t i = 0; i < ends.size(); ++i)
      between[i] = start[i % size] + (ends[i] - start[i % size]) * position;
    const engine::TargetGradients result =
        logit_gradients(inspector, model, between, "", units);
    for (size_t i = 0; i < ends.size(); ++i) sums[i] += result.gradients[i];
  }
  std::vector<float> attributions(ends.size());
  for (size_t i = 0; i < ends.size(); ++i) {
    attributions[i] = (ends[i] - start[i % size]) *
                      static_cast<float>(sums[i] / static_cast<double>(steps));
  }
  return attributions;
}

std::vector<float> occlusion(engine::Executor& executor,
                             const models::Model& model,
                             const data::DatasetView& samples,
                             const Units& units, int64_t size, int64_t stride,
                             float value) {
  const Shape& shape = model.input();
  const int64_t area = shape.height * shape.width;
  const auto tops = corners(shape.height, size, stride);
  const auto lefts = corners(shape.width, size, stride);
  const auto squares = static_cast<int64_t>(tops.size() * lefts.size());
  std::vector<float> image(shape.size());
  // The last image has no square.
  std::vector<float> covered((squares + 1) * shape.size());
  std::vector<float> result(samples.count * area, 0.0f);
  // Calls f(p) for every pixel under square k.
  const auto under = [&](int64_t k, auto f) {
    const int64_t top = tops[k / lefts.size()], left = lefts[k % lefts.size()];
    for (int64_t y = top; y < std::min(top + size, shape.height); ++y) {
      for (int64_t x = left; x < std::min(left + size, shape.width); ++x)
        f(y * shape.width + x);
    }
  };
  for (int64_t i = 0; i < samples.count; ++i) {
    samples.images.read(samples.row(i), image.data());
    for (int64_t k = 0; k <= squares; ++k) {
      float* out = covered.data() + k * shape.size();
      std::copy(image.begin(), image.end(), out);
      if (k == squares) continue;
      under(k, [&](int64_t p) {
        for (int64_t c = 0; c < shape.channels; ++c) out[c * area + p] = value;
      });
    }
    data::DatasetView view;
    view.images = {covered.data(), data::PixelType::Float32, squares + 1,
                   shape};
    view.count = squares + 1;
    std::vector<float> logits = engine::logits_of(executor, model, view);
    engine::divide_by_temperature(model, logits);
    const std::vector<double> probabilities =
        engine::probabilities(logits, model.outputs());
    const auto of_class = [&](int64_t k) {
      return probabilities[k * model.outputs() + units[i]];
    };
    std::vector<double> drops(area, 0.0), counts(area, 0.0);
    for (int64_t k = 0; k < squares; ++k) {
      under(k, [&](int64_t p) {
        drops[p] += of_class(squares) - of_class(k);
        counts[p] += 1;
      });
    }
    for (int64_t p = 0; p < area; ++p) {
      if (counts[p] > 0)  // squares further apart than their size leave gaps
        result[i * area + p] = static_cast<float>(drops[p] / counts[p]);
    }
  }
  return result;
}

}  // namespace digitnet::features
