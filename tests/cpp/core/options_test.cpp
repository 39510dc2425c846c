#include "core/options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace digitnet {
namespace {

const std::vector<OptionInfo> kDeclared = {
    {"size", OptionType::Integer, 2.0, 1, 9, "pixels"},
    {"rate", OptionType::Real, 0.5, 0, 1, "fraction"},
    {"how", OptionType::Choice, std::string("a"), 0, 0, "way", {"a", "b"}},
    {"list", OptionType::Numbers, std::vector<double>{}, 0, 1, "numbers"},
};

std::string message_of(const Options& options) {
  try {
    resolve("it", kDeclared, options);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(Options, HaveTheirDefaults) {
  const Options options = resolve("it", kDeclared, {{"rate", 0.25}});
  EXPECT_EQ(integer(options, "size"), 2);
  EXPECT_EQ(number(options, "rate"), 0.25);
  EXPECT_EQ(text(options, "how"), "a");
  EXPECT_TRUE(numbers(options, "list").empty());
}

TEST(Options, SayWhatIsRight) {
  EXPECT_EQ(message_of({{"size", 10.0}}),
            "it.size: expected a whole number from 1 to 9, got 10");
  EXPECT_EQ(message_of({{"size", 1.5}}),
            "it.size: expected a whole number from 1 to 9, got 1.5");
  EXPECT_EQ(message_of({{"rate", std::nan("")}}),
            "it.rate: expected a number from 0 to 1, got nan");
  EXPECT_EQ(message_of({{"how", std::string("c")}}),
            "it.how: expected one of a, b, got 'c'");
  EXPECT_EQ(message_of({{"list", std::vector<double>{0.5, 2}}}),
            "it.list: expected numbers from 0 to 1, got a list of 2 numbers");
  EXPECT_EQ(message_of({{"siez", 1.0}}),
            "it: unknown option 'siez'; known: size, rate, how, list");
}

}  // namespace
}  // namespace digitnet
