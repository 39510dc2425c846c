#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry kaggle_cnn_small() {
  return {"kaggle-cnn-small",
          "two convolutions",
          "Kanaparthi, thesis",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({conv(64, 3), relu(), conv(32, 3), relu(),
                             max_pool(), flatten(), dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
