// Sparse sums, exact on whole numbers.
#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

TEST_P(EveryInstructionSet, GathersScaledRows) {
  constexpr int64_t kSums = 3, kTerms = 5, kRowsAway = 160;
  for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7}) {
    for (const int64_t run : {1, 5, 8, 9, 16, 33, 48, 70, 100, 130}) {
      const auto source = whole_numbers(40 * kRowsAway, 1);
      const auto factors = whole_numbers(kSums * kTerms, 2);
      std::vector<int32_t> offsets;
      for (int64_t i = 0; i < kSums * kTerms; ++i)
        offsets.push_back(static_cast<int32_t>(i * 37 % 29 * kRowsAway + i));
      const std::vector<int32_t> counts = {5, 0, 3};
      const auto before = whole_numbers(kSums * rows * kRowsAway, 3);
      std::vector<float> target = before, values = factors;
      Gather g{};
      g.terms = {offsets.data(), values.data()};
      g.counts = counts.data();
      g.source = source.data();
      g.source_row = kRowsAway;
      g.target = target.data();
      g.target_row = kRowsAway;
      g.rows = rows;
      g.run = run;
      g.sums = kSums;
      g.terms_step = kTerms;
      g.counts_step = 1;
      g.target_step = rows * kRowsAway;
      kernels().gather(g);
      for (int64_t sum = 0; sum < kSums; ++sum) {
        for (int64_t row = 0; row < rows; ++row) {
          const int64_t at = (sum * rows + row) * kRowsAway;
          for (int64_t i = 0; i < run; ++i) {
            double expected = before[at + i];
            for (int64_t t = 0; t < counts[sum]; ++t) {
              const int64_t term = sum * kTerms + t;
              expected += static_cast<double>(factors[term]) *
                          source[offsets[term] + row * kRowsAway + i];
            }
            ASSERT_EQ(target[at + i], expected)
                << rows << " rows of " << run << ", sum " << sum;
          }
          // At most a vector more than the run is touched.
          for (int64_t i = run + 16; i < kRowsAway; ++i)
            ASSERT_EQ(target[at + i], before[at + i]);
        }
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
