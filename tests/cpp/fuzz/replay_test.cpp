// Every fuzzer on its corpus: what was odd once, and examples of what is right.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "fuzz/targets.h"

namespace digitnet::fuzz {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Replay : public ::testing::TestWithParam<Target> {};

TEST_P(Replay, HoldsOnItsCorpus) {
  const fs::path folder = fs::path(DIGITNET_CORPUS) / GetParam().name;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string bytes = read(entry.path());
    EXPECT_NO_THROW(GetParam().run(bytes)) << entry.path();
    // What is cut off, and what follows, too.
    for (const size_t length : {size_t{0}, size_t{1}, bytes.size() / 2})
      EXPECT_NO_THROW(GetParam().run(bytes.substr(0, length))) << entry.path();
    EXPECT_NO_THROW(GetParam().run(bytes + bytes)) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 3) << folder;
}

INSTANTIATE_TEST_SUITE_P(Fuzz, Replay, ::testing::ValuesIn(all()),
                         [](const auto& info) { return info.param.name; });

}  // namespace

// For GoogleTest's messages.
std::ostream& operator<<(std::ostream& out, const Target& target);
std::ostream& operator<<(std::ostream& out, const Target& target) {
  return out << target.name;
}

}  // namespace digitnet::fuzz
