// CIFAR's binary batches: records of one label (CIFAR-10) or of a coarse and a
// fine one (CIFAR-100), then 3 x 32 x 32 bytes; nothing before or behind them.
// Source: A. Krizhevsky, "Learning multiple layers of features from tiny
// images", 2009; the data sets' page.
#pragma once

#include <cstdint>
#include <string_view>

namespace digitnet::data {

// How many labels stand before each image of a file with this content; 0 if it
// is no such file: another size, or a label that is no class of the set's.
int64_t cifar_labels(std::string_view content);

}  // namespace digitnet::data
