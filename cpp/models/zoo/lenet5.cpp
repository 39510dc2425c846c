#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry lenet5() {
  return {
      "lenet5",
      "LeNet-5 with ReLU and max-pooling",
      "LeCun et al., Proc. IEEE 1998, section II.B",
      {1, 28, 28},
      [](int64_t classes) {
        return sequence({conv(6, 5, "same"), relu(), max_pool(), conv(16, 5),
                         relu(), max_pool(), flatten(), dense(120), relu(),
                         dense(84), relu(), dense(classes)});
      }};
}

}  // namespace digitnet::models::zoo
