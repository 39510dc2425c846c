// A network in float64, written as plainly as can be: what plans are compared
// with.
#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "models/model.h"

namespace digitnet::engine::native {

// Values of some images, [count, C, H, W] or [count, features].
struct Batch {
  int64_t count;
  Shape shape;
  std::vector<double> values;

  Batch(int64_t count, const Shape& shape)
      : count(count), shape(shape), values(count * shape.size(), 0.0) {}
  double& at(int64_t n, int64_t c, int64_t y = 0, int64_t x = 0) {
    return values[((n * shape.channels + c) * shape.height + y) * shape.width +
                  x];
  }
  double at(int64_t n, int64_t c, int64_t y = 0, int64_t x = 0) const {
    return const_cast<Batch*>(this)->at(n, c, y, x);
  }
};

// f(n, channel, row, column) for every value of a batch.
template <class F>
void each(const Batch& b, const F& f) {
  for (int64_t n = 0; n < b.count; ++n)
    for (int64_t c = 0; c < b.shape.channels; ++c)
      for (int64_t y = 0; y < b.shape.height; ++y)
        for (int64_t x = 0; x < b.shape.width; ++x) f(n, c, y, x);
}
inline bool inside(const Batch& b, int64_t y, int64_t x) {
  return y >= 0 && x >= 0 && y < b.shape.height && x < b.shape.width;
}

// A layer's output, and how its gradient becomes that of the input.
struct Traced {
  Batch y;
  std::function<Batch(const Batch& g)> backward;
};

// What auxiliary heads train on: engine::Batch in float64.
struct ReferenceHeads {
  Batch images;
  std::vector<int64_t> labels;
  int64_t labelled = -1;
  double reversal_coefficient = 0;
};

// Without dropout in training.
class ReferenceNetwork {
 public:
  // Parameters and running statistics of the model, by name.
  ReferenceNetwork(const models::Model& model, bool training);

  // The whole network; backward() adds to `gradients`.
  Traced forward(const Batch& x);

  std::map<std::string, std::vector<double>> parameters, gradients;
  // Layers in order of execution, their outputs and, once backward() is called,
  // the gradients of those.
  std::vector<std::string> layers;
  std::map<std::string, Batch> outputs, output_gradients;
  // Set in training by who has auxiliary heads; forward() adds their mean loss.
  const ReferenceHeads* heads = nullptr;
  double auxiliary_loss = 0;
  // How near the last pass came to a kink: the smallest |input| of a ReLU or
  // gap between the two largest values of a pooling window. Where float32 may
  // fall on its other side, gradients cannot be compared.
  double margin = std::numeric_limits<double>::infinity();

 private:
  Traced run(const models::Layer& layer, const std::string& path,
             const Batch& x);
  Traced compute(const models::Layer& layer, const std::string& path,
                 const Batch& x);
  // reference_heads.cpp
  Traced reconstruct(const models::Layer& layer, const std::string& path,
                     const Batch& x);
  Traced domain_head(const models::Layer& layer, const std::string& path,
                     const Batch& x);
  Traced batch_norm_of_domains(const models::Layer& layer,
                               const std::string& path, const Batch& x);
  Traced conv(const models::Layer& layer, const std::string& path,
              const Batch& x);
  Traced dense(const models::Layer& layer, const std::string& path,
               const Batch& x);
  Traced batch_norm(const models::Layer& layer, const std::string& path,
                    const Batch& x);
  Traced layer_norm(const models::Layer& layer, const std::string& path,
                    const Batch& x);
  Traced softmax(const Batch& x);
  Traced upsample(const models::Layer& layer, const Batch& x);
  Traced max_pool(const models::Layer& layer, const Batch& x);
  Traced average_pool(const models::Layer& layer, const Batch& x);
  Traced activation(const std::string& kind, const Batch& x);
  Traced concat(const models::Layer& layer, const std::string& path,
                const Batch& x);
  Traced sum(std::vector<Traced> branches);
  // Layers whose gradients are recorded (reference_sequence.cpp).
  static bool has_formula(const std::string& kind);
  Traced by_formula(const models::Layer& layer, const std::string& path,
                    const Batch& x);

  models::Layer root_;
  bool training_;
};

}  // namespace digitnet::engine::native
