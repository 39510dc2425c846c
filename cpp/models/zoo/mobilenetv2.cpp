#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

namespace {

// 1x1 to more channels, 3x3 within each channel, 1x1 to few channels.
std::vector<Layer> inverted(int inputs, int outputs, int stride, int widening) {
  const int wide = inputs * widening;
  std::vector<Layer> layers;
  if (widening > 1) append(layers, {bare_conv(wide, 1), batch_norm(), relu6()});
  append(layers, {bare_conv(wide, 3, stride, wide), batch_norm(), relu6(),
                  bare_conv(outputs, 1), batch_norm()});
  return layers;
}

struct Stage {
  int widening, channels, blocks, stride;
};
// Table 2, but for the strides of the first two halvings, which are 1 here.
constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 1}, {6, 32, 3, 2},
                             {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2},
                             {6, 320, 1, 1}};

}  // namespace

ModelEntry mobilenetv2() {
  return {
      "mobilenetv2",
      "seventeen inverted residual blocks, width 1; strides for small images",
      "Sandler et al., CVPR 2018, table 2",
      {1, 28, 28},
      [](int64_t classes) {
        std::vector<Layer> layers = {bare_conv(32, 3), batch_norm(), relu6()};
        int inputs = 32;
        for (const Stage& stage : kStages) {
          for (int i = 0; i < stage.blocks; ++i) {
            const int stride = i == 0 ? stage.stride : 1;
            std::vector<Layer> block =
                inverted(inputs, stage.channels, stride, stage.widening);
            if (stride == 1 && inputs == stage.channels) {
              layers.push_back(residual(std::move(block)));
            } else {
              append(layers, std::move(block));
            }
            inputs = stage.channels;
          }
        }
        append(layers, {bare_conv(1280, 1), batch_norm(), relu6(),
                        adaptive_average_pool(1), flatten(), dropout(0.2),
                        dense(classes)});
        return sequence(std::move(layers));
      }};
}

}  // namespace digitnet::models::zoo
