#include "core/options.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/list.h"

namespace digitnet {
namespace {

std::string shown(const Value& value) {
  if (const auto* real = std::get_if<double>(&value)) return join(*real);
  if (const auto* word = std::get_if<std::string>(&value))
    return "'" + *word + "'";
  return join("a list of ", std::get<std::vector<double>>(value).size(),
              " numbers");
}

bool in_range(double value, const OptionInfo& info) {
  return std::isfinite(value) && value >= info.min && value <= info.max;
}

bool is_choice(const Value& value, const OptionInfo& info) {
  const auto* word = std::get_if<std::string>(&value);
  return word &&
         std::count(info.choices.begin(), info.choices.end(), *word) > 0;
}

bool accepts(const OptionInfo& info, const Value& value) {
  if (is_choice(value, info)) return true;
  if (info.type == OptionType::Numbers) {
    const auto* list = std::get_if<std::vector<double>>(&value);
    return list && std::all_of(list->begin(), list->end(), [&](double item) {
             return in_range(item, info);
           });
  }
  const auto* real = std::get_if<double>(&value);
  if (!real || info.type == OptionType::Choice) return false;
  if (info.type == OptionType::Flag) return *real == 0 || *real == 1;
  if (info.type == OptionType::Integer && *real != std::floor(*real))
    return false;
  return in_range(*real, info);
}

std::string expectation(const OptionInfo& info) {
  std::string text;
  switch (info.type) {
    case OptionType::Integer:
      text = join("a whole number from ", info.min, " to ", info.max);
      break;
    case OptionType::Real:
      text = join("a number from ", info.min, " to ", info.max);
      break;
    case OptionType::Flag:
      text = "True or False";
      break;
    case OptionType::Numbers:
      text = join("numbers from ", info.min, " to ", info.max);
      break;
    case OptionType::Choice:
      return "one of " + listed(info.choices);
  }
  return info.choices.empty() ? text
                              : text + " or one of " + listed(info.choices);
}

}  // namespace

Options resolve(const std::string& where,
                const std::vector<OptionInfo>& declared,
                const Options& options) {
  for (const auto& [name, value] : options) {
    const bool declares =
        std::any_of(declared.begin(), declared.end(),
                    [&, &name = name](const OptionInfo& info) {
                      return info.name == name;
                    });
    if (!declares) {
      const auto known = names(declared);
      require(false, where, ": unknown option '", name, "'; ",
              known.empty() ? "it takes none" : "known: " + listed(known));
    }
  }
  Options result;
  for (const OptionInfo& info : declared) {
    const auto option = options.find(info.name);
    if (option == options.end()) {
      require(!info.required, where, ".", info.name, ": expected ",
              expectation(info), ", got nothing; give it");
      result[info.name] = info.fallback;
      continue;
    }
    require(accepts(info, option->second), where, ".", info.name, ": expected ",
            expectation(info), ", got ", shown(option->second));
    result[info.name] = option->second;
  }
  return result;
}

double number(const Options& options, const std::string& name) {
  return std::get<double>(options.at(name));
}

int64_t integer(const Options& options, const std::string& name) {
  return static_cast<int64_t>(number(options, name));
}

bool flag(const Options& options, const std::string& name) {
  return number(options, name) != 0;
}

bool is_text(const Options& options, const std::string& name) {
  return std::holds_alternative<std::string>(options.at(name));
}

const std::string& text(const Options& options, const std::string& name) {
  return std::get<std::string>(options.at(name));
}

const std::vector<double>& numbers(const Options& options,
                                   const std::string& name) {
  return std::get<std::vector<double>>(options.at(name));
}

}  // namespace digitnet
