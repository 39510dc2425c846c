#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

TEST_P(EveryInstructionSet, TransposesMatricesOfEverySize) {
  for (const int64_t rows : {1, 3, 8, 16, 17, 33}) {
    for (const int64_t columns : {1, 4, 15, 16, 20, 32}) {
      const int64_t from_row = columns + 2, to_row = rows + 3;
      const auto from = whole_numbers(rows * from_row, 1, 1000);
      std::vector<float> to(columns * to_row, kUntouched);
      kernels().transpose(from.data(), rows, columns, from_row, to.data(),
                          to_row);
      for (int64_t c = 0; c < columns; ++c) {
        for (int64_t r = 0; r < rows; ++r)
          ASSERT_EQ(to[c * to_row + r], from[r * from_row + c])
              << rows << " x " << columns;
        for (int64_t r = rows; r < to_row; ++r)
          ASSERT_EQ(to[c * to_row + r], kUntouched);
      }
    }
  }
}

}  // namespace
}  // namespace digitnet::kernels
