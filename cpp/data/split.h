// Seeded partitions of a data set. Every function returns ascending indices and
// depends on its arguments alone.
#pragma once

#include <cstdint>
#include <vector>

namespace digitnet::data {

using Indices = std::vector<int64_t>;

// Parts with the given fractions of all samples; the fractions sum to at most 1
// and a sum below 1 leaves samples out. With `stratify` every class is divided
// alike, to within one sample, and the parts' sizes stay those of an
// unstratified split. Throws std::invalid_argument for fractions outside (0, 1]
// or an empty part.
std::vector<Indices> split(const std::vector<int64_t>& labels,
                           const std::vector<double>& fractions, uint64_t seed,
                           bool stratify);

// `k` disjoint test folds that together are the whole set, sizes within one of
// each other. Throws std::invalid_argument unless 2 <= k <= samples.
std::vector<Indices> k_fold(const std::vector<int64_t>& labels, int64_t k,
                            uint64_t seed, bool stratify);

}  // namespace digitnet::data
