#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry mlp_tiny() {
  return {"mlp-tiny",
          "784-5 (sigmoid)-10, to explain weights",
          "Kanaparthi, thesis",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({flatten(), dense(5), sigmoid(), dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
