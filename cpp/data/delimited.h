// Images as rows of delimited text: CSV of Kaggle, Fashion-MNIST, UCI, pandas,
// NumPy, spreadsheets. And LIBSVM's form, in which only pixels above 0 stand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"
#include "data/text_columns.h"

namespace digitnet::data {

struct TextRequest {
  ColumnRequest columns;
  double max_value = 0;  // 0: pixels go up to 1 or 255, or from -1 to 1
};

// The images, in one of two forms, and their labels, in one of two.
struct TextImages {
  int64_t count = 0;
  Shape shape;
  std::vector<uint8_t> bytes;  // [count, C, H, W], if all pixels are bytes
  std::vector<float> floats;   // else; what was -1 to 1 is 0 to 1
  bool was_signed = false;     // from -1
  bool labelled = false;
  std::vector<int64_t> labels;     // [count]: numbers, or places in `names`
  std::vector<std::string> names;  // texts, as they come; empty for numbers
  std::vector<std::string> notes;  // where it could be read otherwise, and how
};

// Reads a whole text (UTF-8). What separates cells, whether the first line
// names columns, which columns hold row numbers and labels is found from their
// words and a sample of lines. Pixels are whole or decimal numbers. With
// `classes`, labels are whole numbers below it. Throws DataError naming `name`,
// line and column.
TextImages read_delimited(std::string_view text, const TextRequest& request,
                          const std::string& name);

// Whether the text begins as LIBSVM's does: "7 13:0.5 14:255".
bool is_libsvm(std::string_view text);

// Reads such a text: places count from 1, what is left out is 0. Without a
// shape the smallest square that holds the last place.
// Source: C.-C. Chang, C.-J. Lin, "LIBSVM", README, "training data file".
TextImages read_libsvm(std::string_view text, const TextRequest& request,
                       const std::string& name);

}  // namespace digitnet::data
