#include "kernels/kernels.h"

#include <cstdlib>
#include <set>
#include <stdexcept>
#include <string>

#include "kernels/testing.h"

namespace digitnet::kernels {
namespace {

INSTANTIATE_TEST_SUITE_P(Kernels, EveryInstructionSet,
                         testing::ValuesIn(available()),
                         [](const auto& info) { return info.param->name; });

TEST(Panels, GiveEveryWeightAPlaceOfItsOwn) {
  for (const int64_t outputs : {1, 8, 31, 32, 33, 70, 96}) {
    const int64_t inputs = 5;
    std::set<int64_t> places;
    for (int64_t i = 0; i < inputs; ++i) {
      for (int64_t o = 0; o < outputs; ++o)
        places.insert(panel_offset(inputs, outputs, i, o));
    }
    EXPECT_EQ(static_cast<int64_t>(places.size()), inputs * outputs);
    EXPECT_GE(*places.begin(), 0);
    EXPECT_LT(*places.rbegin(), inputs * padded(outputs));
  }
}

TEST(Panels, AreNarrowAtTheEndOnly) {
  EXPECT_EQ(panel_count(70), 3);
  EXPECT_EQ(panel_width(70, 0), 32);
  EXPECT_EQ(panel_width(70, 1), 32);
  EXPECT_EQ(panel_width(70, 2), 8);
  EXPECT_EQ(panel_width(64, 1), 32);
  EXPECT_EQ(padded(70), 72);
}

// Sets DIGITNET_KERNELS, and what it was before when the test ends.
class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* before = std::getenv(kName)) before_ = before;
    setenv(kName, value, 1);
  }
  ~Environment() {
    before_.empty() ? unsetenv(kName) : setenv(kName, before_.c_str(), 1);
  }

 private:
  static constexpr const char* kName = "DIGITNET_KERNELS";
  std::string before_;
};

TEST(Select, TakesTheInstructionSetOfTheEnvironment) {
  for (const Kernels* kernels : available()) {
    const Environment environment(kernels->name);
    EXPECT_EQ(&select(), kernels);
  }
  const Environment none("");
  EXPECT_EQ(&select(), available().front());
}

TEST(Select, RefusesAnUnknownInstructionSet) {
  const Environment environment("sse9");
  try {
    select();
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("got 'sse9'"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("plain"), std::string::npos);
  }
}

TEST(Available, AlwaysEndsWithThePlainKernels) {
  EXPECT_EQ(available().back()->name, std::string("plain"));
}

}  // namespace
}  // namespace digitnet::kernels
