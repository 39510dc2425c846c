#include <algorithm>
#include <cmath>
#include <optional>

#include "bindings/convert.h"
#include "core/error.h"
#include "core/list.h"
#include "corrupt/all.h"
#include "engine/device.h"
#include "kernels/thread_pool.h"

namespace digitnet::bindings {
namespace {

constexpr const char* kCorruptDoc =
    R"doc(Corrupt images, each at the corruption's fixed strength.

Args:
    name: One of `describe()`.
    images: (N, C, H, W), uint8 or float32, contiguous, at least 8 pixels a side.
    rows: Which images the samples are, shape (M,); None for all.
    seed: Seed of the draws; those of sample i depend on (seed, i) alone.
    max_value: The value of full intensity.
Returns:
    Array of the images' dtype (values rounded for uint8), shape (M, C, H, W).
Raises:
    ValueError: unknown name, images too small, values outside [0, max_value].
Source:
    Mu, Gilmer, "MNIST-C", arXiv 1906.02337, 2019.
)doc";

py::array corrupt_all(const std::string& name, const py::array& images,
                      const std::optional<Labels>& rows, uint64_t seed,
                      double max_value) {
  const auto& entry = find(corrupt::all(), "corruption", name);
  const data::DatasetView samples = samples_view(images, rows);
  const Shape& shape = samples.images.shape;
  require(std::min(shape.height, shape.width) >= corrupt::kMinSide,
          "corrupt.images: expected at least ", corrupt::kMinSide,
          " pixels a side, got ", to_string(shape));
  require(std::isfinite(max_value) && max_value > 0,
          "corrupt.max_value: expected a positive number, got ", max_value);
  data::check_range("corrupt.images", samples.images, max_value);
  py::array result(images.dtype(),
                   std::vector<py::ssize_t>{samples.count, shape.channels,
                                            shape.height, shape.width});
  void* out = result.mutable_data();
  const int64_t size = shape.size();
  const GilRelease release;
  kernels::ThreadPool pool(static_cast<int>(
      std::clamp<int64_t>(samples.count / 32, 1, engine::num_threads())));
  pool.parallel_for(samples.count, [&](int64_t i) {
    if (samples.images.type == data::PixelType::Float32) {
      corrupt::corrupt(entry, samples, i, max_value, seed,
                       static_cast<float*>(out) + i * size);
      return;
    }
    std::vector<float> pixels(size);
    corrupt::corrupt(entry, samples, i, max_value, seed, pixels.data());
    std::copy(pixels.begin(), pixels.end(),
              static_cast<uint8_t*>(out) + i * size);
  });
  return result;
}

}  // namespace

void bind_corrupt(py::module_& root) {
  auto m = root.def_submodule(
      "corrupt", "Corruptions of images, each at one fixed severity.");
  m.def(
      "describe",
      [] {
        py::list result;
        for (const auto& entry : corrupt::all()) {
          result.append(
              py::dict("name"_a = entry.name, "summary"_a = entry.summary));
        }
        return result;
      },
      "Every corruption with its summary.");
  m.def("corrupt", &corrupt_all, "name"_a, "images"_a, "rows"_a, "seed"_a,
        "max_value"_a, kCorruptDoc);
}

}  // namespace digitnet::bindings
