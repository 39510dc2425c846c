// What the readers of delimited text share: pixels and labels that are
// collected row by row and settled at the end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "data/delimited.h"
#include "data/text_cells.h"

namespace digitnet::data {

// Labels as they stand in the text, and what they turn out to be.
class TextLabels {
 public:
  explicit TextLabels(const std::string& name) : name_(name) {}
  void add(const Cell& cell, int64_t line) {
    cells_.push_back(cell);
    lines_.push_back(line);
  }
  // Fills `labels` and `names`: whole numbers, also "3.0"; where there are
  // others below 0 or texts, all are names. Throws DataError for an empty cell,
  // a fraction, a number that is not below the request's classes, names that it
  // does not want, too many of them.
  void settle(const Dialect& dialect, const ColumnRequest& request,
              TextImages& images) const;

 private:
  void settle_names(TextImages& images) const;

  const std::string& name_;
  std::vector<Cell> cells_;
  std::vector<int64_t> lines_;
};

// Pixels that are no bytes, and how far they go.
class PixelRange {
 public:
  void add(float value, int64_t line, int64_t column) {
    if (value < min_ || value > max_) widen(value, line, column);
    whole_ = whole_ && value == static_cast<float>(static_cast<int64_t>(value));
  }
  // Makes bytes of floats that are whole and go up to 255, and 0 to 1 of what
  // goes from -1 to 1. Throws DataError for other numbers below 0, and above
  // 255 unless `max_value` is given.
  void settle(double max_value, const std::string& name,
              TextImages& images) const;

 private:
  void widen(float value, int64_t line, int64_t column);

  float min_ = 0;
  float max_ = 0;
  bool whole_ = true;
  int64_t min_line_ = 0, min_column_ = 0, max_line_ = 0, max_column_ = 0;
};

}  // namespace digitnet::data
