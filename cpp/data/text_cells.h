// Delimited text, cell by cell: what separates cells, where they end, what
// numbers they hold. Nothing here knows of images.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace digitnet::data {

// How a file writes a table.
struct Dialect {
  char delimiter = ',';  // ' ': any number of blanks and tabs
  char decimal = '.';    // ',' where half of Europe writes 0,5

  bool operator==(const Dialect&) const = default;
};

struct Cell {
  std::string_view text;  // trimmed, without the quotes around it
  int32_t whole = -1;     // its value if it is digits alone, at most kMaxWhole
};

constexpr int32_t kMaxWhole = 1'000'000'000;

// The text without a byte order mark and blank lines at its end.
std::string_view without_ends(std::string_view text);

// Gives the lines of a text one by one: ended by \n, \r\n, or by \r where the
// text has no \n.
class Lines {
 public:
  explicit Lines(std::string_view text);
  // False behind the last one.
  bool next(std::string_view& line);
  int64_t number() const { return number_; }  // of the last one, from 1
  size_t at() const { return at_; }           // where the next one begins
  // Goes on with the line that begins at or behind `offset`; numbers are lost.
  void seek(size_t offset);

 private:
  std::string_view text_;
  char end_;
  size_t at_ = 0;
  int64_t number_ = 0;
};

// At most `count` lines: the first ones, and others evenly over the text.
std::vector<std::string_view> sample_lines(std::string_view text,
                                           int64_t count);

// What separates the cells of these lines: semicolons or tabs where they do
// so alike in all lines, else commas, else blanks.
Dialect dialect_of(const std::vector<std::string_view>& lines);

// The cell's number: "1", "-0.5", "1e-3", "+7", with the dialect's decimal
// sign; nothing for other text, infinities and NaN.
std::optional<double> number_of(std::string_view cell, const Dialect& dialect);

// The same of a cell whose digits have been read.
inline std::optional<double> value_of(const Cell& cell,
                                      const Dialect& dialect) {
  return cell.whole >= 0 ? std::optional<double>(cell.whole)
                         : number_of(cell.text, dialect);
}

// For messages: in quotes, short, and printable whatever the file holds.
std::string shown(std::string_view cell);

std::vector<Cell> cells_of(std::string_view line, const Dialect& dialect);

namespace detail {

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Where a cell that begins at `at` ends, and its text; digits are read on the
// way. Quotes around a cell may hold delimiters; "" within them stays.
const char* read_cell(const char* at, const char* end, char delimiter,
                      Cell& cell);

}  // namespace detail

// Calls use(column, cell) for each cell of a line; returns how many there are.
template <class Use>
int64_t for_each_cell(std::string_view line, char delimiter, const Use& use) {
  const char* at = line.data();
  const char* const end = at + line.size();
  const bool blanks = delimiter == ' ';
  for (int64_t column = 0;; ++column) {
    while (at < end && detail::is_blank(*at) && *at != delimiter) ++at;
    while (blanks && at < end && detail::is_blank(*at)) ++at;
    Cell cell;
    const char* const start = at;
    uint64_t value = 0;  // of many digits it is not used
    for (; at < end && *at >= '0' && *at <= '9'; ++at)
      value = value * 10 + (*at - '0');
    // Up to nine digits, then the delimiter: nearly every cell of all files.
    if (at > start && at - start < 10 && (at == end || *at == delimiter)) {
      cell = {{start, static_cast<size_t>(at - start)},
              static_cast<int32_t>(value)};
    } else {
      at = detail::read_cell(start, end, delimiter, cell);
    }
    use(column, cell);
    while (blanks && at < end && detail::is_blank(*at)) ++at;
    if (at == end) return column + 1;
    if (!blanks) ++at;
  }
}

}  // namespace digitnet::data
