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
  Shape input;  // default
  Layer (*make)(int64_t classes);
  bool outputs_images = false;  // of its input's shape; `classes` is ignored
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
ModelEntry m3();
ModelEntry m5();
ModelEntry m7();
ModelEntry c1();
ModelEntry c2();
ModelEntry c3();
ModelEntry norm_cnn();
ModelEntry mnistm_cnn();
ModelEntry alexnet();
ModelEntry alexnet_small();
ModelEntry vgg16();
ModelEntry vgg16_transfer();
ModelEntry resnet18();
ModelEntry resnet50();
ModelEntry mobilenetv2();
ModelEntry densenet121();
ModelEntry gru();
ModelEntry vit_tiny();
ModelEntry capsnet();
ModelEntry autoencoder();

inline const std::vector<ModelEntry>& all() {
  static const std::vector<ModelEntry> entries = {linear(),
                                                  mlp(),
                                                  mlp_tiny(),
                                                  lenet5(),
                                                  two_conv(),
                                                  two_conv_small(),
                                                  torch_example(),
                                                  kaggle_cnn(),
                                                  kaggle_cnn_small(),
                                                  optdigits_cnn(),
                                                  m3(),
                                                  m5(),
                                                  m7(),
                                                  c1(),
                                                  c2(),
                                                  c3(),
                                                  norm_cnn(),
                                                  mnistm_cnn(),
                                                  alexnet(),
                                                  alexnet_small(),
                                                  vgg16(),
                                                  vgg16_transfer(),
                                                  resnet18(),
                                                  resnet50(),
                                                  mobilenetv2(),
                                                  densenet121(),
                                                  gru(),
                                                  vit_tiny(),
                                                  capsnet(),
                                                  autoencoder()};
  return entries;
}

}  // namespace digitnet::models::zoo
