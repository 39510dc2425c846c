// Attribution: which pixels a logit depends on. Images are raw; maps are over
// the network's input, which preprocessing may have resized. `units` has one
// class a sample. All work in evaluation mode and may throw what executors
// throw.
#pragma once

#include <vector>

#include "data/view.h"
#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::features {

using Units = std::vector<int64_t>;

// The gradient of each sample's logit by its input, [N, C, H, W].
// Source: Simonyan, Vedaldi, Zisserman, "Deep inside convolutional networks",
// ICLR workshop 2014, section 3.
std::vector<float> saliency(engine::Inspector& inspector,
                            const models::Model& model,
                            const data::DatasetView& samples,
                            const Units& units);

// Where a layer's maps raise the logit: max(0, sum over channels of map times
// mean gradient), [N, h, w] of the layer. Throws std::invalid_argument for a
// layer that gives no map.
// Source: Selvaraju et al., "Grad-CAM", ICCV 2017, section 3.
struct Maps {
  std::vector<float> values;
  int64_t height = 0, width = 0;
};
Maps grad_cam(engine::Inspector& inspector, const models::Model& model,
              const data::DatasetView& samples, const std::string& layer,
              const Units& units);

// (input - baseline) times the mean gradient on the straight line between them,
// [N, C, H, W]: the sum over a sample is nearly the difference of its logits
// there. The baseline is the preprocessed image of `baseline` (raw) in every
// pixel; gradients are taken at the middles of `steps` equal parts.
// Source: Sundararajan, Taly, Yan, "Axiomatic attribution", ICML 2017.
std::vector<float> integrated_gradients(engine::Inspector& inspector,
                                        const models::Model& model,
                                        const data::DatasetView& samples,
                                        const Units& units, int64_t steps,
                                        float baseline);

// How much the class's probability falls when a square of `size` raw
// pixels is set to `value`: for every raw pixel the mean over the squares that
// cover it, [N, H, W]. Squares lie `stride` apart, and at the far borders.
// Source: Zeiler, Fergus, "Visualizing and understanding convolutional
// networks", ECCV 2014, section 4.2.
std::vector<float> occlusion(engine::Executor& executor,
                             const models::Model& model,
                             const data::DatasetView& samples,
                             const Units& units, int64_t size, int64_t stride,
                             float value);

}  // namespace digitnet::features
