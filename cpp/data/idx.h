// The IDX format of MNIST: a magic number, big-endian dimensions, then numbers.
// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", file formats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace digitnet::data {

enum class IdxRole { Images, Labels };

struct IdxHeader {
  std::string type;            // of a number as NumPy writes it: "u1", ">f4"
  int64_t item_bytes = 1;      // of a number
  std::vector<int64_t> sizes;  // [N, H, W], [N, C, H, W]; [N], [N, columns]
  int64_t offset = 0;          // where the numbers begin
};

// How many bytes a whole file with this beginning has, for a reader that
// unpacks step by step: at least 4 bytes are needed. Checks magic and
// dimensions.
int64_t idx_file_bytes(std::string_view start, const std::string& name);

// Checks a whole IDX file of any of the six types: magic, rank (3 or 4 of
// images, 1 or 2 of labels), every dimension (images at most 1024 x 1024
// pixels, labels at most 64 columns), and the exact number of bytes. Throws
// DataError naming `name`, the field, expected and found.
IdxHeader read_idx(std::string_view bytes, IdxRole role,
                   const std::string& name);

}  // namespace digitnet::data
