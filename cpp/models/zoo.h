// Every named network, in one list. To add one: write
// cpp/models/zoo/<name>.cpp, declare it here, add it to all().
#pragma once

#include <string>
#include <vector>

#include "models/layer.h"

namespace digitnet::models::zoo {

struct ModelEntry {
  std::string name;
  std::string summary;
  std::string source;
  Shape input;  // when nobody says otherwise
  Layer (*make)(int64_t classes);
};

ModelEntry linear();
ModelEntry mlp();
ModelEntry mlp_tiny();
ModelEntry lenet5();
ModelEntry two_conv();
ModelEntry two_conv_small();
ModelEntry torch_example();
ModelEntry kaggle_cnn();
ModelEntry kaggle_cnn_small();
ModelEntry optdigits_cnn();
ModelEntry m5();
ModelEntry norm_cnn();

inline const std::vector<ModelEntry>& all() {
  static const std::vector<ModelEntry> entries = {
      linear(),        mlp(),        mlp_tiny(),
      lenet5(),        two_conv(),   two_conv_small(),
      torch_example(), kaggle_cnn(), kaggle_cnn_small(),
      optdigits_cnn(), m5(),         norm_cnn()};
  return entries;
}

}  // namespace digitnet::models::zoo
