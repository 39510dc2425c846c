// The executor that runs a plan of our own kernels on the CPU.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/executor.h"
#include "models/model.h"

namespace digitnet::engine {

// Borrows the model.
std::unique_ptr<Executor> make_native_executor(models::Model& model);
// Its name with the kernels and threads it would use now.
std::string native_name();
// About the bytes of its plan while it trains.
int64_t native_bytes(models::Model& model, int64_t batch_size);

}  // namespace digitnet::engine
