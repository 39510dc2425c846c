#include "engine/torch/trainer.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/add.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/list.h"
#include "core/random.h"
#include "engine/torch/ranks.h"
#include "engine/torch/tensors.h"
#include "optimizers/all.h"

namespace digitnet::engine {

using models::Slot;
using torch::autograd::variable_list;

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

TorchBatch part_of(const TorchBatch& batch, int64_t first, int64_t count) {
  const auto part = [&](const at::Tensor& of_all) {
    return of_all.defined() ? of_all.narrow(0, first, count) : at::Tensor();
  };
  TorchBatch result = batch;
  result.images = part(batch.images);
  result.labels = part(batch.labels);
  result.weights = part(batch.weights);
  result.targets = part(batch.targets);
  return result;
}

at::Tensor joined(const std::vector<at::Tensor>& parts) {
  return parts.size() == 1 ? parts[0] : at::cat(parts);
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
      step_count_(at::zeros({1}, network.values().options())),
      offsets_(at::arange(kMaxSteps, step_count_.options().dtype(at::kLong))),
      counting_(at::arange(1, kMaxSteps + 1, step_count_.options())),
      zeros_(at::zeros({TorchNetwork::kAlignment}, step_count_.options())) {
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
  for (size_t i = 0; i < exact_.slots().size(); ++i) {
    const Slot& slot = exact_.slots()[i];
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
      segments_.back().count += exact_.extent(slot);
    } else {
      segments_.push_back({slot.offset, exact_.extent(slot), scale});
    }
  }
}

// The memory of the first epoch serves all of them: captured steps read and
// write there.
void TorchTrainer::start_epoch(int64_t number,
                               const std::vector<double>& rates) {
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
  seed(number);
}

void TorchTrainer::renew_generator(const at::Tensor& state) {
  random_ = generator_for(device_, 0);
  random_.set_state(state);
}

// Masks of dropout are a function of seed, epoch and rank.
void TorchTrainer::seed(int64_t epoch) {
  random_.set_current_seed(
      Draws(settings_.seed, Stream::Dropout, epoch, settings_.ranks.rank)
          .bits());
}

void TorchTrainer::take_steps(const TorchBatch& batch, int64_t steps) {
  const at::Tensor positions =
      steps == 1 ? position_ : position_ + offsets_.narrow(0, 0, steps);
  run(batch, positions, rates_.index_select(0, positions));
}

void TorchTrainer::take_step(const TorchBatch& batch, double lr) {
  run(batch, position_, at::full({1}, lr, rates_.options()));
}

void TorchTrainer::run(const TorchBatch& batch, const at::Tensor& positions,
                       const at::Tensor& rates) {
  at::NoGradGuard guard;
  const int64_t steps = rates.size(0), count = batch.images.size(0) / steps;
  const StepLosses losses = losses_of(batch, steps);
  const at::Tensor numbers = step_count_ + counting_.narrow(0, 0, steps);
  const at::Tensor decays = decays_of(numbers);
  Outcome outcome;
  for (int64_t i = 0; i < steps; ++i) {
    backpropagate(part_of(batch, i * count, count), losses, i, outcome);
    update({rates.select(0, i), numbers.select(0, i),
            decays.defined() ? decays.select(0, i) : decays});
  }
  step_count_.add_(steps);
  add_to_totals(batch, positions, losses, outcome);
  position_.add_(steps);
}

StepLosses TorchTrainer::losses_of(const TorchBatch& batch,
                                   int64_t steps) const {
  StepMeans means{steps, batch.weights};
  if (settings_.ranks.several()) means.factor = batch.rank_weight;
  if (batch.targets.defined()) return {batch.targets, means};
  return {model_.loss(), batch.labels, model_.outputs(),
          settings_.label_smoothing, means};
}

void TorchTrainer::backpropagate(const TorchBatch& batch,
                                 const StepLosses& losses, int64_t index,
                                 Outcome& outcome) {
  if (rounded_) rounded_->round(exact_.values());
  RunState state{true, &random_};
  state.ranks = &settings_.ranks;
  state.global_count = batch.global_count;
  state.input = batch.images;
  if (!batch.targets.defined()) state.labels = batch.labels;
  state.labelled = batch.labelled;
  state.reversal_coefficient = batch.reversal_coefficient;
  variable_list of, from;  // gradients of these, whose own are those
  {
    at::AutoGradMode grad(true);
    const at::Tensor outputs =
        rounded_
            ? (*rounded_)(batch.images.to(at::kBFloat16), state).to(at::kFloat)
            : exact_(batch.images, state);
    outcome.outputs.push_back(outputs.detach());
    if (outputs.requires_grad()) {
      of.push_back(outputs);
      from.push_back(losses.gradient(outcome.outputs.back(), index));
    }
    if (state.auxiliary_losses.defined()) {
      const at::Tensor mean = state.auxiliary_losses.to(at::kFloat).mean();
      outcome.auxiliary_losses.push_back(mean.detach());
      if (mean.requires_grad()) {
        of.push_back(mean);
        from.push_back(at::full_like(mean, losses.factor()));
      }
    }
  }
  if (!of.empty()) compute_gradients(of, from);
  if (settings_.ranks.several()) settings_.ranks.all_reduce(shared(gradients_));
}

// All of them in one block, in the order of the weights' memory: penalties,
// clipping, all-reduce and update are few launches then.
void TorchTrainer::compute_gradients(const variable_list& of,
                                     const variable_list& from) {
  const auto gradients =
      torch::autograd::grad(of, trained_, from, {}, false, true);
  const bool rounded = std::any_of(
      gradients.begin(), gradients.end(), [](const at::Tensor& gradient) {
        return gradient.defined() && gradient.scalar_type() == at::kBFloat16;
      });
  if (!rounded) {
    at::cat_out(gradients_, parts_of(gradients, at::kFloat));
  } else {
    // One launch for each type, which cat would otherwise copy one by one.
    at::add_out(gradients_, at::cat(parts_of(gradients, at::kFloat)),
                at::cat(parts_of(gradients, at::kBFloat16)));
  }
}

// Gradients of that type for every trained slot, zeros for others and for what
// lies between them.
std::vector<at::Tensor> TorchTrainer::parts_of(const variable_list& gradients,
                                               at::ScalarType type) const {
  const at::Tensor zeros = zeros_.to(type);
  std::vector<at::Tensor> parts;
  auto next = gradients.begin();
  for (size_t i = 0; i < exact_.slots().size(); ++i) {
    const Slot& slot = exact_.slots()[i];
    if (slot.parameter.is_buffer) continue;
    const int64_t count = slot.parameter.count(), extent = exact_.extent(slot);
    const bool trained = settings_.lr_scales.at(i) != 0;
    const at::Tensor gradient = trained ? *next++ : at::Tensor();
    if (!gradient.defined() || gradient.scalar_type() != type) {
      parts.push_back(zeros.narrow(0, 0, 1).expand({extent}));
      continue;
    }
    if (gradient.dim() == 4) {
      parts.push_back(gradient.permute({0, 2, 3, 1}).reshape(-1));
    } else {
      parts.push_back(gradient.reshape(-1));
    }
    if (extent > count) parts.push_back(zeros.narrow(0, 0, extent - count));
  }
  return parts;
}

void TorchTrainer::regularise() {
  if (settings_.l1 > 0 || settings_.l2 > 0) {
    for (const Slot& slot : exact_.slots()) {
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

void TorchTrainer::update(const StepScalars& scalars) {
  regularise();
  for (const Segment& segment : segments_) {
    const auto part = [&](const at::Tensor& block) {
      return block.narrow(0, segment.offset, segment.count);
    };
    std::vector<at::Tensor> state;
    for (const at::Tensor& block : optimizer_state_)
      state.push_back(part(block));
    const at::Tensor lr =
        segment.lr_scale == 1 ? scalars.lr : scalars.lr * segment.lr_scale;
    update_(settings_.optimizer.options, lr, scalars.number,
            part(exact_.values()), part(gradients_), state);
  }
  if (averages_.defined()) averages_.lerp_(exact_.values(), 1 - scalars.decay);
}

// TrainSettings::average_decay() of steps, on the device.
at::Tensor TorchTrainer::decays_of(const at::Tensor& numbers) const {
  if (!averages_.defined()) return {};
  return ((numbers + 1) / (numbers + 10)).clamp_max(settings_.ema_decay);
}

void TorchTrainer::add_to_totals(const TorchBatch& batch,
                                 const at::Tensor& positions,
                                 const StepLosses& losses,
                                 const Outcome& outcome) {
  const at::Tensor outputs = joined(outcome.outputs);
  at::Tensor means = losses.of(outputs);
  if (!outcome.auxiliary_losses.empty())
    means = means + at::stack(outcome.auxiliary_losses);
  // So that the ranks' losses, times their counts, sum to the global batch's.
  const int64_t count = outcome.outputs[0].size(0);
  if (count < batch.global_count) {
    means =
        means * (batch.rank_weight * static_cast<double>(batch.global_count) /
                 static_cast<double>(count));
  }
  losses_.index_copy_(0, positions, means);
  if (batch.targets.defined() || !batch.in_totals) return;
  const at::Tensor hits = outputs.argmax(1).eq(batch.labels);
  correct_.add_(
      (batch.labelled < 0 ? hits : hits.narrow(0, 0, batch.labelled)).sum());
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

TrainingState TorchTrainer::state() const {
  TrainingState state;
  for (size_t i = 0; i < optimizer_state_.size(); ++i)
    state.moments[i] = exact_.to_model_order(optimizer_state_[i]);
  if (averages_.defined()) state.averages = exact_.to_model_order(averages_);
  state.steps = static_cast<int64_t>(step_count_.item<float>());
  EpochState& epoch = state.epoch;
  epoch.steps = static_cast<int64_t>(counts_.size());
  epoch.step_losses = values_of<double>(losses_.narrow(0, 0, epoch.steps));
  epoch.step_samples = counts_;
  epoch.sums.correct = correct_.item<int64_t>();
  epoch.sums.samples =
      std::accumulate(counts_.begin(), counts_.end(), int64_t{0});
  epoch.generator = values_of<uint8_t>(random_.get_state());
  return state;
}

void TorchTrainer::restore(const TrainingState& state) {
  at::NoGradGuard guard;
  for (size_t i = 0; i < optimizer_state_.size(); ++i)
    optimizer_state_[i].copy_(exact_.from_model_order(state.moments[i]));
  if (averages_.defined())
    averages_.copy_(exact_.from_model_order(state.averages));
  step_count_.fill_(static_cast<double>(state.steps));
  const EpochState& epoch = state.epoch;
  if (epoch.steps == 0) return;
  position_.fill_(epoch.steps);
  losses_.narrow(0, 0, epoch.steps).copy_(of_host(epoch.step_losses));
  counts_ = epoch.step_samples;
  correct_.fill_(epoch.sums.correct);
  random_.set_state(of_host(epoch.generator));
}

}  // namespace digitnet::engine
