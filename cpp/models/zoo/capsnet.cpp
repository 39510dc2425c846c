#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry capsnet() {
  return {"capsnet",
          "vectors instead of features: 32 x 36 small capsules vote for ten "
          "large ones, which must also make the image again",
          "Sabour, Frosst, Hinton, NeurIPS 2017, section 4",
          {1, 28, 28},
          [](int64_t classes) {
            constexpr double kSize = 16;
            const Layer decoder = sequence({dense(512), relu(), dense(1024),
                                            relu(), dense(28 * 28), sigmoid()});
            return sequence(
                {conv(256, 9), relu(), strided_conv(256, 9, 2, 0),
                 make_layer("capsules",
                            {{"units", double(classes)}, {"size", kSize}}),
                 make_layer("reconstruct", {{"size", kSize}}, {decoder}),
                 make_layer("capsule_logits", {{"size", kSize}})});
          }};
}

}  // namespace digitnet::models::zoo
