#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry linear() {
  return {
      "linear",
      "softmax regression",
      "LeCun et al., Proc. IEEE 1998, section III.C",
      {1, 28, 28},
      [](int64_t classes) { return sequence({flatten(), dense(classes)}); }};
}

}  // namespace digitnet::models::zoo
