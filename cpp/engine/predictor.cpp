#include "engine/predictor.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "core/error.h"
#include "engine/device.h"
#include "engine/inference.h"

namespace digitnet::engine {

Predictor::Lease Predictor::lease(const std::string& device) {
  const std::string resolved = resolve_device(device);
  Kept& kept = resolved == "cpu" ? on_cpu_ : on_gpu_;
  Lease lease;
  lease.lock_ = std::unique_lock(kept.in_use, std::try_to_lock);
  if (!lease.lock_) {
    lease.temporary_ = make(resolved);
    lease.executor_ = lease.temporary_.get();
    return lease;
  }
  const std::string current =
      join(model_.revision(), " ", executor_settings(resolved));
  if (!kept.executor || kept.made_for != current) {
    kept.executor.reset();  // before the next one takes its memory
    kept.executor = make(resolved);
    kept.made_for = current;
  }
  lease.executor_ = kept.executor.get();
  return lease;
}

std::unique_ptr<Executor> Predictor::make(const std::string& device) {
  ++made_;
  return make_executor(model_, device);
}

std::vector<float> Predictor::logits(const data::DatasetView& samples,
                                     const std::string& device,
                                     const std::function<bool()>& keep_going) {
  std::vector<float> logits = logits_of(lease(device).executor(), model_,
                                        samples, kPredictBatch, keep_going);
  divide_by_temperature(model_, logits);
  const auto odd = std::find_if(logits.begin(), logits.end(), [](float value) {
    return !std::isfinite(value);
  });
  if (odd != logits.end()) {
    throw std::runtime_error(
        join("predict: expected finite outputs, got ", *odd, " for image ",
             (odd - logits.begin()) / model_.outputs(),
             "; the network's weights are too large for its numbers: train it "
             "again, or load another file"));
  }
  return logits;
}

void Predictor::clear() {
  for (Kept* kept : {&on_cpu_, &on_gpu_}) {
    const std::lock_guard lock(kept->in_use);
    kept->executor.reset();
  }
}

}  // namespace digitnet::engine
