#include "data/delimited.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"

namespace digitnet::data {
namespace {

using Bytes = std::vector<uint8_t>;
using Floats = std::vector<float>;
using Labels = std::vector<int64_t>;
using Names = std::vector<std::string>;
using Kind = LabelPlace::Kind;

const LabelPlace kFirst = LabelPlace::at(0);
const LabelPlace kLast = LabelPlace::at(-1);
const LabelPlace kNone{Kind::None, 0, {}};

TextImages read(const std::string& text, const LabelPlace& label = {},
                Header header = Header::Auto, Shape shape = {},
                int64_t classes = 0) {
  return read_delimited(text, {{label, header, shape, classes}, 0}, "a.csv");
}

std::string error_of(const std::string& text, const LabelPlace& label = {},
                     Shape shape = {}, int64_t classes = 10) {
  try {
    read(text, label, Header::Auto, shape, classes);
  } catch (const DataError& error) {
    return error.what();
  }
  return "none";
}

// "0,1,2,...": a row of `count` cells that are `first`, `first` + 1, ...
std::string counting(int64_t count, int64_t first = 0) {
  std::string text;
  for (int64_t i = 0; i < count; ++i) text += join(i ? "," : "", first + i);
  return text;
}

TEST(Delimited, ReadsKagglesHeaderAndLabels) {
  const TextImages table =
      read("label,pixel0,pixel1,pixel2,pixel3\n7,0,255,3,4\n2,5,6,7,8\n");
  EXPECT_EQ(table.count, 2);
  EXPECT_EQ(to_string(table.shape), "1x2x2");
  EXPECT_EQ(table.labels, (Labels{7, 2}));
  EXPECT_EQ(table.bytes, (Bytes{0, 255, 3, 4, 5, 6, 7, 8}));
  EXPECT_TRUE(table.notes.empty());
}

TEST(Delimited, ReadsOptdigitsLabelsAtTheEnd) {
  const TextImages table = read("0,1,0,16,9\n0,2,0,11,3\r\n\n \n");
  EXPECT_EQ(table.labels, (Labels{9, 3}));
  EXPECT_EQ(table.bytes, (Bytes{0, 1, 0, 16, 0, 2, 0, 11}));
}

TEST(Delimited, ReadsImagesWithoutLabels) {
  const TextImages table = read("1,2,3,4");
  EXPECT_FALSE(table.labelled);
  EXPECT_EQ(table.bytes, (Bytes{1, 2, 3, 4}));
}

TEST(Delimited, ReadsSpacesAByteOrderMarkAndQuotedNames) {
  const TextImages table = read("\xEF\xBB\xBF\"p\" , \"label\"\n 5 ,\t3 \n", {},
                                Header::Auto, Shape{1, 1, 1});
  EXPECT_EQ(table.labels, (Labels{3}));
  EXPECT_EQ(table.bytes, (Bytes{5}));
}

TEST(Delimited, TakesTheShapeOfItsOptions) {
  const TextImages table =
      read("4,1,2,3,4,5,6", kFirst, Header::No, Shape{1, 2, 3});
  EXPECT_EQ(to_string(table.shape), "1x2x3");
  EXPECT_EQ(table.labels, (Labels{4}));
}

TEST(Delimited, TakesThreeSquaresForColours) {
  EXPECT_EQ(to_string(read(counting(48), kNone, Header::No).shape), "3x4x4");
  EXPECT_EQ(to_string(read(counting(64), kNone, Header::No).shape), "1x8x8");
}

TEST(Delimited, ReadsTheSameImagesWhateverSeparatesThem) {
  const Bytes pixels{0, 1, 2, 3, 250, 6, 7, 8};
  for (const char* text :
       {"7,0,1,2,3\n2,250,6,7,8", "7;0;1;2;3\n2;250;6;7;8\n",
        "7\t0\t1\t2\t3\r\n2\t250\t6\t7\t8\r\n", " 7 0  1 2 3\n2 250\t6 7 8 \n",
        "7,0,1,2,3\r2,250,6,7,8\r",
        "\"7\",\"0\",\"1\",\"2\",\"3\"\n2,250,6,7,8",
        "7.0,0.0,1.0,2.00,3\n2,2.5e2,6,7,8", "7;0,0;1,0;2;3\n2;250,0;6;7;8",
        "# label,a,b,c,d\n7,0,1,2,3\n2,250,6,7,8",
        "7,0,1,2,3,\n2,250,6,7,8,"}) {
    const TextImages table = read(text, kFirst);
    EXPECT_EQ(table.bytes, pixels) << text;
    EXPECT_EQ(table.labels, (Labels{7, 2})) << text;
  }
}

TEST(Delimited, ReadsDecimalsAndPixelsFromMinusOne) {
  EXPECT_EQ(read("0,.5,1,0.25", kNone).floats, (Floats{0, .5F, 1, .25F}));
  EXPECT_EQ(read("0;,5;1;0,25", kNone).floats, (Floats{0, .5F, 1, .25F}));
  const TextImages table = read("-1,1,0,-0.5", kNone);
  EXPECT_EQ(table.floats, (Floats{0, 1, .5F, .25F}));
  EXPECT_TRUE(table.was_signed);
  EXPECT_NE(error_of("-1,2.8,0,0", kNone).find("standardised"),
            std::string::npos);
}

TEST(Delimited, FindsTheLabelByNameWhereverItIs) {
  EXPECT_EQ(read("a0,a1,Label,a2,a3\n1,2,9,3,4").labels, (Labels{9}));
  EXPECT_EQ(read("p0,p1,p2,p3,kind\n1,2,3,4,9").labels, (Labels{9}));
  EXPECT_EQ(read("p0,u,p1,p2,p3\n1,9,2,3,4", {Kind::Name, 0, "u"}).labels,
            (Labels{9}));
  EXPECT_EQ(read("1,9,2,3,4", LabelPlace::at(1)).labels, (Labels{9}));
  EXPECT_EQ(read("1,2,3,9,4", LabelPlace::at(-2)).labels, (Labels{9}));
  EXPECT_NE(error_of("a,b\n1,2", {Kind::Name, 0, "c"})
                .find("expected a column 'c', got 'a', 'b'"),
            std::string::npos);
  EXPECT_NE(error_of("1,2,3,4", LabelPlace::at(4)), "none");
  EXPECT_NE(error_of("1,2,3,4", LabelPlace::at(-5)), "none");
}

TEST(Delimited, ReadsLabelsThatAreTexts) {
  const TextImages table =
      read("0,1,2,3,\"dog, small\"\n0,1,2,3,cat\n0,1,2,3,\"dog, small\"\n");
  EXPECT_EQ(table.names, (Names{"dog, small", "cat"}));
  EXPECT_EQ(table.labels, (Labels{0, 1, 0}));
  EXPECT_EQ(read("a \"b\",1,2,3,4", kFirst).names, (Names{"a \"b\""}));
  EXPECT_EQ(read("\"a \"\"b\"\"\",1,2,3,4", kFirst).names, (Names{"a \"b\""}));
  EXPECT_EQ(read("-1,1,2,3,4\n1,1,2,3,4", kFirst).names, (Names{"-1", "1"}));
  EXPECT_EQ(read("3.0,1,2,3,4", kFirst).labels, (Labels{3}));
}

TEST(Delimited, LeavesOutTheNumbersOfTheRows) {
  const TextImages table = read(",label,a0,a1,a2,a3\n0,7,1,2,3,4\n1,2,5,6,7,8");
  EXPECT_EQ(table.labels, (Labels{7, 2}));
  EXPECT_EQ(table.bytes, (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
  std::string text;
  for (int64_t i = 0; i < 40; ++i)
    text += join(i, ",", i * 7 % 5, ",0,", i % 11, ",0,0\n");
  const TextImages counted = read(text);
  EXPECT_EQ(counted.shape, (Shape{1, 2, 2}));
  EXPECT_EQ(counted.labels[3], 3 * 7 % 5);
  ASSERT_EQ(counted.notes.size(), 1U);
  EXPECT_EQ(counted.notes[0],
            "column 1 counts the rows and is left out; label=0 says that it is "
            "the label");
}

TEST(Delimited, CountsEmptyCellsAtBothEndsOfALine) {
  const TextImages table =
      read("\tlabel\ta\tb\tc\td\n0\t7\t1\t2\t3\t4\n1\t2\t5\t6\t7\t8");
  EXPECT_EQ(table.labels, (Labels{7, 2}));
  EXPECT_EQ(table.bytes, (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_NE(error_of("\t\n1\tx", kFirst), "none");
}

TEST(Delimited, TakesALineThatCountsColumnsForTheirNamesAndSaysSo) {
  const TextImages table = read(counting(64) + "\n" + counting(64, 5));
  EXPECT_EQ(table.count, 1);
  ASSERT_EQ(table.notes.size(), 1U);
  EXPECT_EQ(read(counting(64) + "\n" + counting(64, 5), {}, Header::No).count,
            2);
  // Beside a word they can be nothing else.
  const TextImages labelled =
      read("label," + counting(64) + "\n3," + counting(64, 5));
  EXPECT_EQ(labelled.labels, (Labels{3}));
  EXPECT_TRUE(labelled.notes.empty());
}

TEST(Delimited, NamesTheLineAndColumnOfWhatIsWrong) {
  EXPECT_EQ(error_of("1,2,3,4\n1,2,x3,4"),
            "a.csv line 2 column 3: expected a number, got 'x3'");
  EXPECT_EQ(
      error_of("1,2,3,4\n1,2,3,-4"),
      "a.csv line 2 column 4: expected pixels from 0 to 255, 0 to 1 or -1 "
      "to 1, got -4 to 4; are they standardised? Undo that first");
  EXPECT_EQ(error_of("1,2,3,4\n1,2,3"),
            "a.csv line 2: expected 4 columns, got 3");
  EXPECT_EQ(
      error_of("label,a,b,c,d\n1,2,3,4,256"),
      "a.csv line 2 column 5: expected a pixel from 0 to 255, got 256; if "
      "that is right, give max_value");
  EXPECT_EQ(error_of("label,a,b,c,d\n10,2,3,4,5"),
            "a.csv line 2: expected a label from 0 to 9, got '10'");
  EXPECT_EQ(error_of("label,a,b,c,d\n1.5,2,3,4,5", {}, {}, 0),
            "a.csv line 2: expected a label that is a whole number, got '1.5'");
  EXPECT_EQ(error_of("1,2,x,y,3\n1,2,z,u,3", kFirst, {}, 0),
            "a.csv: expected numbers beside the label, got text in column 3, "
            "column 4; say which column is the label");
}

TEST(Delimited, RefusesWhatIsNoTableOfImages) {
  for (const char* text :
       {"", "\n\n", "a,b,c,d", "1,2,,4", ",", "label\n1", "1,2,3,4\n\n1,2,3,4"})
    EXPECT_NE(error_of(text), "none") << text;
  EXPECT_NE(error_of("1,2,3", kNone), "none");  // no square
  EXPECT_NE(error_of("1,2,3,4", kNone, Shape{1, 1, 3}), "none");
  // Both ends could be labels: say which.
  EXPECT_NE(error_of("1,2,3,4,5\n2,3,4,5,6").find("two candidates"),
            std::string::npos);
}

TEST(Delimited, ReadsNumbersOfAnyLengthWithoutOverflow) {
  EXPECT_NE(error_of("1,2,3," + std::string(5000, '9')), "none");
  EXPECT_EQ(read("1,2,3," + std::string(5000, '0') + "4").bytes,
            (Bytes{1, 2, 3, 4}));
}

TEST(Delimited, SeesLabelsThatAreSortedThroughoutALongFile) {
  std::string text;
  for (int64_t i = 0; i < 20'000; ++i) text += join("0,0,0,0,", i / 2000, "\n");
  const TextImages table = read(text);
  EXPECT_EQ(table.labels.back(), 9);
  EXPECT_EQ(table.count, 20'000);
}

TEST(Delimited, ReadsBytesThatTurnIntoDecimalsLateInTheFile) {
  std::string text;
  for (int64_t i = 0; i < 5000; ++i) text += "0,1,2,3\n";
  const TextImages table = read(text + "0,1.5,2,3\n", kNone);
  EXPECT_EQ(table.count, 5001);
  EXPECT_EQ(table.floats[5000 * 4 + 1], 1.5F);
}

TEST(Libsvm, ReadsPlacesThatAreLeftOutAsNothing) {
  const std::string text = "7 1:0.5 4:1 # note\n3 2:1\n\n";
  ASSERT_TRUE(is_libsvm(text));
  const TextImages table = read_libsvm(text, {}, "a.svm");
  EXPECT_EQ(table.labels, (Labels{7, 3}));
  EXPECT_EQ(table.shape, (Shape{1, 2, 2}));
  EXPECT_EQ(table.floats, (Floats{.5F, 0, 0, 1, 0, 1, 0, 0}));
  TextRequest request;
  request.columns.shape = {1, 1, 6};
  EXPECT_EQ(read_libsvm(text, request, "a.svm").shape, (Shape{1, 1, 6}));
  request.columns.shape = {1, 1, 3};
  EXPECT_THROW(read_libsvm(text, request, "a.svm"), DataError);
  EXPECT_EQ(read_libsvm("5 780:255", {}, "a.svm").bytes.size(), 784U);
}

TEST(Libsvm, CountsPlacesFromWhereTheFileDoes) {
  EXPECT_EQ(read_libsvm("1 0:.5 3:.25", {}, "a.svm").floats,
            (Floats{.5F, 0, 0, .25F}));
  EXPECT_EQ(read_libsvm("1 1:.5 4:.25", {}, "a.svm").floats,
            (Floats{.5F, 0, 0, .25F}));
}

TEST(Libsvm, IsKnownByItsFirstLine) {
  for (const char* text : {"", "1,2,3", "1 2 3", "label", "1 2:x", "a 1:2"})
    EXPECT_FALSE(is_libsvm(text)) << text;
  EXPECT_TRUE(is_libsvm("+1 1:0.5"));
  for (const char* text : {"1 1:5\n1 x:2", "1 1:5\n2 3", "1 -2:4"})
    EXPECT_THROW(read_libsvm(text, {}, "a.svm"), DataError) << text;
}

}  // namespace
}  // namespace digitnet::data
