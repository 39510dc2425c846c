#include "core/list.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "core/shape.h"

namespace digitnet {
namespace {

struct Entry {
  std::string name;
};
const std::vector<Entry> kEntries = {{"linear"}, {"mlp"}};

TEST(List, FindsEntriesByName) {
  EXPECT_EQ(&find(kEntries, "model", "mlp"), &kEntries[1]);
  EXPECT_EQ(listed(names(kEntries)), "linear, mlp");
}

TEST(List, NamesTheKnownEntriesForAnUnknownOne) {
  try {
    find(kEntries, "model", "lenet");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "unknown model 'lenet'; known: linear, mlp");
  }
}

TEST(Require, JoinsItsParts) {
  require(true, "never");
  require_data(true, "never");
  EXPECT_THROW(require(false, "a: expected ", 1, ", got ", 2.5),
               std::invalid_argument);
  try {
    require_data(false, "file: expected ", 1, ", got ", 2.5);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "file: expected 1, got 2.5");
  }
}

TEST(Shape, IsWrittenAsChannelsHeightWidth) {
  EXPECT_EQ(to_string(Shape{16, 7, 5}), "16x7x5");
  EXPECT_EQ(to_string(flat_shape(784)), "784");
  EXPECT_EQ((Shape{16, 7, 5}).size(), 560);
  EXPECT_NE((Shape{4, 1, 1}), flat_shape(4));
}

}  // namespace
}  // namespace digitnet
