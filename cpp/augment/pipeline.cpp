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

Draws draws_of(const Step& step, const SampleKey& key) {
  return Draws(key.seed, step.stream, key.epoch, key.sample);
}

constexpr size_t kMapNumbers = 6;
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

int64_t Pipeline::warps() const {
  return std::count_if(steps_.begin(), steps_.end(),
                       [](const Step& step) { return step.op->warp; });
}

Pipeline::Scratch::Scratch(const Pipeline& pipeline, const Shape& shape)
    : image_(shape.size()),
      quads_(kernels::quads_size(shape.height, shape.width)) {
  work_.kernels = pipeline.kernels_;
  if (pipeline.warps() == 0) return;
  for (auto* plane : {&dx_, &dy_, &x_, &y_})
    plane->resize(shape.height * shape.width + kernels::kSlack);
}

SamplingGrid Pipeline::draw_grid(const Shape& shape, const SampleKey& key,
                                 Scratch& scratch) const {
  SamplingGrid grid(shape);
  for (size_t i = geometric_; i-- > 0;) {
    const Step& step = steps_[i];
    Draws draws = draws_of(step, key);
    if (!takes_place(step, draws)) continue;
    const Amounts amounts = amounts_of(step, shape);
    if (step.op->affine) {
      grid.compose(step.op->affine(draws, amounts, shape));
    } else {
      draw_displacements(draws, step.op->warp(amounts, shape), shape,
                         scratch.work_, scratch.dx_.data(), scratch.dy_.data());
      grid.warp(scratch.dx_.data(), scratch.dy_.data(), scratch.x_.data(),
                scratch.y_.data());
    }
  }
  grid.finish();
  return grid;
}

bool Pipeline::draw_photometric(const Step& step, const Shape& shape,
                                Draws& draws, double* numbers) {
  std::copy(step.op->identity.begin(), step.op->identity.end(), numbers);
  if (!takes_place(step, draws)) return false;
  step.op->draw(draws, amounts_of(step, shape), shape, numbers);
  return true;
}

void Pipeline::apply_photometric(const Canvas& canvas, const SampleKey& key,
                                 Scratch& scratch) const {
  Workspace& work = scratch.work_;
  const int64_t size = canvas.shape.size();
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    Draws draws = draws_of(step, key);
    std::array<double, kMaxNumbers> numbers{};
    if (!draw_photometric(step, canvas.shape, draws, numbers.data())) continue;
    float* noise = nullptr;
    if (step.op->noisy) {
      noise = work.padded.reserve(size);
      draw_plane(draws, 0, Noise::Normal, noise, size, work);
    }
    step.op->apply(numbers.data(), noise, canvas, work);
  }
}

int64_t Pipeline::bytes_of_draws(int64_t n) const {
  int64_t floats = 0;
  if (geometric_ > 0) floats = (warps() + 1) * kMapNumbers + warps();
  for (size_t i = geometric_; i < steps_.size(); ++i)
    floats += static_cast<int64_t>(steps_[i].op->identity.size());
  return n * floats * static_cast<int64_t>(sizeof(float));
}

void Pipeline::reserve(int64_t n, const Shape& shape, Drawn& drawn) const {
  drawn.maps.resize(geometric_ > 0 ? n * (warps() + 1) * kMapNumbers : 0);
  drawn.warped.resize(n * warps());
  drawn.warps.clear();
  for (size_t i = geometric_; i-- > 0;) {
    const Step& step = steps_[i];
    if (!step.op->warp) continue;
    drawn.warps.push_back(
        {step.op->warp(amounts_of(step, shape), shape), step.stream});
  }
  drawn.photometric.resize(steps_.size() - geometric_);
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    Drawn::Photometric& params = drawn.photometric[i - geometric_];
    params.op = step.op;
    params.amounts = amounts_of(step, shape);
    params.stream = step.stream;
    params.numbers.resize(n * static_cast<int64_t>(step.op->identity.size()));
  }
}

void Pipeline::draw(const Shape& shape, const SampleKey& key, int64_t at,
                    Drawn& drawn) const {
  if (geometric_ > 0) {
    const auto count = static_cast<int64_t>(drawn.warps.size());
    draw_maps(shape, key, drawn.maps.data() + at * (count + 1) * kMapNumbers,
              drawn.warped.data() + at * count);
  }
  for (size_t i = geometric_; i < steps_.size(); ++i) {
    Drawn::Photometric& params = drawn.photometric[i - geometric_];
    const auto count = static_cast<int64_t>(params.op->identity.size());
    std::array<double, kMaxNumbers> numbers{};
    Draws draws = draws_of(steps_[i], key);
    draw_photometric(steps_[i], shape, draws, numbers.data());
    std::copy_n(numbers.begin(), count, params.numbers.data() + at * count);
  }
}

void Pipeline::draw_maps(const Shape& shape, const SampleKey& key, float* maps,
                         float* warped) const {
  Affine pending;
  const auto write = [&](const Affine& map) {
    const auto numbers = from_first_pixel(map, shape);
    maps = std::copy(numbers.begin(), numbers.end(), maps);
  };
  for (size_t i = geometric_; i-- > 0;) {
    const Step& step = steps_[i];
    Draws draws = draws_of(step, key);
    const bool takes = takes_place(step, draws);
    if (step.op->affine) {
      if (takes)
        pending = pending.then(
            step.op->affine(draws, amounts_of(step, shape), shape));
      continue;
    }
    // Without the warp the maps around it are one: the next.
    write(takes ? pending : Affine{});
    if (takes) pending = {};
    *warped++ = takes ? 1.0f : 0.0f;
  }
  write(pending);
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
