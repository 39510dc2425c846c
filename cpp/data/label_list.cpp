#include "data/label_list.h"

#include <charconv>
#include <unordered_set>

#include "core/error.h"

namespace digitnet::data {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

}  // namespace

LabelList read_label_list(std::string_view text, int64_t classes,
                          const std::string& name) {
  LabelList list;
  std::unordered_set<std::string> seen;
  int64_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (line.empty()) continue;
    const size_t gap = line.find_last_of(kBlank);
    require_data(gap != std::string_view::npos, name, ", line ", number,
                 ": expected a file's name and a label, got '",
                 line.substr(0, 60), "'");
    const std::string file(trimmed(line.substr(0, gap)));
    const std::string_view word = line.substr(gap + 1);
    require_data(file.find_first_of("/\\") == std::string::npos &&
                     file != "." && file != "..",
                 name, ", line ", number,
                 ": expected a file's name without folders, got '",
                 file.substr(0, 60), "'");
    require_data(file.find('\0') == std::string::npos, name, ", line ", number,
                 ": expected a file's name, got one with a zero byte");
    int64_t label = -1;
    const auto [rest, error] =
        std::from_chars(word.data(), word.data() + word.size(), label);
    require_data(error == std::errc() && rest == word.data() + word.size() &&
                     label >= 0 && label < classes,
                 name, ", line ", number, ": expected a label from 0 to ",
                 classes - 1, ", got '", word.substr(0, 60), "'");
    require_data(seen.insert(file).second, name, ", line ", number,
                 ": expected each file once, '", file.substr(0, 60),
                 "' came before");
    list.files.push_back(file);
    list.labels.push_back(label);
  }
  require_data(!list.files.empty(), name,
               ": expected lines of a file's name and a label, got none");
  return list;
}

}  // namespace digitnet::data
