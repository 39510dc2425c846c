#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry optdigits_cnn() {
  return {
      "optdigits-cnn",
      "three small convolutions, two sigmoid layers, for 8x8 images",
      "class project on UCI optdigits",
      {1, 8, 8},
      [](int64_t classes) {
        return sequence(
            {conv(16, 3, "same"), relu(),     max_pool(),    dropout(0.25),
             conv(32, 3, "same"), relu(),     max_pool(),    dropout(0.25),
             conv(64, 3, "same"), relu(),     max_pool(),    dropout(0.25),
             flatten(),           dense(128), sigmoid(),     dropout(0.25),
             dense(512),          sigmoid(),  dropout(0.25), dense(classes)});
      }};
}

}  // namespace digitnet::models::zoo
