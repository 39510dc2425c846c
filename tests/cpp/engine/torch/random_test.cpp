// Planes drawn for many samples at once against those drawn one by one.
#include "engine/torch/random.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "augment/filtering.h"

namespace digitnet::engine {
namespace {

using augment::Noise;

constexpr uint32_t kStream = 24;
constexpr int64_t kPlanes = 2;

std::vector<float> of_host(uint64_t seed, uint64_t epoch, uint64_t sample,
                           uint32_t plane, Noise noise, int64_t count) {
  augment::Workspace work;
  work.kernels = &kernels::select();
  std::vector<float> out(count + kernels::kSlack);
  augment::draw_plane(Draws(seed, kStream, epoch, sample), plane, noise,
                      out.data(), count, work);
  out.resize(count);
  return out;
}

// Calls check(of the device, of the host) for each number of both planes.
template <class Check>
void compare(uint64_t seed, int64_t epoch, const std::vector<int64_t>& samples,
             Noise noise, int64_t count, const Check& check) {
  const TorchPlanes planes(seed, kStream, kPlanes, count, at::kCPU);
  // Written in place, as between two epochs.
  at::Tensor at = at::full({1}, -1, at::kLong);
  at.fill_(epoch);
  const at::Tensor all =
      (noise == Noise::Uniform ? planes.uniforms(at::tensor(samples), at)
                               : planes.normals(at::tensor(samples), at))
          .contiguous();
  ASSERT_EQ(all.sizes(),
            (std::vector<int64_t>{static_cast<int64_t>(samples.size()), kPlanes,
                                  count}));
  const float* values = all.const_data_ptr<float>();
  for (const int64_t sample : samples) {
    for (uint32_t plane = 0; plane < kPlanes; ++plane) {
      for (const float expected :
           of_host(seed, epoch, sample, plane, noise, count))
        check(*values++, expected);
    }
  }
}

const std::vector<int64_t> kSamples = {0, 7, 3, 59999, 0xFFFFFFFF, 0x80000000};

TEST(TorchPlanes, DrawsTheHostsUniformsBitForBit) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{0xFEDCBA9876543210}}) {
    for (const int64_t epoch : {1, 300, 0x7FFFFFFF}) {
      for (const int64_t count : {1, 7, 784, 3 * 29 * 31}) {
        compare(
            seed, epoch, kSamples, Noise::Uniform, count,
            [](float value, float expected) { ASSERT_EQ(value, expected); });
      }
    }
  }
}

TEST(TorchPlanes, DrawsTheHostsNormalsToRounding) {
  for (const int64_t count : {5, 784, 3 * 29 * 31}) {
    compare(0xFEDCBA9876543210, 12, kSamples, Noise::Normal, count,
            [](float value, float expected) {
              ASSERT_NEAR(value, expected, 3e-6);
            });
  }
}

TEST(TorchPlanes, DrawsOtherNumbersInEveryEpochAndForEverySample) {
  const TorchPlanes planes(1, kStream, 1, 100, at::kCPU);
  const at::Tensor samples = at::arange(3);
  at::Tensor epoch = at::full({1}, 1, at::kLong);
  const at::Tensor first = planes.uniforms(samples, epoch);
  epoch.fill_(2);
  const at::Tensor second = planes.uniforms(samples, epoch);
  EXPECT_FALSE(first.eq(second).any().item<bool>());
  EXPECT_FALSE(first[0].eq(first[1]).any().item<bool>());
}

}  // namespace
}  // namespace digitnet::engine
