#include "train/settings.h"

#include "core/error.h"
#include "models/layers.h"
#include "models/network.h"

namespace digitnet::train {
namespace {

// LibTorch adds gradients of an adaptive pooling up in any order on a GPU, and
// refuses to where determinism is asked for; its engine does without that where
// all windows are alike. Of what a network does here it is the one such
// operation. Source: torch.use_deterministic_algorithms.
void refuse_unrepeatable_layers(const models::Model& model) {
  models::for_each_leaf(
      model.network(), model.preprocess().output(),
      [](const std::string& path, const models::Layer& layer,
         const Shape& input, const Shape&) {
        require(
            layer.kind != "adaptive_average_pool" ||
                models::layers::pools_evenly(layer, input.height, input.width),
            "fit.deterministic: expected layers whose gradients repeat on "
            "a GPU, got '",
            path, "', whose windows on ", to_string(input),
            " differ; use AveragePool, or deterministic=False");
      });
}

}  // namespace

engine::Requirements requirements_of(const Config& config, int64_t ranks) {
  return {.ranks = ranks, .bfloat16 = config.precision == "bfloat16"};
}

engine::TrainSettings settings_of(const models::Model& model,
                                  const Config& config,
                                  const engine::Ranks& ranks) {
  engine::TrainSettings settings;
  settings.optimizer = config.optimizer;
  settings.lr_scales = config.lr_scales;
  if (settings.lr_scales.empty())
    settings.lr_scales.assign(model.slots().size(), 1);
  settings.l1 = config.l1;
  settings.l2 = config.l2;
  settings.label_smoothing = config.label_smoothing;
  settings.clip_norm = config.clip_norm;
  settings.ema_decay = config.ema_decay;
  settings.seed = config.seed;
  settings.bfloat16 = config.precision == "bfloat16";
  settings.tf32 = config.precision == "tf32";
  settings.deterministic = config.deterministic;
  settings.ranks = ranks;
  return settings;
}

void check(const models::Model& model, Config& config, bool has_validation,
           bool has_target) {
  if (config.deterministic && config.device.starts_with("cuda"))
    refuse_unrepeatable_layers(model);
  config.validate(model.outputs_images() ? 0 : model.outputs(), has_validation);
  const bool head = models::contains(model.network(), "domain_head");
  require(head || !has_target,
          "fit.target: expected a network with a domain head, got none");
  require(!head || has_target,
          "fit.target: expected images of another domain for the network's "
          "domain head, got none");
  require(model.loss() != models::Loss::Margin || config.label_smoothing == 0,
          "fit.label_smoothing: expected 0 for a network that ends in "
          "capsule_logits, got ",
          config.label_smoothing);
}

}  // namespace digitnet::train
