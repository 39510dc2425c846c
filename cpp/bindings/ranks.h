// Ranks whose sums Python makes.
#pragma once

#include "bindings/convert.h"
#include "engine/ranks.h"

namespace digitnet::bindings {

// `value` is None, or (rank, count, sum): sum(capsule) adds the tensor of a
// DLPack capsule up over all ranks in place.
engine::Ranks ranks_from(const py::object& value);

}  // namespace digitnet::bindings
