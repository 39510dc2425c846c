#include <map>
#include <optional>
#include <string_view>

#include "bindings/convert.h"
#include "core/error.h"
#include "core/list.h"
#include "data/cifar.h"
#include "data/delimited.h"
#include "data/idx.h"
#include "data/label_list.h"
#include "data/mnist_m.h"
#include "data/resize.h"
#include "data/split.h"
#include "pictures/scan.h"

namespace digitnet::bindings {
namespace {

// What `value` stands for. Throws std::invalid_argument listing the choices.
template <class Choice>
Choice choose(const std::string& where,
              const std::map<std::string, Choice>& choices,
              const std::string& value) {
  const auto choice = choices.find(value);
  if (choice != choices.end()) return choice->second;
  std::vector<std::string> names;
  for (const auto& [name, meaning] : choices) names.push_back(name);
  throw std::invalid_argument(
      join(where, ": expected one of ", listed(names), ", got '", value, "'"));
}

// The place of the label as Python says it: a word, a column's name or number.
data::LabelPlace label_place(const py::object& label) {
  using Kind = data::LabelPlace::Kind;
  if (label.is_none()) return {Kind::None, 0, {}};
  if (!py::isinstance<py::str>(label))
    return data::LabelPlace::at(label.cast<int64_t>());
  const auto word = label.cast<std::string>();
  if (word == "auto") return {};
  if (word == "none") return {Kind::None, 0, {}};
  if (word == "first") return data::LabelPlace::at(0);
  if (word == "last") return data::LabelPlace::at(-1);
  return {Kind::Name, 0, word};
}

// {pixels, labels, names, notes} of text in a table, or of LIBSVM's form.
py::dict read_text(const py::bytes& content, const py::object& label,
                   const std::string& header,
                   const std::optional<std::vector<int64_t>>& shape,
                   int64_t classes, bool names, double max_value,
                   const std::string& name) {
  using data::Header;
  data::TextRequest request;
  request.columns.label = label_place(label);
  request.columns.header = choose<Header>(
      "read_csv.header",
      {{"auto", Header::Auto}, {"yes", Header::Yes}, {"no", Header::No}},
      header);
  if (shape) request.columns.shape = shape_from(*shape, "read_csv.shape");
  request.columns.classes = classes;
  request.columns.names = names;
  request.max_value = max_value;
  const std::string_view text = content;
  data::TextImages images;
  {
    const GilRelease release;
    images = data::is_libsvm(text) ? data::read_libsvm(text, request, name)
                                   : data::read_delimited(text, request, name);
  }
  const std::vector<int64_t> sizes{images.count, images.shape.channels,
                                   images.shape.height, images.shape.width};
  py::dict result;
  if (images.floats.empty()) {
    result["pixels"] = to_array(std::move(images.bytes), sizes);
  } else {
    result["pixels"] = to_array(std::move(images.floats), sizes);
  }
  result["labels"] = images.labelled
                         ? py::object(to_array(std::move(images.labels)))
                         : py::none();
  result["names"] = images.names;
  result["notes"] = images.notes;
  result["was_signed"] = images.was_signed;
  return result;
}

py::array_t<float> resize(const Floats& plane, int64_t height, int64_t width,
                          const std::string& method) {
  using Method =
      void (*)(const float*, int64_t, int64_t, float*, int64_t, int64_t);
  const auto chosen = choose<Method>("resize.method",
                                     {{"nearest", data::resize_nearest},
                                      {"bilinear", data::resize_bilinear},
                                      {"area", data::resize_area}},
                                     method);
  require(plane.ndim() == 2 && plane.size() > 0,
          "resize.plane: expected shape (height, width), got ", plane.ndim(),
          " dimensions");
  require(height >= 1 && width >= 1 && height <= 4096 && width <= 4096,
          "resize: expected 1 to 4096 pixels a side, got ", height, "x", width);
  std::vector<float> out(height * width);
  chosen(plane.data(), plane.shape(0), plane.shape(1), out.data(), height,
         width);
  return to_array(std::move(out), {height, width});
}

py::dict scan(const Floats& grey, const std::string& like, int64_t size) {
  require(grey.ndim() == 2 && grey.size() > 0,
          "scan.grey: expected shape (height, width), got ", grey.ndim(),
          " dimensions");
  const auto form =
      choose<pictures::Form>("scan.like",
                             {{"mnist", pictures::Form::Mnist},
                              {"optdigits", pictures::Form::Optdigits}},
                             like);
  const float* values = grey.data();
  const int64_t height = grey.shape(0), width = grey.shape(1);
  auto scan = [&] {
    const GilRelease release;
    for (int64_t i = 0; i < height * width; ++i) {
      require(values[i] >= 0 && values[i] <= 255,
              "scan.grey: expected values from 0 to 255, got ", values[i]);
    }
    return pictures::scan(values, height, width, form, size);
  }();
  py::dict result;
  const int64_t side = scan.side;
  result["image"] = to_array(std::move(scan.image), {side, side});
  result["box"] = py::make_tuple(scan.box.top, scan.box.left, scan.box.height,
                                 scan.box.width);
  result["digits"] = scan.digits;
  result["certainty"] = scan.certainty;
  result["is_dark"] = scan.is_dark;
  result["contrast"] = scan.contrast;
  return result;
}

using Bytes = py::array_t<uint8_t, py::array::c_style>;

std::vector<data::Photo> photos_from(const std::vector<Bytes>& arrays,
                                     const Shape& size) {
  require(!arrays.empty(),
          "mnist_m.photos: expected at least one photograph, got none");
  std::vector<data::Photo> photos;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const Bytes& array = arrays[i];
    require(array.ndim() == 3 && array.shape(0) == 3 &&
                array.shape(1) >= size.height && array.shape(2) >= size.width,
            "mnist_m.photos: expected shape (3, height, width) of at least ",
            size.height, "x", size.width, " pixels, got another at position ",
            i);
    photos.push_back({array.data(), array.shape(1), array.shape(2)});
  }
  return photos;
}

py::array_t<uint8_t> mnist_m(const py::array& images,
                             const std::optional<Labels>& rows,
                             const std::vector<Bytes>& arrays, uint64_t seed,
                             uint64_t first_index, bool binary) {
  const data::DatasetView digits = samples_view(images, rows);
  const Shape& size = digits.images.shape;
  require(digits.images.type == data::PixelType::UInt8 && size.channels == 1,
          "mnist_m.digits: expected grey uint8 images, got others");
  const auto photos = photos_from(arrays, size);
  py::array_t<uint8_t> result(
      {digits.count, int64_t{3}, size.height, size.width});
  uint8_t* out = result.mutable_data();
  const GilRelease release;
  for (int64_t i = 0; i < digits.count; ++i) {
    poll_interrupt();
    const data::Patch patch = data::draw_patch(
        photos, size, seed, first_index + static_cast<uint64_t>(i));
    data::blend(digits.images, digits.row(i), photos[patch.photo], patch,
                binary, out + i * 3 * size.height * size.width);
  }
  return result;
}

std::vector<py::array_t<int64_t>> to_arrays(std::vector<data::Indices> parts) {
  std::vector<py::array_t<int64_t>> result;
  for (data::Indices& part : parts) result.push_back(to_array(std::move(part)));
  return result;
}

std::vector<int64_t> to_vector(const Labels& labels) {
  return {labels.data(), labels.data() + labels.size()};
}

}  // namespace

void bind_data(py::module_& root) {
  auto m =
      root.def_submodule("data", "Parsing, checking and dividing of data.");
  m.def(
      "idx_file_bytes",
      [](const py::bytes& start, const std::string& name) {
        return data::idx_file_bytes(start, name);
      },
      "start"_a, "name"_a, "Bytes of the whole IDX file that begins so.");
  m.def(
      "read_idx",
      [](const py::bytes& content, const std::string& role,
         const std::string& name) {
        const auto chosen =
            choose<data::IdxRole>("read_idx.role",
                                  {{"images", data::IdxRole::Images},
                                   {"labels", data::IdxRole::Labels}},
                                  role);
        const auto header = data::read_idx(content, chosen, name);
        return py::make_tuple(header.type, header.sizes, header.offset);
      },
      "content"_a, "role"_a, "name"_a,
      "Type, sizes and offset of a checked IDX file's numbers.");
  m.def(
      "cifar_labels",
      [](const py::bytes& content) { return data::cifar_labels(content); },
      "content"_a, "Labels before each image of a binary batch of CIFAR's.");
  m.def(
      "read_text", &read_text, "content"_a, "label"_a, "header"_a, "shape"_a,
      "classes"_a, "names"_a, "max_value"_a, "name"_a,
      "pixels [N, C, H, W], labels [N] or None, names of the labels, notes of "
      "a text of numbers.");
  m.def(
      "check_images",
      [](const py::array& images, double max_value, const std::string& where) {
        const auto view = images_view(where, images);
        const GilRelease release;
        data::check_finite(where, view);
        data::check_range(where, view, max_value);
      },
      "images"_a, "max_value"_a, "where"_a,
      "Finite pixels from 0 to max_value.");
  m.def(
      "fingerprint",
      [](const py::array& images, const std::optional<Labels>& rows,
         const std::optional<Labels>& labels) {
        data::DatasetView view = samples_view(images, rows);
        if (labels) {
          require(labels->size() == view.count,
                  "fingerprint: expected a label a sample");
          view.labels = labels->data();
        }
        const auto found = [&] {
          const GilRelease release;
          return data::fingerprint(view);
        }();
        return std::make_pair(found.images, found.labels);
      },
      "images"_a, "rows"_a, "labels"_a,
      "(images', labels'): they change when samples or their order do.");
  m.def(
      "largest_pixel",
      [](const py::array& images) {
        const auto view = images_view("images", images);
        const GilRelease release;
        data::check_finite("images", view);
        return data::largest_pixel(view);
      },
      "images"_a, "The largest pixel, at least 0.");
  m.def(
      "check_labels",
      [](const Labels& labels, int64_t classes, const std::string& where) {
        data::check_labels(where, labels.data(), labels.size(), classes);
      },
      "labels"_a, "classes"_a, "where"_a, "Classes from 0 to classes - 1.");
  m.def(
      "check_weights",
      [](const Doubles& weights, const std::string& where) {
        data::check_weights(where, weights.data(), weights.size());
      },
      "weights"_a, "where"_a, "Finite weights of at least 0, not all 0.");
  m.def(
      "split",
      [](const Labels& labels, const std::vector<double>& fractions,
         uint64_t seed, bool stratify) {
        return to_arrays(
            data::split(to_vector(labels), fractions, seed, stratify));
      },
      "labels"_a, "fractions"_a, "seed"_a, "stratify"_a,
      "Ascending indices of each part.");
  m.def(
      "k_fold",
      [](const Labels& labels, int64_t k, uint64_t seed, bool stratify) {
        return to_arrays(data::k_fold(to_vector(labels), k, seed, stratify));
      },
      "labels"_a, "k"_a, "seed"_a, "stratify"_a,
      "Ascending indices of each fold's test part.");
  m.def("resize", &resize, "plane"_a, "height"_a, "width"_a, "method"_a,
        "Resize one plane.");
  m.def("mnist_m", &mnist_m, "images"_a, "rows"_a, "photos"_a, "seed"_a,
        "first_index"_a, "binary"_a,
        "[N, 3, H, W]: grey digits [N, 1, H, W] over patches of photographs.");
  m.def(
      "read_label_list",
      [](const py::bytes& text, int64_t classes, const std::string& name) {
        auto list = data::read_label_list(std::string(text), classes, name);
        return py::make_tuple(list.files, to_array(std::move(list.labels)));
      },
      "text"_a, "classes"_a, "name"_a,
      "(files, labels) of lines such as '00000001.png 5'.");
  m.def("scan", &scan, "grey"_a, "like"_a, "size"_a,
        "A digit as the named data set would hold it: image; box (top, left, "
        "height, width); digits, how many there are; certainty that there is "
        "one; is_dark; contrast.");
}

}  // namespace digitnet::bindings
