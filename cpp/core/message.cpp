#include "core/message.h"

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace digitnet {
namespace {

constexpr size_t kMaxQuoted = 80, kMaxMessage = 2000;
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

bool continues(char byte) {
  return (static_cast<uint8_t>(byte) & 0xC0) == 0x80;
}

// Bytes of the UTF-8 sequence that begins there, or 0.
size_t sequence_at(std::string_view text, size_t at) {
  const auto lead = static_cast<uint8_t>(text[at]);
  if (lead < 0x80) return 1;
  const size_t count = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || at + count > text.size()) return 0;
  const auto next = static_cast<uint8_t>(text[at + 1]);
  const bool overlong =
      (lead == 0xE0 && next < 0xA0) || (lead == 0xF0 && next < 0x90);
  const bool beyond =
      (lead == 0xED && next > 0x9F) || (lead == 0xF4 && next > 0x8F);
  if (overlong || beyond) return 0;  // surrogates, or no code point
  for (size_t i = 1; i < count; ++i)
    if (!continues(text[at + i])) return 0;
  return count;
}

// As many bytes as fit, of whole characters.
std::string_view beginning(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && continues(text[bytes])) --bytes;
  return text.substr(0, bytes);
}

std::string printable(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const auto byte = static_cast<uint8_t>(text[at]);
    const size_t count = sequence_at(text, at);
    const bool control = (byte < ' ' && byte != '\n' && byte != '\t') ||
                         byte == 0x7F ||
                         (byte == 0xC2 && count == 2 &&
                          static_cast<uint8_t>(text[at + 1]) < 0xA0);
    if (count == 0) {
      result += '?';
    } else if (control) {
      const auto code = static_cast<uint8_t>(text[at + count - 1]);
      result += {'\\', 'x', kDigits[code >> 4], kDigits[code & 15]};
    } else {
      result += text.substr(at, count);
    }
    at += std::max<size_t>(count, 1);
  }
  return result;
}

}  // namespace

std::string shown_message(const std::string& message) {
  std::string brief;
  std::string_view rest = message;
  while (brief.size() <= 2 * kMaxMessage) {
    const size_t open = rest.find('\'');
    const size_t close =
        open == rest.npos ? rest.npos : rest.find('\'', open + 1);
    if (close == rest.npos) break;
    const std::string_view quoted = rest.substr(open + 1, close - open - 1);
    const std::string_view kept = beginning(quoted, kMaxQuoted);
    brief += rest.substr(0, open + 1);
    brief += kept;
    if (kept.size() < quoted.size()) brief += kEllipsis;
    brief += '\'';
    rest.remove_prefix(close + 1);
  }
  brief += rest;
  if (brief.size() > kMaxMessage)
    brief = std::string(beginning(brief, kMaxMessage)) += kEllipsis;
  return printable(brief);
}

}  // namespace digitnet
