#include <algorithm>

#include "augment/ops.h"
#include "augment/pipeline.h"
#include "bindings/convert.h"
#include "core/error.h"
#include "engine/executor.h"
#include "engine/memory.h"
#include "kernels/thread_pool.h"

namespace digitnet::bindings {
namespace {

constexpr const char* kPipelineDoc =
    R"doc(A sequence of random operations, written as text.

Every draw is a function of seed, epoch, sample index and operation: batch size, order
and threads cannot change what a sample looks like.

Args:
    text: Operations separated by ``|``, each a name, a strength and its unit. Known:
        ``shift`` (px or %), ``rotate`` and ``shear`` (deg), ``zoom`` (a fraction or %),
        ``horizontal_flip`` and ``vertical_flip`` (a probability or %).
Raises:
    ValueError: an unknown word or a strength out of range.
Example:
    >>> pipeline = digitnet.augment.Pipeline("shift 1px | rotate 8deg")
    >>> images = np.zeros((2, 1, 8, 8), np.uint8)
    >>> pipeline(images, seed=0, epoch=1).shape
    (2, 1, 8, 8)
)doc";

py::array_t<float> augment_all(const augment::Pipeline& pipeline,
                               const py::array& images, uint64_t seed,
                               uint64_t epoch, uint64_t first_index) {
  const auto view = images_view("augment.images", images);
  const int64_t size = view.shape.size();
  py::array_t<float> result(
      {view.count, view.shape.channels, view.shape.height, view.shape.width});
  float* out = result.mutable_data();
  {
    py::gil_scoped_release release;
    engine::keep_pages_mapped();
    constexpr int64_t kBlock = 32;  // images of one task
    const int64_t blocks = (view.count + kBlock - 1) / kBlock;
    kernels::ThreadPool pool(
        static_cast<int>(std::min<int64_t>(blocks, engine::num_threads())));
    std::vector<augment::Pipeline::Scratch> scratch(
        pool.threads(), augment::Pipeline::Scratch(view.shape));
    pool.run(blocks, [&](int64_t block, int thread) {
      const int64_t last = std::min((block + 1) * kBlock, view.count);
      for (int64_t i = block * kBlock; i < last; ++i) {
        pipeline.apply(view, i, seed, epoch, first_index + i, scratch[thread],
                       out + i * size);
      }
    });
  }
  return result;
}

}  // namespace

void bind_augment(py::module_& root) {
  auto m = root.def_submodule("augment", "Random operations on images.");
  m.def(
      "describe",
      [] {
        py::list result;
        for (const auto& op : augment::all()) {
          result.append(py::dict("name"_a = op.name, "summary"_a = op.summary,
                                 "source"_a = op.source, "units"_a = op.units,
                                 "most"_a = op.most));
        }
        return result;
      },
      "Every operation with its summary, units and range.");
  py::class_<augment::Pipeline>(m, "Pipeline", kPipelineDoc)
      .def(py::init<std::string>(), "text"_a)
      .def_property_readonly("text", &augment::Pipeline::text,
                             "The pipeline in canonical form.")
      .def("__repr__",
           [](const augment::Pipeline& self) {
             return "Pipeline('" + self.text() + "')";
           })
      .def("__call__", &augment_all, "images"_a, py::kw_only(), "seed"_a = 0,
           "epoch"_a = 0, "first_index"_a = 0,
           "float32 images of the same shape; image i is drawn as sample "
           "first_index + i.");
}

}  // namespace digitnet::bindings
