// Named options with types, defaults and ranges, declared once by each member
// of an open list: from the declaration come the check of what a caller or a
// file gives, the error for a misspelt word, and what `describe` shows.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace digitnet {

using Value = std::variant<double, std::string, std::vector<double>>;
using Options = std::map<std::string, Value>;

enum class OptionType {
  Integer,  // a whole number in [min, max], or one of `choices` if there are
            // any
  Real,     // a finite number in [min, max]
  Flag,     // 0 or 1
  Choice,   // one of `choices`
  Numbers,  // a list of finite numbers, each in [min, max]
};

struct OptionInfo {
  std::string name;
  OptionType type;
  Value fallback;
  double min = 0;
  double max = 0;
  std::string summary;
  std::vector<std::string> choices = {};
  bool required = false;
};

// A member of a list with its options: {"step", {{"every", 10}}}.
struct Spec {
  std::string name;
  Options options;
};

// Every declared option with the value of `options` or its default.
// Throws std::invalid_argument for an unknown name, a missing required option,
// a wrong type, and a number that is out of range or not finite.
Options resolve(const std::string& where,
                const std::vector<OptionInfo>& declared,
                const Options& options);

// Access to resolved options; the name must have been declared.
double number(const Options& options, const std::string& name);
int64_t integer(const Options& options, const std::string& name);
bool flag(const Options& options, const std::string& name);
bool is_text(const Options& options, const std::string& name);
const std::string& text(const Options& options, const std::string& name);
const std::vector<double>& numbers(const Options& options,
                                   const std::string& name);

}  // namespace digitnet
