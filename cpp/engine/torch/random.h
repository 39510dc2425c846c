// Planes of random numbers drawn on a device, for many samples at once: those
// that augment::draw_plane draws for each. Nothing of the host is read while
// drawing, so that a recorded step draws anew for other samples and epochs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace digitnet::engine {

class TorchPlanes {
 public:
  // Planes 0 .. planes - 1 of `count` numbers, of one stream of the seed.
  TorchPlanes(uint64_t seed, uint32_t stream, int64_t planes, int64_t count,
              at::Device device);

  // For samples[B] in an epoch [1], integers in [0, 2^32) on the device:
  // floats [B, planes, count].
  at::Tensor uniforms(const at::Tensor& samples, const at::Tensor& epoch) const;
  // Equal to the host's but for the rounding of logarithm and sine.
  at::Tensor normals(const at::Tensor& samples, const at::Tensor& epoch) const;
  // Memory that both need for a sample: words of 64 bits and their products.
  int64_t bytes() const { return 12 * planes_ * count_; }

 private:
  // Signed words, [B, planes, 4, a quarter of the plane].
  at::Tensor words(const at::Tensor& samples, const at::Tensor& epoch) const;

  int64_t planes_, count_;
  at::Tensor blocks_, stream_;  // of the counter: [1, planes * quarter], [1, 1]
  at::Tensor multipliers_;      // [2, 1, 1]
  at::Tensor keys_;             // of each round, [10, 2, 1, 1]
};

}  // namespace digitnet::engine
