#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry two_conv() {
  return {"two-conv",
          "conv 5x5x24, pool, conv 3x3x32, pool, dense 256",
          "tuomaso, train_mnist_fast; pooled before ReLU",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({conv(24, 5), max_pool(), relu(), conv(32, 3),
                             max_pool(), relu(), flatten(), dense(256), relu(),
                             dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
