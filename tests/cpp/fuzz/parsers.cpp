// Files of data.
#include "data/delimited.h"
#include "data/idx.h"
#include "data/label_list.h"
#include "fuzz/targets.h"

namespace digitnet::fuzz {
namespace {

constexpr int64_t kClasses = 10;

void read_idx(std::string_view bytes) {
  may_refuse([&] {
    const int64_t whole = data::idx_file_bytes(bytes.substr(0, 64), "a.idx");
    promise(whole >= 8, "a file of ", whole, " bytes");
  });
  for (const auto role : {data::IdxRole::Images, data::IdxRole::Labels}) {
    may_refuse([&] {
      const data::IdxHeader header = data::read_idx(bytes, role, "a.idx");
      int64_t size = header.item_bytes;
      for (const int64_t side : header.sizes) {
        promise(side >= 1, "a side of ", side);
        size *= side;
      }
      const bool images = role == data::IdxRole::Images;
      promise((header.sizes.size() >= 3) == images, "its rank");
      promise(header.offset + size == static_cast<int64_t>(bytes.size()),
              "a file of ", bytes.size(), " bytes with ", size);
    });
  }
}

void check_images(const data::TextImages& images) {
  promise(images.count > 0, "no images");
  const auto size = static_cast<size_t>(images.count * images.shape.size());
  promise(images.bytes.size() + images.floats.size() == size &&
              (images.bytes.empty() || images.floats.empty()),
          images.bytes.size(), " bytes, ", images.floats.size(), " floats");
  for (const float value : images.floats)
    promise(value >= 0 && value <= 255, "pixel ", value);
  promise(images.labels.size() ==
              static_cast<size_t>(images.labelled ? images.count : 0),
          images.labels.size(), " labels");
  const auto names = static_cast<int64_t>(images.names.size());
  for (const int64_t k : images.labels)
    promise(k >= 0 && (names == 0 || k < names), "label ", k);
}

void read_csv(std::string_view bytes) {
  using data::Header, data::LabelPlace;
  const LabelPlace none{LabelPlace::Kind::None, 0, {}};
  for (const auto& label :
       {LabelPlace{}, LabelPlace::at(0), LabelPlace::at(-1), none}) {
    for (const int64_t classes : {int64_t{0}, kClasses}) {
      may_refuse([&] {
        const auto header =
            label.kind == LabelPlace::Kind::Column ? Header::No : Header::Auto;
        const data::TextRequest request{{label, header, Shape{}, classes}, 0};
        const auto images = data::is_libsvm(bytes)
                                ? data::read_libsvm(bytes, request, "a.csv")
                                : data::read_delimited(bytes, request, "a.csv");
        check_images(images);
        for (const int64_t k : images.labels)
          promise(classes == 0 || k < classes, "label ", k);
      });
    }
  }
}

void read_labels(std::string_view bytes) {
  may_refuse([&] {
    const auto list = data::read_label_list(bytes, kClasses, "a.txt");
    promise(!list.files.empty() && list.files.size() == list.labels.size(),
            list.files.size(), " files, ", list.labels.size(), " labels");
    for (const std::string& file : list.files) {
      promise(
          file != "." && file != ".." &&
              file.find_first_of(std::string("/\\\0", 3)) == std::string::npos,
          "a file in another folder: ", file);
    }
    for (const int64_t k : list.labels)
      promise(k >= 0 && k < kClasses, "label ", k);
  });
}

}  // namespace

Target idx() { return {"idx", "IDX files: headers and labels", read_idx}; }
Target csv() { return {"csv", "delimited text", read_csv}; }
Target label_list() {
  return {"label_list", "lists of files with labels", read_labels};
}

}  // namespace digitnet::fuzz
