// A model's answers, from an executor that stays ready for the next question.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/view.h"
#include "engine/executor.h"

namespace digitnet::engine {

// To lay out a plan takes longer than to ask a small network about one image.
// The executor is made anew when weights, device, threads or settings of the
// environment have changed.
class Predictor {
 public:
  explicit Predictor(models::Model& model) : model_(model) {}  // borrows it

  models::Model& model() { return model_; }
  // As logits_of(). Any number of threads may ask: one takes the ready
  // executor, the others make their own.
  std::vector<float> logits(const data::DatasetView& samples,
                            const std::string& device,
                            const std::function<bool()>& keep_going = {});
  // Frees the executor.
  void forget();

 private:
  models::Model& model_;
  std::mutex in_use_;
  std::unique_ptr<Executor> ready_;
  std::string made_for_;
};

}  // namespace digitnet::engine
