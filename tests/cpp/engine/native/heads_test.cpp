// Auxiliary heads in training against float64, and the same bits on any number
// of threads.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <string>
#include <vector>

#include "core/random.h"
#include "engine/executor.h"
#include "engine/native/losses.h"
#include "engine/native/plan.h"
#include "engine/native/reference.h"
#include "models/build.h"

namespace digitnet::engine::native {
namespace {

using namespace models::build;
using models::Layer;

constexpr int64_t kCount = 7;
constexpr Shape kInput{1, 8, 8};

Layer domain_head(double weight, const std::vector<Layer>& inside) {
  return models::make_layer("domain_head", {{"weight", weight}},
                            {sequence(inside)});
}
Layer reconstruct(double size, const std::vector<Layer>& inside) {
  return models::make_layer("reconstruct", {{"size", size}, {"weight", 0.02}},
                            {sequence(inside)});
}

struct Case {
  std::string name;
  std::vector<Layer> layers;
  int64_t labelled;  // -1: all
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

std::vector<Case> cases() {
  const std::vector<Layer> domains = {dense(6), relu(), dense(2)};
  const std::vector<Layer> decoder = {dense(20), relu(), dense(64),
                                      models::build::sigmoid()};
  return {
      {"DomainHeadOfFeatures",
       {conv(5, 3), relu(), max_pool(), flatten(), domain_head(0.7, domains),
        dense(6), relu(), dense(3)},
       4},
      {"DomainHeadOfMaps",
       {conv(5, 3), relu(), max_pool(),
        domain_head(0.5, {flatten(), dense(6), relu(), dense(2)}), flatten(),
        dense(3)},
       3},
      {"DomainHeadWithoutSecondDomain",
       {flatten(), dense(9), relu(), domain_head(1, domains), dense(3)},
       -1},
      {"DomainHeadAtTheEnd",
       {flatten(), dense(9), relu(), dense(3), domain_head(1, domains)},
       2},
      {"DomainHeadOfImages",
       {domain_head(1, {flatten(), dense(2)}), flatten(), dense(3)},
       2},
      {"BatchNormOfTwoDomains",
       {conv(5, 3), batch_norm(), relu(), flatten(), dense(6), batch_norm(),
        relu(), domain_head(0.7, {dense(5), batch_norm(), relu(), dense(2)}),
        dense(3)},
       4},
      {"OneLabelledSample",
       {conv(5, 3), batch_norm(), relu(), flatten(), domain_head(1, domains),
        dense(3)},
       1},
      {"Reconstruct",
       {conv(4, 3), relu(), flatten(), dense(12), reconstruct(4, decoder),
        dense(3)},
       -1},
      {"ReconstructBehindFlatten",
       {conv(3, 5), relu(), flatten(), reconstruct(16, decoder), dense(3)},
       -1},
      {"ReconstructByConvolutions",
       {flatten(), dense(64), domain_head(0.3, domains),
        reconstruct(16, {dense(64), relu()}), dense(3)},
       5},
      {"HeadInAHead",
       {flatten(), dense(9), relu(),
        domain_head(0.6, {dense(8), domain_head(0.5, domains), dense(2)}),
        dense(3)},
       4},
      {"HeadInAResidual",
       {flatten(), dense(9), relu(),
        residual({dense(9), domain_head(0.6, domains), relu()}), dense(3)},
       4},
  };
}

// A batch and what the reference makes of it.
struct Problem {
  models::Model model;
  std::vector<float> images;
  ReferenceHeads heads;
  ReferenceNetwork reference;
  double loss = 0;

  static Problem far_from_kinks(const Case& c) {
    for (uint64_t seed = 1;; ++seed) {
      Problem problem(c, seed);
      if (problem.reference.margin > 1e-5) return problem;
    }
  }
  engine::Batch batch() const {
    engine::Batch result;
    result.images = images.data();
    result.labels = heads.labels.data();
    result.count = kCount;
    result.labelled = heads.labelled;
    result.reversal_coefficient = heads.reversal_coefficient;
    return result;
  }

 private:
  Problem(const Case& c, uint64_t seed)
      : model(sequence(c.layers), kInput, {}, seed),
        images(kCount * kInput.size()),
        heads{{kCount, kInput}, {}, c.labelled, 0.8},
        reference(model, true) {
    Draws(seed, 2000, 0, 0)
        .fill(images.data(), static_cast<int64_t>(images.size()), -1, 1);
    std::copy(images.begin(), images.end(), heads.images.values.begin());
    for (int64_t n = 0; n < kCount; ++n) heads.labels.push_back(n % 3);
    reference.heads = &heads;
    const Traced traced = reference.forward(heads.images);
    loss = reference.auxiliary_loss;
    traced.backward(main_loss(traced.y));
  }

  // Adds the cross-entropy of the labelled samples; returns its gradient.
  Batch main_loss(const Batch& logits) {
    Batch g(kCount, flat_shape(3));
    const int64_t labelled = heads.labelled < 0 ? kCount : heads.labelled;
    const auto part = 1 / static_cast<double>(labelled);
    for (int64_t n = 0; n < labelled; ++n) {
      double sum = 0;
      for (int64_t k = 0; k < 3; ++k) sum += std::exp(logits.at(n, k));
      for (int64_t k = 0; k < 3; ++k) {
        const bool truth = heads.labels[n] == k;
        const double probability = std::exp(logits.at(n, k)) / sum;
        g.at(n, k) = (probability - truth) * part;
        if (truth) loss -= std::log(probability) * part;
      }
    }
    return g;
  }
};

// One step's gradients, by this many threads.
struct Outcome {
  double loss;
  std::vector<float> trained, buffers;
};
Outcome run(const Problem& p, const kernels::Kernels& kernels, int threads) {
  models::Model model = p.model;
  Plan plan(model);
  plan.load();
  kernels::ThreadPool pool(threads);
  plan.reserve(kCount, true, pool.threads());
  const engine::Batch batch = p.batch();
  Pass pass{kernels, pool, kCount, true, {3, 4}};
  pass.batch = &batch;
  plan.forward(pass, p.images.data());
  std::vector<double> losses;
  const BatchLoss loss =
      loss_of(pass, batch, model.loss(), 0, plan.output(), losses);
  plan.backward(pass);
  plan.values() = plan.gradients();
  plan.store();
  return {loss.mean + plan.auxiliary_loss(), model.trained(), model.buffers()};
}

class EveryHead : public testing::TestWithParam<Case> {};

TEST_P(EveryHead, GivesTheLossAndGradientsOfFloat64) {
  const Problem p = Problem::far_from_kinks(GetParam());
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    const Outcome outcome = run(p, *kernels, 2);
    EXPECT_NEAR(outcome.loss, p.loss, 1e-5 * (1 + std::abs(p.loss)));
    models::Model model = p.model;
    model.trained() = outcome.trained;
    model.buffers() = outcome.buffers;
    for (const models::Slot& slot : model.slots()) {
      const std::string& name = slot.parameter.name;
      const auto& expected = slot.parameter.is_buffer
                                 ? p.reference.parameters.at(name)
                                 : p.reference.gradients.at(name);
      const auto values = model.get(slot);
      for (size_t i = 0; i < values.size(); ++i) {
        ASSERT_NEAR(values[i], expected[i], 2e-5 * (1 + std::abs(expected[i])))
            << name << "[" << i << "]";
      }
    }
  }
}

TEST_P(EveryHead, GivesTheSameBitsOnAnyNumberOfThreads) {
  const Problem p = Problem::far_from_kinks(GetParam());
  for (const kernels::Kernels* kernels : kernels::available()) {
    SCOPED_TRACE(kernels->name);
    const Outcome one = run(p, *kernels, 1), two = run(p, *kernels, 2);
    EXPECT_EQ(one.loss, two.loss);
    EXPECT_EQ(one.trained, two.trained);
    EXPECT_EQ(one.buffers, two.buffers);
  }
}

INSTANTIATE_TEST_SUITE_P(Native, EveryHead, testing::ValuesIn(cases()),
                         [](const auto& info) { return info.param.name; });

TEST(Heads, DoNotRunInPrediction) {
  models::Model model(
      sequence({flatten(), dense(9),
                domain_head(1, {dense(5), batch_norm(), dense(2)}), dense(3)}),
      kInput, {}, 1);
  Plan plan(model, {.fused = false});
  plan.load();
  kernels::ThreadPool pool(1);
  plan.reserve(2, false, 1);
  const std::vector<float> images(2 * kInput.size(), 0.5f);
  Pass pass{kernels::select(), pool, 2, false};
  const auto head_output = [&] {
    return *plan.layers()[4].output->value.at(1);  // dense, batch_norm, dense
  };
  ASSERT_EQ(plan.layers()[4].path, "domain_head1.sequence1.dense2");
  plan.forward(pass, images.data());
  EXPECT_EQ(head_output(), 0);
  pass.auxiliary = true;
  plan.forward(pass, images.data());
  EXPECT_NE(head_output(), 0);
}

}  // namespace
}  // namespace digitnet::engine::native
