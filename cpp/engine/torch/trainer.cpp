#include "engine/torch/trainer.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>

#include "core/list.h"
#include "core/random.h"
#include "engine/torch/losses.h"
#include "engine/torch/ranks.h"
#include "engine/torch/tensors.h"
#include "optimizers/all.h"

namespace digitnet::engine {

using models::Slot;

namespace {

// The recorder's, or one of its own: never torch's global one. Tensors without
// content ("meta") draw on the CPU.
at::Generator generator_for(at::Device device, uintptr_t recorder) {
  if (recorder) {
    return at::Generator(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(
        reinterpret_cast<c10::GeneratorImpl*>(recorder)));
  }
  const at::Device from = device.is_meta() ? at::Device(at::kCPU) : device;
  return at::globalContext().defaultGenerator(from).clone();
}

}  // namespace

TorchTrainer::TorchTrainer(const models::Model& model, TorchNetwork& network,
                           at::Device device, const TrainSettings& settings)
    : model_(model),
      exact_(network),
      device_(device),
      settings_(settings),
      gradients_(at::zeros_like(network.values())),
      random_(generator_for(device, settings.recorder.generator)),
      step_count_(at::zeros({}, network.values().options())),
      rate_(at::zeros({}, network.values().options())) {
  const auto& entry =
      find(optimizers::all(), "optimizer", settings.optimizer.name);
  update_ = torch_update(entry.name);
  for (int i = 0; i < entry.states; ++i)
    optimizer_state_.push_back(at::zeros_like(network.values()));
  if (settings.ema_decay > 0) averages_ = network.values().clone();
  if (settings.bfloat16) rounded_.emplace(exact_);
  choose_trained();
}

void TorchTrainer::choose_trained() {
  network().thaw_all();
  for (size_t i = 0; i < model_.slots().size(); ++i) {
    const Slot& slot = model_.slots()[i];
    if (slot.parameter.is_buffer) continue;
    const double scale = settings_.lr_scales.at(i);
    at::Tensor& tensor = network().tensor(slot.parameter.name);
    tensor.requires_grad_(scale != 0);
    if (scale == 0) {
      network().freeze_layer_of(slot.parameter.name);
      continue;
    }
    trained_.push_back(tensor);
    if (!segments_.empty() && segments_.back().lr_scale == scale &&
        segments_.back().offset + segments_.back().count == slot.offset) {
      segments_.back().count += slot.parameter.count();
    } else {
      segments_.push_back({slot.offset, slot.parameter.count(), scale});
    }
  }
}

// The memory of the first epoch serves all of them: captured steps read and
// write there.
void TorchTrainer::start_epoch(const std::vector<double>& rates) {
  const auto steps = static_cast<int64_t>(rates.size());
  if (!rates_.defined()) {
    const auto floats = exact_.values().options();
    rates_ = at::zeros({steps}, floats);
    losses_ = at::zeros({steps}, floats);
    correct_ = at::zeros({}, floats.dtype(at::kLong));
    position_ = at::zeros({1}, floats.dtype(at::kLong));
  }
  rates_.copy_(of_host(rates));
  losses_.zero_();
  correct_.zero_();
  position_.zero_();
  counts_.clear();
  ++epochs_;
  seed();
}

void TorchTrainer::renew_generator() {
  random_ = generator_for(device_, 0);
  seed();
}

// Masks of dropout are a function of seed, epoch and rank.
void TorchTrainer::seed() {
  random_.set_current_seed(
      Draws(settings_.seed, Stream::Dropout, epochs_, settings_.ranks.rank)
          .bits());
}

std::vector<at::Tensor> TorchTrainer::state() const {
  std::vector<at::Tensor> result = {
      exact_.values(), exact_.buffers(), gradients_, step_count_,
      rate_,           position_,        losses_,    correct_};
  result.insert(result.end(), optimizer_state_.begin(), optimizer_state_.end());
  if (averages_.defined()) result.push_back(averages_);
  return result;
}

void TorchTrainer::save_state() {
  std::vector<at::Tensor> copies;
  for (const at::Tensor& tensor : state()) copies.push_back(tensor.clone());
  saved_state_ = std::move(copies);
}

void TorchTrainer::restore_state() {
  at::NoGradGuard guard;
  const std::vector<at::Tensor> current = state();
  for (size_t i = 0; i < current.size(); ++i) current[i].copy_(saved_state_[i]);
  saved_state_.clear();
  seed();
}

void TorchTrainer::set_rate(double lr) { rate_.fill_(lr); }

void TorchTrainer::take_rate() {
  rate_.copy_(rates_.index_select(0, position_).squeeze(0));
}

void TorchTrainer::step(const TorchBatch& batch) {
  at::AutoGradMode grad(true);
  const bool several = settings_.ranks.several();
  if (rounded_) {
    at::NoGradGuard guard;
    rounded_->round(exact_.values());
  }
  RunState state{true, &random_};
  state.ranks = &settings_.ranks;
  state.global_count = batch.global_count;
  state.input = batch.images;
  if (!batch.targets.defined()) state.labels = batch.labels;
  state.labelled = batch.labelled;
  state.reversal_coefficient = batch.reversal_coefficient;
  const at::Tensor outputs =
      rounded_
          ? (*rounded_)(batch.images.to(at::kBFloat16), state).to(at::kFloat)
          : exact_(batch.images, state);
  const at::Tensor loss = loss_of(batch, outputs, state);
  if (!trained_.empty())
    compute_gradients(several ? loss * batch.rank_weight : loss);
  at::NoGradGuard guard;
  if (several) settings_.ranks.all_reduce(shared(gradients_));
  step_count_.add_(1);
  regularise();
  for (const Segment& segment : segments_) update(segment);
  update_averages();
  add_to_totals(batch, loss.detach(), outputs.detach());
}

// All of them in one block, in the order of the weights' memory: penalties,
// clipping, all-reduce and update are few launches then.
void TorchTrainer::compute_gradients(const at::Tensor& loss) {
  const auto gradients =
      torch::autograd::grad({loss}, trained_, {}, {}, false, true);
  at::NoGradGuard guard;
  std::vector<at::Tensor> parts;
  auto next = gradients.begin();
  for (const Slot& slot : model_.slots()) {
    if (slot.parameter.is_buffer) continue;
    const at::Tensor& tensor = network().tensor(slot.parameter.name);
    const at::Tensor gradient = tensor.requires_grad() ? *next++ : at::Tensor();
    if (!gradient.defined()) {
      parts.push_back(
          at::zeros({slot.parameter.count()}, gradients_.options()));
    } else if (gradient.dim() == 4) {
      parts.push_back(gradient.permute({0, 2, 3, 1}).reshape(-1));
    } else {
      parts.push_back(gradient.reshape(-1));
    }
  }
  at::cat_out(gradients_, parts);
}

at::Tensor TorchTrainer::loss_of(const TorchBatch& batch,
                                 const at::Tensor& outputs,
                                 const RunState& state) const {
  const at::Tensor losses =
      batch.targets.defined()
          ? (outputs - batch.targets).square().mean({1, 2, 3})
          : losses_of(model_.loss(), outputs, batch.labels,
                      settings_.label_smoothing);
  const at::Tensor& weights = batch.weights;
  const at::Tensor mean = weights.defined() ? (losses * weights).sum() /
                                                  weights.sum().clamp_min(1e-12)
                                            : losses.mean();
  return state.auxiliary_losses.defined() ? mean + state.auxiliary_losses.mean()
                                          : mean;
}

void TorchTrainer::regularise() {
  if (settings_.l1 > 0 || settings_.l2 > 0) {
    for (const Slot& slot : model_.slots()) {
      const at::Tensor& tensor = network().tensor(slot.parameter.name);
      if (!slot.parameter.decays || !tensor.requires_grad()) continue;
      const at::Tensor weight =
          exact_.values().narrow(0, slot.offset, slot.parameter.count());
      const at::Tensor gradient =
          gradients_.narrow(0, slot.offset, slot.parameter.count());
      if (settings_.l2 > 0) gradient.add_(weight, 2 * settings_.l2);
      if (settings_.l1 > 0) gradient.add_(weight.sign(), settings_.l1);
    }
  }
  if (settings_.clip_norm > 0) {
    gradients_.mul_(
        (settings_.clip_norm / (gradients_.norm() + 1e-6)).clamp_max(1));
  }
}

void TorchTrainer::update(const Segment& segment) {
  const auto part = [&](const at::Tensor& block) {
    return block.narrow(0, segment.offset, segment.count);
  };
  std::vector<at::Tensor> state;
  for (const at::Tensor& block : optimizer_state_) state.push_back(part(block));
  const at::Tensor lr =
      segment.lr_scale == 1 ? rate_ : rate_ * segment.lr_scale;
  update_(settings_.optimizer.options, lr, step_count_, part(exact_.values()),
          part(gradients_), state);
}

// TrainSettings::average_decay(), on the device.
void TorchTrainer::update_averages() {
  if (!averages_.defined()) return;
  const at::Tensor decay =
      ((step_count_ + 1) / (step_count_ + 10)).clamp_max(settings_.ema_decay);
  averages_.lerp_(exact_.values(), 1 - decay);
}

void TorchTrainer::add_to_totals(const TorchBatch& batch,
                                 const at::Tensor& loss,
                                 const at::Tensor& outputs) {
  // So that the ranks' losses, times their counts, sum to the global batch's.
  const double factor = batch.count() < batch.global_count
                            ? batch.rank_weight *
                                  static_cast<double>(batch.global_count) /
                                  static_cast<double>(batch.count())
                            : 1;
  losses_.index_copy_(0, position_,
                      (factor == 1 ? loss : loss * factor).view({1}));
  if (!batch.targets.defined() && batch.in_totals) {
    const at::Tensor hits = outputs.argmax(1).eq(batch.labels);
    correct_.add_(hits.narrow(0, 0, batch.labelled_count()).sum());
  }
  position_.add_(1);
}

Totals TorchTrainer::totals() const {
  Totals totals;
  const at::Tensor losses = losses_.to(at::kCPU);
  const float* loss = losses.const_data_ptr<float>();
  double sum = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    if (!std::isfinite(loss[i]) && totals.bad_step < 0)
      totals.bad_step = static_cast<int64_t>(i);
    sum += static_cast<double>(loss[i]) * static_cast<double>(counts_[i]);
    totals.samples += counts_[i];
  }
  totals.loss = totals.samples ? sum / static_cast<double>(totals.samples) : 0;
  totals.correct = correct_.item<int64_t>();
  return totals;
}

void TorchTrainer::swap_averages() {
  if (!averages_.defined()) return;
  at::NoGradGuard guard;
  const at::Tensor values = exact_.values().clone();
  exact_.values().copy_(averages_);
  averages_.copy_(values);
}

}  // namespace digitnet::engine
