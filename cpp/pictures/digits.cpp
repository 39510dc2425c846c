#include "pictures/digits.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/error.h"
#include "core/interrupt.h"
#include "pictures/rules.h"

namespace digitnet::pictures {
namespace {

constexpr double kSpeck = 0.04;       // of the heaviest stroke's weight
constexpr double kNear = 0.16;        // of a digit's size, between its strokes
constexpr double kOverlap = 0.5;      // of the narrower one's width
constexpr double kOtherDigit = 0.45;  // of the tallest one's height
constexpr double kBeside = 0.15;  // of its weight: what is inside counts more
constexpr double kEdge = 0.6;  // of a side: what runs so far along the border

struct Stroke {
  Box box;
  double weight = 0;
  int64_t area = 0;
  int64_t at_border = 0;  // pixels
};

// Labels 1, 2, ... of the connected strokes, and what they are.
std::vector<Stroke> connected(const Ink& ink, const Mask& mask,
                              std::vector<int32_t>& labels) {
  std::vector<Stroke> strokes;
  std::vector<int64_t> open;
  labels.assign(mask.pixels.size(), 0);
  for (int64_t i = 0; i < static_cast<int64_t>(labels.size()); ++i) {
    if (!mask.pixels[i] || labels[i]) continue;
    const auto label = static_cast<int32_t>(strokes.size() + 1);
    Stroke stroke;
    int64_t top = mask.height, left = mask.width, bottom = 0, right = 0;
    labels[i] = label;
    open.push_back(i);
    while (!open.empty()) {
      const int64_t at = open.back();
      open.pop_back();
      const int64_t y = at / mask.width, x = at % mask.width;
      top = std::min(top, y);
      bottom = std::max(bottom, y);
      left = std::min(left, x);
      right = std::max(right, x);
      ++stroke.area;
      stroke.weight += std::min(1.0f, ink.strength.pixels[at]);
      stroke.at_border +=
          y == 0 || x == 0 || y == mask.height - 1 || x == mask.width - 1;
      for (int64_t v = std::max<int64_t>(y - 1, 0);
           v <= std::min(y + 1, mask.height - 1); ++v) {
        for (int64_t u = std::max<int64_t>(x - 1, 0);
             u <= std::min(x + 1, mask.width - 1); ++u) {
          const int64_t next = v * mask.width + u;
          if (!mask.pixels[next] || labels[next]) continue;
          labels[next] = label;
          open.push_back(next);
        }
      }
    }
    stroke.box = {top, left, bottom - top + 1, right - left + 1};
    strokes.push_back(stroke);
  }
  return strokes;
}

// What runs along the picture's border is an edge of the sheet, of the table,
// of a shadow, or another picture's part.
bool is_edge(const Stroke& stroke, const Mask& mask) {
  if (stroke.at_border == 0) return false;
  const double tall =
      static_cast<double>(stroke.box.height) / static_cast<double>(mask.height);
  const double wide =
      static_cast<double>(stroke.box.width) / static_cast<double>(mask.width);
  const double filled =
      static_cast<double>(stroke.area) /
      static_cast<double>(stroke.box.height * stroke.box.width);
  const bool thin = std::min(tall, wide) < 0.15 || filled < 0.12;
  return (std::max(tall, wide) > kEdge && thin) ||
         static_cast<double>(stroke.at_border) >
             0.35 * static_cast<double>(stroke.box.height + stroke.box.width);
}

int64_t gap(int64_t first, int64_t first_end, int64_t second,
            int64_t second_end) {
  return std::max<int64_t>(0, std::max(first - second_end, second - first_end));
}

// Whether two strokes belong to one digit.
bool belong_together(const Box& a, const Box& b, double size) {
  const int64_t across = gap(a.left, a.right(), b.left, b.right());
  const int64_t along = gap(a.top, a.bottom(), b.top, b.bottom());
  const auto distance = static_cast<double>(std::max(across, along));
  if (distance > 0.5 * size) return false;
  if (distance <= kNear * size && across == 0) return true;
  const auto shared = static_cast<double>(std::min(a.right(), b.right()) -
                                          std::max(a.left, b.left));
  const auto narrower = static_cast<double>(std::min(a.width, b.width));
  const double smaller = static_cast<double>(
      std::min(std::max(a.height, a.width), std::max(b.height, b.width)));
  if (shared >= kOverlap * narrower && static_cast<double>(along) < 0.3 * size)
    return true;
  // A small piece beside a large one, as a broken stroke leaves it.
  return distance <= kNear * size && smaller < kOtherDigit * size;
}

Box joined(const Box& a, const Box& b) {
  const int64_t top = std::min(a.top, b.top), left = std::min(a.left, b.left);
  return {top, left, std::max(a.bottom(), b.bottom()) - top,
          std::max(a.right(), b.right()) - left};
}

std::vector<Digit> grouped(const std::vector<Stroke>& strokes,
                           const std::vector<int64_t>& kept, double size) {
  std::vector<int64_t> group(kept.size());
  std::iota(group.begin(), group.end(), 0);
  for (size_t i = 0; i < kept.size(); ++i) {
    for (size_t j = i + 1; j < kept.size(); ++j) {
      if (group[i] == group[j] ||
          !belong_together(strokes[kept[i]].box, strokes[kept[j]].box, size))
        continue;
      const int64_t from = std::max(group[i], group[j]),
                    to = std::min(group[i], group[j]);
      std::replace(group.begin(), group.end(), from, to);
    }
  }
  std::vector<Digit> digits;
  for (size_t i = 0; i < kept.size(); ++i) {
    Digit digit;
    for (size_t j = 0; j < kept.size(); ++j) {
      if (group[j] != static_cast<int64_t>(i)) continue;
      const Stroke& stroke = strokes[kept[j]];
      digit.box =
          digit.strokes.empty() ? stroke.box : joined(digit.box, stroke.box);
      digit.strokes.push_back(kept[j] + 1);
      digit.weight += stroke.weight;
    }
    if (!digit.strokes.empty()) digits.push_back(digit);
  }
  return digits;
}

double size_of(const Box& box) {
  return static_cast<double>(std::max(box.height, box.width));
}

}  // namespace

Digits find_digits(const Ink& ink) {
  Mask mask = ink.strokes;
  remove_rules(ink.strength, ink.faint, mask);
  Digits result;
  const std::vector<Stroke> strokes = connected(ink, mask, result.labels);
  poll_interrupt();

  // What touches the border is an edge, or another picture's part, unless there
  // is nothing else: a digit that fills the picture.
  double heaviest_inside = 0;
  for (const Stroke& stroke : strokes)
    if (stroke.at_border == 0)
      heaviest_inside = std::max(heaviest_inside, stroke.weight);
  std::vector<int64_t> inner;
  for (const bool edges_too : {false, true}) {
    for (size_t i = 0; i < strokes.size(); ++i) {
      const Stroke& stroke = strokes[i];
      const bool aside =
          stroke.at_border > 0 &&
          (is_edge(stroke, mask) || heaviest_inside > kBeside * stroke.weight);
      if (edges_too || !aside) inner.push_back(static_cast<int64_t>(i));
    }
    if (!inner.empty()) break;
  }
  double heaviest = 0, all = 0;
  for (const int64_t i : inner)
    heaviest = std::max(heaviest, strokes[i].weight);
  std::vector<int64_t> kept;
  constexpr size_t kMostStrokes = 2000;
  for (const int64_t i : inner)
    if (strokes[i].weight >= kSpeck * heaviest && kept.size() < kMostStrokes)
      kept.push_back(i);
  require_data(!kept.empty(),
               "scan: expected a digit, got nothing but lines and edges");
  double size = 0;
  for (const int64_t i : kept)
    if (strokes[i].weight > heaviest / 2)
      size = std::max(size, size_of(strokes[i].box));

  for (Digit& digit : grouped(strokes, kept, size)) {
    all += digit.weight;
    if (static_cast<double>(digit.box.height) >= kOtherDigit * size ||
        digit.weight >= 0.3 * heaviest)
      result.found.push_back(std::move(digit));
  }
  std::sort(result.found.begin(), result.found.end(),
            [](const Digit& a, const Digit& b) { return a.weight > b.weight; });
  require_data(!result.found.empty(),
               "scan: expected a digit, got specks and lines alone");
  result.certainty = result.found.front().weight / all;
  return result;
}

}  // namespace digitnet::pictures
