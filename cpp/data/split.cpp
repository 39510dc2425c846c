#include "data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "core/error.h"
#include "core/random.h"

namespace digitnet::data {
namespace {

// The samples of each class (or all as one) in seeded order.
std::vector<Indices> shuffled_classes(const std::vector<int64_t>& labels,
                                      uint64_t seed, bool stratify) {
  std::map<int64_t, Indices> members;
  for (size_t i = 0; i < labels.size(); ++i) {
    members[stratify ? labels[i] : 0].push_back(static_cast<int64_t>(i));
  }
  std::vector<Indices> result;
  for (const auto& [label, indices] : members) {
    const auto order = permutation(static_cast<int64_t>(indices.size()),
                                   Draws(seed, Stream::Split, label));
    Indices mixed;
    for (int64_t i : order) mixed.push_back(indices[i]);
    result.push_back(std::move(mixed));
  }
  return result;
}

// Whole sizes that sum to round(sum of fractions * n), each within one of
// fraction * n.
std::vector<int64_t> sizes_of(int64_t n, const std::vector<double>& fractions) {
  std::vector<int64_t> sizes;
  double sum = 0;
  int64_t assigned = 0;
  for (double fraction : fractions) {
    sum += fraction;
    const int64_t upto = std::llround(sum * static_cast<double>(n));
    sizes.push_back(upto - assigned);
    assigned = upto;
  }
  return sizes;
}

}  // namespace

std::vector<Indices> split(const std::vector<int64_t>& labels,
                           const std::vector<double>& fractions, uint64_t seed,
                           bool stratify) {
  const int64_t n = static_cast<int64_t>(labels.size());
  double sum = 0;
  for (double fraction : fractions) {
    require(fraction > 0 && fraction <= 1,
            "split.fractions: expected each in (0, 1], got ", fraction);
    sum += fraction;
  }
  require(!fractions.empty() && sum <= 1 + 1e-9,
          "split.fractions: expected a sum of at most 1, got ", sum);
  std::vector<double> all = fractions;
  const bool rest = sum < 1 - 1e-9;
  if (rest) all.push_back(1 - sum);  // what is left out is a part too

  std::vector<int64_t> need = sizes_of(n, all);
  for (size_t part = 0; part < fractions.size(); ++part) {
    require(need[part] > 0,
            "split.fractions: expected at least one sample in each part, got "
            "none in part ",
            part, " of ", n, " samples; take larger fractions or more data");
  }
  std::vector<Indices> parts(all.size());
  std::vector<Indices> leftovers;
  for (const Indices& members : shuffled_classes(labels, seed, stratify)) {
    size_t at = 0;
    for (size_t part = 0; part < all.size(); ++part) {
      const auto take = static_cast<int64_t>(
          std::floor(all[part] * static_cast<double>(members.size()) + 1e-9));
      for (int64_t i = 0; i < take; ++i) parts[part].push_back(members[at++]);
      need[part] -= take;
    }
    leftovers.emplace_back(members.begin() + static_cast<std::ptrdiff_t>(at),
                           members.end());
  }
  // At most one sample a class and part: each goes where most are still needed.
  for (const Indices& members : leftovers) {
    std::vector<bool> served(all.size(), false);
    for (int64_t sample : members) {
      size_t best = all.size();
      for (size_t part = 0; part < all.size(); ++part) {
        if (!served[part] && (best == all.size() || need[part] > need[best]))
          best = part;
      }
      parts[best].push_back(sample);
      served[best] = true;
      --need[best];
    }
  }
  parts.resize(fractions.size());
  for (Indices& part : parts) std::sort(part.begin(), part.end());
  return parts;
}

std::vector<Indices> k_fold(const std::vector<int64_t>& labels, int64_t k,
                            uint64_t seed, bool stratify) {
  const int64_t n = static_cast<int64_t>(labels.size());
  require(k >= 2 && k <= n, "k_fold.k: expected 2 to ", n, " folds for ", n,
          " samples, got ", k);
  std::vector<Indices> folds(k);
  int64_t next = 0;  // dealt like cards, on from class to class
  for (const Indices& members : shuffled_classes(labels, seed, stratify)) {
    for (int64_t sample : members) folds[next++ % k].push_back(sample);
  }
  for (Indices& fold : folds) std::sort(fold.begin(), fold.end());
  return folds;
}

}  // namespace digitnet::data
