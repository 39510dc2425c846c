#include "engine/torch/preprocess.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/im2col.h>
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
  return [parts](const at::Tensor& x) { return (x * parts).sum(1, true); };
}

Step filter(const Setting& setting, const models::steps::Kernel& kernel) {
  const at::Tensor weights = setting.constant(kernel, {1, 1, 3, 3});
  const int64_t passes = integer(setting.options, "passes");
  return [weights, passes](const at::Tensor& x) {
    const std::vector<int64_t> sizes = x.sizes().vec();
    // Channels are filtered alike, as images of their own.
    at::Tensor y = x.reshape({-1, 1, sizes[2], sizes[3]});
    for (int64_t pass = 0; pass < passes; ++pass)
      y = at::conv2d(y, weights, {}, 1, 1);
    return y.view(sizes);
  };
}

Step blur(const Setting& setting) {
  return filter(setting, models::steps::kBlur);
}

Step sharpen(const Setting& setting) {
  return filter(setting, models::steps::kSharpen);
}

Step median(const Setting& setting) {
  const int64_t passes = integer(setting.options, "passes");
  return [passes](const at::Tensor& x) {
    const std::vector<int64_t> sizes = x.sizes().vec();
    at::Tensor y = x;
    for (int64_t pass = 0; pass < passes; ++pass) {
      const at::Tensor around = at::im2col(y, {3, 3}, {1, 1}, {1, 1}, {1, 1})
                                    .view({sizes[0], sizes[1], 9, -1});
      y = std::get<0>(around.sort(2)).select(2, 4).reshape(sizes);
    }
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
  return x;
}

}  // namespace digitnet::engine
