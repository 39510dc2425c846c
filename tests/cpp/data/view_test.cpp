#include "data/view.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

namespace digitnet::data {
namespace {

TEST(ImagesView, ReadsBytesAndFloatsAlike) {
  const std::vector<uint8_t> bytes = {1, 2, 3, 4, 250, 6};
  const std::vector<float> floats(bytes.begin(), bytes.end());
  const Shape shape{1, 1, 3};
  std::vector<float> a(3), b(3);
  ImagesView{bytes.data(), PixelType::UInt8, 2, shape}.read(1, a.data());
  ImagesView{floats.data(), PixelType::Float32, 2, shape}.read(1, b.data());
  EXPECT_EQ(a, (std::vector<float>{4, 250, 6}));
  EXPECT_EQ(a, b);
}

TEST(DatasetView, FindsSamplesByTheirRows) {
  const std::vector<int64_t> rows = {5, 2};
  DatasetView data;
  EXPECT_EQ(data.row(1), 1);
  data.rows = rows.data();
  EXPECT_EQ(data.row(1), 2);
}

TEST(Checks, NameTheValueThatIsOutOfRange) {
  const std::vector<int64_t> labels = {0, 3, -1};
  check_labels("fit.labels", labels.data(), 2, 4);
  EXPECT_THROW(check_labels("a", labels.data(), 2, 3), std::invalid_argument);
  EXPECT_THROW(check_labels("a", labels.data(), 3, 4), std::invalid_argument);
  check_rows("a", labels.data(), 2, 4);
  EXPECT_THROW(check_rows("a", labels.data(), 2, 3), std::invalid_argument);
  EXPECT_THROW(check_rows("a", labels.data(), 3, 4), std::invalid_argument);
}

TEST(Checks, TakeWeightsThatAreFiniteAndNotAllZero) {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> fine = {0, 2.5}, zero = {0, 0}, negative = {1, -1},
                            endless = {1, infinity}, none = {1, std::nan("")};
  check_weights("a", fine.data(), 2);
  for (const auto* weights : {&zero, &negative, &endless, &none})
    EXPECT_THROW(check_weights("a", weights->data(), 2), std::invalid_argument);
}

TEST(Checks, FindPixelsThatAreNotFiniteOrTooLarge) {
  const std::vector<uint8_t> bytes = {0, 200};
  const ImagesView images{bytes.data(), PixelType::UInt8, 1, {1, 1, 2}};
  check_finite("a", images);
  check_range("a", images, 200);
  EXPECT_THROW(check_range("a", images, 199), std::invalid_argument);
  EXPECT_EQ(largest_pixel(images), 200);
  for (const float wrong : {std::nanf(""), -INFINITY, INFINITY}) {
    const std::vector<float> floats = {0.5f, wrong};
    const ImagesView view{floats.data(), PixelType::Float32, 1, {1, 1, 2}};
    EXPECT_THROW(check_finite("a", view), std::invalid_argument);
  }
  const std::vector<float> negative = {-0.5f, 1};
  EXPECT_THROW(
      check_range("a", {negative.data(), PixelType::Float32, 1, {1, 1, 2}}, 1),
      std::invalid_argument);
}

TEST(Fingerprint, ChangesWithEachPixelLabelAndTheOrder) {
  std::vector<uint8_t> bytes(3 * 45);  // of words and what is left over
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  std::vector<int64_t> labels = {0, 1, 1}, rows = {0, 1, 2};
  DatasetView view;
  view.images = {bytes.data(), PixelType::UInt8, 3, {1, 5, 9}};
  view.count = 3;
  view.labels = labels.data();
  const Fingerprint whole = fingerprint(view);
  EXPECT_EQ(fingerprint(view), whole);
  for (uint8_t& byte : bytes) {
    ++byte;
    EXPECT_NE(fingerprint(view), whole);
    --byte;
  }
  for (int64_t& label : labels) {
    ++label;
    EXPECT_NE(fingerprint(view), whole);
    --label;
  }
  view.rows = rows.data();
  EXPECT_EQ(fingerprint(view), whole);
  std::swap(rows[1], rows[2]);  // of equal labels
  EXPECT_NE(fingerprint(view), whole);
  view.count = 2;
  EXPECT_NE(fingerprint(view), whole);
}

}  // namespace
}  // namespace digitnet::data
