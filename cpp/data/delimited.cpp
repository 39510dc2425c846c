#include "data/delimited.h"

#include <algorithm>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/text_cells.h"
#include "data/text_images.h"

namespace digitnet::data {
namespace {

constexpr int64_t kLinesBetweenPolls = 16;
constexpr int64_t kSampleCells = 1 << 19;
constexpr int64_t kMostSampleLines = 512;
constexpr int64_t kFewestSampleLines = 24;

enum class Role : uint8_t { Pixel, Label, LeftOut };

int64_t sample_size(std::string_view text) {
  std::string_view line;
  Lines(text).next(line);
  const int64_t columns =
      1 +
      static_cast<int64_t>(std::count_if(line.begin(), line.end(), [](char c) {
        return c == ',' || c == ';' || detail::is_blank(c);
      }));
  return std::clamp(kSampleCells / columns, kFewestSampleLines,
                    kMostSampleLines);
}

class Reader {
 public:
  Reader(std::string_view text, const TextRequest& request,
         const std::string& name)
      : text_(without_ends(text)), request_(request), name_(name) {
    require_data(!text_.empty(), name,
                 ": expected rows of numbers, got an empty file");
    const auto lines = sample_lines(text_, sample_size(text_));
    dialect_ = dialect_of(lines);
    columns_ = find_columns(lines, dialect_, request.columns, name);
    roles_.assign(columns_.count, Role::Pixel);
    if (columns_.label) roles_[*columns_.label] = Role::Label;
    for (const int64_t column : columns_.left_out)
      roles_[column] = Role::LeftOut;
  }

  TextImages read() {
    TextImages images;
    if (columns_.has_decimals || !read_rows<uint8_t>(images)) {
      images = {};
      read_rows<float>(images);
    }
    images.shape = columns_.shape;
    images.notes = columns_.notes;
    return images;
  }

 private:
  // Reads all rows into bytes or floats; false if bytes are not enough.
  template <class Pixel>
  bool read_rows(TextImages& images) {
    constexpr bool kBytes = std::is_same_v<Pixel, uint8_t>;
    std::vector<Pixel>& pixels = pixels_of<Pixel>(images);
    TextLabels labels(name_);
    PixelRange range;
    Lines lines(text_);
    std::string_view line;
    if (!columns_.header.empty()) lines.next(line);
    const int64_t size = columns_.shape.size();
    while (lines.next(line)) {
      if (lines.number() % kLinesBetweenPolls == 0) poll_interrupt();
      if (images.count == 0)
        pixels.reserve((text_.size() / (line.size() + 1) + 1) * size);
      const size_t before = pixels.size();
      pixels.resize(before + size);
      Pixel* out = pixels.data() + before;
      bool fits = true;
      const auto use = [&](int64_t column, const Cell& cell) {
        if (column >= columns_.count) return;
        if (roles_[column] == Role::Pixel) {
          if constexpr (kBytes) {
            fits = fits && cell.whole >= 0 && cell.whole <= 255;
            *out++ = static_cast<uint8_t>(cell.whole);
          } else {
            const float value = number(cell, lines.number(), column);
            range.add(value, lines.number(), column + 1);
            *out++ = value;
          }
        } else if (roles_[column] == Role::Label) {
          labels.add(cell, lines.number());
        }
      };
      const int64_t found = for_each_cell(line, dialect_.delimiter, use);
      require_data(found == columns_.count, name_, " line ", lines.number(),
                   ": expected ", columns_.count, " columns, got ", found);
      if (!fits) return false;
      ++images.count;
    }
    require_data(images.count > 0, name_,
                 ": expected rows after the header, got none");
    if (columns_.label) labels.settle(dialect_, request_.columns, images);
    if constexpr (!kBytes) range.settle(request_.max_value, name_, images);
    return true;
  }

  float number(const Cell& cell, int64_t line, int64_t column) const {
    const auto value = value_of(cell, dialect_);
    require_data(value.has_value(), name_, " line ", line, " column ",
                 column + 1, ": expected a number, got ", shown(cell.text));
    return static_cast<float>(*value);
  }

  template <class Pixel>
  static std::vector<Pixel>& pixels_of(TextImages& images) {
    if constexpr (std::is_same_v<Pixel, uint8_t>) {
      return images.bytes;
    } else {
      return images.floats;
    }
  }

  std::string_view text_;
  const TextRequest& request_;
  const std::string& name_;
  Dialect dialect_;
  Columns columns_;
  std::vector<Role> roles_;
};

}  // namespace

TextImages read_delimited(std::string_view text, const TextRequest& request,
                          const std::string& name) {
  return Reader(text, request, name).read();
}

}  // namespace digitnet::data
