#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

namespace {

constexpr int kWidth = 64, kHeads = 4, kBlocks = 4, kPatch = 4;

// A dense layer on each patch.
Layer each_patch(int channels) { return conv(channels, 1); }

}  // namespace

ModelEntry vit_tiny() {
  return {
      "vit-tiny",
      "a transformer over patches of 4x4 pixels: four blocks, four heads",
      "Dosovitskiy et al., ICLR 2021, with the mean of the patches; the "
      "size is digitnet's",
      {1, 28, 28},
      [](int64_t classes) {
        std::vector<Layer> layers = {strided_conv(kWidth, kPatch, kPatch, 0),
                                     make_layer("position")};
        for (int i = 0; i < kBlocks; ++i) {
          layers.push_back(
              residual({layer_norm(), each_patch(3 * kWidth),
                        make_layer("attention", {{"heads", double(kHeads)}}),
                        each_patch(kWidth)}));
          layers.push_back(residual({layer_norm(), each_patch(2 * kWidth),
                                     gelu(), each_patch(kWidth)}));
        }
        append(layers, {layer_norm(), adaptive_average_pool(1), flatten(),
                        dense(classes)});
        return sequence(std::move(layers));
      }};
}

}  // namespace digitnet::models::zoo
