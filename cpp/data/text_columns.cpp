#include "data/text_columns.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "core/interrupt.h"

namespace digitnet::data {
namespace {

constexpr int64_t kMaxColumns = 3 * 1024 * 1024 + 1;
constexpr int64_t kFar = 64;  // of 255: labels of few rows seldom go so far
constexpr size_t kMostClasses = 1000;  // of a column that nobody named
constexpr size_t kRowNumbers = 20;     // rows of which a column counts all
constexpr int64_t kEnd = 3;            // columns that are near an end
constexpr size_t kMinCounted = 16;     // columns that are named by numbers

// What the sample holds in a column.
struct Statistics {
  int32_t filled = 0;
  int32_t texts = 0;   // of those filled, which are no numbers
  bool bytes = true;   // whole numbers up to 255
  bool counts = true;  // each is one more than the one before

  bool is_text() const { return texts > 0 && texts == filled; }
};

// Different whole numbers in a column, kMostClasses + 1 at most: of columns
// near the ends, where labels and the numbers of the rows stand.
using Whole = std::map<int64_t, std::set<int32_t>>;

bool is_near_an_end(int64_t column, int64_t columns) {
  return column < kEnd || column >= columns - kEnd;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return result;
}

bool is_one_of(const std::string& word,
               std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* other) { return word == other; });
}

bool names_a_label(const std::string& word) {
  return is_one_of(word, {"label", "labels", "class", "classes", "target", "y",
                          "digit", "category", "character", "letter"});
}

bool names_a_row(const std::string& word) {
  return is_one_of(word, {"", "unnamed: 0", "index", "idx", "id", "imageid",
                          "image_id", "row", "rowid", "row_id", "rownames"});
}

// "pixel" of "pixel17", "x" of "1x28", "" of "17".
std::string stem(const std::string& word) {
  std::string letters;
  for (const char c : word) {
    if (c < '0' || c > '9') letters += c;
  }
  return letters;
}

enum class First { Row, Names, Counts };

// Whether the first line names columns: none of its cells is a number, or its
// numbers only count the columns, as those of frames without names do.
First kind_of_first(const std::vector<Cell>& cells, const Dialect& dialect) {
  std::vector<int32_t> numbers;
  for (const Cell& cell : cells) {
    if (cell.whole >= 0) {
      numbers.push_back(cell.whole);
    } else if (number_of(cell.text, dialect)) {
      return First::Row;
    }
  }
  if (numbers.empty()) return First::Names;
  const bool has_words = numbers.size() < cells.size();
  if (numbers.front() > 1 || numbers.size() < kMinCounted ||
      numbers.size() + 2 < cells.size())
    return First::Row;
  for (size_t i = 1; i < numbers.size(); ++i) {
    if (numbers[i] != numbers[i - 1] + 1) return First::Row;
  }
  return has_words ? First::Names : First::Counts;
}

// The number if it is whole and at least 0, else -1: "3.0" is.
int32_t whole_of(double number) {
  const bool whole =
      number >= 0 && number <= kMaxWhole && number == std::floor(number);
  return whole ? static_cast<int32_t>(number) : -1;
}

std::vector<Statistics> statistics_of(
    const std::vector<std::string_view>& lines, size_t first,
    const Dialect& dialect, int64_t columns, Whole& whole) {
  std::vector<Statistics> all(columns);
  std::vector<int32_t> before(columns, -1);
  for (size_t i = first; i < lines.size(); ++i) {
    poll_interrupt();
    // The sample's first lines follow one another.
    const bool follows = i > first && i - first < kRowNumbers;
    const auto use = [&](int64_t column, const Cell& cell) {
      if (column >= columns) return;  // said where the rows are read
      Statistics& seen = all[column];
      seen.filled += !cell.text.empty();
      seen.bytes = seen.bytes && cell.whole >= 0 && cell.whole <= 255;
      const auto number = value_of(cell, dialect);
      seen.texts += !cell.text.empty() && !number;
      const int32_t value = number ? whole_of(*number) : -1;
      if (value >= 0 && is_near_an_end(column, columns) &&
          whole[column].size() <= kMostClasses)
        whole[column].insert(value);
      if (follows && value != before[column] + 1) seen.counts = false;
      before[column] = value;
    };
    for_each_cell(lines[i], dialect.delimiter, use);
  }
  const bool enough = lines.size() - first >= kRowNumbers;
  for (Statistics& seen : all)
    seen.counts = seen.counts && enough && seen.texts == 0;
  return all;
}

class Finder {
 public:
  Finder(const std::vector<std::string_view>& lines, const Dialect& dialect,
         const ColumnRequest& request, const std::string& name)
      : request_(request), name_(name) {
    // Counted first: a list of all of them takes 24 bytes a cell.
    found_.count = for_each_cell(lines.front(), dialect.delimiter,
                                 [](int64_t, const Cell&) {});
    require_data(found_.count <= kMaxColumns, name,
                 " line 1: expected at most ", kMaxColumns, " columns, got ",
                 found_.count);
    const auto first = cells_of(lines.front(), dialect);
    const First kind = kind_of_first(first, dialect);
    const bool has_header =
        request.header == Header::Yes ||
        (request.header == Header::Auto && kind != First::Row);
    if (has_header && kind == First::Counts && request.header == Header::Auto)
      found_.notes.push_back(
          "the first line counts the columns and is taken for their names; "
          "header=False says that it is an image");
    if (has_header) {
      for (const Cell& cell : first) found_.header.emplace_back(cell.text);
      std::string& word = found_.header.front();  // NumPy's begins with "# "
      if (word.starts_with('#'))
        word.erase(0, std::min(word.find_first_not_of("# "), word.size()));
      require_data(lines.size() > 1, name,
                   ": expected rows after the header, got none");
    }
    first_row_ = lines[has_header ? 1 : 0];
    columns_ =
        statistics_of(lines, has_header ? 1 : 0, dialect, found_.count, whole_);
  }

  Columns find() {
    leave_out_empty_end();
    switch (request_.label.kind) {
      case LabelPlace::Kind::Column:
        found_.label = asked_column();
        break;
      case LabelPlace::Kind::Name:
        found_.label = named_column();
        break;
      case LabelPlace::Kind::Auto:
        found_.label = column_by_header();
        if (!found_.label) found_.label = column_of_text();
        break;
      case LabelPlace::Kind::None:
        break;
    }
    leave_out_row_numbers();
    if (request_.label.kind == LabelPlace::Kind::Auto && !found_.label &&
        !shape_of(pixels(), request_.shape))
      found_.label = column_at_an_end();
    check_pixels();
    return found_;
  }

 private:
  bool is_free(int64_t column) const {
    return column != found_.label &&
           std::find(found_.left_out.begin(), found_.left_out.end(), column) ==
               found_.left_out.end();
  }

  int64_t pixels() const {
    return found_.count - static_cast<int64_t>(found_.left_out.size()) -
           (found_.label ? 1 : 0);
  }

  // Of a delimiter behind every row's last cell.
  void leave_out_empty_end() {
    if (found_.count > 1 && columns_.back().filled == 0 &&
        (found_.header.empty() || found_.header.back().empty()))
      found_.left_out.push_back(found_.count - 1);
  }

  int64_t asked_column() const {
    const int64_t asked = request_.label.column;
    const int64_t last =
        found_.count - static_cast<int64_t>(found_.left_out.size());
    require_data(asked >= -last && asked < last, name_,
                 ": expected a label column from 0 to ", last - 1,
                 " or from -1 down to ", -last, ", got ", asked);
    return asked < 0 ? last + asked : asked;
  }

  int64_t named_column() const {
    const auto& names = found_.header;
    const auto at = std::find(names.begin(), names.end(), request_.label.name);
    if (at == names.end()) {
      std::string known;
      for (size_t i = 0; i < std::min<size_t>(names.size(), 4); ++i)
        known += join(i ? ", " : "", shown(names[i]));
      throw DataError(join(name_, ": expected a column ",
                           shown(request_.label.name), ", got ",
                           names.empty() ? "no header" : known,
                           names.size() > 4 ? ", ..." : ""));
    }
    return at - names.begin();
  }

  std::optional<int64_t> column_by_header() const {
    std::vector<int64_t> odd;  // named otherwise than most others
    std::vector<std::string> stems;
    for (size_t i = 0; i < found_.header.size(); ++i) {
      const std::string word = lower(found_.header[i]);
      if (names_a_label(word)) return static_cast<int64_t>(i);
      stems.push_back(stem(word));
    }
    if (stems.size() < 5) return {};
    std::vector<std::string> sorted = stems;
    std::nth_element(sorted.begin(), sorted.begin() + sorted.size() / 2,
                     sorted.end());
    const std::string& usual = sorted[sorted.size() / 2];
    for (size_t i = 0; i < stems.size(); ++i) {
      if (stems[i] != usual && !names_a_row(lower(found_.header[i])))
        odd.push_back(static_cast<int64_t>(i));
    }
    return odd.size() == 1 ? std::optional(odd.front()) : std::nullopt;
  }

  // The one column that holds no numbers.
  std::optional<int64_t> column_of_text() const {
    std::vector<int64_t> texts;
    for (int64_t i = 0; i < found_.count; ++i) {
      if (columns_[i].is_text() && is_free(i)) texts.push_back(i);
    }
    return texts.size() == 1 ? std::optional(texts.front()) : std::nullopt;
  }

  void leave_out_row_numbers() {
    for (int64_t i = 0; i < std::min<int64_t>(found_.count, 2); ++i) {
      if (!is_free(i)) continue;
      const bool named =
          !found_.header.empty() && names_a_row(lower(found_.header[i]));
      const bool too_many = !shape_of(pixels(), request_.shape);
      if (named ? too_many || columns_[i].counts
                : too_many && columns_[i].counts) {
        found_.left_out.insert(found_.left_out.begin(), i);
        if (!named)
          found_.notes.push_back(join(
              found_.title(i), " counts the rows and is left out; label=", i,
              " says that it is the label"));
        return;
      }
    }
  }

  // How many different values a column has if all can be classes, else 0.
  int64_t classes_in(int64_t column) const {
    const auto seen = whole_.find(column);
    const int64_t limit = request_.classes > 0 ? request_.classes : kMaxWhole;
    if (columns_[column].texts > 0 || seen == whole_.end() ||
        *seen->second.rbegin() >= limit || seen->second.size() > kMostClasses)
      return 0;
    return static_cast<int64_t>(seen->second.size());
  }

  // As numbers of classes do: at least half of those up to the largest are
  // there.
  bool counts_up(int64_t column) const {
    const int64_t values = classes_in(column);
    return values > 1 && *whole_.at(column).rbegin() < 2 * values;
  }

  // As pixels do.
  bool reaches_far(int64_t column) const {
    return classes_in(column) > 1 && *whole_.at(column).rbegin() >= kFar &&
           !counts_up(column);
  }

  int64_t taken(int64_t column, const std::string& other) {
    found_.notes.push_back(join(found_.title(column),
                                " is taken for the label; label='", other,
                                "' takes the ", other, " column"));
    return column;
  }

  std::optional<int64_t> column_at_an_end() {
    int64_t first = 0;
    int64_t last = found_.count - 1;
    while (first < last && !is_free(first)) ++first;
    while (last > first && !is_free(last)) --last;
    const int64_t at_first = classes_in(first);
    const int64_t at_last = classes_in(last);
    if (at_first > 1 && at_last <= 1) return first;
    if (at_last > 1 && at_first <= 1) return last;
    if (counts_up(first) && reaches_far(last)) return taken(first, "last");
    if (counts_up(last) && reaches_far(first)) return taken(last, "first");
    throw DataError(
        join(name_, ": expected one end of the rows to look like labels, ",
             at_first && at_last ? "got two candidates" : "got none",
             "; say label='first', 'last' or 'none' (the first row "
             "begins ",
             begin_of_first_row(), ")"));
  }

  std::string begin_of_first_row() const {
    return shown(first_row_.substr(0, 20));
  }

  void check_pixels() {
    require_data(pixels() > 0, name_,
                 ": expected pixel columns, got only labels");
    std::string texts;
    for (int64_t i = 0; i < found_.count && texts.size() < 60; ++i) {
      if (!is_free(i)) continue;
      if (columns_[i].is_text())
        texts += join(texts.empty() ? "" : ", ", found_.title(i));
      found_.has_decimals = found_.has_decimals || !columns_[i].bytes;
    }
    require_data(texts.empty(), name_,
                 ": expected numbers beside the label, got ", "text in ", texts,
                 "; say which column is the label");
    const auto shape = shape_of(pixels(), request_.shape);
    if (!shape) {
      const Shape& asked = request_.shape;
      throw DataError(
          asked.size()
              ? join(name_, ": expected ", asked.size(),
                     " pixel columns for shape ", to_string(asked), ", got ",
                     pixels())
              : join(name_, ": expected a square number of pixel columns, got ",
                     pixels(), "; give shape=(height, width)"));
    }
    found_.shape = *shape;
  }

  const ColumnRequest& request_;
  const std::string& name_;
  Columns found_;
  std::string_view first_row_;
  std::vector<Statistics> columns_;
  Whole whole_;
};

int64_t root_of(int64_t n) {
  const auto side =
      static_cast<int64_t>(std::llround(std::sqrt(static_cast<double>(n))));
  return n > 0 && side * side == n ? side : 0;
}

}  // namespace

std::string Columns::title(int64_t column) const {
  if (header.empty() || header[column].empty())
    return join("column ", column + 1);
  return shown(header[column]);
}

std::optional<Shape> shape_of(int64_t pixels, const Shape& requested) {
  if (requested.size() > 0)
    return requested.size() == pixels ? std::optional(requested) : std::nullopt;
  if (const int64_t side = root_of(pixels)) return Shape{1, side, side};
  const int64_t side = pixels % 3 ? 0 : root_of(pixels / 3);
  return side >= 4 ? std::optional(Shape{3, side, side}) : std::nullopt;
}

Columns find_columns(const std::vector<std::string_view>& lines,
                     const Dialect& dialect, const ColumnRequest& request,
                     const std::string& name) {
  return Finder(lines, dialect, request, name).find();
}

}  // namespace digitnet::data
