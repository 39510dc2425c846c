// Activation maximisation: images on which a unit is as large as it can be.
// Source: Erhan et al., "Visualizing higher-layer features of a deep network",
// 2009; regularisers after Yosinski et al., ICML workshop 2015.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::features {

struct MaximiseOptions {
  int64_t steps = 200;
  // Mean change of a pixel in a step, as a part of the input's range.
  double rate = 0.05;
  double l2 = 0.01;  // part of a pixel's distance to the empty image taken back
  double variation = 0;  // weight of the total variation's gradient
  double blur = 0.3;     // standard deviation in pixels of a blur each step
  int64_t jitter = 1;    // pixels by which the image is moved for each step
  uint64_t seed = 0;
};

// One image for each unit of a layer ("" for the logits): gradient ascent on
// the mean of its map from faint noise, within what preprocessing makes of
// images between empty and full. `keep_going` is called between steps, if set;
// false ends it.
struct Maximised {
  std::vector<float> images;  // [U, C, H, W] of the network's input, 0 empty to
                              // 1 full
  std::vector<float> first, last;  // [U]: the units before and after
};
// Throws std::invalid_argument for no such layer or unit.
Maximised maximise(engine::Inspector& inspector, const models::Model& model,
                   const std::string& layer, const std::vector<int64_t>& units,
                   const MaximiseOptions& options,
                   const std::function<bool()>& keep_going = {});

}  // namespace digitnet::features
