#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry autoencoder() {
  return {"autoencoder",
          "removes noise: convolutions down to 7x7 and up again, grey images",
          "Vincent et al., Extracting and composing robust features with "
          "denoising autoencoders, ICML 2008; convolutions are digitnet's",
          {1, 28, 28},
          [](int64_t) {
            return sequence({conv(32, 3, "same"), relu(), max_pool(),
                             conv(32, 3, "same"), relu(), max_pool(),
                             conv(32, 3, "same"), relu(), upsample(),
                             conv(32, 3, "same"), relu(), upsample(),
                             // No sigmoid: on the squared error it would
                             // saturate at black images and stay there.
                             conv(1, 3, "same")});
          },
          true};
}

}  // namespace digitnet::models::zoo
