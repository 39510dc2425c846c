// Open lists: every concept with members keeps one vector of entries, each with
// a `name`. These two functions are all that the bindings and errors need.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"

namespace digitnet {

template <class Entry>
std::vector<std::string> names(const std::vector<Entry>& entries) {
  std::vector<std::string> result;
  for (const Entry& entry : entries) result.push_back(entry.name);
  return result;
}

// "a, b, c"
inline std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : ", ") + word;
  return text;
}

// The entry called `name`. Throws std::invalid_argument naming the known ones:
// `unknown model 'lenet'; known: lenet5, linear, mlp`.
template <class Entry>
const Entry& find(const std::vector<Entry>& entries, const std::string& what,
                  const std::string& name) {
  for (const Entry& entry : entries) {
    if (entry.name == name) return entry;
  }
  throw std::invalid_argument(
      join("unknown ", what, " '", name, "'; known: ", listed(names(entries))));
}

}  // namespace digitnet
