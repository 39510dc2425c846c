// Layers with others inside: branches that come together again, and auxiliary
// heads.
#include <utility>

#include "engine/native/plan.h"
#include "models/network.h"

namespace digitnet::engine::native {

using models::Layer;

size_t Plan::build_composite(const std::vector<Leaf>& leaves, size_t at,
                             Tensor*& input) {
  const Leaf& leaf = leaves[at];
  const Layer& layer = leaf.layer;
  Tensor& x = *input;
  const bool residual = layer.kind == "residual";
  const size_t branches = residual ? 2 : layer.children.size();
  std::vector<Tensor*> starts, ends;
  for (size_t i = 0; i < branches; ++i) {
    Tensor& start = tensor(x.shape, &x);
    start.value_of = &x;
    start.needs_gradient = x.needs_gradient;
    starts.push_back(&start);
  }
  ops_.push_back(make_fork(x, starts));
  add_step(ops_.size() - 1, {&x}, starts);
  for (size_t i = 0; i < branches; ++i) {
    const bool empty = i >= layer.children.size();
    ends.push_back(
        empty ? starts[i]
              : &build(layer.children[i],
                       models::joined_path(leaf.path, layer.children[i].name),
                       *starts[i]));
  }
  Tensor& y = tensor(models::output_shape(layer, x.shape));
  y.needs_gradient = false;
  for (Tensor*& end : ends) {
    end = &in_order(*end);
    y.needs_gradient |= end->needs_gradient;
  }
  ops_.push_back(residual ? make_add(*ends[0], *ends[1], y)
                          : make_concat(ends, y));
  add_step(ops_.size() - 1, ends, {&y});
  input = &y;
  return at + 1;
}

// x goes on as it is.
size_t Plan::build_auxiliary(const std::vector<Leaf>& leaves, size_t at,
                             Tensor*& x) {
  const auto& [layer, path] = leaves[at];
  const bool domains = layer.kind == "domain_head";
  const double weight = number(layer.options, "weight");
  const bool nested = std::exchange(auxiliary_, true);
  Tensor& branch = tensor(x->shape, x);
  branch.needs_gradient = x->needs_gradient;
  if (domains) branch.value_of = x;
  ops_.push_back(
      domains ? make_reversal(*x, branch, weight)
              : make_chosen_vector(*x, branch, integer(layer.options, "size")));
  add_step(ops_.size() - 1, {x}, {&branch});
  steps_.back().adds = true;
  const Layer& inside = layer.children[0];
  Tensor& end =
      in_order(build(inside, models::joined_path(path, inside.name), branch));
  ops_.push_back(domains ? make_domain_loss(end)
                         : make_reconstruction_loss(end, weight));
  add_step(ops_.size() - 1, {&end}, {});
  auxiliary_ = nested;
  return at + 1;
}

}  // namespace digitnet::engine::native
