#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry m5() {
  return {"m5",
          "five unpadded 5x5 convolutions with batch norm, no pooling",
          "An et al., arXiv 2008.10400, 2020, network M5",
          {1, 28, 28},
          [](int64_t classes) {
            std::vector<Layer> layers;
            for (const int channels : {32, 64, 96, 128, 160})
              add_normed_conv(layers, channels, 5, "valid");
            layers.push_back(flatten());
            layers.push_back(dense(classes, false));
            layers.push_back(batch_norm());
            return sequence(std::move(layers));
          }};
}

}  // namespace digitnet::models::zoo
