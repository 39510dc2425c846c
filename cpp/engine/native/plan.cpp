// Buffers and parameters of a plan, and running it; plan_build.cpp makes the
// operations.
#include "engine/native/plan.h"

#include <algorithm>
#include <map>

#include "engine/memory.h"
#include "engine/native/run.h"

namespace digitnet::engine::native {
namespace {

void clear(const Pass& pass, const Map& map) {
  each_image(pass, [&](int64_t n) { map.clear(n); });
}

}  // namespace

void Plan::place_weights() {
  int64_t offset = 0;
  for (const OpPtr& op : ops_) {
    for (Weight* weight : op->weights()) {
      weight->offset = offset;
      offset += weight->capacity();
    }
  }
  const auto size = static_cast<size_t>(offset + kernels::kSlack);
  const bool borrows = options_.values != nullptr;
  if (borrows && options_.values->size() != size)
    throw std::logic_error("Plan: the borrowed values are another network's");
  if (!borrows) {
    values_.assign(size, 0.0f);
    gradients_.assign(size, 0.0f);
  }
  float* values = borrows ? options_.values->data() : values_.data();
  for (const OpPtr& op : ops_) {
    for (Weight* weight : op->weights()) {
      weight->value = values + weight->offset;
      weight->gradient = borrows ? nullptr : gradients_.data() + weight->offset;
    }
  }
}

void Plan::set_rates(const std::vector<double>& lr_scales) {
  std::map<std::string, size_t> slot_of;
  for (size_t i = 0; i < model_.slots().size(); ++i)
    slot_of[model_.slots()[i].parameter.name] = i;
  for (const OpPtr& op : ops_) {
    for (Weight* weight : op->weights()) {
      const size_t slot = slot_of.at(weight->name);
      weight->lr_scale = lr_scales.at(slot);
      weight->decays = model_.slots()[slot].parameter.decays;
    }
  }
}

std::vector<const Weight*> Plan::weights() const {
  std::vector<const Weight*> result;
  for (const OpPtr& op : ops_) {
    for (const Weight* weight : op->weights()) result.push_back(weight);
  }
  return result;
}

template <class Move>
void Plan::each_number(const Weight& weight, const Move& move) const {
  const int64_t model = model_.slot(weight.name).offset + weight.first;
  const int64_t area = weight.height * weight.width;
  // (y, x, channel) here is (channel, y, x) there.
  const int64_t features = weight.inputs ? weight.inputs : weight.outputs;
  const int64_t channels = features / area;
  if (weight.inputs == 0) {
    for (int64_t c = 0; c < channels; ++c)
      for (int64_t at = 0; at < area; ++at)
        move(model + c * area + at, weight.offset + at * channels + c);
    return;
  }
  // A panel's rows are whole cache lines here, and its columns lines there that
  // serve several rows.
  for (int64_t o = 0; o < weight.outputs; o += kernels::kPanel) {
    const int64_t lanes = std::min(kernels::kPanel, weight.outputs - o);
    for (int64_t c = 0; c < channels; ++c) {
      for (int64_t at = 0; at < area; ++at) {
        const int64_t ours =
            weight.offset + kernels::panel_offset(weight.inputs, weight.outputs,
                                                  at * channels + c, o);
        for (int64_t lane = 0; lane < lanes; ++lane) {
          move(model + (o + lane) * weight.inputs + c * area + at, ours + lane);
        }
      }
    }
  }
}

template <class Move>
void Plan::each_number(const Move& move) const {
  for (const Weight* weight : weights()) each_number(*weight, move);
}

void Plan::load() { load(model_.trained(), values_); }

void Plan::store() {
  model_.touch();
  store(values_, model_.trained());
}

void Plan::load(const std::vector<float>& theirs, Floats& block) const {
  each_number([&](int64_t from, int64_t to) { block[to] = theirs[from]; });
}

void Plan::store(const Floats& block, std::vector<float>& theirs) const {
  each_number([&](int64_t to, int64_t from) { theirs[to] = block[from]; });
}

void Plan::reserve(int64_t images, bool training, int threads) {
  if (images <= capacity_ && (training_ || !training)) return;
  const int64_t capacity = std::max(images, capacity_);
  capacity_ = 0;  // until all of them are there
  training_ = training_ || training;
  buffers_.clear();
  const auto allocate = [&](const Map& map) {
    buffers_.push_back(std::make_unique<Buffer>());
    return buffers_.back()->reserve(capacity * map.image());
  };
  // Owners come before those who share with them.
  for (const auto& t : tensors_) {
    const Shape& shape = t->shape;
    const Map map{nullptr, shape.flat ? 1 : shape.height,
                  shape.flat ? 1 : shape.width, shape.channels, 0};
    t->value = t->gradient = map;
    const bool alone = t->shape.flat && t->value_of && t->value_of->value.pad;
    if (t->value_of && !alone) {
      t->value.pad = t->value_of->value.pad;
      t->value.data = t->value_of->value.data;
    } else {
      t->value.pad = t->value_pad;
      t->value.data = allocate(t->value);
    }
    if (!training_ || !t->needs_gradient) continue;
    if (t->is_replaced()) {
      t->gradient = t->replaced_by->gradient;
      continue;
    }
    const bool separate = !t->gradient_of || t->gradient_of->gradient.pad ||
                          !t->gradient_of->gradient.data;
    t->gradient.pad = separate ? t->gradient_pad : 0;
    t->gradient.data =
        separate ? allocate(t->gradient) : t->gradient_of->gradient.data;
  }
  for (const OpPtr& op : ops_) op->prepare(capacity, training_, threads);
  waiting_.clear();
  waiting_.reserve(ops_.size());
  capacity_ = capacity;
}

int64_t Plan::bytes_for(int64_t images, bool training, int threads) const {
  int64_t floats = 0, of_threads = 0;
  const auto with_border = [](const Tensor& t, int64_t pad) {
    return t.shape.flat ? t.shape.size()
                        : (t.shape.height + 2 * pad) *
                              (t.shape.width + 2 * pad) * t.shape.channels;
  };
  for (const auto& t : tensors_) {
    if (!t->value_of) floats += with_border(*t, t->value_pad);
    if (training && t->needs_gradient && !t->gradient_of && !t->is_replaced())
      floats += with_border(*t, t->gradient_pad);
  }
  for (const OpPtr& op : ops_) {
    floats += op->scratch_floats();
    of_threads += op->thread_floats(training);
  }
  return (images * floats + threads * of_threads) *
         static_cast<int64_t>(sizeof(float));
}

int64_t Plan::reserve_pass(int64_t images, bool training, int threads) {
  const auto reserved = [&](int64_t count) {
    return count <= capacity_ && (training_ || !training);
  };
  images = std::min(images, kPassImages);
  if (reserved(images)) return std::min(capacity_, kPassImages);
  const int64_t fixed = bytes_for(0, training, threads);
  const int64_t image =
      std::max<int64_t>(1, bytes_for(1, training, threads) - fixed);
  images = std::clamp<int64_t>((kPassBytes - fixed) / image, 1, images);
  if (!reserved(images)) {
    const int64_t free = free_memory();
    require_memory(fixed + image, "the maps of one image");
    images = std::clamp<int64_t>((free - fixed) / image, 1, images);
    reserve(images, training, threads);
  }
  return std::min(capacity_, kPassImages);
}

int64_t Plan::bytes() const {
  int64_t total = static_cast<int64_t>((values_.size() + gradients_.size()) *
                                       sizeof(float));
  for (const auto& buffer : buffers_) total += buffer->bytes();
  for (const OpPtr& op : ops_) total += op->bytes();
  return total;
}

void Plan::forward(const Pass& pass, const float* images) {
  each_image(pass, [&](int64_t n) {
    from_row_major(pass.kernels, *input_, input_->value, n,
                   images + n * input_->shape.size());
  });
  Run run(pass, kForward, waiting_);
  for (const Step& step : steps_) {
    if (step.auxiliary && !pass.runs_auxiliary()) continue;
    for (size_t i = step.first_op; i < step.last_op; ++i) run.add(*ops_[i]);
  }
  run.end();
}

double Plan::auxiliary_loss() const {
  double sum = 0;
  for (const OpPtr& op : ops_) sum += op->loss();
  return sum;
}

void Plan::backward(const Pass& pass) {
  Run run(pass, kBackward, waiting_);
  for (size_t i = steps_.size(); i-- > 0;) {
    const Step& step = steps_[i];
    if (step.auxiliary && !pass.runs_auxiliary()) continue;
    for (size_t op = step.last_op; op-- > step.first_op;) run.add(*ops_[op]);
  }
  run.end();
}

bool Plan::backward(const Pass& pass, Tensor& from, Tensor& to) {
  const auto leads = [](const Tensor* tensor) { return tensor->leads; };
  for (const auto& tensor : tensors_) tensor->leads = false;
  from.leads = true;
  for (size_t i = steps_.size(); i-- > 0;) {
    const Step& step = steps_[i];
    if (!std::any_of(step.to.begin(), step.to.end(), leads)) continue;
    for (Tensor* tensor : step.from) tensor->leads = true;
  }
  if (!to.leads) return false;
  for (size_t i = steps_.size(); i-- > 0;) {
    const Step& step = steps_[i];
    if (std::count(step.to.begin(), step.to.end(), &to) > 0) break;
    if (!std::any_of(step.to.begin(), step.to.end(), leads)) continue;
    // A fork sums up what all its branches have; nothing comes to an auxiliary
    // head's input from the rest of the network, which is not before `from`.
    for (Tensor* tensor : step.to) {
      if (!tensor->leads) clear(pass, tensor->gradient);
    }
    if (step.adds) clear(pass, step.from[0]->gradient);
    for (size_t op = step.last_op; op-- > step.first_op;)
      ops_[op]->backward(pass);
  }
  return true;
}

}  // namespace digitnet::engine::native
