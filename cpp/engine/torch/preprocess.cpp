#include "engine/torch/preprocess.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/upsample_nearest2d.h>

#include "core/list.h"
#include "engine/torch/tensors.h"
#include "models/preprocess_steps.h"

namespace digitnet::engine {
namespace {

using Step = std::function<at::Tensor(const at::Tensor&)>;

struct Setting {
  const Options& options;
  double max_value;
  at::Device device;

  template <class Values>
  at::Tensor constant(const Values& values, at::IntArrayRef sizes) const {
    const auto count = static_cast<int64_t>(values.size());
    const at::Tensor floats =
        of_host(values.data(), {count}).view(sizes).to(at::kFloat);
    return copied(floats, device);
  }
  // One number a channel, or one for all.
  at::Tensor by_channel(const char* option, double fallback) const {
    const auto& values = numbers(options, option);
    return constant(values.empty() ? std::vector<double>{fallback} : values,
                    {1, -1, 1, 1});
  }
};

Step scale(const Setting& setting) {
  return [full = setting.max_value](const at::Tensor& x) { return x / full; };
}

Step standardise(const Setting& setting) {
  return [mean = setting.by_channel("mean", 0),
          std = setting.by_channel("std", 1)](const at::Tensor& x) {
    return (x - mean) / std;
  };
}

Step mean_rgb(const Setting& setting) {
  return [mean = setting.by_channel("mean", 0)](const at::Tensor& x) {
    return x - mean;
  };
}

Step resize(const Setting& setting) {
  const std::vector<int64_t> sizes = {integer(setting.options, "height"),
                                      integer(setting.options, "width")};
  if (text(setting.options, "method") == "nearest") {
    return [sizes](const at::Tensor& x) {
      return at::upsample_nearest2d(x, sizes);
    };
  }
  return [sizes](const at::Tensor& x) {
    return at::upsample_bilinear2d(x, sizes, false);
  };
}

Step grey_to_rgb(const Setting&) {
  return [](const at::Tensor& x) { return x.repeat({1, 3, 1, 1}); };
}

Step rgb_to_grey(const Setting& setting) {
  const at::Tensor parts = setting.constant(models::steps::kLuma, {1, 3, 1, 1});
  return [parts](const at::Tensor& x) {
    const at::Tensor y = x * parts;
    return y.narrow(1, 0, 1) + y.narrow(1, 1, 1) + y.narrow(1, 2, 1);
  };
}

// With a border of one pixel of 0.
at::Tensor padded(const at::Tensor& x) {
  return at::constant_pad_nd(x, {1, 1, 1, 1});
}

// The pixels `rows` below and `columns` right of each one's upper left
// neighbour: [B, C, H, W].
at::Tensor read(const at::Tensor& padded, int64_t rows, int64_t columns) {
  return padded.narrow(2, rows, padded.size(2) - 2)
      .narrow(3, columns, padded.size(3) - 2);
}

// A sum of shifted reads: convolutions would round to TF32 where the user
// allows it, and choose the order of their sums by the batch's size.
Step filter(const Setting& setting, const models::steps::Kernel& kernel) {
  const int64_t passes = integer(setting.options, "passes");
  return [&kernel, passes](const at::Tensor& x) {
    at::Tensor y = x;
    for (int64_t pass = 0; pass < passes; ++pass) {
      const at::Tensor around = padded(y);
      y = y * kernel[4];
      for (int64_t tap = 0; tap < 9; ++tap) {
        if (tap == 4 || kernel[tap] == 0) continue;
        y.add_(read(around, tap / 3, tap % 3), kernel[tap]);
      }
    }
    return y;
  };
}

Step blur(const Setting& setting) {
  return filter(setting, models::steps::kBlur);
}

Step sharpen(const Setting& setting) {
  return filter(setting, models::steps::kSharpen);
}

at::Tensor middle(const at::Tensor& a, const at::Tensor& b,
                  const at::Tensor& c) {
  return at::maximum(at::minimum(a, b), at::minimum(at::maximum(a, b), c));
}

// The median of three sorted columns of three: the middle one of the largest
// low, the middle mid and the smallest high value. Neighbours share columns,
// and nothing nine times as large as the images is sorted.
// Source: Smith, "Implementing median filters in XC4000E FPGAs", 1996.
at::Tensor median_of_nine(const at::Tensor& x) {
  const at::Tensor around = padded(x);
  const int64_t height = x.size(2), width = x.size(3);
  const at::Tensor a = around.narrow(2, 0, height),
                   b = around.narrow(2, 1, height),
                   c = around.narrow(2, 2, height);
  const at::Tensor smaller = at::minimum(a, b), larger = at::maximum(a, b);
  const at::Tensor rest = at::minimum(larger, c);
  const at::Tensor low = at::minimum(smaller, rest),
                   mid = at::maximum(smaller, rest),
                   high = at::maximum(larger, c);  // [B, C, H, W + 2]
  const auto column = [width](const at::Tensor& values, int64_t which) {
    return values.narrow(3, which, width);
  };
  return middle(
      at::maximum(at::maximum(column(low, 0), column(low, 1)), column(low, 2)),
      middle(column(mid, 0), column(mid, 1), column(mid, 2)),
      at::minimum(at::minimum(column(high, 0), column(high, 1)),
                  column(high, 2)));
}

Step median(const Setting& setting) {
  const int64_t passes = integer(setting.options, "passes");
  return [passes](const at::Tensor& x) {
    at::Tensor y = x;
    for (int64_t pass = 0; pass < passes; ++pass) y = median_of_nine(y);
    return y;
  };
}

struct Entry {
  std::string name;
  Step (*make)(const Setting& setting);
};

const std::vector<Entry>& entries() {
  static const std::vector<Entry> all = {
      {"scale", scale},       {"standardise", standardise},
      {"mean_rgb", mean_rgb}, {"resize", resize},
      {"median", median},     {"grey_to_rgb", grey_to_rgb},
      {"blur", blur},         {"rgb_to_grey", rgb_to_grey},
      {"sharpen", sharpen}};
  return all;
}

}  // namespace

TorchPreprocess::TorchPreprocess(const models::Preprocess& preprocess,
                                 at::Device device) {
  for (const Spec& step : preprocess.steps()) {
    const Entry& entry = find(entries(), "torch preprocessing", step.name);
    steps_.push_back(
        entry.make({step.options, preprocess.max_value(), device}));
  }
}

at::Tensor TorchPreprocess::operator()(const at::Tensor& images) const {
  at::Tensor x = images;
  for (const auto& step : steps_) x = step(x);
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace digitnet::engine
