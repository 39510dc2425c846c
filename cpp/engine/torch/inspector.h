// Layers' outputs, gradients and batch statistics by LibTorch and its autograd.
#pragma once

#include <string>
#include <vector>

#include "engine/executor.h"
#include "engine/torch/arithmetic.h"
#include "engine/torch/network.h"

namespace digitnet::engine {

class TorchInspector : public Inspector {
 public:
  // Borrows both.
  TorchInspector(models::Model& model, TorchNetwork& network)
      : model_(model), network_(network) {}

  std::vector<Activation> activations(
      const float* images, int64_t count,
      const std::vector<std::string>& layers) override;
  void target_gradients(const float* images, int64_t count,
                        const Target& target, const std::string& layer,
                        TargetGradients& result) override;
  void loss_gradients(const float* images, const int64_t* labels, int64_t count,
                      double label_smoothing, LossGradients& result) override;
  void observe_statistics(const float* images, int64_t count,
                          double momentum) override;

 private:
  Arithmetic exact() const {
    return {.device = network_.values().device().type()};
  }

  models::Model& model_;
  TorchNetwork& network_;
};

}  // namespace digitnet::engine
