#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

ModelEntry densenet121() {
  return {
      "densenet121",
      "four blocks of layers that see all before them; any size from 29",
      "Huang et al., CVPR 2017, table 1, in torchvision's layout",
      {1, 32, 32},
      [](int64_t classes) {
        constexpr int kGrowth = 32;
        std::vector<Layer> layers = {
            bare_conv(64, 7, 2), batch_norm(), relu(),
            make_layer("max_pool",
                       {{"size", 3.0}, {"stride", 2.0}, {"padding", 1.0}})};
        int channels = 64;
        for (const int count : {6, 12, 24, 16}) {
          if (channels > 64) {  // between blocks: half the channels and pixels
            channels /= 2;
            append(layers, {batch_norm(), relu(), bare_conv(channels, 1),
                            average_pool(2)});
          }
          for (int i = 0; i < count; ++i, channels += kGrowth) {
            layers.push_back(
                appended({batch_norm(), relu(), bare_conv(4 * kGrowth, 1),
                          batch_norm(), relu(), bare_conv(kGrowth, 3)}));
          }
        }
        append(layers, {batch_norm(), relu(), adaptive_average_pool(1),
                        flatten(), dense(classes)});
        return sequence(std::move(layers));
      }};
}

}  // namespace digitnet::models::zoo
