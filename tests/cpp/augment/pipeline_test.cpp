// Every operation on awkward shapes: under the sanitizers of the asan preset
// these tests find one that reads or writes beyond its image.
#include "augment/pipeline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "augment/ops.h"

namespace digitnet::augment {
// Without it GoogleTest names parametrised tests by raw bytes.
static void PrintTo(const OpEntry& entry, std::ostream* out) {
  *out << entry.name;
}

namespace {

class EveryOperation : public testing::TestWithParam<OpEntry> {};

constexpr float kFull = 200;

std::vector<float> drawn(const Pipeline& pipeline,
                         const data::ImagesView& images, uint64_t sample) {
  Pipeline::Scratch scratch(pipeline, images.shape);
  std::vector<float> out(images.shape.size());
  pipeline.apply(images, 0, kFull, {1, 2, sample}, scratch, out.data());
  return out;
}

TEST_P(EveryOperation, StaysInsideItsImageAndItsRange) {
  const OpEntry& op = GetParam();
  for (const Shape& shape : {Shape{1, 1, 1}, Shape{1, 1, 5}, Shape{2, 7, 1},
                             Shape{3, 17, 11}, Shape{1, 33, 16}}) {
    std::vector<uint8_t> bytes(shape.size());
    for (size_t i = 0; i < bytes.size(); ++i)
      bytes[i] = static_cast<uint8_t>(i * 37 % 201);
    const std::vector<float> floats(bytes.begin(), bytes.end());
    for (const char* fill : {"constant 50%", "nearest", "reflect"}) {
      for (const double part : {0.1, 1.0}) {
        const std::string text =
            op.name + " " +
            std::to_string(part * std::min(op.max_strength, 40.0)) +
            op.units[0] + " | fill " + fill;
        const Pipeline pipeline(text);
        for (uint64_t sample = 0; sample < 4; ++sample) {
          for (const bool as_bytes : {true, false}) {
            const data::ImagesView images{
                as_bytes ? static_cast<const void*>(bytes.data())
                         : floats.data(),
                as_bytes ? data::PixelType::UInt8 : data::PixelType::Float32, 1,
                shape};
            for (const float value : drawn(pipeline, images, sample)) {
              ASSERT_TRUE(value >= 0 && value <= kFull * 1.0001f)
                  << text << " on " << to_string(shape) << ": " << value;
            }
          }
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Augment, EveryOperation, testing::ValuesIn(all()),
                         [](const auto& info) { return info.param.name; });

TEST(Pipeline, KnowsTheBytesThatDrawsTake) {
  const Shape shape{3, 5, 7};
  for (const char* text :
       {"rotate 5deg", "elastic 1px | erase 20%", "noise 5% | blur 1px"}) {
    const Pipeline pipeline(text);
    Drawn drawn;
    pipeline.reserve(11, shape, drawn);
    size_t floats = drawn.maps.size() + drawn.warped.size();
    for (const auto& painting : drawn.photometric)
      floats += painting.numbers.size();
    const auto bytes = static_cast<int64_t>(floats * sizeof(float));
    EXPECT_GE(pipeline.bytes_of_draws(11), bytes) << text;
    EXPECT_LE(pipeline.bytes_of_draws(11), bytes + 11 * 24) << text;
  }
}

TEST(Pipeline, WorksOnWhileMemoryIsSharedBetweenOperations) {
  const Shape shape{2, 9, 13};
  const std::vector<uint8_t> bytes(shape.size(), 100);
  const data::ImagesView images{bytes.data(), data::PixelType::UInt8, 1, shape};
  const Pipeline pipeline(
      "elastic 2px sigma=5px | blur 3px | sharpen 1 | rotate 20deg | elastic "
      "1px | noise 10% | blur 1px | fill nearest");
  for (const float value : drawn(pipeline, images, 3))
    EXPECT_TRUE(std::isfinite(value));
}

}  // namespace
}  // namespace digitnet::augment
