#include "models/build.h"
#include "models/zoo.h"

namespace digitnet::models::zoo {

using namespace build;

namespace {

const char* const kSource = "An et al., arXiv 2008.10400, 2020, section 3";

// 5x5 convolutions with batch norm, a max-pool behind each block of them.
std::vector<Layer> pooled(const std::vector<std::vector<int>>& blocks) {
  std::vector<Layer> layers;
  for (const std::vector<int>& block : blocks) {
    for (const int channels : block)
      add_normed_conv(layers, channels, 5, "same");
    layers.push_back(max_pool());
  }
  layers.push_back(flatten());
  return layers;
}

Layer classified(std::vector<Layer> layers, int64_t classes) {
  append(layers, {dense(classes, false), batch_norm()});
  return sequence(std::move(layers));
}

}  // namespace

ModelEntry c1() {
  return {"c1",
          "two pooled 5x5 convolutions with batch norm: a rival of m5",
          kSource,
          {1, 28, 28},
          [](int64_t classes) {
            return classified(pooled({{64}, {128}}), classes);
          }};
}

ModelEntry c2() {
  return {"c2",
          "c1 with a dense layer of 100 before the last",
          kSource,
          {1, 28, 28},
          [](int64_t classes) {
            std::vector<Layer> layers = pooled({{64}, {128}});
            append(layers, {dense(100, false), batch_norm(), relu()});
            return classified(std::move(layers), classes);
          }};
}

ModelEntry c3() {
  return {"c3",
          "four 5x5 convolutions with batch norm, pooled twice",
          kSource,
          {1, 28, 28},
          [](int64_t classes) {
            return classified(pooled({{32, 64}, {96, 128}}), classes);
          }};
}

}  // namespace digitnet::models::zoo
