// Lists of picture files with their labels: "00000001.png 5", a line each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace digitnet::data {

struct LabelList {
  std::vector<std::string> files;
  std::vector<int64_t> labels;
};

// Empty lines are passed over. Throws DataError naming `name` and the line for
// anything but a file's name (without folders) and a label below `classes`, for
// a name that comes twice, and for an empty list.
LabelList read_label_list(std::string_view text, int64_t classes,
                          const std::string& name);

}  // namespace digitnet::data
