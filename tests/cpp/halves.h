// Forty images of two classes, bright on the left or on the right, and small
// networks that learn them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "core/random.h"
#include "data/view.h"
#include "models/build.h"
#include "models/model.h"
#include "models/zoo.h"

namespace digitnet::testing {

struct Halves {
  std::vector<uint8_t> pixels;
  std::vector<int64_t> labels;
  data::DatasetView view;

  explicit Halves(int64_t side = 28) {
    constexpr int64_t kImages = 40;
    Draws draws(5, Stream::Split);
    for (int64_t i = 0; i < kImages; ++i) {
      labels.push_back(i % 2);
      for (int64_t p = 0; p < side * side; ++p) {
        const bool right = p % side >= side / 2;
        pixels.push_back(static_cast<uint8_t>(
            draws.below(60) + (right == (i % 2 == 1) ? 190 : 0)));
      }
    }
    view.images = {
        pixels.data(), data::PixelType::UInt8, kImages, {1, side, side}};
    view.labels = labels.data();
    view.count = kImages;
  }
};

// A network whose preprocessing scales pixels from 0 to 255 to [0, 1].
inline models::Model scaled_model(const models::Layer& network, int64_t side) {
  models::Model model(network, {1, side, side}, {{"scale", {}}}, 3);
  model.preprocess().set_max_value(255);
  return model;
}

inline models::Model lenet5() {
  return scaled_model(models::zoo::lenet5().make(2), 28);
}

// Smooth in its input: gradients agree with differences.
inline models::Model smooth_cnn(int64_t side) {
  using namespace models::build;
  return scaled_model(
      models::named(sequence({conv(3, 3), models::make_layer("tanh"), flatten(),
                              dense(5), models::make_layer("tanh"), dense(2)})),
      side);
}

// An environment variable for as long as it lives.
class Environment {
 public:
  Environment(const char* name, const char* value) : name_(name) {
    setenv(name, value, 1);
  }
  ~Environment() { unsetenv(name_); }
  Environment(const Environment&) = delete;

 private:
  const char* name_;
};

}  // namespace digitnet::testing
