// Looks into a network with our own kernels.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/executor.h"
#include "engine/native/plan.h"

namespace digitnet::engine::native {

// Two plans of its own, made when first needed: a fused one, which is the
// faster, for gradients by the images; and one that has every layer's output.
class NativeInspector : public Inspector {
 public:
  // Borrows all of them. `values`: of an executor's plan of the model, so that
  // its weights of now are seen.
  NativeInspector(models::Model& model, const kernels::Kernels& kernels,
                  kernels::ThreadPool& pool, Floats& values)
      : model_(model), kernels_(kernels), pool_(pool), values_(values) {}

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
  // The tensors of one call.
  struct Ends {
    Tensor* target;
    Tensor* base;
  };

  Plan& fused();
  Plan& layered();
  Pass pass_of(int64_t count) const;
  Ends find_ends(Plan& plan, const Target& target, const std::string& layer);
  // f(pass, first image) for all images, some at a time.
  template <class F>
  void each_pass(Plan& plan, const float* images, int64_t count, bool gradients,
                 bool auxiliary, const F& f);

  models::Model& model_;
  const kernels::Kernels& kernels_;
  kernels::ThreadPool& pool_;
  Floats& values_;
  std::optional<Plan> fused_, layered_;
};

}  // namespace digitnet::engine::native
