// Files of data.
#include "data/csv.h"
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
  for (const int64_t rank : {1, 3}) {
    may_refuse([&] {
      const data::IdxHeader header = data::read_idx(bytes, rank, "a.idx");
      int64_t size = 1;
      for (const int64_t side : header.sizes) {
        promise(side >= 0, "a side of ", side);
        size *= side;
      }
      promise(header.sizes.size() == static_cast<size_t>(rank), "its rank");
      promise(header.offset + size == static_cast<int64_t>(bytes.size()),
              "a file of ", bytes.size(), " bytes with ", size);
      if (rank == 1) {
        data::check_idx_labels(bytes.substr(header.offset), size, kClasses,
                               "a.idx");
      }
    });
  }
}

void read_csv(std::string_view bytes) {
  using data::Header, data::LabelColumn;
  for (const auto label : {LabelColumn::Auto, LabelColumn::First,
                           LabelColumn::Last, LabelColumn::None}) {
    may_refuse([&] {
      const auto header =
          label == LabelColumn::First ? Header::No : Header::Auto;
      const data::CsvTable table =
          data::read_csv(bytes, label, header, Shape{}, kClasses, "a.csv");
      promise(table.count > 0, "no images");
      promise(static_cast<int64_t>(table.pixels.size()) ==
                  table.count * table.shape.size(),
              table.pixels.size(), " pixels");
      promise(table.labels.empty() ||
                  static_cast<int64_t>(table.labels.size()) == table.count,
              table.labels.size(), " labels");
      for (const int64_t k : table.labels)
        promise(k >= 0 && k < kClasses, "label ", k);
    });
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
Target csv() { return {"csv", "CSV text", read_csv}; }
Target label_list() {
  return {"label_list", "lists of files with labels", read_labels};
}

}  // namespace digitnet::fuzz
