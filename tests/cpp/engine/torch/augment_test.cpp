// Every operation on many images at once against one image after another.
#include "engine/torch/augment.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "augment/ops.h"

namespace digitnet::augment {
// Without it GoogleTest names parametrised tests by raw bytes.
static void PrintTo(const OpEntry& entry, std::ostream* out) {
  *out << entry.name;
}
}  // namespace digitnet::augment

namespace digitnet::engine {
namespace {

using augment::Pipeline;

constexpr double kFull = 200;
constexpr int64_t kImages = 64;
constexpr uint64_t kSeed = 1, kEpoch = 2;

std::vector<float> some_images(const Shape& shape) {
  std::vector<float> pixels(kImages * shape.size());
  for (size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<float>((i * 37 + i / 11) % 201);
  return pixels;
}

augment::SampleKey key_of(int64_t sample) {
  return {kSeed, kEpoch, static_cast<uint64_t>(sample)};
}

std::vector<float> one_by_one(const Pipeline& pipeline, const Shape& shape,
                              const std::vector<float>& pixels) {
  const data::ImagesView images{pixels.data(), data::PixelType::Float32,
                                kImages, shape};
  Pipeline::Scratch scratch(pipeline, shape);
  std::vector<float> out(pixels.size());
  for (int64_t i = 0; i < kImages; ++i) {
    pipeline.apply(images, i, kFull, key_of(i), scratch,
                   out.data() + i * shape.size());
  }
  return out;
}

// All images augmented, `count` in a turn.
at::Tensor by(int64_t count, const Pipeline& pipeline, const Shape& shape,
              const std::vector<float>& pixels) {
  augment::Drawn drawn;
  pipeline.reserve(kImages, shape, drawn);
  for (int64_t i = 0; i < kImages; ++i)
    pipeline.draw(shape, key_of(i), i, drawn);
  TorchAugment augment(pipeline, shape, data::PixelType::Float32, kFull, drawn,
                       kSeed, at::kCPU);
  augment.upload(drawn, kEpoch);
  const at::Tensor images = at::from_blob(
      const_cast<float*>(pixels.data()),
      {kImages, shape.channels, shape.height, shape.width}, at::kFloat);
  const at::Tensor samples = at::arange(kImages);
  std::vector<at::Tensor> parts;
  for (int64_t first = 0; first < kImages; first += count) {
    const at::Tensor here = samples.narrow(0, first, count);
    const at::Tensor moved =
        augment.moved(images.narrow(0, first, count), here, here);
    parts.push_back(augment.revalued(moved, here, here));
  }
  return at::cat(parts).contiguous();
}

void expect_as_alone(const Pipeline& pipeline, const Shape& shape,
                     const std::vector<float>& pixels) {
  const auto expected = one_by_one(pipeline, shape, pixels);
  const at::Tensor batch = by(kImages, pipeline, shape, pixels);
  const float* values = batch.const_data_ptr<float>();
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(values[i], expected[i], 1e-4 * kFull)
        << pipeline.text() << " on " << to_string(shape) << ", value " << i;
  }
}

class EveryOperationAtOnce : public testing::TestWithParam<augment::OpEntry> {};

TEST_P(EveryOperationAtOnce, ChangesEveryImageAsAlone) {
  const augment::OpEntry& op = GetParam();
  for (const Shape& shape : {Shape{1, 28, 28}, Shape{3, 9, 14}}) {
    const std::vector<float> pixels = some_images(shape);
    for (const char* fill : {"constant 50%", "nearest", "reflect"}) {
      for (const double fraction : {0.1, 1.0}) {
        expect_as_alone(
            Pipeline(
                op.name + " " +
                std::to_string(fraction * std::min(op.max_strength, 20.0)) +
                op.units[0] + " | fill " + fill),
            shape, pixels);
      }
    }
  }
}

TEST_P(EveryOperationAtOnce, MakesOfASampleTheSameWhateverIsBesideIt) {
  const augment::OpEntry& op = GetParam();
  for (const Shape& shape : {Shape{1, 28, 28}, Shape{3, 9, 14}}) {
    std::vector<float> pixels = some_images(shape);
    for (float& pixel : pixels) pixel *= 0.937f;  // sums of them are rounded
    const Pipeline pipeline(op.name + " " +
                            std::to_string(std::min(op.max_strength, 3.0)) +
                            op.units[0]);
    const at::Tensor whole = by(kImages, pipeline, shape, pixels);
    for (const int64_t count : {16, 1})
      EXPECT_TRUE(at::equal(by(count, pipeline, shape, pixels), whole))
          << pipeline.text() << " on " << to_string(shape) << " by " << count;
  }
}

TEST(TorchAugment, ComposesMapsWithWarpsThatTakePlaceForSome) {
  for (const Shape& shape : {Shape{1, 28, 28}, Shape{3, 9, 14}}) {
    const std::vector<float> pixels = some_images(shape);
    for (const char* text :
         {"elastic 2px sigma=3px p=60% | rotate 20deg p=50% | elastic 1px "
          "p=40% | zoom 20% | fill nearest",
          "shift 2px | elastic 1px p=50% | fill reflect",
          "zoom 40% axes=2 p=70% | rotate 10deg | channel_gain 50% p=50%",
          "noise 10% p=50% | elastic 1px | noise 5% p=30% | blur 1px p=50%"})
      expect_as_alone(Pipeline(text), shape, pixels);
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, EveryOperationAtOnce,
                         testing::ValuesIn(augment::all()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace digitnet::engine
