#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry kaggle_cnn() {
  return {"kaggle-cnn",
          "two pairs of convolutions, dense 256",
          "Kanaparthi, thesis",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({conv(32, 5, "same"), relu(), conv(32, 5, "same"),
                             relu(), max_pool(), dropout(0.25),
                             conv(64, 3, "same"), relu(), conv(64, 3, "same"),
                             relu(), max_pool(), dropout(0.25), flatten(),
                             dense(256), relu(), dropout(0.5), dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
