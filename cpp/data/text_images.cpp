#include "data/text_images.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace digitnet::data {
namespace {

constexpr size_t kMostNames = 10'000;
constexpr double kMaxLabel = 1e6;

// "" within quotes is one.
std::string without_doubled_quotes(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    result += text[i];
    if (text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"') ++i;
  }
  return result;
}

}  // namespace

void TextLabels::settle(const Dialect& dialect, const ColumnRequest& request,
                        TextImages& images) const {
  const int64_t classes = request.classes;
  images.labelled = true;
  images.labels.reserve(cells_.size());
  bool names = false;
  for (size_t i = 0; i < cells_.size() && !names; ++i) {
    const Cell& cell = cells_[i];
    require_data(!cell.text.empty(), name_, " line ", lines_[i],
                 ": expected a label, got an empty cell");
    const auto number = value_of(cell, dialect);
    if (!number || *number < 0) {
      require_data(request.names, name_, " line ", lines_[i],
                   ": expected a label from 0 to ", classes - 1, ", got ",
                   shown(cell.text));
      names = true;
      break;
    }
    require_data(*number == std::floor(*number), name_, " line ", lines_[i],
                 ": expected a label that is a whole number, got ",
                 shown(cell.text));
    const double limit = classes > 0 ? static_cast<double>(classes) : kMaxLabel;
    require_data(*number < limit, name_, " line ", lines_[i],
                 ": expected a label from 0 to ", limit - 1, ", got ",
                 shown(cell.text));
    images.labels.push_back(static_cast<int64_t>(*number));
  }
  if (names) settle_names(images);
}

void TextLabels::settle_names(TextImages& images) const {
  images.labels.clear();
  std::unordered_map<std::string_view, int64_t> places;
  for (size_t i = 0; i < cells_.size(); ++i) {
    const std::string_view text = cells_[i].text;
    require_data(!text.empty(), name_, " line ", lines_[i],
                 ": expected a label, got an empty cell");
    const auto [at, is_new] =
        places.emplace(text, static_cast<int64_t>(places.size()));
    if (is_new) {
      require_data(places.size() <= kMostNames, name_,
                   ": expected labels of at most ", kMostNames,
                   " classes, got more; the last one is ", shown(text));
      images.names.push_back(without_doubled_quotes(text));
    }
    images.labels.push_back(at->second);
  }
}

void PixelRange::widen(float value, int64_t line, int64_t column) {
  if (value < min_) {
    min_ = value;
    min_line_ = line, min_column_ = column;
  }
  if (value > max_) {
    max_ = value;
    max_line_ = line, max_column_ = column;
  }
}

void PixelRange::settle(double max_value, const std::string& name,
                        TextImages& images) const {
  auto& floats = images.floats;
  if (min_ < 0) {
    require_data(min_ >= -1 && max_ <= 1, name, " line ", min_line_, " column ",
                 min_column_,
                 ": expected pixels from 0 to 255, 0 to 1 or -1 to ", "1, got ",
                 min_, " to ", max_,
                 "; are they standardised? Undo that first");
    for (float& value : floats) value = (value + 1) / 2;
    images.was_signed = true;
    return;
  }
  require_data(max_ <= 255 || max_value > 0, name, " line ", max_line_,
               " column ", max_column_,
               ": expected a pixel from 0 to 255, got ", max_,
               "; if that is right, give max_value");
  if (whole_ && max_ <= 255) {
    images.bytes.resize(floats.size());
    std::transform(floats.begin(), floats.end(), images.bytes.begin(),
                   [](float value) { return static_cast<uint8_t>(value); });
    floats = {};
  }
}

}  // namespace digitnet::data
