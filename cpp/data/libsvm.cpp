#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/delimited.h"
#include "data/text_cells.h"
#include "data/text_images.h"

namespace digitnet::data {
namespace {

constexpr int64_t kLinesBetweenPolls = 16;
constexpr int64_t kMaxPlace = 3 * 1024 * 1024;
constexpr size_t kMaxBytes = size_t{1} << 34;  // of all pixels
constexpr Dialect kBlanks{' ', '.'};

struct Entry {
  int64_t place = 0;  // from 1, or from 0
  double value = 0;
};

// "13:0.5"; nothing for other text.
std::optional<Entry> entry_of(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  Entry entry;
  const char* const end = text.data() + colon;
  const auto [at, error] = std::from_chars(text.data(), end, entry.place);
  const auto value = number_of(text.substr(colon + 1), kBlanks);
  if (error != std::errc() || at != end || !value) return {};
  entry.value = *value;
  return entry;
}

// Calls label(cell) and pixel(entry, column) for what stands in a line.
template <class Label, class Pixel>
void read_line(std::string_view line, int64_t number, const std::string& name,
               const Label& label, const Pixel& pixel) {
  line = line.substr(0, line.find('#'));
  while (!line.empty() && detail::is_blank(line.back())) line.remove_suffix(1);
  for_each_cell(line, ' ', [&](int64_t column, const Cell& cell) {
    if (column == 0) {
      label(cell);
      return;
    }
    const auto entry = entry_of(cell.text);
    require_data(entry && entry->place >= 0 && entry->place <= kMaxPlace, name,
                 " line ", number, ": expected a place up to ", kMaxPlace,
                 " and its value, as in '7:0.5', got ", shown(cell.text));
    pixel(*entry, column);
  });
}

Shape shape_for(int64_t last, const Shape& requested, const std::string& name) {
  if (requested.size() > 0) {
    require_data(last <= requested.size(), name, ": expected places up to ",
                 requested.size(), " for shape ", to_string(requested),
                 ", got ", last);
    return requested;
  }
  const auto side = static_cast<int64_t>(
      std::ceil(std::sqrt(static_cast<double>(std::max<int64_t>(last, 1)))));
  return {1, side, side};
}

}  // namespace

bool is_libsvm(std::string_view text) {
  std::string_view line;
  if (!Lines(without_ends(text)).next(line)) return false;
  bool right = true;
  int64_t entries = 0;
  for_each_cell(line.substr(0, line.find('#')), ' ',
                [&](int64_t column, const Cell& cell) {
                  if (cell.text.empty()) return;
                  if (column == 0) {
                    right = number_of(cell.text, kBlanks).has_value();
                  } else {
                    right = right && entry_of(cell.text);
                    ++entries;
                  }
                });
  return right && entries > 0;
}

TextImages read_libsvm(std::string_view text, const TextRequest& request,
                       const std::string& name) {
  text = without_ends(text);
  require_data(!text.empty(), name,
               ": expected rows of numbers, got an empty file");
  TextImages images;
  TextLabels labels(name);
  std::string_view line;
  int64_t first = 1, last = 0;  // of the places
  for (Lines lines(text); lines.next(line); ++images.count) {
    if (lines.number() % kLinesBetweenPolls == 0) poll_interrupt();
    read_line(
        line, lines.number(), name,
        [&](const Cell& cell) { labels.add(cell, lines.number()); },
        [&](const Entry& entry, int64_t) {
          first = std::min(first, entry.place);
          last = std::max(last, entry.place);
        });
  }
  images.shape = shape_for(last + 1 - first, request.columns.shape, name);
  const int64_t size = images.shape.size();
  require_data(static_cast<size_t>(images.count) * size <= kMaxBytes / 4, name,
               ": expected at most ", kMaxBytes / 4, " pixels, got ",
               images.count, " images of ", size);
  images.floats.resize(images.count * size);
  PixelRange range;
  float* out = images.floats.data();
  for (Lines lines(text); lines.next(line); out += size) {
    if (lines.number() % kLinesBetweenPolls == 0) poll_interrupt();
    read_line(
        line, lines.number(), name, [](const Cell&) {},
        [&](const Entry& entry, int64_t column) {
          const auto value = static_cast<float>(entry.value);
          range.add(value, lines.number(), column + 1);
          out[entry.place - first] = value;
        });
  }
  labels.settle(kBlanks, request.columns, images);
  range.settle(request.max_value, name, images);
  return images;
}

}  // namespace digitnet::data
