// Executors of one model that stay ready for the next prediction, activation or
// gradient.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/view.h"
#include "engine/executor.h"
#include "engine/select.h"

namespace digitnet::engine {

// To make an executor takes longer than to predict one image with a small
// network. One on the CPU and one on a GPU are kept, each made again when
// weights, device, threads or settings of the environment have changed. Any
// number of threads may use it.
class Predictor {
 public:
  explicit Predictor(models::Model& model) : model_(model) {}  // borrows it

  models::Model& model() { return model_; }

  // An executor of one user, given back when the lease ends. Who finds the kept
  // one in use gets one of its own. Predict, inspect, but do not train with it.
  class Lease {
   public:
    Executor& executor() const { return *executor_; }
    Inspector& inspector() const { return *executor_->inspector(); }

   private:
    friend class Predictor;
    std::unique_lock<std::mutex> lock_;
    std::unique_ptr<Executor> temporary_;
    Executor* executor_ = nullptr;
  };
  Lease lease(const std::string& device);
  // On a CPU, with an inspector.
  Lease lease_inspector() { return lease("cpu"); }

  // As logits_of(), divided by the model's temperature. Throws
  // std::runtime_error if one is not finite.
  std::vector<float> logits(const data::DatasetView& samples,
                            const std::string& device,
                            const std::function<bool()>& keep_going = {});

  // Frees the executors, once nobody uses them.
  void clear();
  // How many executors were made so far.
  int64_t executors_made() const { return made_; }

 private:
  struct Kept {
    std::mutex in_use;
    std::unique_ptr<Executor> executor;
    std::string made_for;  // revision and settings
  };
  std::unique_ptr<Executor> make(const std::string& device);

  models::Model& model_;
  Kept on_cpu_, on_gpu_;
  std::atomic<int64_t> made_{0};
};

}  // namespace digitnet::engine
