#include "data/idx.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"

namespace digitnet::data {
namespace {

// Type codes, and how NumPy writes the types.
struct Type {
  uint32_t code;
  const char* name;
  int64_t bytes;
};
constexpr Type kTypes[] = {{0x08, "u1", 1},  {0x09, "i1", 1},
                           {0x0B, ">i2", 2}, {0x0C, ">i4", 4},
                           {0x0D, ">f4", 4}, {0x0E, ">f8", 8}};
constexpr int64_t kMaxRank = 4;
constexpr int64_t kMaxColumns = 64;  // of labels: QMNIST has eight
constexpr int64_t kMaxImages = 1'000'000'000;
constexpr int64_t kMaxSide = 1024;

uint32_t big_endian(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i)
    value = value << 8 | static_cast<uint8_t>(bytes[at + i]);
  return value;
}

std::string hex(uint32_t value) {
  std::ostringstream text;
  text << "0x" << std::hex << value;
  return text.str();
}

// Reads magic and dimensions, whatever the rank.
IdxHeader read_header(std::string_view bytes, const std::string& name) {
  require_data(bytes.size() >= 4, name,
               ": expected an IDX file of at least 4 bytes, got ", bytes.size(),
               "; the file is empty or truncated");
  const uint32_t magic = big_endian(bytes, 0);
  const int64_t rank = magic & 0xff;
  const auto* const type =
      std::find_if(std::begin(kTypes), std::end(kTypes),
                   [&](const Type& t) { return t.code == magic >> 8; });
  require_data(
      type != std::end(kTypes) && rank >= 1 && rank <= kMaxRank, name,
      ": expected an IDX file, which begins with 0x803 (images), 0x801 "
      "(labels) or the same of another type, got ",
      hex(magic));
  IdxHeader header{type->name, type->bytes, {}, 4 + 4 * rank};
  require_data(static_cast<int64_t>(bytes.size()) >= header.offset, name,
               ": expected ", header.offset, " header bytes, got ",
               bytes.size(), "; the file is truncated");
  for (int64_t i = 0; i < rank; ++i) {
    const int64_t size = big_endian(bytes, 4 + 4 * i);
    const int64_t limit = i == 0 ? kMaxImages : kMaxSide;
    require_data(size >= 1 && size <= limit, name, ": expected dimension ", i,
                 " from 1 to ", limit, ", got ", size);
    header.sizes.push_back(size);
  }
  return header;
}

int64_t payload(const IdxHeader& header) {
  int64_t bytes = header.item_bytes;
  for (const int64_t size : header.sizes)
    bytes *= size;  // at most 8 * 1e9 * 2^30, no overflow
  return bytes;
}

}  // namespace

int64_t idx_file_bytes(std::string_view start, const std::string& name) {
  const IdxHeader header = read_header(start, name);
  return header.offset + payload(header);
}

IdxHeader read_idx(std::string_view bytes, IdxRole role,
                   const std::string& name) {
  const IdxHeader header = read_header(bytes, name);
  const size_t rank = header.sizes.size();
  const bool images = role == IdxRole::Images;
  require_data(images ? rank >= 3 : rank <= 2, name, ": expected ",
               images ? "images (magic 0x803)" : "labels (magic 0x801)",
               ", got magic ", hex(big_endian(bytes, 0)),
               "; are images and labels swapped?");
  require_data(images || rank == 1 || header.sizes[1] <= kMaxColumns, name,
               ": expected labels of at most ", kMaxColumns, " columns, got ",
               header.sizes.back());
  const int64_t promised = payload(header);
  const int64_t actual = static_cast<int64_t>(bytes.size()) - header.offset;
  require_data(actual == promised, name, ": ", promised,
               " bytes promised by the header, ", actual, " found; the file ",
               actual < promised ? "is truncated" : "has trailing bytes");
  return header;
}

}  // namespace digitnet::data
