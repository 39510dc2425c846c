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
#include "engine/torch/tensors.h"

namespace digitnet::engine {

using models::Slot;

namespace {

// Of our own; a rehearsal has no device that could draw.
at::Generator generator_for(at::Device device) {
  const at::Device from = device.is_meta() ? at::Device(at::kCPU) : device;
  return at::globalContext().defaultGenerator(from).clone();
}

}  // namespace

at::Tensor losses_of(models::Loss loss, const at::Tensor& logits,
                     const at::Tensor& labels, double smoothing) {
  return loss == models::Loss::Margin
             ? margin_losses(logits, labels)
             : cross_entropies(logits, labels, smoothing);
}

TorchTrainer::TorchTrainer(const models::Model& model, TorchNetwork& network,
                           at::Device device, const TrainSettings& settings)
    : model_(model),
      exact_(network),
      device_(device),
      settings_(settings),
      gradients_(at::zeros_like(network.values())),
      random_(settings.recorder.random ? *settings.recorder.random
                                       : generator_for(device)),
      taken_(at::zeros({}, network.values().options())),
      rate_(at::zeros({}, network.values().options())) {
  const auto& entry =
      find(optimizers::all(), "optimizer", settings.optimizer.name);
  update_ = entry.update;
  for (int i = 0; i < entry.states; ++i)
    state_.push_back(at::zeros_like(network.values()));
  if (settings.ema_decay > 0) averages_ = network.values().clone();
  if (settings.rounded) rounded_.emplace(exact_);
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

// Recorded steps find these where they were in the first epoch.
void TorchTrainer::start_epoch(const std::vector<double>& rates) {
  const auto steps = static_cast<int64_t>(rates.size());
  if (!rates_.defined()) {
    const auto floats = exact_.values().options();
    rates_ = at::zeros({steps}, floats);
    losses_ = at::zeros({steps}, floats);
    correct_ = at::zeros({}, floats.dtype(at::kLong));
    place_ = at::zeros({1}, floats.dtype(at::kLong));
  }
  rates_.copy_(of_host(rates));
  losses_.zero_();
  correct_.zero_();
  place_.zero_();
  counts_.clear();
  ++epochs_;
  seed();
}

// Masks of dropout are a function of seed, epoch and rank.
void TorchTrainer::seed() {
  random_.set_current_seed(
      Draws(settings_.seed, Stream::Dropout, epochs_, settings_.ranks.rank)
          .bits());
}

std::vector<at::Tensor> TorchTrainer::changed() const {
  std::vector<at::Tensor> all = {
      exact_.values(), exact_.buffers(), gradients_, taken_,
      rate_,           place_,           losses_,    correct_};
  all.insert(all.end(), state_.begin(), state_.end());
  if (averages_.defined()) all.push_back(averages_);
  return all;
}

void TorchTrainer::keep() {
  kept_.clear();
  for (const at::Tensor& tensor : changed()) kept_.push_back(tensor.clone());
}

void TorchTrainer::restore() {
  at::NoGradGuard guard;
  const std::vector<at::Tensor> all = changed();
  for (size_t i = 0; i < all.size(); ++i) all[i].copy_(kept_[i]);
  kept_.clear();
  seed();
}

void TorchTrainer::set_rate(double lr) { rate_.fill_(lr); }

void TorchTrainer::take_rate() {
  rate_.copy_(rates_.index_select(0, place_).squeeze(0));
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
  state.whole = batch.whole;
  state.input = batch.images;
  if (!batch.targets.defined()) state.labels = batch.labels;
  state.known = batch.known;
  state.reversal = batch.reversal;
  const at::Tensor answers =
      rounded_
          ? (*rounded_)(batch.images.to(at::kBFloat16), state).to(at::kFloat)
          : exact_(batch.images, state);
  const at::Tensor loss = loss_of(batch, answers, state);
  if (!trained_.empty()) find_gradients(several ? loss * batch.share : loss);
  at::NoGradGuard guard;
  if (several) settings_.ranks.sum(gradients_);
  taken_.add_(1);
  regularise();
  for (const Segment& segment : segments_) update(segment);
  average();
  note(batch, loss.detach(), answers.detach());
}

// All of them to one block, in the order of the weights' memory.
void TorchTrainer::find_gradients(const at::Tensor& loss) {
  const auto found =
      torch::autograd::grad({loss}, trained_, {}, {}, false, true);
  at::NoGradGuard guard;
  std::vector<at::Tensor> parts;
  auto next = found.begin();
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
                                 const at::Tensor& answers,
                                 const RunState& state) const {
  const at::Tensor own =
      batch.targets.defined()
          ? (answers - batch.targets).square().mean({1, 2, 3})
          : losses_of(model_.loss(), answers, batch.labels,
                      settings_.label_smoothing);
  const at::Tensor& weights = batch.weights;
  const at::Tensor mean =
      weights.defined() ? (own * weights).sum() / weights.sum().clamp_min(1e-12)
                        : own.mean();
  return state.side_losses.defined() ? mean + state.side_losses.mean() : mean;
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
  for (const at::Tensor& block : state_) state.push_back(part(block));
  const at::Tensor lr =
      segment.lr_scale == 1 ? rate_ : rate_ * segment.lr_scale;
  update_(settings_.optimizer.options, lr, taken_, part(exact_.values()),
          part(gradients_), state);
}

// Young averages forget faster: as TrainSettings::average_decay() says.
void TorchTrainer::average() {
  if (!averages_.defined()) return;
  const at::Tensor decay =
      ((taken_ + 1) / (taken_ + 10)).clamp_max(settings_.ema_decay);
  averages_.lerp_(exact_.values(), 1 - decay);
}

void TorchTrainer::note(const TorchBatch& batch, const at::Tensor& loss,
                        const at::Tensor& answers) {
  // So that the ranks' losses, times their counts, add up to the batch's.
  const double part = batch.count() < batch.whole
                          ? batch.share * static_cast<double>(batch.whole) /
                                static_cast<double>(batch.count())
                          : 1;
  losses_.index_copy_(0, place_, (part == 1 ? loss : loss * part).view({1}));
  if (!batch.targets.defined() && batch.counted) {
    const at::Tensor hits = answers.argmax(1).eq(batch.labels);
    correct_.add_(hits.narrow(0, 0, batch.of_known()).sum());
  }
  place_.add_(1);
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
  const at::Tensor kept = exact_.values().clone();
  exact_.values().copy_(averages_);
  averages_.copy_(kept);
}

}  // namespace digitnet::engine
