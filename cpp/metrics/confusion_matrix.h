// How often each true class was given each predicted class.
#pragma once

#include <cstdint>
#include <vector>

namespace digitnet::metrics {

// counts[true * K + predicted]; the sum is `count`.
// Throws std::invalid_argument for a class outside [0, classes).
std::vector<int64_t> confusion_matrix(const int64_t* labels,
                                      const int64_t* predicted, int64_t count,
                                      int64_t classes);

}  // namespace digitnet::metrics
