#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry two_conv_small() {
  return {
      "two-conv-small",
      "conv 5x5x16, pool, conv 3x3x32, pool, dense 128",
      "digitnet; two-conv made as small as 99 % of MNIST in one epoch allows",
      {1, 28, 28},
      [](int64_t classes) {
        return sequence({conv(16, 5), max_pool(), relu(), conv(32, 3),
                         max_pool(), relu(), flatten(), dense(128), relu(),
                         dense(classes)});
      }};
}

}  // namespace digitnet::models::zoo
