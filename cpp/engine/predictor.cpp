#include "engine/predictor.h"

#include "core/error.h"
#include "engine/inference.h"

namespace digitnet::engine {

std::vector<float> Predictor::logits(const data::DatasetView& samples,
                                     const std::string& device,
                                     const std::function<bool()>& keep_going) {
  constexpr int64_t kBatch = 256;
  const std::unique_lock lock(in_use_, std::try_to_lock);
  if (!lock) {
    const auto own = make_executor(model_, device);
    return logits_of(*own, model_, samples, kBatch, keep_going);
  }
  const std::string wanted =
      join(model_.revision(), " ", executor_settings(device));
  if (!ready_ || made_for_ != wanted) {
    ready_.reset();  // before the next one takes its memory
    ready_ = make_executor(model_, device);
    made_for_ = wanted;
  }
  return logits_of(*ready_, model_, samples, kBatch, keep_going);
}

void Predictor::forget() {
  const std::lock_guard lock(in_use_);
  ready_.reset();
}

}  // namespace digitnet::engine
