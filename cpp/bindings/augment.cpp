#include <algorithm>
#include <cmath>
#include <numeric>

#include "augment/ops.h"
#include "augment/pipeline.h"
#include "bindings/convert.h"
#include "core/error.h"
#include "engine/device.h"
#include "engine/memory.h"
#include "kernels/thread_pool.h"

namespace digitnet::bindings {
namespace {

using augment::Pipeline;

constexpr const char* kPipelineDoc =
    R"doc(A sequence of random operations, written as text.

Every draw is a function of seed, epoch, sample index and operation: batch size, order
and threads cannot change what a sample looks like. Operations that move pixels come
first, all in one resampling; those that change their values follow.

Args:
    text: Parts separated by ``|``, each a name, a strength and its unit:
        ``shift`` and ``crop`` (px or % of the side), ``rotate`` and ``shear`` (deg),
        ``zoom`` (a fraction or %; ``axes=2`` for a factor each),
        ``elastic`` (px or %, and ``sigma=4px``),
        ``horizontal_flip`` and ``vertical_flip`` (a probability or %);
        then ``erase`` (a fraction of the area or %), ``brightness``, ``channel_gain``,
        ``contrast``, ``noise``, ``sharpen`` (a fraction or %), ``blur`` (px or %).
        All but flips take ``p=50%``, how often they are applied.
        ``fill constant 0%``, ``fill nearest`` or ``fill reflect`` says what lies beyond
        the border, ``interpolation nearest`` replaces bilinear.
        `describe()` has ranges, meanings and sources.
Raises:
    ValueError: an unknown word or a strength out of range.
Example:
    >>> pipeline = digitnet.augment.Pipeline("noise 5% | rotate 8 deg | fill nearest")
    >>> pipeline.text
    'rotate 8deg | noise 5% | fill nearest'
    >>> images = np.zeros((2, 8, 8), np.uint8)
    >>> pipeline(images, seed=0, epoch=1).shape
    (2, 8, 8)
)doc";

constexpr const char* kCallDoc = R"doc(Draw every image once.

Args:
    images: (N, H, W), (N, C, H, W) or, as a Dataset takes them, (N, H, W, 3) or
        (N, H, W, 1); uint8 or float32; not modified.
    seed, epoch: With the sample's index, what the draw is a function of.
    first_index: Image i is drawn as sample first_index + i.
    max_value: The value of full intensity. Default: 255 for uint8, 1 for floats.
Returns:
    float32 array of the same shape.
Raises:
    ValueError: another shape or type, or pixels out of [0, max_value] where it matters.
)doc";

constexpr const char* kEnlargeDoc = R"doc(Draw copies of some images.

Args:
    images: (N, C, H, W), uint8 or float32, contiguous.
    rows: Which images the samples are, shape (M,); None for all.
    copies: How many copies of each sample, shape (M,). Copy k of sample i looks as
        sample i does in epoch k + 1.
    seed: Seed of the draws.
    max_value: The value of full intensity.
Returns:
    Array of the images' dtype (values rounded for uint8), sample after sample, shape
    (sum of copies, C, H, W).
)doc";

// Calls f(i, scratch) for 0 <= i < count, on one thread a block at most.
template <class F>
void each_image(const Pipeline& pipeline, const Shape& shape, int64_t count,
                F f) {
  const GilRelease release;
  engine::keep_pages_mapped();
  constexpr int64_t kBlock = 32;  // images of one task
  const int64_t blocks = (count + kBlock - 1) / kBlock;
  if (blocks == 0) return;
  kernels::ThreadPool pool(
      static_cast<int>(std::min<int64_t>(blocks, engine::num_threads())));
  std::vector<Pipeline::Scratch> scratch(pool.threads(),
                                         Pipeline::Scratch(pipeline, shape));
  pool.parallel_for(blocks, [&](int64_t block, int thread) {
    const int64_t last = std::min((block + 1) * kBlock, count);
    for (int64_t i = block * kBlock; i < last; ++i) f(i, scratch[thread]);
  });
}

// The value of full intensity. Throws std::invalid_argument for pixels that the
// pipeline cannot take.
double full_of(const Pipeline& pipeline, const data::ImagesView& view,
               const std::optional<double>& max_value) {
  const bool bytes = view.type == data::PixelType::UInt8;
  const double full = max_value.value_or(bytes ? 255 : 1);
  require(std::isfinite(full) && full > 0,
          "augment.max_value: expected a positive number, got ", full);
  data::check_finite("augment.images", view);
  if (pipeline.needs_full()) data::check_range("augment.images", view, full);
  return full;
}

py::array_t<float> augment_all(const Pipeline& pipeline, py::array images,
                               uint64_t seed, uint64_t epoch,
                               uint64_t first_index,
                               const std::optional<double>& max_value) {
  const bool planes = images.ndim() == 3;
  // As a Dataset takes them: three or one channel behind the pixels.
  const auto is_colour = [&](int axis) {
    return images.shape(axis) == 1 || images.shape(axis) == 3;
  };
  const bool channels_last =
      images.ndim() == 4 && !is_colour(1) && is_colour(3);
  if (channels_last) images = images.attr("transpose")(0, 3, 1, 2);
  images = py::array::ensure(images, py::array::c_style);
  if (planes) {
    images = images.reshape(
        {images.shape(0), py::ssize_t{1}, images.shape(1), images.shape(2)});
  }
  const auto view = images_view("augment.images", images);
  const double full = full_of(pipeline, view, max_value);
  const int64_t size = view.shape.size();
  py::array_t<float> result(
      {view.count, view.shape.channels, view.shape.height, view.shape.width});
  float* out = result.mutable_data();
  each_image(pipeline, view.shape, view.count, [&](int64_t i, auto& scratch) {
    pipeline.apply(view, i, full,
                   {seed, epoch, first_index + static_cast<uint64_t>(i)},
                   scratch, out + i * size);
  });
  if (planes)
    return result.reshape({view.count, view.shape.height, view.shape.width});
  if (channels_last) return result.attr("transpose")(0, 2, 3, 1);
  return result;
}

py::array enlarge(const Pipeline& pipeline, const py::array& images,
                  const std::optional<Labels>& rows, const Labels& copies,
                  uint64_t seed, double max_value) {
  const data::DatasetView samples = samples_view(images, rows);
  const double full = full_of(pipeline, samples.images, max_value);
  require(copies.ndim() == 1 && copies.shape(0) == samples.count,
          "enlarge.copies: expected ", samples.count,
          " numbers, one a sample, got ", copies.size());
  std::vector<int64_t> sample, copy;
  for (int64_t i = 0; i < samples.count; ++i) {
    require(copies.at(i) >= 0, "enlarge.copies: expected 0 or more, got ",
            copies.at(i));
    for (int64_t k = 0; k < copies.at(i); ++k) {
      sample.push_back(i);
      copy.push_back(k + 1);
    }
  }
  const Shape& shape = samples.images.shape;
  const auto count = static_cast<int64_t>(sample.size());
  py::array result(images.dtype(),
                   std::vector<py::ssize_t>{count, shape.channels, shape.height,
                                            shape.width});
  void* out = result.mutable_data();
  const int64_t size = shape.size();
  each_image(pipeline, shape, count, [&](int64_t i, auto& scratch) {
    const augment::SampleKey key{seed, static_cast<uint64_t>(copy[i]),
                                 static_cast<uint64_t>(sample[i])};
    const int64_t row = samples.row(sample[i]);
    if (samples.images.type == data::PixelType::Float32) {
      pipeline.apply(samples.images, row, full, key, scratch,
                     static_cast<float*>(out) + i * size);
      return;
    }
    thread_local std::vector<float> pixels;
    pixels.resize(size);
    pipeline.apply(samples.images, row, full, key, scratch, pixels.data());
    auto* bytes = static_cast<uint8_t*>(out) + i * size;
    for (int64_t p = 0; p < size; ++p)
      bytes[p] = static_cast<uint8_t>(pixels[p] + 0.5f);
  });
  return result;
}

py::list describe() {
  py::list result;
  for (const auto& op : augment::all()) {
    py::list options;
    for (const auto& option : op.options) {
      options.append(
          py::dict("name"_a = option.name, "summary"_a = option.summary,
                   "unit"_a = option.unit, "default"_a = option.fallback,
                   "least"_a = option.min, "most"_a = option.max));
    }
    result.append(py::dict(
        "name"_a = op.name, "summary"_a = op.summary, "source"_a = op.source,
        "units"_a = op.units, "most"_a = op.max_strength,
        "geometric"_a = op.geometric(), "options"_a = options));
  }
  return result;
}

}  // namespace

void bind_augment(py::module_& root) {
  auto m = root.def_submodule("augment", "Random operations on images.");
  m.def("describe", &describe,
        "Every operation with its summary, units, range and options.");
  py::class_<Pipeline>(m, "Pipeline", kPipelineDoc)
      .def(py::init<std::string>(), "text"_a)
      .def_property_readonly("text", &Pipeline::text,
                             "The pipeline in canonical form.")
      .def("__repr__",
           [](const Pipeline& self) {
             return "Pipeline('" + self.text() + "')";
           })
      .def("enlarge", &enlarge, "images"_a, "rows"_a, "copies"_a, py::kw_only(),
           "seed"_a, "max_value"_a, kEnlargeDoc)
      .def("__call__", &augment_all, "images"_a, py::kw_only(), "seed"_a = 0,
           "epoch"_a = 0, "first_index"_a = 0, "max_value"_a = py::none(),
           kCallDoc);
}

}  // namespace digitnet::bindings
