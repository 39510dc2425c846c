#include "data/csv.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"

namespace digitnet::data {
namespace {

using Bytes = std::vector<uint8_t>;
using Labels = std::vector<int64_t>;

CsvTable read(const std::string& text, LabelColumn label = LabelColumn::Auto,
              Header header = Header::Auto, Shape shape = {},
              int64_t classes = 10) {
  return read_csv(text, label, header, shape, classes, "a.csv");
}

std::string error_of(const std::string& text,
                     LabelColumn label = LabelColumn::Auto, Shape shape = {}) {
  try {
    read(text, label, Header::Auto, shape);
  } catch (const DataError& error) {
    return error.what();
  }
  return "none";
}

TEST(Csv, ReadsKagglesHeaderAndLabels) {
  const CsvTable table =
      read("label,pixel0,pixel1,pixel2,pixel3\n7,0,255,3,4\n2,5,6,7,8\n");
  EXPECT_EQ(table.count, 2);
  EXPECT_EQ(to_string(table.shape), "1x2x2");
  EXPECT_EQ(table.labels, (Labels{7, 2}));
  EXPECT_EQ(table.pixels, (Bytes{0, 255, 3, 4, 5, 6, 7, 8}));
}

TEST(Csv, ReadsOptdigitsLabelsAtTheEnd) {
  const CsvTable table = read("0,1,0,16,9\n0,2,0,11,3\r\n\n \n");
  EXPECT_EQ(table.labels, (Labels{9, 3}));
  EXPECT_EQ(table.pixels, (Bytes{0, 1, 0, 16, 0, 2, 0, 11}));
}

TEST(Csv, ReadsImagesWithoutLabels) {
  const CsvTable table = read("1,2,3,4");
  EXPECT_TRUE(table.labels.empty());
  EXPECT_EQ(table.pixels, (Bytes{1, 2, 3, 4}));
}

TEST(Csv, ReadsSpacesAByteOrderMarkAndQuotedNames) {
  const CsvTable table = read("\xEF\xBB\xBF\"p\" , \"label\"\n 5 ,\t3 \n",
                              LabelColumn::Auto, Header::Auto, Shape{1, 1, 1});
  EXPECT_EQ(table.labels, (Labels{3}));
  EXPECT_EQ(table.pixels, (Bytes{5}));
}

TEST(Csv, TakesTheShapeOfItsOptions) {
  const CsvTable table =
      read("4,1,2,3,4,5,6", LabelColumn::First, Header::No, Shape{1, 2, 3});
  EXPECT_EQ(to_string(table.shape), "1x2x3");
  EXPECT_EQ(table.labels, (Labels{4}));
}

TEST(Csv, NamesTheLineAndColumnOfWhatIsWrong) {
  EXPECT_EQ(error_of("1,2,3,4\n1,2,x3,4"),
            "a.csv line 2 column 3: expected a whole number, got 'x3'");
  EXPECT_EQ(error_of("1,2,3,4\n1,2,3,-4"),
            "a.csv line 2 column 4: expected a whole number, got '-4'");
  EXPECT_EQ(error_of("1,2,3,4\n1,2,3"),
            "a.csv line 2: expected 4 columns, got 3");
  EXPECT_EQ(error_of("label,a,b,c,d\n1,2,3,4,256"),
            "a.csv line 2 column 5: expected a pixel from 0 to 255, got 256");
  EXPECT_EQ(error_of("label,a,b,c,d\n10,2,3,4,5"),
            "a.csv line 2 column 1: expected a label from 0 to 9, got 10");
}

TEST(Csv, RefusesWhatIsNoTableOfImages) {
  for (const char* text : {"", "\n\n", "a,b,c,d", "1,2,,4", "1,2,3,4,", ",",
                           "label\n1", "1,2,3,4\n\n1,2,3,4"})
    EXPECT_NE(error_of(text), "none") << text;
  EXPECT_NE(error_of("1,2,3", LabelColumn::None), "none");  // no square
  EXPECT_NE(error_of("1,2,3,4", LabelColumn::None, Shape{1, 1, 3}), "none");
  // Both ends could be labels: say which.
  EXPECT_NE(error_of("1,2,3,4,5\n2,3,4,5,6").find("two candidates"),
            std::string::npos);
}

TEST(Csv, ReadsNumbersOfAnyLengthWithoutOverflow) {
  EXPECT_NE(error_of("1,2,3," + std::string(5000, '9')), "none");
  EXPECT_EQ(read("1,2,3," + std::string(5000, '0') + "4").pixels,
            (Bytes{1, 2, 3, 4}));
}

}  // namespace
}  // namespace digitnet::data
