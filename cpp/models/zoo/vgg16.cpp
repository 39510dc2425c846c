#include "core/error.h"
#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

namespace {

// Thirteen convolutions in five blocks, named as Keras names them.
// Source: Simonyan, Zisserman, ICLR 2015, table 1, column D.
std::vector<Layer> convolutions() {
  std::vector<Layer> layers;
  const std::vector<std::vector<int>> blocks = {
      {64, 64}, {128, 128}, {256, 256, 256}, {512, 512, 512}, {512, 512, 512}};
  for (size_t b = 0; b < blocks.size(); ++b) {
    for (size_t i = 0; i < blocks[b].size(); ++i) {
      layers.push_back(
          he_conv(blocks[b][i], 3, join("block", b + 1, "_conv", i + 1)));
      layers.push_back(relu());
    }
    layers.push_back(max_pool(2, 0, join("block", b + 1, "_pool")));
  }
  layers.push_back(flatten());
  return layers;
}

Layer with_head(const std::vector<Layer>& head) {
  std::vector<Layer> layers = convolutions();
  layers.insert(layers.end(), head.begin(), head.end());
  return sequence(std::move(layers));
}

}  // namespace

ModelEntry vgg16() {
  return {"vgg16",
          "thirteen 3x3 convolutions, dense 4096 twice; any size from 32",
          "Simonyan, Zisserman, ICLR 2015, table 1, column D",
          {3, 32, 32},
          [](int64_t classes) {
            return with_head({dense(4096), relu(), dropout(0.5), dense(4096),
                              relu(), dropout(0.5), dense(classes)});
          }};
}

ModelEntry vgg16_transfer() {
  return {
      "vgg16-transfer",
      "VGG16's convolutions, dense 256; to be started from weights",
      "Reddy et al., VGG16 on MNIST",
      {3, 48, 48},
      [](int64_t classes) {
        return with_head({dense(256), relu(), dropout(0.5), dense(classes)});
      }};
}

}  // namespace digitnet::models::zoo
