#include "core/message.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace digitnet {
namespace {

TEST(ShownMessage, LeavesWhatIsShortAsItIs) {
  const std::string message = "conv: expected 'same', got 'caf\xC3\xA9'\n\tx";
  EXPECT_EQ(shown_message(message), message);
  EXPECT_EQ(shown_message(""), "");
  EXPECT_EQ(shown_message("don't"), "don't");
}

TEST(ShownMessage, CutsWhatStandsInQuotes) {
  const std::string name(1'000'000, 'a');
  EXPECT_EQ(shown_message(join("got '", name, "'; known: 'b'")),
            join("got '", std::string(80, 'a'), "\xE2\x80\xA6'; known: 'b'"));
}

TEST(ShownMessage, CutsTheWhole) {
  const std::string shown = shown_message(std::string(1'000'000, 'a'));
  EXPECT_EQ(shown, join(std::string(2000, 'a'), "\xE2\x80\xA6"));
  std::string quotes;
  for (int i = 0; i < 100'000; ++i) quotes += "'a'";
  EXPECT_LT(shown_message(quotes).size(), 2010u);
}

TEST(ShownMessage, CutsBetweenCharacters) {
  std::string name;
  for (int i = 0; i < 3000; ++i) name += "\xE2\x82\xAC";  // 3 bytes each
  const std::string shown = shown_message(join("'", name, "'", name));
  EXPECT_EQ(shown.substr(0, 82), join("'", name.substr(0, 78), "\xE2\x80\xA6"));
  EXPECT_EQ(shown.substr(shown.size() - 6), "\xE2\x82\xAC\xE2\x80\xA6");
}

TEST(ShownMessage, ShowsWhatATerminalWouldObey) {
  EXPECT_EQ(shown_message("\x1b[31m\x7f\xC2\x9B\r"),
            "\\x1b[31m\\x7f\\x9b\\x0d");
}

TEST(ShownMessage, TakesBytesThatAreNoText) {
  EXPECT_EQ(shown_message("a\xFF"
                          "b\xC3"),
            "a?b?");
  EXPECT_EQ(
      shown_message("\xC0\x80 \xED\xA0\x80 \xF4\x90\x80\x80 \xE0\x80\x80"),
      "?? ??? ???? ???");
}

}  // namespace
}  // namespace digitnet
