#include "engine/torch/augment.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/grid_sampler.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "augment/filtering.h"
#include "augment/ops.h"
#include "core/list.h"
#include "engine/torch/tensors.h"

namespace digitnet::engine {
namespace {

// What an operation is made for.
struct Setting {
  Shape shape;
  double full;
  const augment::Amounts& largest;
  at::TensorOptions options;  // floats on the device
};

at::Tensor each(const at::Tensor& numbers, int64_t which) {
  return numbers.select(1, which).view({-1, 1, 1, 1});
}

// Along `dim`, by halves: at::sum chooses the order of its additions by the
// number of sums, and no sample may depend on how many are computed at once.
at::Tensor sum_over(const at::Tensor& values, int64_t dim) {
  at::Tensor sum = values;
  for (int64_t count = values.size(dim); count > 1; count /= 2) {
    const int64_t half = count / 2;
    const at::Tensor all = sum;
    sum = all.narrow(dim, 0, half) + all.narrow(dim, half, half);
    if (count % 2 == 1)
      sum.narrow(dim, 0, 1).add_(all.narrow(dim, count - 1, 1));
  }
  return sum;
}

// `bordered` filtered along `dim` by taps[B, T], or [1, T] for all: T - 1
// shorter there. Sums of shifted reads; neither convolutions nor matrix
// products round as floats do, or in one order.
at::Tensor filtered(const at::Tensor& bordered, const at::Tensor& taps,
                    int64_t dim) {
  const int64_t size = bordered.size(dim) - taps.size(1) + 1;
  at::Tensor sum = bordered.narrow(dim, 0, size) * each(taps, 0);
  for (int64_t tap = 1; tap < taps.size(1); ++tap)
    sum.addcmul_(bordered.narrow(dim, tap, size), each(taps, tap));
  return sum;
}

Photometric brightness(const Setting& on) {
  return [full = on.full](const at::Tensor& x, const at::Tensor& numbers,
                          const at::Tensor&) {
    return (x + each(numbers, 0) * full).clamp(0, full);
  };
}

Photometric channel_gain(const Setting& on) {
  const at::Tensor which =
      at::arange(on.shape.channels, on.options.dtype(at::kLong))
          .remainder(augment::kChannelGains);
  return [full = on.full, which](const at::Tensor& x, const at::Tensor& numbers,
                                 const at::Tensor&) {
    const at::Tensor factors =
        numbers.index_select(1, which).unsqueeze(2).unsqueeze(3);
    return (x * factors).clamp(0, full);
  };
}

Photometric contrast(const Setting& on) {
  return
      [full = on.full, pixels = on.shape.size()](
          const at::Tensor& x, const at::Tensor& numbers, const at::Tensor&) {
        const at::Tensor mean =
            sum_over(x.flatten(1), 1).view({-1, 1, 1, 1}) / pixels;
        return (mean + (x - mean) * each(numbers, 0)).clamp(0, full);
      };
}

Photometric noise(const Setting& on) {
  return [full = on.full](const at::Tensor& x, const at::Tensor& numbers,
                          const at::Tensor& noise) {
    return (x + noise * (each(numbers, 0) * full)).clamp(0, full);
  };
}

Photometric erase(const Setting& on) {
  const at::Tensor rows =
      at::arange(on.shape.height, on.options).view({1, 1, -1, 1});
  const at::Tensor columns =
      at::arange(on.shape.width, on.options).view({1, 1, 1, -1});
  return [rows, columns](const at::Tensor& x, const at::Tensor& numbers,
                         const at::Tensor&) {
    const at::Tensor top = each(numbers, 0), left = each(numbers, 1);
    const at::Tensor down =
        rows.ge(top).logical_and(rows.lt(top + each(numbers, 2)));
    const at::Tensor across =
        columns.ge(left).logical_and(columns.lt(left + each(numbers, 3)));
    return x.masked_fill(down.logical_and(across), 0);
  };
}

// first .. end - 1, mirrored into 0 .. size - 1.
at::Tensor mirrored_positions(int64_t first, int64_t end, int64_t size,
                              const Setting& on) {
  std::vector<int64_t> positions;
  for (int64_t at = first; at < end; ++at)
    positions.push_back(augment::mirror(at, size));
  return copied(of_host(positions), on.options.device());
}

Photometric sharpen(const Setting& on) {
  const auto neighbours = [&](int64_t size, int64_t by) {
    return mirrored_positions(by, size + by, size, on);
  };
  const int64_t height = on.shape.height, width = on.shape.width;
  return
      [full = on.full, above = neighbours(height, -1),
       below = neighbours(height, 1), left = neighbours(width, -1),
       right = neighbours(width, 1)](
          const at::Tensor& x, const at::Tensor& numbers, const at::Tensor&) {
        const at::Tensor around =
            x.index_select(2, above) + x.index_select(3, left) +
            x.index_select(3, right) + x.index_select(2, below);
        return (x + each(numbers, 0) * (4 * x - around)).clamp(0, full);
      };
}

// Every image has a width of its own.
Photometric blur(const Setting& on) {
  const auto radius = static_cast<int64_t>(std::ceil(3 * on.largest.strength));
  const at::Tensor distance =
      at::arange(-radius, radius + 1, on.options).view({1, -1});
  const auto bordered = [&](int64_t size) {
    return mirrored_positions(-radius, size + radius, size, on);
  };
  return
      [distance, rows = bordered(on.shape.height),
       columns = bordered(on.shape.width)](
          const at::Tensor& x, const at::Tensor& numbers, const at::Tensor&) {
        const at::Tensor sigma = numbers.clamp_min(1e-6);
        const at::Tensor weights = at::exp((distance / sigma).square() * -0.5) *
                                   distance.abs().le((sigma * 3).ceil());
        const at::Tensor taps = weights / sum_over(weights, 1);
        const at::Tensor down =
            filtered(x.index_select(2, rows), taps, 2);  // [B, C, H, W]
        return filtered(down.index_select(3, columns), taps, 3);
      };
}

struct Entry {
  std::string name;
  Photometric (*make)(const Setting& on);
};

const std::vector<Entry>& operations() {
  static const std::vector<Entry> entries = {{"brightness", brightness},
                                             {"channel_gain", channel_gain},
                                             {"contrast", contrast},
                                             {"noise", noise},
                                             {"erase", erase},
                                             {"sharpen", sharpen},
                                             {"blur", blur}};
  return entries;
}

at::Tensor constant(const std::vector<float>& values, at::Device device) {
  return copied(of_host(values), device);
}

// A tensor on the device for as many values, or undefined for none.
at::Tensor allocated(const std::vector<float>& values,
                     const std::vector<int64_t>& sizes,
                     const at::TensorOptions& options) {
  if (values.empty()) return {};
  return at::empty({static_cast<int64_t>(values.size())}, options).view(sizes);
}

void upload_to(const at::Tensor& tensor, const std::vector<float>& values) {
  if (tensor.defined()) tensor.copy_(of_host(values).view(tensor.sizes()));
}

}  // namespace

TorchAugment::TorchAugment(const augment::Pipeline& pipeline,
                           const Shape& shape, data::PixelType type,
                           double full, const augment::Drawn& drawn,
                           uint64_t seed, at::Device device)
    : shape_(shape), sampling_(pipeline.sampling()) {
  const auto options = at::TensorOptions(at::kFloat).device(device);
  if (sampling_.fill == augment::Fill::Constant) {
    beyond_ = sampling_.value * full;
    if (type == data::PixelType::UInt8) beyond_ = std::round(beyond_);
  }
  columns_ = at::arange(shape.width, options).view({1, 1, -1, 1});
  rows_ = at::arange(shape.height, options).view({1, -1, 1, 1});
  const auto width = static_cast<float>(shape.width);
  const auto height = static_cast<float>(shape.height);
  scale_ = constant({2 / width, 2 / height}, device);
  shift_ = constant({1 / width - 1, 1 / height - 1}, device);
  epoch_ = at::zeros({1}, options.dtype(at::kLong));
  const auto count = static_cast<int64_t>(drawn.warps.size());
  maps_ = allocated(drawn.maps, {-1, count + 1, 2, 3}, options);
  warped_ = allocated(drawn.warped, {-1, count}, options);
  for (const auto& step : drawn.warps) {
    augment::Workspace work;
    const augment::Gaussian filter(step.warp.sigma, work);
    const int64_t height = shape.height + 2 * filter.radius;
    const int64_t width = shape.width + 2 * filter.radius;
    const std::vector<float> taps(filter.taps,
                                  filter.taps + 2 * filter.radius + 1);
    warps_.push_back({TorchPlanes(seed, step.stream, 2, height * width, device),
                      {-1, 2, height, width},
                      constant(taps, device).unsqueeze(0),
                      augment::gain_of(step.warp, filter)});
  }
  for (const auto& step : drawn.photometric) {
    const Entry& entry =
        find(operations(), "photometric operation", step.op->name);
    const auto numbers = static_cast<int64_t>(step.op->identity.size());
    Operation operation{entry.make({shape, full, step.amounts, options}),
                        allocated(step.numbers, {-1, numbers}, options),
                        {}};
    if (step.op->noisy)
      operation.noise.emplace(seed, step.stream, 1, shape.size(), device);
    operations_.push_back(std::move(operation));
  }
}

void TorchAugment::upload(const augment::Drawn& drawn, int64_t epoch) {
  epoch_.fill_(static_cast<int64_t>(static_cast<uint32_t>(epoch)));
  upload_to(maps_, drawn.maps);
  upload_to(warped_, drawn.warped);
  for (size_t i = 0; i < operations_.size(); ++i)
    upload_to(operations_[i].numbers, drawn.photometric[i].numbers);
}

at::Tensor TorchAugment::revalued(const at::Tensor& moved,
                                  const at::Tensor& samples,
                                  const at::Tensor& positions) const {
  at::Tensor x = moved;
  for (const Operation& operation : operations_) {
    const at::Tensor noise =
        operation.noise
            ? operation.noise->normals(samples, epoch_).view(x.sizes())
            : at::Tensor();
    x = operation.apply(x, operation.numbers.index_select(0, positions), noise);
  }
  return x;
}

int64_t TorchAugment::bytes() const {
  int64_t planes = 0;
  for (const Warping& warp : warps_)
    planes = std::max(planes, warp.noise.bytes());
  for (const Operation& operation : operations_) {
    if (operation.noise) planes = std::max(planes, operation.noise->bytes());
  }
  return planes + 3 * shape_.size() * static_cast<int64_t>(sizeof(float));
}

at::Tensor TorchAugment::moved(const at::Tensor& images,
                               const at::Tensor& samples,
                               const at::Tensor& positions) const {
  if (!maps_.defined()) return images;
  const at::Tensor maps = maps_.index_select(0, positions);
  // x and y at places[B, H, W, 2] or at columns and rows, through a map.
  const auto through = [&](int64_t map, const at::Tensor& x,
                           const at::Tensor& y) {
    const auto factor = [&](int64_t which) {
      return maps.select(1, map).select(2, which).unsqueeze(1).unsqueeze(1);
    };
    return at::addcmul(at::addcmul(factor(2), factor(0), x), factor(1), y);
  };
  at::Tensor places = through(0, columns_, rows_);
  for (size_t i = 0; i < warps_.size(); ++i) {
    const Warping& warp = warps_[i];
    const auto which = static_cast<int64_t>(i);
    const at::Tensor noise =
        warp.noise.uniforms(samples, epoch_).view(warp.sizes);
    const at::Tensor part = warped_.index_select(0, positions);
    const at::Tensor displacements =
        filtered(filtered(noise, warp.taps, 2), warp.taps, 3)
            .mul_(each(part, which) * warp.gain);  // [B, 2, H, W]
    places.add_(sampled(displacements, places, {augment::Fill::Nearest})
                    .permute({0, 2, 3, 1}));
    places = through(which + 1, places.narrow(3, 0, 1), places.narrow(3, 1, 1));
  }
  const at::Tensor from = beyond_ == 0 ? images : images - beyond_;
  const at::Tensor read = sampled(from, places, sampling_);
  return beyond_ == 0 ? read : read + beyond_;
}

at::Tensor TorchAugment::sampled(const at::Tensor& images,
                                 const at::Tensor& places,
                                 const augment::Sampling& sampling) const {
  // To what the sampler counts in: -1 and 1 are the outer edges.
  const at::Tensor where = at::addcmul(shift_, places, scale_);
  const int64_t padding = sampling.fill == augment::Fill::Constant  ? 0
                          : sampling.fill == augment::Fill::Nearest ? 1
                                                                    : 2;
  return at::grid_sampler(images, where, sampling.nearest ? 1 : 0, padding,
                          false);
}

}  // namespace digitnet::engine
