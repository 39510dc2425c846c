#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

namespace {

const char* const kSource =
    "He et al., CVPR 2016, table 1; a 3x3 start without pooling, as its "
    "section 4.2 has it for small images";

// Two 3x3 convolutions, or one between two of 1x1 (the stride is the 3x3's, as
// torchvision has it).
std::vector<Layer> body(bool bottleneck, int channels, int stride) {
  if (!bottleneck) {
    return {bare_conv(channels, 3, stride), batch_norm(), relu(),
            bare_conv(channels, 3), batch_norm()};
  }
  return {bare_conv(channels, 1),         batch_norm(), relu(),
          bare_conv(channels, 3, stride), batch_norm(), relu(),
          bare_conv(4 * channels, 1),     batch_norm()};
}

Layer resnet(bool bottleneck, const std::vector<int>& blocks, int64_t classes) {
  std::vector<Layer> layers = {bare_conv(64, 3), batch_norm(), relu()};
  int inputs = 64, channels = 64;
  for (size_t stage = 0; stage < blocks.size(); ++stage, channels *= 2) {
    const int outputs = bottleneck ? 4 * channels : channels;
    for (int i = 0; i < blocks[stage]; ++i) {
      const int stride = stage > 0 && i == 0 ? 2 : 1;
      std::vector<Layer> block = body(bottleneck, channels, stride);
      if (stride == 1 && inputs == outputs) {
        layers.push_back(residual(std::move(block)));
      } else {
        layers.push_back(residual(
            std::move(block), {bare_conv(outputs, 1, stride), batch_norm()}));
      }
      layers.push_back(relu());
      inputs = outputs;
    }
  }
  append(layers, {adaptive_average_pool(1), flatten(), dense(classes)});
  return sequence(std::move(layers));
}

}  // namespace

ModelEntry resnet18() {
  return {"resnet18",
          "eight residual blocks of two 3x3 convolutions",
          kSource,
          {1, 28, 28},
          [](int64_t classes) { return resnet(false, {2, 2, 2, 2}, classes); }};
}

ModelEntry resnet50() {
  return {"resnet50",
          "sixteen residual blocks with bottlenecks",
          kSource,
          {1, 28, 28},
          [](int64_t classes) { return resnet(true, {3, 4, 6, 3}, classes); }};
}

}  // namespace digitnet::models::zoo
