// Every kind of layer, in one list. To add one: write
// cpp/models/layers/<kind>.cpp, declare it here, add it to all(), and say how
// it computes in cpp/engine/native/plan_build.cpp,
// cpp/engine/torch/layers.cpp and python/digitnet/models/torch_module.py (the
// contract tests name the one that is missing).
#pragma once

#include <vector>

#include "models/layer.h"

namespace digitnet::models::layers {

// Layers with weights. Those of conv and dense start uniform: weights and
// biases in +-1/sqrt(inputs), as torch.nn's; with another init biases start as
// 0 and weights in +-sqrt(6/(inputs + outputs)), as Keras' (glorot; Glorot,
// Bengio, AISTATS 2010), or in +-sqrt(6/inputs), for deep networks of ReLUs
// (he; He et al., ICCV 2015, section 2.2).
LayerEntry conv();        // [C, H, W] to [channels, H', W']
LayerEntry dense();       // features to `units`
LayerEntry batch_norm();  // per channel or feature
LayerEntry layer_norm();  // over the channels of a pixel, or the features
LayerEntry position();    // a learned number added to each value of the input
// Rows as steps: [C, H, W] to the `units` features that H steps of C * W leave.
LayerEntry gru();
// Pooling; windows that reach beyond the border are dropped, as in torch and
// Keras.
LayerEntry max_pool();
LayerEntry average_pool();
// Means of size x size windows that cover the input, however large it is.
LayerEntry adaptive_average_pool();
LayerEntry upsample();  // every pixel as a square of `factor` pixels
// Shape and regularisation.
LayerEntry flatten();  // row-major C, H, W
// zero at `rate` in training, the rest scaled by 1 / (1 - rate)
LayerEntry dropout();
// Activations.
LayerEntry relu();
LayerEntry relu6();  // min(max(x, 0), 6)
LayerEntry sigmoid();
LayerEntry tanh();
LayerEntry gelu();     // exact, by the error function
LayerEntry softmax();  // over features or channels
// Multi-head self-attention over the pixels: queries, keys and values as the
// channels of [3 C, H, W], to [C, H, W]. The projections are convolutions.
LayerEntry attention();
// Capsules by dynamic routing: [C, H, W] to units x size features.
LayerEntry capsules();        // C / inputs vectors a pixel come in
LayerEntry capsule_logits();  // lengths of the vectors, as log-odds
// Composites.
LayerEntry sequence();  // children in turn
// body + shortcut; children: body, and a shortcut if shapes differ
LayerEntry residual();
LayerEntry concat();  // children's outputs joined along channels or features
// Auxiliary heads: their input passes unchanged, and in training the loss of
// the network inside is added.
LayerEntry reconstruct();
LayerEntry domain_head();

// Options that may be a word or 0, as numbers.
int64_t conv_padding(const Layer& layer);  // pixels around; "same" worked out
int64_t pool_stride(const Layer& layer);   // 0 worked out
int64_t pool_padding(const Layer& layer);  // 0 for kinds without
// Whether all windows of an adaptive pooling of such maps are alike.
bool pools_evenly(const Layer& layer, int64_t height, int64_t width);

inline const std::vector<LayerEntry>& all() {
  static const std::vector<LayerEntry> entries = {
      conv(),        dense(),        batch_norm(),
      layer_norm(),  position(),     gru(),
      max_pool(),    average_pool(), adaptive_average_pool(),
      upsample(),    flatten(),      dropout(),
      relu(),        relu6(),        sigmoid(),
      tanh(),        gelu(),         softmax(),
      attention(),   capsules(),     capsule_logits(),
      sequence(),    residual(),     concat(),
      reconstruct(), domain_head()};
  return entries;
}

}  // namespace digitnet::models::layers
