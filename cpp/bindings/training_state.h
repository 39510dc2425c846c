// The state of a training as a dict of numbers and arrays, by the names of
// train::each_field().
#pragma once

#include "bindings/convert.h"
#include "train/state.h"

namespace digitnet::bindings {

py::dict state_to_dict(const train::State& state);
// Throws DataError for a value that is missing or of another kind.
train::State state_from_dict(const py::dict& values);

}  // namespace digitnet::bindings
