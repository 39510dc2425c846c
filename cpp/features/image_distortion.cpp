#include "features/image_distortion.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "core/error.h"
#include "features/blocks.h"
#include "kernels/kernels.h"

namespace digitnet::features {
namespace {

constexpr int64_t kBlock = 16;  // images of one task
// Pixels' costs of one task of distortion distances: some hundredths of a
// second, so that whoever asks for an end does not wait.
constexpr int64_t kTaskCosts = 50'000'000;

// Sobel's gradients of one image as the kernel reads them, with `border` of
// zeros around: 2 planes a channel, [2 C, H + 2 border, row].
class Gradients {
 public:
  Gradients(const Shape& shape, int64_t border)
      : shape_(shape),
        border_(border),
        row_(shape.width + 2 * border),
        padded_((shape.height + 2) * (shape.width + 2)),
        planes_(2 * shape.channels * (shape.height + 2 * border) * row_ +
                kernels::kSlack) {}

  void read(const uint8_t* image) {
    const int64_t width = shape_.width, plane = shape_.height * width;
    for (int64_t c = 0; c < shape_.channels; ++c) {
      for (int64_t y = 0; y < shape_.height; ++y)
        std::copy_n(image + c * plane + y * width, width,
                    padded_.data() + (y + 1) * (width + 2) + 1);
      write(2 * c);
    }
  }
  const int16_t* planes() const { return planes_.data(); }
  int64_t row() const { return row_; }

 private:
  // Both gradients of the padded plane.
  void write(int64_t layer) {
    const int64_t step = shape_.width + 2;
    const int64_t plane = (shape_.height + 2 * border_) * row_;
    int16_t* across = planes_.data() + layer * plane;
    for (int64_t y = 0; y < shape_.height; ++y) {
      const int16_t* above = padded_.data() + y * step;
      const int16_t *here = above + step, *below = here + step;
      int16_t* out = across + (y + border_) * row_ + border_;
      for (int64_t x = 0; x < shape_.width; ++x) {
        const int left = above[x] + 2 * here[x] + below[x];
        const int right = above[x + 2] + 2 * here[x + 2] + below[x + 2];
        const int top = above[x] + 2 * above[x + 1] + above[x + 2];
        const int low = below[x] + 2 * below[x + 1] + below[x + 2];
        out[x] = static_cast<int16_t>(right - left);
        out[plane + x] = static_cast<int16_t>(low - top);
      }
    }
  }

  Shape shape_;
  int64_t border_, row_;
  std::vector<int16_t> padded_;  // a channel with a border of 0
  std::vector<int16_t> planes_;
};

const uint8_t* image_of(const data::ImagesView& images, int64_t row) {
  return static_cast<const uint8_t*>(images.pixels) + row * images.shape.size();
}

void check(const std::string& where, const data::ImagesView& images,
           const data::ImagesView& references) {
  require(images.type == data::PixelType::UInt8 &&
              references.type == data::PixelType::UInt8,
          where, ".images: expected images of bytes");
  require(images.shape == references.shape, where,
          ".images: expected images of ", to_string(references.shape),
          " as the references, got ", to_string(images.shape));
}

}  // namespace

std::vector<int64_t> euclidean_neighbors(const data::ImagesView& images,
                                         const data::ImagesView& references,
                                         int64_t count,
                                         const KeepGoing& keep_going) {
  check("euclidean_neighbors", images, references);
  require(count >= 1 && count <= references.count,
          "euclidean_neighbors.count: expected 1 to ", references.count,
          ", as many as there are references, got ", count);
  const kernels::Kernels& kernels = kernels::select();
  const int64_t size = images.shape.size();
  std::vector<int64_t> nearest(images.count * count);
  for_each_block(
      images.count, kBlock, keep_going, [&](int64_t first, int64_t end) {
        std::vector<std::pair<int64_t, int64_t>> distances(references.count);
        for (int64_t i = first; i < end; ++i) {
          for (int64_t r = 0; r < references.count; ++r) {
            distances[r] = {
                kernels.squared_distance(image_of(images, i),
                                         image_of(references, r), size),
                r};
          }
          std::partial_sort(distances.begin(), distances.begin() + count,
                            distances.end());
          for (int64_t k = 0; k < count; ++k)
            nearest[i * count + k] = distances[k].second;
        }
      });
  return nearest;
}

std::vector<int64_t> distortion_distances(const data::ImagesView& images,
                                          const data::ImagesView& references,
                                          const std::vector<int64_t>& rows,
                                          const DistortionModel& model,
                                          const KeepGoing& keep_going) {
  const std::string where = "distortion_distances";
  check(where, images, references);
  require(model.warp >= 0 && model.warp <= 8, where,
          ".warp: expected 0 to 8 pixels, got ", model.warp);
  require(model.context >= 0 && model.context <= 3, where,
          ".context: expected 0 to 3 pixels, got ", model.context);
  const Shape& shape = images.shape;
  // Sums of (2 * 3 + 1)^2 squares of 2 * 4 gradients fit into 32 bits.
  require(shape.channels <= 4, where,
          ".images: expected at most 4 channels, got ", shape.channels);
  data::check_rows(where + ".rows", rows.data(),
                   static_cast<int64_t>(rows.size()), references.count);
  std::vector<int64_t> distances(rows.size());
  if (rows.empty()) return distances;
  const int64_t count = static_cast<int64_t>(rows.size()) / images.count;
  const kernels::Kernels& kernels = kernels::select();
  const int64_t border = model.warp + model.context;
  const int64_t side = 2 * model.warp + 1;
  const int64_t block = std::max<int64_t>(
      1, kTaskCosts / (side * side * shape.size()));  // pairs of one task
  const auto pairs = static_cast<int64_t>(rows.size());
  for_each_block(pairs, block, keep_going, [&](int64_t first, int64_t end) {
    Gradients image(shape, border), reference(shape, border);
    std::vector<int32_t> work(
        kernels::distortion_work(shape.height, shape.width, model.context));
    kernels::Distortion pair{
        image.planes(),     reference.planes(), image.row(),
        2 * shape.channels, shape.height,       shape.width,
        model.warp,         model.context,      work.data()};
    int64_t read = -1;  // the image whose gradients `image` has
    for (int64_t k = first; k < end; ++k) {
      if (k / count != read) {
        read = k / count;
        image.read(image_of(images, read));
      }
      reference.read(image_of(references, rows[k]));
      distances[k] = kernels.distortion(pair);
    }
  });
  return distances;
}

}  // namespace digitnet::features
