#include "data/csv.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/interrupt.h"

namespace digitnet::data {
namespace {

constexpr int64_t kMaxColumns = 3 * 1024 * 1024 + 1;
constexpr int64_t kMaxValue = 1'000'000;  // beyond any pixel or label
constexpr int64_t kLinesBetweenPolls = 16;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() &&
         std::isspace(static_cast<unsigned char>(text.front())))
    text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> cells(std::string_view line) {
  std::vector<std::string_view> result;
  size_t start = 0;
  while (true) {
    const size_t comma = line.find(',', start);
    result.push_back(trimmed(line.substr(start, comma - start)));
    if (comma == std::string_view::npos) return result;
    start = comma + 1;
  }
}

bool is_whole_number(std::string_view cell) {
  return !cell.empty() && std::all_of(cell.begin(), cell.end(), [](char c) {
    return c >= '0' && c <= '9';
  });
}

// For messages: short, and printable whatever the file holds.
std::string shortened(std::string_view cell) {
  std::string text(cell.substr(0, 20));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return join("'", text, cell.size() > 20 ? "...'" : "'");
}

// One row of whole numbers, appended to `values`. Throws DataError.
void read_row(std::string_view line, int64_t line_number,
              const std::string& name, std::vector<int32_t>& values) {
  const char* at = line.data();
  const char* const end = at + line.size();
  const auto skip_space = [&] {
    while (at < end && *at != ',' &&
           std::isspace(static_cast<unsigned char>(*at)))
      ++at;
  };
  for (int64_t column = 1;; ++column) {
    skip_space();
    const char* const start = at;
    int64_t value = 0;
    for (; at < end && *at >= '0' && *at <= '9'; ++at)
      value = std::min<int64_t>(value * 10 + (*at - '0'), kMaxValue);
    const bool has_digits = at > start;
    skip_space();
    if (!has_digits || (at < end && *at != ',')) {
      // Only now: building a message costs more than reading a row.
      const std::string_view rest(start, end - start);
      throw DataError(join(name, " line ", line_number, " column ", column,
                           ": expected a whole number, got ",
                           shortened(trimmed(rest.substr(0, rest.find(','))))));
    }
    values.push_back(static_cast<int32_t>(value));
    if (at == end) return;
    ++at;
  }
}

struct Table {
  std::vector<std::string> header;  // empty if there is none
  std::vector<int32_t> values;      // [rows, columns]
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t first_line = 1;  // line number of row 0
};

Table read_table(std::string_view text, Header header,
                 const std::string& name) {
  if (text.starts_with("\xEF\xBB\xBF"))
    text.remove_prefix(3);  // byte order mark
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())))
    text.remove_suffix(1);
  require_data(!text.empty(), name,
               ": expected rows of numbers, got an empty file");
  Table table;
  int64_t line_number = 0;
  size_t at = 0;
  while (at <= text.size()) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = trimmed(text.substr(at, end - at));
    at = end + 1;
    ++line_number;
    if (line_number == 1) {
      // Counted first: a list of all of them takes 16 bytes a cell.
      table.columns = 1 + std::count(line.begin(), line.end(), ',');
      require_data(table.columns <= kMaxColumns, name,
                   " line 1: expected at most ", kMaxColumns, " columns, got ",
                   table.columns);
      const auto words = cells(line);
      const bool is_header =
          header == Header::Yes ||
          (header == Header::Auto &&
           !std::all_of(words.begin(), words.end(), is_whole_number) &&
           std::none_of(words.begin(), words.end(), is_whole_number));
      if (is_header) {
        table.header.assign(words.begin(), words.end());
        table.first_line = 2;
        continue;
      }
      table.values.reserve(std::min<size_t>(
          text.size() / 2 + 1,
          text.size() / (line.size() + 1) * table.columns * 2));
    }
    if (line_number % kLinesBetweenPolls == 0) poll_interrupt();
    const size_t before = table.values.size();
    read_row(line, line_number, name, table.values);
    const int64_t columns = static_cast<int64_t>(table.values.size() - before);
    require_data(columns == table.columns, name, " line ", line_number,
                 ": expected ", table.columns, " columns, got ", columns);
    ++table.rows;
  }
  require_data(table.rows > 0, name,
               ": expected rows after the header, got none");
  return table;
}

bool is_square(int64_t n) {
  const auto side =
      static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(n))));
  return n > 0 && side * side == n;
}

// How many different values the column has if all are classes, else 0.
int64_t distinct_classes(const Table& table, int64_t column, int64_t classes) {
  std::set<int32_t> seen;
  for (int64_t row = 0; row < table.rows; ++row) {
    const int32_t value = table.values[row * table.columns + column];
    if (value >= classes) return 0;
    seen.insert(value);
  }
  return static_cast<int64_t>(seen.size());
}

bool names_a_label(std::string word) {
  word.erase(std::remove(word.begin(), word.end(), '"'), word.end());
  std::transform(word.begin(), word.end(), word.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return word == "label" || word == "class" || word == "target" || word == "y";
}

LabelColumn find_label(const Table& table, Shape shape, int64_t classes,
                       const std::string& name) {
  if (!table.header.empty() && names_a_label(table.header.front()))
    return LabelColumn::First;
  if (!table.header.empty() && names_a_label(table.header.back()))
    return LabelColumn::Last;
  const bool all_pixels =
      shape.size() ? table.columns == shape.size() : is_square(table.columns);
  if (all_pixels) return LabelColumn::None;
  const int64_t first = distinct_classes(table, 0, classes);
  const int64_t last = distinct_classes(table, table.columns - 1, classes);
  if (first > 1 && last <= 1) return LabelColumn::First;
  if (last > 1 && first <= 1) return LabelColumn::Last;
  throw DataError(join(name,
                       ": expected one end of the rows to look like labels, ",
                       first && last ? "got two candidates" : "got none",
                       "; say label='first', 'last' or 'none'"));
}

Shape find_shape(Shape shape, int64_t pixels, const std::string& name) {
  if (shape.size() == 0) {
    require_data(is_square(pixels), name,
                 ": expected a square number of pixel columns, got ", pixels,
                 "; give shape=(height, width)");
    const auto side = static_cast<int64_t>(
        std::llround(std::sqrt(static_cast<double>(pixels))));
    return {1, side, side};
  }
  require_data(shape.size() == pixels, name, ": expected ", shape.size(),
               " pixel columns for shape ", to_string(shape), ", got ", pixels);
  return shape;
}

}  // namespace

CsvTable read_csv(std::string_view text, LabelColumn label, Header header,
                  Shape shape, int64_t classes, const std::string& name) {
  const Table table = read_table(text, header, name);
  if (label == LabelColumn::Auto)
    label = find_label(table, shape, classes, name);
  const bool labelled = label != LabelColumn::None;
  require_data(table.columns > (labelled ? 1 : 0), name,
               ": expected pixel columns, got only labels");
  const int64_t label_column =
      label == LabelColumn::Last ? table.columns - 1 : 0;
  CsvTable result;
  result.count = table.rows;
  result.shape = find_shape(shape, table.columns - (labelled ? 1 : 0), name);
  result.pixels.reserve(table.rows * result.shape.size());
  for (int64_t row = 0; row < table.rows; ++row) {
    if (row % kLinesBetweenPolls == 0) poll_interrupt();
    for (int64_t column = 0; column < table.columns; ++column) {
      const int32_t value = table.values[row * table.columns + column];
      const bool is_label = labelled && column == label_column;
      const int64_t limit = is_label ? classes : 256;
      if (value >= limit) {
        throw DataError(join(name, " line ", row + table.first_line, " column ",
                             column + 1, ": expected a ",
                             is_label ? "label" : "pixel", " from 0 to ",
                             limit - 1, ", got ", value));
      }
      if (is_label) {
        result.labels.push_back(value);
      } else {
        result.pixels.push_back(static_cast<uint8_t>(value));
      }
    }
  }
  return result;
}

}  // namespace digitnet::data
