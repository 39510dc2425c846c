#include "models/zoo.h"

#include <gtest/gtest.h>

#include <ostream>

#include "models/model.h"

namespace digitnet::models {
namespace zoo {
// Without it GoogleTest names parametrised tests by raw bytes.
static void PrintTo(const ModelEntry& entry, std::ostream* out) {
  *out << entry.name;
}
}  // namespace zoo

namespace {

class EveryModel : public testing::TestWithParam<zoo::ModelEntry> {};

TEST_P(EveryModel, EndsInOneOutputPerClassOrInImagesOfItsInput) {
  const Layer network = named(GetParam().make(7));
  const Shape& input = GetParam().input;
  EXPECT_EQ(output_shape(network, input),
            GetParam().outputs_images ? input : flat_shape(7));
}

TEST_P(EveryModel, KeepsItsTensorsApart) {
  Model model(GetParam().make(10), GetParam().input, {}, 1);
  int64_t next[2] = {0, 0};  // in trained(), in buffers()
  for (const Slot& slot : model.slots()) {
    int64_t& offset = next[slot.parameter.is_buffer];
    EXPECT_EQ(slot.offset, offset) << slot.parameter.name;
    offset += slot.parameter.count();
  }
  EXPECT_EQ(next[0], static_cast<int64_t>(model.trained().size()));
  EXPECT_EQ(next[1], static_cast<int64_t>(model.buffers().size()));
}

TEST_P(EveryModel, GivesBackWhatWasSet) {
  Model model(GetParam().make(10), GetParam().input, {}, 1);
  for (const Slot& slot : model.slots()) {
    std::vector<float> values(slot.parameter.count());
    for (size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<float>(i);
    model.set(slot, values.data());
    EXPECT_EQ(model.get(slot), values) << slot.parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryModel, testing::ValuesIn(zoo::all()),
                         [](const auto& info) {
                           std::string name = info.param.name;
                           for (char& c : name) c = c == '-' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace digitnet::models
