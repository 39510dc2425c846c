// Batch norm over ranks, which are threads here, beside float64 on the whole
// batch.
#include "engine/torch/batch_norm.h"

#include <ATen/ATen.h>
#include <ATen/DLConvertor.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include <barrier>
#include <thread>
#include <vector>

#include "models/build.h"

namespace digitnet::engine {
namespace {

constexpr double kMomentum = 0.1, kEpsilon = 1e-5;

// What all_reduce is to several threads.
class Meeting {
 public:
  explicit Meeting(int64_t ranks) : parts_(ranks), barrier_(ranks) {}

  Ranks of(int64_t rank) {
    return {rank, static_cast<int64_t>(parts_.size()),
            [this, rank](const SharedTensor& shared) {
              at::Tensor own =
                  at::fromDLPack(static_cast<DLManagedTensor*>(shared.managed));
              if (rank == 0) ++calls_;
              parts_[rank] = own.clone();
              barrier_.arrive_and_wait();
              at::Tensor sum = parts_[0].clone();
              for (size_t i = 1; i < parts_.size(); ++i) sum += parts_[i];
              barrier_.arrive_and_wait();
              own.copy_(sum);
            }};
  }
  int calls() const { return calls_; }

 private:
  std::vector<at::Tensor> parts_;
  std::barrier<> barrier_;
  int calls_ = 0;
};

struct Result {
  at::Tensor y, dx, d_weight, d_bias, running_mean, running_var;
};

// By formula, in float64.
Result expected(const at::Tensor& x, const at::Tensor& weight,
                const at::Tensor& bias, const at::Tensor& dy) {
  at::Tensor input = x.to(at::kDouble).requires_grad_(true);
  at::Tensor w = weight.to(at::kDouble).requires_grad_(true);
  at::Tensor b = bias.to(at::kDouble).requires_grad_(true);
  const auto beside = [](const at::Tensor& t) { return t.view({1, -1, 1, 1}); };
  const at::Tensor mean = input.mean({0, 2, 3});
  const at::Tensor centred = input - beside(mean);
  const at::Tensor variance = centred.square().mean({0, 2, 3});
  const at::Tensor y =
      centred * beside(w * (variance + kEpsilon).rsqrt()) + beside(b);
  const auto gradients =
      torch::autograd::grad({y}, {input, w, b}, {dy.to(at::kDouble)});
  const auto values = static_cast<double>(x.numel() / x.size(1));
  return {
      y.detach(),
      gradients[0],
      gradients[1],
      gradients[2],
      mean.detach() * kMomentum,
      1 - kMomentum + variance.detach() * (kMomentum * values / (values - 1))};
}

// What a rank has for its shard.
Result on_rank(const Ranks& ranks, const at::Tensor& shard, int64_t samples,
               const at::Tensor& weight, const at::Tensor& bias,
               const at::Tensor& dy) {
  const int64_t channels = shard.size(1);
  const Tensors tensors = {{"weight", weight.clone().requires_grad_(true)},
                           {"bias", bias.clone().requires_grad_(true)},
                           {"running_mean", at::zeros({channels})},
                           {"running_var", at::ones({channels})}};
  RunState state;
  state.training = true;
  state.ranks = &ranks;
  state.global_count = samples;
  at::Tensor x = shard.clone().requires_grad_(true);
  const at::Tensor y = batch_norm_by_sums(models::build::batch_norm(), tensors,
                                          kMomentum, x, state);
  const auto gradients = torch::autograd::grad(
      {y}, {x, tensors.at("weight"), tensors.at("bias")}, {dy});
  return {y.detach(),
          gradients[0],
          gradients[1],
          gradients[2],
          tensors.at("running_mean"),
          tensors.at("running_var")};
}

struct Problem {
  at::Tensor x, weight, bias, dy;
};

// The second channel's mean is 1,000 times its spread, the third's both small.
Problem problem() {
  at::manual_seed(3);
  const at::Tensor spread = at::tensor({1.0, 1.0, 0.01}).view({1, 3, 1, 1});
  const at::Tensor mean = at::tensor({0.0, 1000.0, 0.5}).view({1, 3, 1, 1});
  const at::Tensor x = (at::randn({24, 3, 4, 5}, at::kDouble) * spread + mean)
                           .to(at::kFloat)
                           .contiguous(at::MemoryFormat::ChannelsLast);
  return {x, at::rand({3}) + 0.5, at::randn({3}),
          at::randn({24, 3, 4, 5}).contiguous(at::MemoryFormat::ChannelsLast)};
}

std::vector<Result> on_ranks(Meeting& meeting, const Problem& p,
                             const std::vector<int64_t>& shards) {
  std::vector<Result> results(shards.size());
  std::vector<std::jthread> threads;
  int64_t first = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    threads.emplace_back([&, i, first] {
      const Ranks ranks = meeting.of(static_cast<int64_t>(i));
      results[i] = on_rank(ranks, p.x.narrow(0, first, shards[i]), p.x.size(0),
                           p.weight, p.bias, p.dy.narrow(0, first, shards[i]));
    });
    first += shards[i];
  }
  return threads.clear(), results;
}

void expect_close(const at::Tensor& actual, const at::Tensor& oracle,
                  double tolerance, const char* what) {
  const double error =
      (actual.to(at::kDouble) - oracle).abs().max().item<double>();
  EXPECT_LE(error, tolerance * oracle.abs().max().item<double>()) << what;
}

TEST(BatchNormBySums, OverUnequalShardsIsThatOfTheWholeBatch) {
  const Problem p = problem();
  const Result whole = expected(p.x, p.weight, p.bias, p.dy);
  Meeting meeting(3);
  const auto results = on_ranks(meeting, p, {1, 8, 15});
  std::vector<at::Tensor> y, dx;
  at::Tensor d_weight = at::zeros({3}), d_bias = at::zeros({3});
  for (const Result& result : results) {
    y.push_back(result.y);
    dx.push_back(result.dx);
    d_weight += result.d_weight;
    d_bias += result.d_bias;
    expect_close(result.running_mean, whole.running_mean, 1e-6, "mean");
    expect_close(result.running_var, whole.running_var, 1e-5, "variance");
    EXPECT_TRUE(at::equal(result.running_mean, results[0].running_mean));
    EXPECT_TRUE(at::equal(result.running_var, results[0].running_var));
  }
  // A float near 1,000 has an error of 3e-5 by itself.
  expect_close(at::cat(y), whole.y, 1e-4, "y");
  expect_close(at::cat(dx).select(1, 0), whole.dx.select(1, 0), 1e-4, "dx");
  expect_close(at::cat(dx).select(1, 1), whole.dx.select(1, 1), 1e-4, "dx");
  expect_close(at::cat(dx).select(1, 2), whole.dx.select(1, 2), 1e-4, "dx");
  expect_close(d_weight, whole.d_weight, 1e-4, "d_weight");
  expect_close(d_bias, whole.d_bias, 1e-5, "d_bias");
}

TEST(BatchNormBySums, MeetsOnceForwardAndOnceBackward) {
  Meeting meeting(2);
  on_ranks(meeting, problem(), {12, 12});
  EXPECT_EQ(meeting.calls(), 2);
}

TEST(BatchNormBySums, OfABatchThatAllRanksHaveIsThatOfOne) {
  const Problem p = problem();
  const Result whole = expected(p.x, p.weight, p.bias, p.dy);
  Meeting meeting(2);
  std::vector<Result> results(2);
  {
    std::vector<std::jthread> threads;
    for (int64_t rank = 0; rank < 2; ++rank) {
      threads.emplace_back([&, rank] {
        const Ranks ranks = meeting.of(rank);
        // Half of the loss is each rank's.
        results[rank] =
            on_rank(ranks, p.x, p.x.size(0), p.weight, p.bias, p.dy / 2);
      });
    }
  }
  expect_close(results[1].y, whole.y, 1e-4, "y");
  expect_close(results[0].dx + results[1].dx, whole.dx, 1e-4, "dx");
  expect_close(results[0].running_var, whole.running_var, 1e-5, "variance");
}

TEST(BatchNormBySums, OfOneValueAChannelIsTheBias) {
  const Ranks alone;
  const at::Tensor bias = at::tensor({0.5f, -2.0f});
  const Result result = on_rank(alone, at::tensor({3.0f, 9.0f}).view({1, 2}), 1,
                                at::ones({2}), bias, at::ones({1, 2}));
  EXPECT_TRUE(at::equal(result.y, bias.view({1, 2})));
  EXPECT_TRUE(at::equal(result.dx, at::zeros({1, 2})));
  EXPECT_TRUE(at::allclose(result.running_mean, at::tensor({0.3f, 0.9f})));
  EXPECT_TRUE(at::allclose(result.running_var, at::tensor({0.9f, 0.9f})));
}

TEST(BatchNormBySums, ComputesBfloat16InFloat32) {
  const Problem p = problem();
  const at::Tensor x = p.x.narrow(1, 0, 1).to(at::kBFloat16);
  const at::Tensor dy = p.dy.narrow(1, 0, 1).to(at::kBFloat16);
  const at::Tensor weight = at::ones({1}), bias = at::zeros({1});
  const Result whole = expected(x, weight, bias, dy);
  const Ranks alone;
  const Result result = on_rank(alone, x, 24, weight, bias, dy);
  EXPECT_EQ(result.y.scalar_type(), at::kBFloat16);
  EXPECT_EQ(result.dx.scalar_type(), at::kBFloat16);
  expect_close(result.y, whole.y, 4e-3, "y");
  expect_close(result.dx, whole.dx, 4e-3, "dx");
  expect_close(result.running_var, whole.running_var, 1e-5, "variance");
}

}  // namespace
}  // namespace digitnet::engine
