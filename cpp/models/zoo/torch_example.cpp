#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry torch_example() {
  return {"torch-example",
          "the network of PyTorch's MNIST example",
          "pytorch/examples, mnist",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({conv(32, 3), relu(), conv(64, 3), relu(),
                             max_pool(), dropout(0.25), flatten(), dense(128),
                             relu(), dropout(0.5), dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
