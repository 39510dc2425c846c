// Layers as short words, for networks written in C++.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "models/layer.h"

namespace digitnet::models::build {

inline Layer sequence(std::vector<Layer> children) {
  return make_layer("sequence", {}, std::move(children));
}
inline Layer conv(int channels, int kernel,
                  const std::string& padding = "valid", bool bias = true) {
  return make_layer("conv", {{"channels", double(channels)},
                             {"kernel", double(kernel)},
                             {"padding", padding},
                             {"bias", double(bias)}});
}
// With stride and pixels of padding.
inline Layer strided_conv(int channels, int kernel, int stride, int padding) {
  return make_layer("conv", {{"channels", double(channels)},
                             {"kernel", double(kernel)},
                             {"stride", double(stride)},
                             {"padding", double(padding)}});
}
// Starting as He et al. have it, with a name of its own.
inline Layer he_conv(int channels, int kernel, const std::string& name) {
  return make_layer("conv",
                    {{"channels", double(channels)},
                     {"kernel", double(kernel)},
                     {"padding", std::string("same")},
                     {"init", std::string("he")}},
                    {}, name);
}
// Without a bias, since a batch norm comes behind it; as large as its input
// divided by the stride; starting as He et al. have it.
inline Layer bare_conv(int channels, int kernel, int stride = 1,
                       int groups = 1) {
  return make_layer("conv", {{"channels", double(channels)},
                             {"kernel", double(kernel)},
                             {"stride", double(stride)},
                             {"padding", double(kernel / 2)},
                             {"bias", 0.0},
                             {"init", std::string("he")},
                             {"groups", double(groups)}});
}
inline Layer dense(int64_t units, bool bias = true) {
  return make_layer("dense",
                    {{"units", double(units)}, {"bias", double(bias)}});
}
inline Layer batch_norm() { return make_layer("batch_norm"); }
inline Layer layer_norm() { return make_layer("layer_norm"); }
inline Layer residual(std::vector<Layer> body) {
  return make_layer("residual", {}, {sequence(std::move(body))});
}
inline Layer residual(std::vector<Layer> body, std::vector<Layer> shortcut) {
  return make_layer("residual", {},
                    {sequence(std::move(body)), sequence(std::move(shortcut))});
}
// The input's channels, and behind them what `body` makes of them.
inline Layer appended(std::vector<Layer> body) {
  return make_layer("concat", {}, {sequence({}), sequence(std::move(body))});
}
inline Layer max_pool(int size = 2, int stride = 0,
                      const std::string& name = "") {
  return make_layer("max_pool",
                    {{"size", double(size)}, {"stride", double(stride)}}, {},
                    name);
}
inline Layer adaptive_average_pool(int size) {
  return make_layer("adaptive_average_pool", {{"size", double(size)}});
}
inline Layer average_pool(int size) {
  return make_layer("average_pool", {{"size", double(size)}});
}
inline Layer upsample() { return make_layer("upsample"); }
inline Layer dropout(double rate) {
  return make_layer("dropout", {{"rate", rate}});
}
inline Layer flatten() { return make_layer("flatten"); }
inline Layer relu() { return make_layer("relu"); }
inline Layer relu6() { return make_layer("relu6"); }
inline Layer gelu() { return make_layer("gelu"); }
inline Layer sigmoid() { return make_layer("sigmoid"); }

// Several layers at a list's end.
inline void append(std::vector<Layer>& layers, std::vector<Layer> more) {
  for (Layer& layer : more) layers.push_back(std::move(layer));
}

// A convolution with batch norm and ReLU behind it.
inline void add_normed_conv(std::vector<Layer>& layers, int channels,
                            int kernel, const std::string& padding) {
  layers.push_back(conv(channels, kernel, padding, false));
  layers.push_back(batch_norm());
  layers.push_back(relu());
}

}  // namespace digitnet::models::build
