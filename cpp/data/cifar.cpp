#include "data/cifar.h"

#include <span>

namespace digitnet::data {
namespace {

constexpr int64_t kPixels = int64_t{3} * 32 * 32;
constexpr uint8_t kOfTen[] = {10};
constexpr uint8_t kOfHundred[] = {20, 100};  // coarse and fine classes

bool holds_records(std::string_view content, std::span<const uint8_t> classes) {
  const size_t labels = classes.size(), record = labels + kPixels;
  if (content.empty() || content.size() % record != 0) return false;
  for (size_t start = 0; start < content.size(); start += record) {
    for (size_t i = 0; i < labels; ++i)
      if (static_cast<uint8_t>(content[start + i]) >= classes[i]) return false;
  }
  return true;
}

}  // namespace

int64_t cifar_labels(std::string_view content) {
  if (holds_records(content, kOfTen)) return 1;
  return holds_records(content, kOfHundred) ? 2 : 0;
}

}  // namespace digitnet::data
