#include "data/text_cells.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace digitnet::data {
namespace {

constexpr int64_t kFirstLines = 24;  // of a sample that follow one another
constexpr size_t kMaxDigits = 64;    // of a number

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

int32_t whole_of(std::string_view text) {
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = std::min<int64_t>(value * 10 + (c - '0'), kMaxWhole);
  }
  return text.empty() ? -1 : static_cast<int32_t>(value);
}

// How many cells each line has, if all have as many and that is two at least.
int64_t cells_alike(const std::vector<std::string_view>& lines,
                    char delimiter) {
  int64_t alike = 0;
  for (const auto line : lines) {
    const int64_t count =
        for_each_cell(line, delimiter, [](int64_t, const Cell&) {});
    if (count < 2 || (alike && count != alike)) return 0;
    alike = count;
  }
  return alike;
}

// Whether the last line's cells read as numbers once commas are decimal signs,
// and some have one.
bool has_decimal_commas(std::string_view line, char delimiter) {
  bool some = false;
  bool all = true;
  for_each_cell(line, delimiter, [&](int64_t, const Cell& cell) {
    if (cell.text.find(',') == std::string_view::npos) return;
    some = true;
    all = all && number_of(cell.text, {delimiter, ','});
  });
  return some && all;
}

}  // namespace

std::string_view without_ends(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  while (!text.empty() && (is_space(text.back()) || text.back() == '\n'))
    text.remove_suffix(1);
  return text;
}

Lines::Lines(std::string_view text)
    : text_(text),
      end_(text.find('\n') == std::string_view::npos ? '\r' : '\n') {}

bool Lines::next(std::string_view& line) {
  if (at_ > text_.size()) return false;
  const size_t end = std::min(text_.find(end_, at_), text_.size());
  line = text_.substr(at_, end - at_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  at_ = end + 1;
  ++number_;
  return true;
}

void Lines::seek(size_t offset) {
  const size_t end = text_.find(end_, offset == 0 ? 0 : offset - 1);
  at_ = offset == 0 ? 0 : std::min(end, text_.size()) + 1;
}

std::vector<std::string_view> sample_lines(std::string_view text,
                                           int64_t count) {
  std::vector<std::string_view> sample;
  Lines lines(text);
  std::string_view line;
  const int64_t first = std::min(count, kFirstLines);
  while (static_cast<int64_t>(sample.size()) < first && lines.next(line))
    sample.push_back(line);
  const size_t begin = lines.at();
  for (int64_t i = 0; i < count - first; ++i) {
    const size_t place = begin + (text.size() - std::min(begin, text.size())) *
                                     i / std::max<int64_t>(1, count - first);
    if (place < lines.at() && i > 0) continue;
    lines.seek(place);
    if (!lines.next(line)) break;
    sample.push_back(line);
  }
  return sample;
}

Dialect dialect_of(const std::vector<std::string_view>& lines) {
  for (const char delimiter : {'\t', ';'}) {
    if (cells_alike(lines, delimiter) > 0) {
      const bool commas =
          !lines.empty() && has_decimal_commas(lines.back(), delimiter);
      return {delimiter, commas ? ',' : '.'};
    }
  }
  const bool has_comma = std::any_of(lines.begin(), lines.end(), [](auto line) {
    return line.find(',') != std::string_view::npos;
  });
  return {!has_comma && cells_alike(lines, ' ') > 0 ? ' ' : ',', '.'};
}

std::optional<double> number_of(std::string_view cell, const Dialect& dialect) {
  if (cell.starts_with('+')) cell.remove_prefix(1);
  if (cell.empty() || cell.size() > kMaxDigits || cell.starts_with('+') ||
      !(cell.front() == '-' || cell.front() == dialect.decimal ||
        (cell.front() >= '0' && cell.front() <= '9')))
    return {};
  std::array<char, kMaxDigits> copy;
  if (dialect.decimal != '.') {
    if (cell.find('.') != std::string_view::npos) return {};
    std::replace_copy(cell.begin(), cell.end(), copy.begin(), dialect.decimal,
                      '.');
    cell = {copy.data(), cell.size()};
  }
  double value = 0;
  const char* const end = cell.data() + cell.size();
  const auto [at, error] = std::from_chars(cell.data(), end, value);
  if (error != std::errc() || at != end || !std::isfinite(value)) return {};
  return value;
}

std::string shown(std::string_view cell) {
  std::string text(cell.substr(0, 20));
  for (char& c : text) {
    if (c < ' ' || c > '~') c = '?';
  }
  return join("'", text, cell.size() > 20 ? "...'" : "'");
}

std::vector<Cell> cells_of(std::string_view line, const Dialect& dialect) {
  std::vector<Cell> cells;
  for_each_cell(line, dialect.delimiter,
                [&](int64_t, const Cell& cell) { cells.push_back(cell); });
  return cells;
}

namespace detail {

const char* read_cell(const char* at, const char* end, char delimiter,
                      Cell& cell) {
  const bool blanks = delimiter == ' ';
  const auto ends = [&](const char* c) {
    return blanks ? is_blank(*c) : *c == delimiter;
  };
  if (at < end && *at == '"') {
    const char* stop = at + 1;
    while (stop < end && !(*stop == '"' && (stop + 1 == end || stop[1] != '"')))
      stop += *stop == '"' ? 2 : 1;
    const char* behind = std::min(stop + 1, end);
    while (behind < end && !blanks && is_space(*behind) && !ends(behind))
      ++behind;
    if (stop < end && (behind == end || ends(behind))) {
      cell.text = trimmed({at + 1, static_cast<size_t>(stop - at - 1)});
      cell.whole = whole_of(cell.text);
      return behind;
    }
  }
  const char* stop = at;
  while (stop < end && !ends(stop)) ++stop;
  cell.text = trimmed({at, static_cast<size_t>(stop - at)});
  cell.whole = whole_of(cell.text);
  return stop;
}

}  // namespace detail
}  // namespace digitnet::data
