// Ranks whose sums torch.distributed makes, through Python.
#pragma once

#include "bindings/convert.h"
#include "engine/ranks.h"

namespace digitnet::bindings {

// `value` is None, or (rank, count, all_reduce): all_reduce(capsule) sums the
// tensor of a DLPack capsule over all ranks in place.
engine::Ranks ranks_from(const py::object& value);

}  // namespace digitnet::bindings
