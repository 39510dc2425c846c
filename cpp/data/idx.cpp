#include "data/idx.h"

#include "core/error.h"

namespace digitnet::data {
namespace {

constexpr uint32_t kUnsignedByte = 0x08;  // IDX type code
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
  require_data(magic >> 8 == kUnsignedByte && (rank == 1 || rank == 3), name,
               ": expected magic 0x803 (images) or 0x801 (labels), got ",
               hex(magic), "; is it an unzipped IDX file of unsigned bytes?");
  IdxHeader header{{}, 4 + 4 * rank};
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
  int64_t bytes = 1;
  for (int64_t size : header.sizes)
    bytes *= size;  // at most 1e9 * 2^20, no overflow
  return bytes;
}

}  // namespace

int64_t idx_file_bytes(std::string_view start, const std::string& name) {
  const IdxHeader header = read_header(start, name);
  return header.offset + payload(header);
}

IdxHeader read_idx(std::string_view bytes, int64_t rank,
                   const std::string& name) {
  const IdxHeader header = read_header(bytes, name);
  require_data(static_cast<int64_t>(header.sizes.size()) == rank, name,
               ": expected ",
               rank == 3 ? "images (magic 0x803)" : "labels (magic 0x801)",
               ", got magic ", hex(big_endian(bytes, 0)),
               "; are images and labels swapped?");
  const int64_t promised = payload(header);
  const int64_t actual = static_cast<int64_t>(bytes.size()) - header.offset;
  require_data(actual == promised, name, ": ", promised,
               " bytes promised by the header, ", actual, " found; the file ",
               actual < promised ? "is truncated" : "has trailing bytes");
  return header;
}

void check_idx_labels(std::string_view labels, int64_t images, int64_t classes,
                      const std::string& name) {
  const int64_t count = static_cast<int64_t>(labels.size());
  require_data(count == images, name, ": expected ", images,
               " labels, one for each image, got ", count,
               "; do the two files belong together?");
  for (int64_t i = 0; i < count; ++i) {
    const int64_t label = static_cast<uint8_t>(labels[i]);
    require_data(label < classes, name, ": expected labels 0 to ", classes - 1,
                 ", got ", label, " at position ", i);
  }
}

}  // namespace digitnet::data
