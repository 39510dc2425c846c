// Descriptions: an augmentation's text, steps and layers with any options.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "augment/pipeline.h"
#include "core/list.h"
#include "engine/native/executor.h"
#include "fuzz/targets.h"
#include "models/layers.h"
#include "models/model.h"
#include "models/preprocess_steps.h"
#include "optimizers/all.h"

namespace digitnet::fuzz {

double Choices::number() {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::array kOdd = {
      -1.0,      0.5,         1e-300,
      -0.0,      64.0,        1e9,
      1e300,     2147483648., 9.3e18,
      -1e18,     255.0,       1024.0,
      kInfinity, -kInfinity,  std::numeric_limits<double>::quiet_NaN()};
  const int choice = byte();
  if (choice < 200) return choice % 12;
  return kOdd[choice % kOdd.size()];
}

namespace {

void augment_image(std::string_view bytes) {
  may_refuse([&] {
    const augment::Pipeline pipeline{std::string(bytes)};
    const std::string text = pipeline.text();
    promise(augment::Pipeline(text).text() == text, "another text: ", text);
    constexpr int64_t kSide = 9;
    std::vector<uint8_t> pixels(kSide * kSide);
    for (size_t i = 0; i < pixels.size(); ++i)
      pixels[i] = static_cast<uint8_t>(i * 37);
    const data::ImagesView view{
        pixels.data(), data::PixelType::UInt8, 1, {1, kSide, kSide}};
    augment::Pipeline::Scratch scratch(pipeline, view.shape);
    std::vector<float> out(pixels.size(), std::nanf(""));
    pipeline.apply(view, 0, 255, {1, 1, 0}, scratch, out.data());
    for (const float value : out)
      promise(value >= 0 && value <= 255.001f, text, ": a pixel of ", value);
  });
}

Value any_value(const OptionInfo& info, Choices& choices) {
  const int kind = choices.below(8);
  if (kind == 0) return std::string("odd");
  if (kind == 1) {
    std::vector<double> list(choices.below(4));
    for (double& value : list) value = choices.number();
    return list;
  }
  if (!info.choices.empty() && kind < 6)
    return info.choices[choices.below(static_cast<int>(info.choices.size()))];
  return choices.number();
}

Options any_options(const std::vector<OptionInfo>& declared, Choices& choices) {
  Options options;
  for (const OptionInfo& info : declared) {
    if (info.required || choices.below(4) == 0)
      options[info.name] = any_value(info, choices);
  }
  if (choices.below(64) == 63) options["unknown"] = 1.0;
  return options;
}

std::vector<Spec> any_steps(Choices& choices) {
  std::vector<Spec> steps(choices.below(4));
  for (Spec& step : steps) {
    const auto& entries = models::steps::all();
    const auto& entry =
        entries[choices.below(static_cast<int>(entries.size()))];
    step = {entry.name, any_options(entry.options, choices)};
  }
  return steps;
}

Shape any_shape(Choices& choices) {
  return {choices.below(2) == 0 ? 1 : 3, 1 + choices.below(12),
          1 + choices.below(12)};
}

void preprocess_image(std::string_view bytes) {
  Choices choices(bytes);
  may_refuse([&] {
    const Shape input = any_shape(choices);
    models::Preprocess preprocess(any_steps(choices), input);
    preprocess.set_max_value(255);
    std::vector<float> from(input.size(), 100.0f);
    std::vector<float> to(preprocess.output().size());
    preprocess.apply(from.data(), to.data());
    float scale = 0, shift = 0;
    preprocess.is_affine(scale, shift);
  });
}

models::Layer any_layer(Choices& choices, int depth) {
  const auto& entries = models::layers::all();
  const auto& entry = entries[choices.below(static_cast<int>(entries.size()))];
  std::vector<models::Layer> children;
  if (entry.children != 0 && depth < 5) {
    const int count = entry.children < 0 || choices.below(8) == 0
                          ? choices.below(5)
                          : entry.children;
    for (int i = 0; i < count; ++i)
      children.push_back(any_layer(choices, depth + 1));
  }
  return models::make_layer(entry.name, any_options(entry.options, choices),
                            std::move(children),
                            choices.below(16) == 0 ? "twice" : "");
}

// Whether to compute it takes no longer than a fuzzer may.
bool is_small(const models::Layer& network, const Shape& input) {
  constexpr int64_t kMaxValues = 1 << 15, kMaxAdds = 1 << 22;
  double values = 0, parameters = 0, adds = 0;
  for (const auto& row : models::summarise(network, input)) {
    values = std::max(values, static_cast<double>(row.output.size()));
    parameters += static_cast<double>(row.parameters);
    adds += static_cast<double>(row.multiply_adds);
  }
  return values <= kMaxValues && parameters <= kMaxAdds && adds <= kMaxAdds;
}

// A step of training, and predictions, with any network that is one.
void build_network(std::string_view bytes) {
  Choices choices(bytes);
  may_refuse([&] {
    const Shape input = any_shape(choices);
    const std::vector<Spec> steps = any_steps(choices);
    std::vector<models::Layer> body(choices.below(6));
    for (models::Layer& layer : body) layer = any_layer(choices, 0);
    if (choices.below(4) != 0) {
      body.push_back(models::make_layer("flatten"));
      body.push_back(models::make_layer("dense", {{"units", 3.0}}));
    }
    const models::Layer network =
        models::named(models::make_layer("sequence", {}, std::move(body)));
    const Shape inside = models::Preprocess(steps, input).output();
    if (!is_small(network, inside)) return;
    models::Model model(network, input, steps, 1);
    promise(model.outputs() > 0, "no outputs");
    const auto executor = engine::make_native_executor(model);
    constexpr int64_t kCount = 3;
    const std::vector<float> images(kCount * inside.size(), 0.5f);
    std::vector<float> logits(kCount * model.outputs());
    executor->predict(images.data(), kCount, logits.data());
    if (model.outputs_images()) return;
    engine::TrainSettings settings;
    const auto& sgd = find(optimizers::all(), "optimizer", "sgd");
    settings.optimizer = {sgd.name, resolve(sgd.name, sgd.options, {})};
    settings.lr_scales.assign(models::parameters_of(network, inside).size(), 1);
    executor->start_training(settings);
    executor->start_epoch(1, 1);
    const std::vector<int64_t> labels(kCount, 0);
    engine::Batch batch;
    batch.images = images.data();
    batch.labels = labels.data();
    batch.count = batch.global_count = kCount;
    executor->train(batch, 1e-3);
    executor->pull();
  });
}

}  // namespace

Target augment() {
  return {"augment", "an augmentation's text, applied", augment_image};
}
Target preprocess() {
  return {"preprocess", "steps with any options, applied", preprocess_image};
}
Target layers() {
  return {"layers", "trees of layers, trained for a step", build_network};
}

}  // namespace digitnet::fuzz
