// Which columns of a table of images are pixels, which one is the label, which
// ones are neither.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/shape.h"
#include "data/text_cells.h"

namespace digitnet::data {

enum class Header { Auto, Yes, No };

// Where the label stands.
struct LabelPlace {
  enum class Kind { Auto, None, Column, Name };
  Kind kind = Kind::Auto;
  int64_t column = 0;  // from 0, or from -1, the last one, backwards
  std::string name;    // in the header

  static LabelPlace at(int64_t column) { return {Kind::Column, column, {}}; }
};

struct ColumnRequest {
  LabelPlace label;
  Header header = Header::Auto;
  Shape shape;          // of size 0: the square, or three squares, that fits
  int64_t classes = 0;  // bound of labels that are numbers; 0: none
  bool names = true;    // labels may be texts
};

struct Columns {
  std::vector<std::string> header;  // empty if there is none
  int64_t count = 0;
  std::optional<int64_t> label;
  std::vector<int64_t> left_out;   // numbers of the rows, names, nothing at all
  Shape shape;                     // of the pixels
  bool has_decimals = false;       // some pixel of the sample is no byte
  std::vector<std::string> notes;  // where it could be read otherwise, and how

  // "column 3", or its name in the header.
  std::string title(int64_t column) const;
};

// Decides by the header's words and by what stands in a sample of the lines,
// the first one first. Throws DataError naming `name`: columns of text that are
// no label, two columns that could be the label, no images.
Columns find_columns(const std::vector<std::string_view>& lines,
                     const Dialect& dialect, const ColumnRequest& request,
                     const std::string& name);

// The shape asked for, if it has so many pixels; else the square, or the three
// squares of at least 4x4, of that size. Nothing if there is none.
std::optional<Shape> shape_of(int64_t pixels, const Shape& requested);

}  // namespace digitnet::data
