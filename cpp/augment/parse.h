// The text of a pipeline, taken apart.
#pragma once

#include <string>
#include <vector>

#include "augment/pipeline.h"

namespace digitnet::augment {

struct Parsed {
  std::vector<Step> steps;  // as written
  Sampling sampling;
};

// See Pipeline. Throws std::invalid_argument.
Parsed parse(const std::string& text);

}  // namespace digitnet::augment
