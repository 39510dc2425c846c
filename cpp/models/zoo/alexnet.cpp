#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry alexnet() {
  return {"alexnet",
          "five convolutions, dense 4096 twice; any size from 63",
          "Krizhevsky, arXiv 1404.5997, 2014, in torchvision's layout",
          {3, 63, 63},
          [](int64_t classes) {
            return sequence({strided_conv(64, 11, 4, 2),
                             relu(),
                             max_pool(3, 2),
                             conv(192, 5, "same"),
                             relu(),
                             max_pool(3, 2),
                             conv(384, 3, "same"),
                             relu(),
                             conv(256, 3, "same"),
                             relu(),
                             conv(256, 3, "same"),
                             relu(),
                             max_pool(3, 2),
                             adaptive_average_pool(6),
                             flatten(),
                             dropout(0.5),
                             dense(4096),
                             relu(),
                             dropout(0.5),
                             dense(4096),
                             relu(),
                             dense(classes)});
          }};
}

ModelEntry alexnet_small() {
  return {"alexnet-small",
          "AlexNet's convolutions for small images, one dense layer",
          "Krizhevsky, arXiv 1404.5997, 2014, made smaller",
          {1, 32, 32},
          [](int64_t classes) {
            return sequence({strided_conv(64, 11, 4, 5), relu(), max_pool(),
                             conv(192, 5, "same"), relu(), max_pool(),
                             conv(384, 3, "same"), relu(), conv(256, 3, "same"),
                             relu(), conv(256, 3, "same"), relu(), max_pool(),
                             flatten(), dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
