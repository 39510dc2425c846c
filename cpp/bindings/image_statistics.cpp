#include "data/image_statistics.h"

#include "bindings/convert.h"

namespace digitnet::bindings {

void bind_image_statistics(py::module_& root) {
  auto m = root.attr("data").cast<py::module_>();
  using data::BorderStatistics;
  py::class_<BorderStatistics>(
      m, "BorderStatistics",
      "The range of images' mean borders, by channel, of max_value, and the "
      "fraction that is brighter inside.")
      .def(py::init([](std::vector<double> low, std::vector<double> high,
                       double brighter_inside) {
             return BorderStatistics{std::move(low), std::move(high),
                                     brighter_inside};
           }),
           "low"_a, "high"_a, "brighter_inside"_a)
      .def_static(
          "of",
          [](const py::array& images, const std::optional<Labels>& rows,
             double max_value) {
            const auto view = samples_view(images, rows);
            const GilRelease release;
            return data::border_statistics(view, max_value);
          },
          "images"_a, "rows"_a, "max_value"_a, "Those of a set's samples.")
      .def(
          "inverted",
          [](const BorderStatistics& known, const py::array& images,
             const std::optional<Labels>& rows,
             double max_value) -> py::object {
            const auto found = data::count_inverted(samples_view(images, rows),
                                                    max_value, known);
            if (found.inverted == 0) return py::none();
            return py::make_tuple(found.inverted, found.sampled, found.border);
          },
          "images"_a, "rows"_a, "max_value"_a,
          "(inverted, sampled, border): how many of some images look inverted "
          "against these, and their mean border; None if none does.")
      .def_readonly("low", &BorderStatistics::low)
      .def_readonly("high", &BorderStatistics::high)
      .def_readonly("brighter_inside", &BorderStatistics::brighter_inside);
  m.def(
      "mean_grid",
      [](const py::array& images, const std::optional<Labels>& rows,
         double max_value, int64_t most) {
        const auto view = samples_view(images, rows);
        const GilRelease release;
        return data::mean_grid(view, max_value, most);
      },
      "images"_a, "rows"_a, "max_value"_a, "most"_a,
      "The mean of at most so many images in 8 x 8 blocks, row by row; [] for "
      "images that are not "
      "square or smaller.");
}

}  // namespace digitnet::bindings
