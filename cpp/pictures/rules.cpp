#include "pictures/rules.h"

#include <algorithm>
#include <cmath>

#include "core/interrupt.h"

namespace digitnet::pictures {
namespace {

constexpr int64_t kSlopes = 29;     // that are tried, from -kSteepest on
constexpr double kSteepest = 0.12;  // about 7 degrees
constexpr double kCovered = 0.55;   // of a line's length that is ink
constexpr double kAtTheEnds = 0.4;  // the same of its first and last sixth
constexpr int64_t kMostLines = 200;
constexpr int64_t kThickest = 24;  // parts of the picture's height

struct Line {
  double slope = 0;
  int64_t row = 0;        // where it meets the picture's middle column
  int64_t thickness = 1;  // in rows
};

// How much of each line of this slope is ink: of all of it, and the least of
// its two ends.
struct Coverage {
  std::vector<float> whole, ends;  // by row of the middle column
};

int64_t row_at(const Line& line, int64_t x, int64_t width) {
  return line.row +
         std::lround(line.slope * static_cast<double>(x - width / 2));
}

Coverage coverage_of(const Mask& mask, double slope) {
  const int64_t height = mask.height, width = mask.width;
  const int64_t end = std::max<int64_t>(1, width / 6);
  std::vector<int64_t> whole(height), first(height), last(height);
  for (int64_t x = 0; x < width; ++x) {
    const int64_t shift =
        std::lround(slope * static_cast<double>(x - width / 2));
    for (int64_t y = std::max<int64_t>(0, -shift);
         y < std::min(height, height - shift); ++y) {
      const int64_t ink = mask.at(y + shift, x);
      whole[y] += ink;
      if (x < end) first[y] += ink;
      if (x >= width - end) last[y] += ink;
    }
  }
  Coverage result{std::vector<float>(height), std::vector<float>(height)};
  for (int64_t y = 0; y < height; ++y) {
    result.whole[y] = static_cast<float>(whole[y]) / static_cast<float>(width);
    result.ends[y] = static_cast<float>(std::min(first[y], last[y])) /
                     static_cast<float>(end);
  }
  return result;
}

// The level lines of a mask, the clearest of those that lie on each other.
std::vector<Line> level_lines(const Mask& mask) {
  const int64_t height = mask.height;
  std::vector<float> best(height, 0);
  std::vector<double> slopes(height, 0);
  for (int64_t i = 0; i < kSlopes; ++i) {
    poll_interrupt();
    const double slope =
        kSteepest * (2.0 * static_cast<double>(i) / (kSlopes - 1) - 1);
    const Coverage covered = coverage_of(mask, slope);
    for (int64_t y = 0; y < height; ++y) {
      if (covered.whole[y] < kCovered || covered.ends[y] < kAtTheEnds ||
          covered.whole[y] <= best[y])
        continue;
      best[y] = covered.whole[y];
      slopes[y] = slope;
    }
  }
  std::vector<Line> lines;
  for (int64_t y = 0; y < height;) {
    if (best[y] == 0) {
      ++y;
      continue;
    }
    int64_t end = y, clearest = y;
    for (; end < height && best[end] > 0; ++end)
      if (best[end] > best[clearest]) clearest = end;
    const int64_t thickness = end - y;
    if (thickness <= std::max<int64_t>(3, height / kThickest) &&
        static_cast<int64_t>(lines.size()) < kMostLines)
      lines.push_back({slopes[clearest], (y + end - 1) / 2, thickness});
    y = end;
  }
  return lines;
}

// Takes out of each column what the line alone has there: a stroke that crosses
// it reaches further up and down.
void remove_line(Mask& mask, const Line& line) {
  const int64_t reach = line.thickness / 2 + 2;
  for (int64_t x = 0; x < mask.width; ++x) {
    const int64_t middle = row_at(line, x, mask.width);
    for (int64_t y = std::max<int64_t>(0, middle - reach);
         y <= std::min(mask.height - 1, middle + reach); ++y) {
      if (!mask.at(y, x)) continue;
      int64_t top = y, bottom = y;
      while (top > 0 && mask.at(top - 1, x)) --top;
      while (bottom + 1 < mask.height && mask.at(bottom + 1, x)) ++bottom;
      if (bottom - top + 1 <= line.thickness + 3)
        for (int64_t v = top; v <= bottom; ++v) mask.at(v, x) = 0;
      y = bottom;
    }
  }
}

template <class Picture>
Picture turned(const Picture& picture) {
  Picture result(picture.width, picture.height);
  for (int64_t y = 0; y < picture.height; ++y)
    for (int64_t x = 0; x < picture.width; ++x)
      result.at(x, y) = picture.at(y, x);
  return result;
}

// Ink above a threshold in a pixel, or in the one above or below it: a line
// that is drawn a little aslant changes its row now and then.
Mask spread(const Plane& strength, float threshold) {
  Mask mask(strength.height, strength.width);
  for (int64_t y = 0; y < mask.height; ++y) {
    for (int64_t x = 0; x < mask.width; ++x) {
      if (strength.at(y, x) < threshold) continue;
      for (int64_t v = std::max<int64_t>(y - 1, 0);
           v <= std::min(y + 1, mask.height - 1); ++v)
        mask.at(v, x) = 1;
    }
  }
  return mask;
}

}  // namespace

int64_t remove_rules(const Plane& strength, float faint, Mask& strokes) {
  const Plane upright = turned(strength);
  const std::vector<Line> level = level_lines(spread(strength, faint)),
                          steep = level_lines(spread(upright, faint));
  for (const Line& line : level) remove_line(strokes, line);
  Mask aside = turned(strokes);
  for (const Line& line : steep) remove_line(aside, line);
  strokes = turned(aside);
  return static_cast<int64_t>(level.size() + steep.size());
}

}  // namespace digitnet::pictures
