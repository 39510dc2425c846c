#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry norm_cnn() {
  return {
      "norm-cnn",
      "convolutions 5x5x32, 3x3x64 twice, 3x3x128 with batch norm",
      "digitnet; the most of MNIST for a few minutes on two cores",
      {1, 28, 28},
      [](int64_t classes) {
        std::vector<Layer> layers;
        const auto add = [&](std::vector<Layer> more) {
          layers.insert(layers.end(), more.begin(), more.end());
        };
        const auto block = [&](int channels, int kernel) {
          add({conv(channels, kernel, "same", false), batch_norm(), relu()});
        };
        block(32, 5);
        add({max_pool()});
        block(64, 3);
        block(64, 3);
        add({max_pool()});
        block(128, 3);
        add({flatten(), dropout(0.3), dense(classes)});
        return sequence(std::move(layers));
      }};
}

}  // namespace digitnet::models::zoo
