#include "features/maximise.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace digitnet::features {
namespace {

// Images' channels, each changed by itself.
struct Planes {
  std::vector<float>& values;
  int64_t count, height, width;
};

int64_t wrapped(int64_t at, int64_t size) { return (at % size + size) % size; }

// Every plane moved round its borders.
void roll(const Planes& planes, int64_t dy, int64_t dx) {
  const std::vector<float> from = planes.values;
  const int64_t height = planes.height, width = planes.width;
  for (int64_t k = 0; k < planes.count; ++k) {
    for (int64_t y = 0; y < height; ++y) {
      for (int64_t x = 0; x < width; ++x) {
        planes.values[(k * height + y) * width + x] =
            from[(k * height + wrapped(y - dy, height)) * width +
                 wrapped(x - dx, width)];
      }
    }
  }
}

// Three taps along rows and columns whose variance is sigma squared, 0 <=
// sigma <= 0.8; the border pixel counts for what lies beyond.
void blur(const Planes& planes, double sigma) {
  const auto side = static_cast<float>(sigma * sigma / 2);
  const int64_t height = planes.height, width = planes.width;
  for (const bool along_rows : {true, false}) {
    const std::vector<float> from = planes.values;
    const int64_t size = along_rows ? width : height;
    for (int64_t i = 0; i < static_cast<int64_t>(from.size()); ++i) {
      const int64_t at = along_rows ? i % width : i / width % height;
      const int64_t step = along_rows ? 1 : width;
      const float before = at > 0 ? from[i - step] : from[i];
      const float behind = at + 1 < size ? from[i + step] : from[i];
      planes.values[i] = from[i] + side * (before + behind - 2 * from[i]);
    }
  }
}

// Adds the gradient that lowers total variation: the sum of the signs of the
// differences to the four neighbours.
void add_variation(const Planes& planes, double weight,
                   std::vector<float>& gradients) {
  const int64_t height = planes.height, width = planes.width;
  const auto factor = static_cast<float>(weight);
  const auto& values = planes.values;
  const auto sign = [](float d) { return d > 0 ? 1.0f : d < 0 ? -1.0f : 0.0f; };
  for (int64_t i = 0; i < static_cast<int64_t>(values.size()); ++i) {
    const int64_t x = i % width, y = i / width % height;
    float sum = 0;
    if (x > 0) sum += sign(values[i - 1] - values[i]);
    if (x + 1 < width) sum += sign(values[i + 1] - values[i]);
    if (y > 0) sum += sign(values[i - width] - values[i]);
    if (y + 1 < height) sum += sign(values[i + width] - values[i]);
    gradients[i] += factor * sum;
  }
}

// Each image's gradient scaled to a mean size of 1.
void normalise(std::vector<float>& gradients, int64_t size) {
  for (size_t first = 0; first < gradients.size(); first += size) {
    double sum = 0;
    for (int64_t i = 0; i < size; ++i) sum += std::abs(gradients[first + i]);
    const auto factor =
        static_cast<float>(static_cast<double>(size) / (sum + 1e-20));
    for (int64_t i = 0; i < size; ++i) gradients[first + i] *= factor;
  }
}

// The network's input for an image with one raw value in all pixels.
std::vector<float> uniform_input(const models::Model& model, double value) {
  const std::vector<float> raw(model.input().size(), static_cast<float>(value));
  std::vector<float> result(model.preprocess().output().size());
  model.preprocess().apply(raw.data(), result.data());
  return result;
}

// Images from 0 to 1, and the network's input between that of an empty and of a
// full image.
class Range {
 public:
  explicit Range(const models::Model& model)
      : low_(uniform_input(model, 0)),
        high_(uniform_input(model, model.preprocess().max_value())) {}

  void to_input(const std::vector<float>& images,
                std::vector<float>& input) const {
    for (size_t i = 0; i < images.size(); ++i) {
      const size_t p = i % low_.size();
      input[i] = low_[p] + (high_[p] - low_[p]) * images[i];
    }
  }
  // From gradients by the input to gradients by the images.
  void chain(std::vector<float>& gradients) const {
    for (size_t i = 0; i < gradients.size(); ++i)
      gradients[i] *= high_[i % low_.size()] - low_[i % low_.size()];
  }

 private:
  std::vector<float> low_, high_;
};

}  // namespace

Maximised maximise(engine::Inspector& inspector, const models::Model& model,
                   const std::string& layer, const std::vector<int64_t>& units,
                   const MaximiseOptions& options,
                   const std::function<bool()>& keep_going) {
  const Shape& shape = model.preprocess().output();
  const int64_t size = shape.size();
  const auto count = static_cast<int64_t>(units.size());
  const Range range(model);
  Maximised result;
  std::vector<float>& images = result.images;
  images.resize(count * size);
  Draws noise(options.seed, Stream::Maximise, 0, 0);
  for (float& value : images)
    value = static_cast<float>(0.5 + noise.uniform(-0.05, 0.05));
  const Planes planes{images, count * shape.channels, shape.height,
                      shape.width};
  std::vector<float> input(images.size());
  const engine::Target unit_of{layer, units};
  engine::TargetGradients target;
  const auto evaluate = [&] {
    range.to_input(images, input);
    inspector.target_gradients(input.data(), count, unit_of, "", target);
  };
  for (int64_t step = 0; step < options.steps; ++step) {
    Draws draws(options.seed, Stream::Maximise, 1, step);
    const auto offset = [&] {
      return static_cast<int64_t>(draws.below(2 * options.jitter + 1)) -
             options.jitter;
    };
    const int64_t dy = offset(), dx = offset();
    if (options.jitter > 0) roll(planes, dy, dx);
    evaluate();
    if (step == 0) result.first = target.values;
    range.chain(target.gradients);
    normalise(target.gradients, size);
    if (options.variation > 0)
      add_variation(planes, options.variation, target.gradients);
    for (size_t i = 0; i < images.size(); ++i) {
      const double moved =
          images[i] * (1 - options.l2) + options.rate * target.gradients[i];
      images[i] = static_cast<float>(std::clamp(moved, 0.0, 1.0));
    }
    if (options.blur > 0) blur(planes, options.blur);
    if (options.jitter > 0) roll(planes, -dy, -dx);
    if (keep_going && !keep_going()) break;
  }
  evaluate();
  result.last = target.values;
  return result;
}

}  // namespace digitnet::features
