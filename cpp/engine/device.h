// The machine: its devices, threads and environment variables.
#pragma once

#include <string>

namespace digitnet::engine {

// `device` is "cpu", "cuda", "cuda:1" or "auto", a GPU if there is one; returns
// which of the others it stands for. All but "cpu", and "auto" on a machine
// without a GPU's driver, load the LibTorch engine. Throws std::runtime_error
// if there is no such device, or no engine for it; "auto" warns of the latter.
// Throws std::invalid_argument for any other name; those of other vendors' GPUs
// ("mps", "rocm", "xpu:0", ...) with what would be needed.
std::string resolve_device(const std::string& device);
// Of everything that the core computes; LibTorch keeps its own number for its
// kernels. At first what the environment variable OMP_NUM_THREADS says, else
// the CPUs that the process may use.
int num_threads();
// From 1 on; throws std::invalid_argument. Executors that exist go on with
// theirs.
void set_num_threads(int threads);
// Throws std::runtime_error in a child forked from a process that computed:
// threads do not survive a fork, and the child would wait for them for ever.
void refuse_forked_child();

// Whether the driver of an NVIDIA GPU is here.
bool gpu_driver_here();

}  // namespace digitnet::engine
