// Images as rows of comma-separated pixels, with or without a label column and
// a header: Kaggle's digit-recognizer, Fashion-MNIST's CSV, UCI's optdigits.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"

namespace digitnet::data {

enum class LabelColumn { Auto, First, Last, None };
enum class Header { Auto, Yes, No };

struct CsvTable {
  int64_t count = 0;
  Shape shape;
  std::vector<uint8_t> pixels;  // [count, C*H*W]
  std::vector<int64_t> labels;  // [count], empty without a label column
};

// Reads whole text. Pixels are whole numbers 0 to 255; `shape` with size 0
// means the square that fits the columns. `Auto` finds the label column by its
// header name (label, class, target, y), else by counting columns and by which
// of the two ends can hold classes. Lines end in \n or \r\n; blank lines at the
// end are ignored. Throws DataError naming `name`, line and column.
CsvTable read_csv(std::string_view text, LabelColumn label, Header header,
                  Shape shape, int64_t classes, const std::string& name);

}  // namespace digitnet::data
