#include "augment/parse.h"

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace digitnet::augment {
namespace {

std::string error_of(const std::string& text) {
  try {
    parse(text);
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "none";
}

TEST(Parse, ReadsStrengthsUnitsAndOptions) {
  const Parsed parsed =
      parse("shift 2px | rotate 8 | elastic 10 % sigma=3 p=50% | erase .1");
  ASSERT_EQ(parsed.steps.size(), 4u);
  EXPECT_EQ(parsed.steps[0].op->name, "shift");
  EXPECT_EQ(parsed.steps[0].strength, 2);
  EXPECT_EQ(parsed.steps[1].unit, "deg");  // the operation's first unit
  EXPECT_EQ(parsed.steps[2].strength, 10);
  EXPECT_EQ(parsed.steps[2].unit, "%");
  EXPECT_EQ(parsed.steps[2].amounts.options, std::vector<double>{3});
  EXPECT_EQ(parsed.steps[2].probability, 0.5);
  EXPECT_EQ(parsed.steps[3].probability, 1);
  EXPECT_EQ(parse("zoom .1").steps[0].amounts.options, std::vector<double>{1});
  EXPECT_EQ(parse("zoom .1 axes=2").steps[0].amounts.options,
            std::vector<double>{2});
}

TEST(Parse, ReadsHowImagesAreSampled) {
  const Parsed parsed =
      parse("fill constant 100% | interpolation nearest | shift 1px");
  EXPECT_EQ(parsed.sampling.fill, Fill::Constant);
  EXPECT_EQ(parsed.sampling.value, 1);
  EXPECT_TRUE(parsed.sampling.nearest);
  EXPECT_EQ(parse("fill reflect").sampling.fill, Fill::Reflect);
}

TEST(Parse, GivesOperationsThatOccurTwiceStreamsOfTheirOwn) {
  const Parsed parsed = parse("shift 1px | shift 1px | zoom 10%");
  EXPECT_NE(parsed.steps[0].stream, parsed.steps[1].stream);
  EXPECT_NE(parsed.steps[0].stream, parsed.steps[2].stream);
}

TEST(Parse, TakesNothingForNoOperation) {
  EXPECT_TRUE(parse("").steps.empty());
  EXPECT_TRUE(parse("   ").steps.empty());
}

TEST(Parse, NamesTheWordThatIsWrong) {
  EXPECT_NE(error_of("spin 3").find("unknown augmentation 'spin'"),
            std::string::npos);
  EXPECT_NE(error_of("elastic 1px sigma=3px sigma=4px")
                .find("augment.elastic.sigma: expected one value, got several"),
            std::string::npos);
  EXPECT_NE(error_of("rotate 3px").find("expected the unit deg, got 'px'"),
            std::string::npos);
  EXPECT_NE(error_of("rotate 200").find("from 0 to 180deg, got 200"),
            std::string::npos);
  EXPECT_NE(error_of("rotate 5 angle=3").find("unknown option 'angle'"),
            std::string::npos);
  for (const char* text :
       {"rotate", "rotate x", "rotate -1", "rotate nan", "rotate 1 2 3",
        "shift 1px || zoom 1%", "horizontal_flip 50% p=1", "fill", "fill black",
        "fill nearest 1", "interpolation cubic", "shift 1px p=2",
        "elastic 1px sigma=-1", "zoom 10% axes=1.5", "zoom 10% axes=0"}) {
    EXPECT_NE(error_of(text), "none") << text;
  }
}

}  // namespace
}  // namespace digitnet::augment
