#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry norm_cnn() {
  return {"norm-cnn",
          "convolutions 5x5x32, 3x3x64 twice, 3x3x128 with batch norm",
          "digitnet; the most of MNIST for a few minutes on two cores",
          {1, 28, 28},
          [](int64_t classes) {
            std::vector<Layer> layers;
            add_normed_conv(layers, 32, 5, "same");
            layers.push_back(max_pool());
            add_normed_conv(layers, 64, 3, "same");
            add_normed_conv(layers, 64, 3, "same");
            layers.push_back(max_pool());
            add_normed_conv(layers, 128, 3, "same");
            layers.push_back(flatten());
            layers.push_back(dropout(0.3));
            layers.push_back(dense(classes));
            return sequence(std::move(layers));
          }};
}

}  // namespace digitnet::models::zoo
