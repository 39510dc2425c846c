#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry mnistm_cnn() {
  return {"mnistm-cnn",
          "two pairs of convolutions with batch norm, dense 256, for colour",
          "Ravuri, MNIST-M, whose sizes are not given: these are digitnet's",
          {3, 28, 28},
          [](int64_t classes) {
            std::vector<Layer> layers;
            for (const int channels : {32, 64}) {
              add_normed_conv(layers, channels, 3, "same");
              add_normed_conv(layers, channels, 3, "same");
              layers.push_back(max_pool());
              layers.push_back(dropout(0.25));
            }
            layers.push_back(flatten());
            layers.push_back(dense(256));
            layers.push_back(relu());
            layers.push_back(dropout(0.5));
            layers.push_back(dense(classes));
            return sequence(std::move(layers));
          }};
}

}  // namespace digitnet::models::zoo
