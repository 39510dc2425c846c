#include "augment/pipeline.h"

#include <algorithm>
#include <array>

#include "augment/filtering.h"
#include "augment/parse.h"
#include "core/error.h"

namespace digitnet::augment {
namespace {

// The amounts of one draw for images of one shape.
Amounts amounts_of(const Step& step, const Shape& shape) {
  Amounts amounts = step.amounts;
  amounts.strength = step.strength;
  if (step.unit == "%") {
    // Of the side for lengths in pixels, of one for factors.
    amounts.strength *=
        step.op->units[0] == "px"
            ? static_cast<double>(std::max(shape.height, shape.width)) / 100
            : 0.01;
  }
  return amounts;
}

bool takes_place(const Step& step, Draws& draws) {
  return step.probability == 1 || draws.uniform() < step.probability;
}

constexpr size_t kMaxNumbers = 4;  // of any operation

std::string written(const Step& step) {
  std::string text = join(step.op->name, " ", step.strength, step.unit);
  for (size_t i = 0; i < step.op->options.size(); ++i) {
    const OpOption& option = step.op->options[i];
    if (step.amounts.options[i] != option.fallback)
      text += join(" ", option.name, "=", step.amounts.options[i], option.unit);
  }
  if (step.probability != 1) text += join(" p=", step.probability);
  return text;
}

}  // namespace

Pipeline::Pipeline(const std::string& text) : kernels_(&kernels::select()) {
  Parsed parsed = parse(text);
  sampling_ = parsed.sampling;
  steps_ = std::move(parsed.steps);
  const auto middle = std::stable_partition(
      steps_.begin(), steps_.end(),
      [](const Step& step) { return step.op->geometric(); });
  geometric_ = static_cast<size_t>(middle - steps_.begin());
}

std::string Pipeline::text() const {
  std::vector<std::string> parts;
  for (const Step& step : steps_) parts.push_back(written(step));
  if (sampling_.fill == Fill::Nearest) parts.emplace_back("fill nearest");
  if (sampling_.fill == Fill::Reflect) parts.emplace_back("fill reflect");
  if (sampling_.value != 0)
    parts.push_back(join("fill constant ", sampling_.value));
  if (sampling_.nearest) parts.emplace_back("interpolation nearest");
  std::string result;
  for (const std::string& part : parts)
    result += (result.empty() ? "" : " | ") + part;
  return result;
}

bool Pipeline::warps() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.op->warp; });
}

Pipeline::Scratch::Scratch(const Pipeline& pipeline, const Shape& shape)
    : image_(shape.size()),
      quads_(kernels::quads_size(shape.height, shape.width)) {
  work_.kernels = pipeline.kernels_;
  if (!pipeline.warps()) return;
  for (auto* plane : {&dx_, &dy_, &x_, &y_})
    plane->resize(shape.height * shape.width + kernels::kSlack);
}

SamplingGrid Pipeline::draw_grid(const Shape& shape, const SampleKey& key,
                                 Scratch& scratch) const {
  SamplingGrid grid(shape);
  for (size_t i = geometric_; i-- > 0;) {
    const Step& step = steps_[i];
    Draws draws(key.seed, step.stream, key.epoch, key.sample);
    if (!takes_place(step, draws)) continue;
    const Amounts amounts = amounts_of(step, shape);
    if (step.op->affine) {
      grid.compose(step.op->affine(draws, amounts, shape));
    } else {
      step.op->warp(draws, amounts, shape, scratch.work_, scratch.dx_.data(),
                    scratch.dy_.data());
      grid.warp(scratch.dx_.data(), scratch.dy_.data(), scratch.x_.data(),
                scratch.y_.data());
    }
  }
  grid.finish();
  return grid;
}

bool Pipeline::draw_photometric(const Step& step, const Shape& shape,
                                const SampleKey& key, const Workspace& work,
                                double* numbers, float* noise) {
  Draws draws(key.seed, step.stream, key.epoch, key.sample);
  std::copy(step.op->identity.begin(), step.op->identity.end(), numbers);
  if (!takes_place(step, draws)) return false;
  step.op->draw(draws, amounts_of(step, shape), shape, numbers);
  if (step.op->noisy)
    draw_plane(draws, 0, Noise::Normal, noise, shape.size(), work);
  return true;
}

void Pipeline::apply_photometric(const Canvas& canvas, const SampleKey& key,
                                 Scratch& scratch) const {
  Workspace& work = scratch.work_;
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    std::array<double, kMaxNumbers> numbers{};
    float* noise = nullptr;
    if (step.op->noisy) noise = work.padded.reserve(canvas.shape.size());
    if (draw_photometric(step, canvas.shape, key, work, numbers.data(), noise))
      step.op->apply(numbers.data(), noise, canvas, work);
  }
}

int64_t Pipeline::bytes_of_draws(int64_t n, const Shape& shape) const {
  int64_t floats = warps() ? 2 * shape.height * shape.width : 6;
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    floats += static_cast<int64_t>(steps_[i].op->identity.size());
    if (steps_[i].op->noisy) floats += shape.size();
  }
  return n * floats * static_cast<int64_t>(sizeof(float));
}

void Pipeline::reserve(int64_t n, const Shape& shape, Drawn& drawn) const {
  drawn.maps.resize(geometric_ > 0 && !warps() ? n * 6 : 0);
  drawn.grids.resize(warps() ? n * 2 * shape.height * shape.width : 0);
  drawn.photometric.resize(steps_.size() - geometric_);
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    const OpEntry* op = steps_[i].op;
    Drawn::Photometric& params = drawn.photometric[i - geometric_];
    params.op = op;
    params.amounts = amounts_of(steps_[i], shape);
    params.numbers.resize(n * static_cast<int64_t>(op->identity.size()));
    params.noise.resize(op->noisy ? n * shape.size() : 0);
  }
}

void Pipeline::draw(const Shape& shape, const SampleKey& key, Scratch& scratch,
                    int64_t at, Drawn& drawn) const {
  if (geometric_ > 0) {
    SamplingGrid grid = draw_grid(shape, key, scratch);
    if (drawn.grids.empty()) {
      const std::array<double, 6> map = grid.from_first_pixel();
      std::copy(map.begin(), map.end(), drawn.maps.data() + at * 6);
    } else {
      const int64_t plane = shape.height * shape.width;
      float* x = drawn.grids.data() + at * 2 * plane;
      grid.write(x, x + plane);
    }
  }
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    Drawn::Photometric& params = drawn.photometric[i - geometric_];
    const auto count = static_cast<int64_t>(params.op->identity.size());
    std::array<double, kMaxNumbers> numbers{};
    draw_photometric(
        steps_[i], shape, key, scratch.work_, numbers.data(),
        params.op->noisy ? params.noise.data() + at * shape.size() : nullptr);
    std::copy_n(numbers.begin(), count, params.numbers.data() + at * count);
  }
}

void Pipeline::apply(const data::ImagesView& images, int64_t row, double full,
                     const SampleKey& key, Scratch& scratch, float* out,
                     float scale, float shift) const {
  const Shape& shape = images.shape;
  const bool photometric = key.photometric && geometric_ < steps_.size();
  bool scaled = false;
  if (geometric_ == 0) {
    images.read(row, out);
  } else {
    const SamplingGrid grid = draw_grid(shape, key, scratch);
    if (images.type == data::PixelType::UInt8) {
      const auto* bytes =
          static_cast<const uint8_t*>(images.pixels) + row * shape.size();
      scaled = !photometric;
      resample(bytes, shape, grid, sampling_, full, *kernels_,
               scratch.quads_.data(), scaled ? scale : 1, scaled ? shift : 0,
               out);
    } else {
      images.read(row, scratch.image_.data());
      resample(scratch.image_.data(), shape, grid, sampling_, full, out);
    }
  }
  if (photometric)
    apply_photometric({out, shape, static_cast<float>(full)}, key, scratch);
  if (scaled || (scale == 1 && shift == 0)) return;
  for (int64_t i = 0; i < shape.size(); ++i) out[i] = out[i] * scale + shift;
}

}  // namespace digitnet::augment
