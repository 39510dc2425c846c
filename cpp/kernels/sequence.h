// What kernels.h has for layers that read an image as a sequence or a set.
#pragma once

#include <stdint.h>

namespace digitnet::kernels {

// One step of a gated recurrent unit, of one sample, between the products with
// its weights. Gates are [reset, update, new], `units` numbers each:
//
//   r = sigmoid(input r + product r)       z = sigmoid(input z + product z)
//   n = tanh(input n + r * product n)      next = (1 - z) * n + z * state
//
// `input` comes from the step's input, `product` from the state, each with its
// bias. Source: Cho et al., EMNLP 2014, in torch.nn.GRU's form.
struct GruStep {
  int64_t units;
  float* input;          // [3 units]; becomes r, z and n
  const float* product;  // [3 units]
  const float* state;    // [units]
  float* next;           // [units]
};
struct GruStepGradient {
  int64_t units;
  float* input;        // r, z and n; becomes the gradient of `input`
  float* product;      // becomes its own gradient
  const float* state;  // [units]
  float* g;  // of next; becomes what goes to the state past the products
};

// Capsules, vectors that each predict those of `units` others: one capsule of a
// panel in each lane, so that every sum over a vector's floats is vertical. A
// panel has `width` capsules, a multiple of 8 and at most kPanel, and all that
// belongs to it lies in rows of that many floats:
//
//   vectors [inputs]   what comes in     predictions [units * size]
//   weights [units * size, inputs]       factors, agreements [units]
//
// Source: Sabour, Frosst, Hinton, NeurIPS 2017.
constexpr int64_t kCapsuleLanes = 16;   // that sums over capsules are kept in
constexpr float kCapsuleTiny = 1e-12f;  // beside squares under a root
struct CapsulePanel {
  int64_t width, units, size;
};
// Products of a panel's weights with some images, `_image` floats apart.
struct CapsuleProducts {
  int64_t width, inputs, outputs, images;
  const float* weights;
  float* vectors;
  int64_t vectors_image;
  float* predictions;
  int64_t predictions_image;
  float* gradient;  // of the weights
};
struct CapsuleTerm {
  const float* factors;
  const float* outputs;  // [units * size], of an image
};

struct CapsuleKernels {
  // predictions[o] = sum over i of weights[o, i] * vectors[i]; and its
  // gradients: the weights' from vectors and the predictions' gradients, then
  // from these and the weights that of the vectors, in their place.
  void (*predictions)(const CapsuleProducts&);
  void (*weight_gradient)(const CapsuleProducts&);
  void (*vector_gradient)(const CapsuleProducts&);
  // agreements[u] (+)= sum over d of predictions[u, d] * outputs[u, d]
  void (*agreements)(const CapsulePanel&, const float* predictions,
                     const float* outputs, bool accumulate, float* agreements);
  // sums[u, d] += factors[u] * predictions[u, d], the capsules folded into
  // kCapsuleLanes lanes.
  void (*sums)(const CapsulePanel&, const float* predictions,
               const float* factors, float* sums);
  // predictions[u, d] = sum of terms of factors[u] * outputs[u, d]
  void (*spread)(const CapsulePanel&, const CapsuleTerm* terms, int64_t count,
                 float* predictions);
  // Over the units; out = add + y * (g - sum of y * g), add may be null.
  void (*softmax)(const CapsulePanel&, const float* x, float* y);
  void (*softmax_gradient)(const CapsulePanel&, const float* y, const float* g,
                           const float* add, float* out);
  // y = x |x| / (1 + |x|^2) of `width` vectors side by side, whose floats are
  // `row` apart.
  void (*squash)(int64_t rows, int64_t row, int64_t width, const float* x,
                 float* y);
  void (*squash_gradient)(int64_t rows, int64_t row, int64_t width,
                          const float* x, const float* g, float* out);
};

}  // namespace digitnet::kernels
