#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

namespace {

const char* const kSource = "An et al., arXiv 2008.10400, 2020";

// Unpadded convolutions with batch norm, one dense layer with batch norm.
Layer unpadded(const std::vector<int>& channels, int kernel, int64_t classes) {
  std::vector<Layer> layers;
  for (const int count : channels)
    add_normed_conv(layers, count, kernel, "valid");
  append(layers, {flatten(), dense(classes, false), batch_norm()});
  return sequence(std::move(layers));
}

}  // namespace

ModelEntry m3() {
  return {"m3",
          "ten unpadded 3x3 convolutions with batch norm, no pooling",
          kSource,
          {1, 28, 28},
          [](int64_t classes) {
            return unpadded({32, 48, 64, 80, 96, 112, 128, 144, 160, 176}, 3,
                            classes);
          }};
}

ModelEntry m5() {
  return {"m5",
          "five unpadded 5x5 convolutions with batch norm, no pooling",
          kSource,
          {1, 28, 28},
          [](int64_t classes) {
            return unpadded({32, 64, 96, 128, 160}, 5, classes);
          }};
}

ModelEntry m7() {
  return {
      "m7",
      "four unpadded 7x7 convolutions with batch norm, no pooling",
      kSource,
      {1, 28, 28},
      [](int64_t classes) { return unpadded({48, 96, 144, 192}, 7, classes); }};
}

}  // namespace digitnet::models::zoo
