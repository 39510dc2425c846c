// The IDX format of MNIST: a magic number, big-endian dimensions, then bytes.
// Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", file formats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace digitnet::data {

struct IdxHeader {
  std::vector<int64_t> sizes;  // [N, H, W] of images, [N] of labels
  int64_t offset = 0;          // where the bytes begin
};

// How many bytes a whole file with this beginning has, for a reader that
// inflates step by step: at least 4 bytes are needed. Checks magic and
// dimensions.
int64_t idx_file_bytes(std::string_view start, const std::string& name);

// Checks a whole unsigned-byte IDX file: magic, rank (3 images, 1 labels),
// every dimension (images at most 1024 x 1024 pixels), and the exact number of
// bytes. Throws DataError naming `name`, the field, expected and found.
IdxHeader read_idx(std::string_view bytes, int64_t rank,
                   const std::string& name);

// Checks that every label of a label file is below `classes` and that as many
// labels as images were promised. Throws DataError.
void check_idx_labels(std::string_view labels, int64_t images, int64_t classes,
                      const std::string& name);

}  // namespace digitnet::data
