#include "data/idx.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace digitnet::data {
namespace {

std::string header(uint8_t rank, std::initializer_list<uint32_t> sizes) {
  std::string bytes = {0, 0, 8, static_cast<char>(rank)};
  for (uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(size >> shift));
    }
  }
  return bytes;
}

TEST(Idx, ReadsSizesAndOffset) {
  const IdxHeader parsed =
      read_idx(header(3, {2, 3, 4}) + std::string(24, 'x'), 3, "a");
  EXPECT_EQ(parsed.sizes, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(parsed.offset, 16);
  EXPECT_EQ(idx_file_bytes(header(3, {2, 3, 4}), "a"), 40);
}

TEST(Idx, RefusesEveryTruncation) {
  const std::string whole = header(3, {2, 3, 4}) + std::string(24, 'x');
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(read_idx(whole.substr(0, length), 3, "a"), DataError)
        << length;
  }
}

TEST(Idx, ProductsOfSizesDoNotOverflow) {
  EXPECT_EQ(idx_file_bytes(header(3, {1'000'000'000, 1024, 1024}), "a"),
            16 + 1'000'000'000LL * 1024 * 1024);
  EXPECT_THROW(idx_file_bytes(header(3, {0xffffffff, 1, 1}), "a"), DataError);
}

TEST(Idx, RefusesWrongMagicRankAndTrailingBytes) {
  const std::string whole = header(3, {2, 3, 4}) + std::string(24, 'x');
  for (const size_t at : {0, 1, 2, 3}) {
    std::string corrupted = whole;
    corrupted[at] = 77;
    EXPECT_THROW(read_idx(corrupted, 3, "a"), DataError) << at;
  }
  EXPECT_THROW(read_idx(whole, 1, "a"), DataError);
  EXPECT_THROW(read_idx(whole + "x", 3, "a"), DataError);
  EXPECT_THROW(read_idx(header(3, {2, 0, 4}), 3, "a"), DataError);
  EXPECT_THROW(read_idx(header(3, {2, 1025, 4}), 3, "a"), DataError);
}

TEST(Idx, ChecksLabelsAgainstImagesAndClasses) {
  const std::string labels = {0, 9, 3};
  check_idx_labels(labels, 3, 10, "a");
  EXPECT_THROW(check_idx_labels(labels, 4, 10, "a"), DataError);
  EXPECT_THROW(check_idx_labels(labels, 3, 9, "a"), DataError);
}

}  // namespace
}  // namespace digitnet::data
