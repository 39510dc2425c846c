#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry gru() {
  return {"gru",
          "a recurrent network that reads 28 rows as 28 steps",
          "Mahender et al., outlook (recurrent networks); the size is "
          "digitnet's",
          {1, 28, 28},
          [](int64_t classes) {
            return sequence({make_layer("gru", {{"units", 128.0}}),
                             dropout(0.2), dense(classes)});
          }};
}

}  // namespace digitnet::models::zoo
