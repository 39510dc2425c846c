// Sparse gradients as lists.
#include <utility>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

using Term = std::pair<int32_t, float>;

// The lists of one row, by the kernel and plainly.
struct Lists {
  static constexpr int64_t kWidth = 5, kStep = 100, kVector = 16;
  int64_t channels;
  int64_t capacity = 2 * kWidth;  // two rows are listed
  std::vector<float> g = whole_numbers(kWidth * channels, 1, 1);
  std::vector<float> y = whole_numbers(kWidth * channels, 2, 1);
  std::vector<uint8_t> argmax;
  std::vector<int32_t> channel_offsets, position_offsets, counts, positions;
  std::vector<float> channel_factors, position_factors;

  explicit Lists(int64_t channels)
      : channels(channels),
        channel_offsets(channels * capacity + kVector),
        position_offsets(kWidth * 4 * (channels + kVector)),
        counts(channels + kVector, 0),
        positions(kWidth * 4, -1),
        channel_factors(channels * capacity + kVector),
        position_factors(kWidth * 4 * (channels + kVector)) {
    for (int64_t i = 0; i < kWidth * channels + kVector; ++i)
      argmax.push_back(static_cast<uint8_t>(i * 7 % 11 % 4));
  }

  PooledRow row(bool relu, bool by_position) {
    PooledRow r{};
    r.g = g.data();
    r.y = relu ? y.data() : nullptr;
    r.argmax = argmax.data();
    r.width = kWidth;
    r.channels = channels;
    r.scale = 4;
    for (int i = 0; i < 4; ++i) r.offsets[i] = 10 + i;
    r.step = kStep;
    if (by_position)
      r.by_position = {position_offsets.data(), position_factors.data()};
    r.channel_step = 1000;
    r.position_capacity = channels + kVector;
    r.position_counts = positions.data();
    r.by_channel = {channel_offsets.data(), channel_factors.data()};
    r.channel_capacity = capacity;
    r.counts = counts.data();
    return r;
  }

  bool passes(int64_t at, bool relu) const {
    return g[at] != 0 && (!relu || y[at] != 0);
  }
  std::vector<Term> of_channel(int64_t channel) const {
    std::vector<Term> terms;
    for (int64_t i = 0; i < counts[channel]; ++i)
      terms.emplace_back(channel_offsets[channel * capacity + i],
                         channel_factors[channel * capacity + i]);
    return terms;
  }
  std::vector<Term> of_position(int64_t pixel, int64_t position) const {
    const int64_t list = pixel * 4 + position;
    std::vector<Term> terms;
    for (int64_t i = 0; i < positions[list]; ++i)
      terms.emplace_back(position_offsets[list * (channels + kVector) + i],
                         position_factors[list * (channels + kVector) + i]);
    return terms;
  }
};

TEST_P(EveryInstructionSet, ListsTheGradientsThatPassByChannelAndPosition) {
  for (const int64_t channels : {1, 3, 16, 17, 40}) {
    for (const bool relu : {false, true}) {
      for (const bool by_position : {false, true}) {
        Lists lists(channels);
        const PooledRow row = lists.row(relu, by_position);
        kernels().compress_nonzeros(row);
        kernels().compress_nonzeros(row);  // appended to the channels' lists
        for (int64_t c = 0; c < channels; ++c) {
          std::vector<Term> expected;
          for (int64_t i = 0; i < 2 * Lists::kWidth; ++i) {
            const int64_t pixel = i % Lists::kWidth, at = pixel * channels + c;
            if (!lists.passes(at, relu)) continue;
            expected.emplace_back(10 + lists.argmax[at] + pixel * Lists::kStep,
                                  4 * lists.g[at]);
          }
          EXPECT_EQ(lists.of_channel(c), expected) << channels << ", " << c;
        }
        for (int64_t list = 0; by_position && list < 4 * Lists::kWidth;
             ++list) {
          std::vector<Term> expected;
          for (int64_t c = 0; c < channels; ++c) {
            const int64_t at = list / 4 * channels + c;
            if (lists.passes(at, relu) && lists.argmax[at] == list % 4)
              expected.emplace_back(1000 * c, 4 * lists.g[at]);
          }
          EXPECT_EQ(lists.of_position(list / 4, list % 4), expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
