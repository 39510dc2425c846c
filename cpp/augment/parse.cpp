#include "augment/parse.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "augment/ops.h"
#include "core/error.h"
#include "core/list.h"

namespace digitnet::augment {
namespace {

constexpr uint32_t kStreamsPerOccurrence = 1024;
// A strength in percent may reach what the largest one in pixels is of this
// side, and never more than 100 %.
constexpr double kSide = 64;

struct Amount {
  double value;
  std::string unit;
};

std::vector<std::string> parts_of(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text);
  std::string part;
  while (std::getline(stream, part, separator)) parts.push_back(part);
  return parts;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  std::string word;
  while (stream >> word) words.push_back(word);
  return words;
}

// "8deg" within [min, max] of the first unit; a missing unit is that one.
Amount amount_of(const std::string& where, const std::string& example,
                 const std::string& word, const std::vector<std::string>& units,
                 double min, double max) {
  // Not strtod: programs with windows set a locale, where it wants a comma.
  const char* end = word.data() + word.size();
  double value = 0;
  const auto [rest, error] =
      std::from_chars(word.data() + word.starts_with('+'), end, value);
  require(error == std::errc(), where, ": expected a ", example, ", got '",
          word, "'");
  std::string unit(rest, end);
  if (unit.empty()) unit = units[0];
  require(
      std::count(units.begin(), units.end(), unit) > 0, where,
      ": expected the unit ",
      units == std::vector<std::string>{""} ? "to be left out" : listed(units),
      ", got '", unit, "'");
  if (unit == "%")  // of one, or of the image's side
    max = units[0] == "px" ? std::min(max / kSide * 100, 100.0) : max * 100;
  require(value >= min && value <= max, where, ": expected a strength from ",
          min, " to ", max, unit, ", got ", word);
  return {value, unit};
}

double fraction_of(const std::string& where, const std::string& word) {
  const Amount amount =
      amount_of(where, "number such as 0.5 or 50%", word, {"", "%"}, 0, 1);
  return amount.unit == "%" ? amount.value / 100 : amount.value;
}

void set_option(Step& step, const std::string& where, const std::string& word) {
  const size_t sign = word.find('=');
  const std::string name = word.substr(0, sign), value = word.substr(sign + 1);
  if (name == "p" && !step.op->chance) {
    step.probability = fraction_of(where + ".p", value);
    return;
  }
  std::vector<std::string> known;
  if (!step.op->chance) known.push_back("p");
  for (size_t i = 0; i < step.op->options.size(); ++i) {
    const OpOption& option = step.op->options[i];
    if (option.name == name) {
      const std::string part = join(where, ".", name);
      const double number =
          amount_of(part,
                    join("number such as ", name, "=", option.max, option.unit),
                    value, {option.unit}, option.min, option.max)
              .value;
      require(!option.whole || number == std::floor(number), part,
              ": expected a whole number from ", option.min, " to ", option.max,
              ", got ", value);
      step.amounts.options[i] = number;
      return;
    }
    known.push_back(option.name);
  }
  require(false, where, ": unknown option '", name, "'; ",
          known.empty() ? "it takes none" : "known: " + listed(known));
}

Step operation(const std::vector<std::string>& words, const std::string& part) {
  const OpEntry* op = nullptr;
  for (const OpEntry& entry : all()) {
    if (entry.name == words[0]) op = &entry;
  }
  if (!op) {
    std::vector<std::string> known = names(all());
    known.insert(known.end(), {"fill", "interpolation"});
    require(false, "unknown augmentation '", words[0],
            "'; known: ", listed(known));
  }
  Step step{op, 0, "", {}, 1, 0};
  for (const OpOption& option : op->options)
    step.amounts.options.push_back(option.fallback);
  const std::string where = "augment." + op->name;
  std::string strength;  // "10 %" is as good as "10%"
  size_t pieces = 0;
  std::set<std::string> given;
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t sign = words[i].find('=');
    if (sign != std::string::npos) {
      const std::string name = words[i].substr(0, sign);
      set_option(step, where, words[i]);
      require(given.insert(name).second, where, ".", name,
              ": expected one value, got several in '", part, "'");
      continue;
    }
    strength += words[i];
    require(++pieces <= 2,
            "augment: expected operations separated by '|', got '", part, "'");
  }
  const Amount amount = amount_of(
      where, join("strength such as '", op->name, " 1", op->units[0], "'"),
      strength, op->units, 0, op->max_strength);
  step.strength = amount.value;
  step.unit = amount.unit;
  return step;
}

// "fill ..." or "interpolation ...", if it is one of them.
bool setting(Sampling& sampling, const std::vector<std::string>& words,
             const std::string& part) {
  if (words[0] == "interpolation") {
    require(
        words.size() == 2 && (words[1] == "bilinear" || words[1] == "nearest"),
        "augment.interpolation: expected bilinear or nearest, got '", part,
        "'");
    sampling.nearest = words[1] == "nearest";
    return true;
  }
  if (words[0] != "fill") return false;
  const std::map<std::string, Fill> known = {{"constant", Fill::Constant},
                                             {"nearest", Fill::Nearest},
                                             {"reflect", Fill::Reflect}};
  const auto found = known.find(words.size() > 1 ? words[1] : "");
  const bool value =
      words.size() == 3 && found != known.end() && found->first == "constant";
  require(
      found != known.end() && (words.size() == 2 || value),
      "augment.fill: expected constant (with a part of full intensity, such "
      "as 'fill constant 100%'), nearest or reflect, got '",
      part, "'");
  sampling.fill = found->second;
  sampling.value = value ? fraction_of("augment.fill", words[2]) : 0;
  return true;
}

}  // namespace

Parsed parse(const std::string& text) {
  Parsed result;
  std::map<std::string, uint32_t> occurrences;
  const std::vector<std::string> parts = parts_of(text, '|');
  for (const std::string& part : parts) {
    const std::vector<std::string> words = words_of(part);
    if (words.empty() && parts.size() == 1) continue;
    require(!words.empty(),
            "augment: expected an operation between two '|', got nothing");
    if (setting(result.sampling, words, part)) continue;
    Step step = operation(words, part);
    step.stream = static_cast<uint32_t>(Stream::Augment) + step.op->stream +
                  kStreamsPerOccurrence * occurrences[step.op->name]++;
    result.steps.push_back(step);
  }
  return result;
}

}  // namespace digitnet::augment
