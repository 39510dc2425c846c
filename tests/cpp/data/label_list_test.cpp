#include "data/label_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"

namespace digitnet::data {
namespace {

TEST(LabelList, ReadsLinesOfEveryEnding) {
  const LabelList list = read_label_list("a b.png 3\r\n\n  c.png\t0", 10, "x");
  EXPECT_EQ(list.files, (std::vector<std::string>{"a b.png", "c.png"}));
  EXPECT_EQ(list.labels, (std::vector<int64_t>{3, 0}));
}

TEST(LabelList, RefusesWhatIsNoFileAndLabel) {
  for (const char* text : {"", " ", "a", "a ", "a 1x", "a 10", "a 1\na 2",
                           "a/b 1", "\\ 1", "a 1 2.5"}) {
    EXPECT_THROW(read_label_list(text, 10, "x"), DataError) << text;
  }
}

}  // namespace
}  // namespace digitnet::data
