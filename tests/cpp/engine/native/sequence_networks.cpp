// Networks that read an image as a sequence, a set of pixels or of capsules.
#include "engine/native/networks.h"
#include "models/build.h"

namespace digitnet::engine::native {

using namespace models::build;
using models::Layer;

namespace {

Layer gru(int64_t units) {
  return models::make_layer("gru", {{"units", double(units)}});
}
Layer attention(int64_t heads) {
  return models::make_layer("attention", {{"heads", double(heads)}});
}
Layer position() { return models::make_layer("position"); }
Layer capsules(int64_t units, int64_t size, int64_t inputs, int64_t routing) {
  return models::make_layer("capsules", {{"units", double(units)},
                                         {"size", double(size)},
                                         {"inputs", double(inputs)},
                                         {"routing", double(routing)}});
}
Layer capsule_logits(int64_t size) {
  return models::make_layer("capsule_logits", {{"size", double(size)}});
}

}  // namespace

std::vector<Network> sequence_networks() {
  return {
      {"PositionOfMaps", {2, 5, 6}, {position(), conv(3, 3, "same"), relu()}},
      {"PositionOfOddMaps", {1, 7, 5}, {conv(5, 3), position(), conv(4, 3)}},
      {"PositionBehindFlatten", {3, 3, 4}, {conv(7, 2), flatten(), position()}},
      {"Gru", {1, 6, 5}, {gru(8)}},
      {"GruOfManyUnits", {1, 5, 28}, {gru(70)}},
      {"GruOfOddChannels", {3, 4, 3}, {conv(5, 2), gru(13)}},
      {"GruBehindPaddedMaps", {1, 5, 4}, {conv(3, 3, "same"), gru(6)}},
      {"GruOfOneStep", {2, 1, 7}, {gru(9)}},
      {"GruOfOnePixel", {1, 1, 1}, {gru(1)}},
      {"GruBehindBatchNorm", {2, 3, 3}, {conv(3, 1), batch_norm(), gru(33)}},
      {"AttentionOfOneHead", {2, 4, 5}, {conv(9, 2), attention(1)}},
      {"AttentionOfManyHeads", {1, 5, 7}, {conv(24, 1), attention(8)}},
      {"AttentionOfWideHeads", {2, 3, 3}, {conv(120, 1), attention(1)}},
      {"AttentionOfManyPixels", {3, 7, 8}, {conv(12, 1), attention(2)}},
      {"AttentionInPaddedMaps",
       {1, 4, 4},
       {conv(18, 3, "same"), residual({attention(3), conv(18, 3, "same")}),
        residual({conv(15, 3, "same"), attention(1), conv(18, 1)})}},
      {"AttentionOfOnePixel", {3, 1, 1}, {attention(1)}},
      {"Transformer",
       {1, 8, 6},
       {strided_conv(8, 2, 2, 0), position(),
        residual({conv(24, 1), attention(2), conv(8, 1)}),
        residual({conv(16, 1), gelu(), conv(8, 1)})}},
      {"Capsules", {1, 6, 5}, {conv(12, 3), capsules(3, 5, 4, 3)}},
      {"CapsulesOfSeveralPanels",
       {2, 5, 6},
       {conv(15, 1, "same"), capsules(4, 2, 5, 2)}},
      {"CapsulesInPaddedMaps",
       {1, 4, 4},
       {conv(6, 3, "same"), conv(16, 3, "same"),
        residual({conv(16, 3, "same")}), capsules(2, 4, 8, 4)}},
      {"CapsulesRoutedOnce", {1, 5, 5}, {conv(7, 3), capsules(9, 1, 1, 1)}},
      {"CapsulesOfTheImage", {4, 3, 3}, {capsules(5, 16, 4, 3)}},
      {"OneCapsule", {1, 1, 1}, {capsules(1, 3, 1, 3)}},
      // Well below 1, where a length's rounding matters; and all above it.
      {"CapsuleLogits",
       {1, 3, 4},
       {flatten(), dense(9), models::build::sigmoid(), capsule_logits(1)}},
      {"CapsuleLogitsOfLongVectors",
       {1, 2, 3},
       {position(), flatten(), dense(40), models::build::sigmoid(),
        capsule_logits(8)}},
      {"CapsuleLogitsBehindFlatten",
       {2, 3, 3},
       {conv(4, 2), models::build::sigmoid(), flatten(), capsule_logits(1)}},
      {"CapsuleNetwork",
       {1, 7, 7},
       {conv(9, 3), relu(), strided_conv(16, 3, 2, 0), capsules(5, 16, 8, 3),
        capsule_logits(16)}},
  };
}

}  // namespace digitnet::engine::native
