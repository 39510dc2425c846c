// Python's recorder of CUDA graphs, whose API is not in every LibTorch.
#pragma once

#include "bindings/convert.h"
#include "engine/executor.h"

namespace digitnet::bindings {

// `value` is None, or a function (first, work) that calls `first`, which does
// the work, and returns what repeats `work`; with engine::Recorder's fields as
// attributes, `generator` a torch.Generator.
engine::Recorder recorder_from(const py::object& value);

}  // namespace digitnet::bindings
