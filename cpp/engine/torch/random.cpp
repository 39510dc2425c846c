#include "engine/torch/random.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/bitwise_xor.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sin.h>
#include <ATen/ops/stack.h>

#include <numbers>
#include <utility>
#include <vector>

#include "augment/filtering.h"
#include "core/random.h"
#include "engine/torch/tensors.h"

namespace digitnet::engine {
namespace {

// The low (0) or high (1) 32 bits of 64-bit integers, where they lie: neither
// masks nor shifts. Little-endian, as GPUs are and the CPUs the core is for.
at::Tensor half(const at::Tensor& integers, int64_t which) {
  return integers.view(at::kInt).unflatten(-1, {-1, 2}).select(-1, which);
}

std::vector<int32_t> keys_of(uint64_t seed) {
  std::vector<int32_t> keys;
  auto first = static_cast<uint32_t>(seed);
  auto second = static_cast<uint32_t>(seed >> 32);
  for (int64_t round = 0; round < kPhiloxRounds; ++round) {
    keys.push_back(static_cast<int32_t>(first));
    keys.push_back(static_cast<int32_t>(second));
    first += kPhiloxKeyStep0;
    second += kPhiloxKeyStep1;
  }
  return keys;
}

}  // namespace

TorchPlanes::TorchPlanes(uint64_t seed, uint32_t stream, int64_t planes,
                         int64_t count, at::Device device)
    : planes_(planes), count_(count) {
  const auto options = at::TensorOptions(at::kLong).device(device);
  const int64_t quarter = (count + 3) / 4;
  std::vector<at::Tensor> blocks;
  for (int64_t plane = 0; plane < planes; ++plane) {
    const int64_t first = augment::first_block(static_cast<uint32_t>(plane));
    blocks.push_back(at::arange(first, first + quarter, options));
  }
  blocks_ = at::cat(blocks).view({1, -1});
  stream_ = at::full({1, 1}, static_cast<int64_t>(stream), options);
  const std::vector<int64_t> multipliers = {kPhiloxLeft, kPhiloxRight};
  multipliers_ = copied(of_host(multipliers), device).view({2, 1, 1});
  const std::vector<int32_t> keys = keys_of(seed);
  keys_ = copied(of_host(keys), device).view({kPhiloxRounds, 2, 1, 1});
}

at::Tensor TorchPlanes::words(const at::Tensor& samples,
                              const at::Tensor& epoch) const {
  // Philox's counter is (a, b, c, d). Factors are a and c, whose high halves
  // stay 0; d and b are the low halves of the last round's products.
  const std::vector<int64_t> sizes = {2, samples.size(0), blocks_.size(1)};
  at::Tensor factors = at::empty(sizes, blocks_.options());
  at::Tensor products = at::empty(sizes, blocks_.options());
  factors.select(0, 0).copy_(blocks_);
  factors.select(0, 1).copy_(epoch);
  products.select(0, 0).copy_(samples.unsqueeze(1));
  products.select(0, 1).copy_(stream_);
  at::Tensor next = at::empty(sizes, blocks_.options());
  const at::Tensor ac = half(factors, 0);
  at::Tensor a = ac.select(0, 0), c = ac.select(0, 1);
  for (int64_t round = 0; round < kPhiloxRounds; ++round) {
    at::mul_out(next, factors, multipliers_);
    const at::Tensor high = half(next, 1), db = half(products, 0);
    at::bitwise_xor_out(a, high.select(0, 1), db.select(0, 1));
    at::bitwise_xor_out(c, high.select(0, 0), db.select(0, 0));
    ac.bitwise_xor_(keys_.select(0, round));
    std::swap(next, products);
  }
  next.reset();
  const at::Tensor db = half(products, 0);
  std::vector<at::Tensor> words = {a, db.select(0, 1), c, db.select(0, 0)};
  for (at::Tensor& word : words) word = word.unflatten(1, {planes_, -1});
  return at::stack(words, 2);
}

at::Tensor TorchPlanes::uniforms(const at::Tensor& samples,
                                 const at::Tensor& epoch) const {
  return words(samples, epoch)
      .bitwise_right_shift_(8)
      .to(at::kFloat)
      .mul_(0x1p-23)
      .flatten(2)
      .narrow(2, 0, count_);
}

at::Tensor TorchPlanes::normals(const at::Tensor& samples,
                                const at::Tensor& epoch) const {
  // Words 0 and 1 make two numbers by Box and Muller, words 2 and 3 two more.
  const at::Tensor bits =
      words(samples, epoch).bitwise_right_shift_(8).unflatten(2, {2, 2});
  const at::Tensor radius = bits.select(3, 0)
                                .bitwise_and(0xFFFFFF)
                                .to(at::kFloat)
                                .add_(0.5)
                                .mul_(0x1p-24)
                                .log_()
                                .mul_(-2)
                                .sqrt_();
  const at::Tensor angle =
      bits.select(3, 1).to(at::kFloat).mul_(2 * std::numbers::pi * 0x1p-24);
  at::Tensor planes = at::empty(bits.sizes(), radius.options());
  at::Tensor first = planes.select(3, 0), second = planes.select(3, 1);
  at::mul_out(first, at::cos(angle), radius);
  at::mul_out(second, at::sin(angle), radius);
  return planes.flatten(2).narrow(2, 0, count_);
}

}  // namespace digitnet::engine
