#include "data/idx.h"

#include <gtest/gtest.h>

#include <tuple>

#include "core/error.h"

namespace digitnet::data {
namespace {

constexpr auto kImages = IdxRole::Images;
constexpr auto kLabels = IdxRole::Labels;

std::string header(uint8_t rank, std::initializer_list<uint32_t> sizes,
                   char type = 8) {
  std::string bytes = {0, 0, type, static_cast<char>(rank)};
  for (uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) {
      bytes.push_back(static_cast<char>(size >> shift));
    }
  }
  return bytes;
}

TEST(Idx, ReadsSizesAndOffset) {
  const IdxHeader parsed =
      read_idx(header(3, {2, 3, 4}) + std::string(24, 'x'), kImages, "a");
  EXPECT_EQ(parsed.sizes, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(parsed.offset, 16);
  EXPECT_EQ(idx_file_bytes(header(3, {2, 3, 4}), "a"), 40);
}

TEST(Idx, RefusesEveryTruncation) {
  const std::string whole = header(3, {2, 3, 4}) + std::string(24, 'x');
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(read_idx(whole.substr(0, length), kImages, "a"), DataError)
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
    EXPECT_THROW(read_idx(corrupted, kImages, "a"), DataError) << at;
  }
  EXPECT_THROW(read_idx(whole, kLabels, "a"), DataError);
  EXPECT_THROW(read_idx(whole + "x", kImages, "a"), DataError);
  EXPECT_THROW(read_idx(header(3, {2, 0, 4}), kImages, "a"), DataError);
  EXPECT_THROW(read_idx(header(3, {2, 1025, 4}), kImages, "a"), DataError);
}

TEST(Idx, KnowsSixTypesOfNumbers) {
  const std::vector<std::tuple<int, std::string, size_t>> types = {
      {8, "u1", 1},   {9, "i1", 1},   {11, ">i2", 2},
      {12, ">i4", 4}, {13, ">f4", 4}, {14, ">f8", 8}};
  for (const auto& [code, name, bytes] : types) {
    const std::string whole = header(4, {2, 3, 2, 2}, static_cast<char>(code)) +
                              std::string(24 * bytes, 'x');
    const IdxHeader parsed = read_idx(whole, kImages, "a");
    EXPECT_EQ(parsed.type, name);
    EXPECT_EQ(parsed.sizes, (std::vector<int64_t>{2, 3, 2, 2}));
    EXPECT_EQ(idx_file_bytes(whole, "a"), static_cast<int64_t>(whole.size()));
  }
  EXPECT_THROW(idx_file_bytes(header(3, {1, 1, 1}, 10), "a"), DataError);
}

TEST(Idx, LabelsHaveOneColumnOrAFew) {
  const auto labels = [](uint32_t columns) {
    return header(2, {3, columns}, 12) + std::string(12 * columns, 'x');
  };
  EXPECT_EQ(read_idx(labels(8), kLabels, "a").sizes,
            (std::vector<int64_t>{3, 8}));
  EXPECT_THROW(read_idx(labels(65), kLabels, "a"), DataError);
  EXPECT_THROW(read_idx(labels(8), kImages, "a"), DataError);
}

}  // namespace
}  // namespace digitnet::data
