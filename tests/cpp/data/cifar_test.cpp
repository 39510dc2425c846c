#include "data/cifar.h"

#include <gtest/gtest.h>

#include <string>

namespace digitnet::data {
namespace {

const std::string kPixels(3072, '\x80');

TEST(CifarLabels, AreOneOfTenClassesAndTwoOfAHundred) {
  EXPECT_EQ(cifar_labels("\x09" + kPixels + "\x01" + kPixels), 1);
  EXPECT_EQ(cifar_labels("\x13\x63" + kPixels), 2);
}

TEST(CifarLabels, AreNoneOfAnythingElse) {
  EXPECT_EQ(cifar_labels(""), 0);
  EXPECT_EQ(cifar_labels("\x0a" + kPixels), 0);
  EXPECT_EQ(cifar_labels("\x14\x01" + kPixels), 0);
  EXPECT_EQ(cifar_labels("\x01\x64" + kPixels), 0);
  EXPECT_EQ(cifar_labels("\x01" + kPixels + "\x01"), 0);
  EXPECT_EQ(cifar_labels("\x01" + kPixels + "\x0a" + kPixels), 0);
}

}  // namespace
}  // namespace digitnet::data
