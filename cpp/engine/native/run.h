// Runs the operations of a pass one after another, and together those that work
// image by image. A network's maps of a batch are beyond a core's cache, those
// of some images are not:
//
//   statistics | normalise  conv  statistics | normalise  conv  statistics |
//   ...
//              `------ images 0 to 3, ------'
//                      images 4 to 7, ...
//
// Which images run together depends on the batch and the network alone, as do
// the chunks of partial sums: those of the operation that has the fewest.
#pragma once

#include <vector>

#include "engine/native/op.h"

namespace digitnet::engine::native {

// What an operation has of one direction.
struct Direction {
  void (Op::*whole)(const Pass&);
  bool (Op::*by_images)() const;
  void (Op::*start)(const Pass&);
  void (Op::*images)(const Pass&, const Images&);
  void (Op::*finish)(const Pass&, const Chunks&);
  bool (Op::*waits)() const;
};
constexpr Direction kForward = {&Op::forward,        &Op::forward_by_images,
                                &Op::start_forward,  &Op::forward_images,
                                &Op::finish_forward, &Op::forward_waits};
constexpr Direction kBackward = {&Op::backward,        &Op::backward_by_images,
                                 &Op::start_backward,  &Op::backward_images,
                                 &Op::finish_backward, &Op::backward_waits};

// An operation that works image by image, by itself.
void run_alone(const Pass& pass, const Direction& direction, Op& op);

class Run {
 public:
  // `waiting`: memory of the operations to run together, kept from pass to
  // pass.
  Run(const Pass& pass, const Direction& direction, std::vector<Op*>& waiting)
      : pass_(pass), direction_(direction), waiting_(waiting) {}
  // In the order of the direction; end() behind the last one.
  void add(Op& op);
  void end();

 private:
  const Pass& pass_;
  const Direction& direction_;
  std::vector<Op*>& waiting_;
};

}  // namespace digitnet::engine::native
