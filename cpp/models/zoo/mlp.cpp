#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry mlp() {
  return {"mlp",
          "784-512-512-10",
          "Mahender et al., multi-layer perceptron on MNIST; widths of Keras' "
          "and PyTorch's examples",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({flatten(), dense(512), relu(), dense(512), relu(),
                             dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
