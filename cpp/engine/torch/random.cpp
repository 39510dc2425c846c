#include "engine/torch/random.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cos.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sin.h>

#include <numbers>
#include <vector>

#include "augment/filtering.h"

namespace digitnet::engine {
namespace {

// Of core/random.cpp.
constexpr int64_t kLeft = 0xD2511F53, kRight = 0xCD9E8D57;
constexpr uint32_t kKeyStep0 = 0x9E3779B9, kKeyStep1 = 0xBB67AE85;
constexpr int64_t kLow = 0xFFFFFFFF;  // 32 bits
constexpr int kRounds = 10;

// A counter of Philox4x32 as 64-bit integers: first and third are below 2^32;
// of second and fourth the low 32 bits count.
struct Counter {
  at::Tensor a, b, c, d;
};

// What becomes the other pair's factor: the high half of a product, exclusive
// or with a word and a key. The product has wrapped to a signed integer.
at::Tensor mixed(const at::Tensor& product, const at::Tensor& word,
                 uint32_t key) {
  return product.bitwise_right_shift(32)
      .bitwise_xor(word)
      .bitwise_xor_(static_cast<int64_t>(key))
      .bitwise_and_(kLow);
}

void turn(Counter& at, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const at::Tensor left = at.a * kLeft, right = at.c * kRight;
    at.a.reset();  // their memory serves what follows
    at.c.reset();
    at.a = mixed(right, at.b, key[0]);
    at.c = mixed(left, at.d, key[1]);
    at.b = right;
    at.d = left;
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
}

}  // namespace

TorchPlanes::TorchPlanes(uint64_t seed, uint32_t stream, int64_t planes,
                         int64_t count, at::Device device)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      planes_(planes),
      count_(count) {
  const auto options = at::TensorOptions(at::kLong).device(device);
  const int64_t quarter = (count + 3) / 4;
  std::vector<at::Tensor> blocks;
  for (int64_t plane = 0; plane < planes; ++plane) {
    const int64_t first = augment::first_block(static_cast<uint32_t>(plane));
    blocks.push_back(at::arange(first, first + quarter, options));
  }
  blocks_ = at::cat(blocks).view({1, -1});
  stream_ = at::full({1, 1}, static_cast<int64_t>(stream), options);
}

at::Tensor TorchPlanes::words(const at::Tensor& samples,
                              const at::Tensor& epoch) const {
  Counter counter{blocks_, stream_, epoch.view({1, 1}), samples.view({-1, 1})};
  turn(counter, key_);
  const int64_t quarter = blocks_.size(1) / planes_;
  at::Tensor words = at::empty({samples.size(0), planes_, 4, quarter},
                               blocks_.options().dtype(at::kInt));
  int64_t word = 0;
  for (const at::Tensor* part :
       {&counter.a, &counter.b, &counter.c, &counter.d})
    words.select(2, word++).copy_(part->view({-1, planes_, quarter}));
  return words;
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
