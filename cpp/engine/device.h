// The machine: its devices, threads and environment variables.
#pragma once

#include <string>

namespace digitnet::engine {

// `device` is "cpu", "cuda", "cuda:1" or "auto", a GPU if there is one; returns
// which of the others it stands for. Throws std::runtime_error if there is no
// such device.
std::string resolve_device(const std::string& device);
// As torch.set_num_threads() says.
int num_threads();
// The value of an environment variable, or "".
std::string environment(const char* name);
// Throws std::runtime_error in a child forked from a process that computed:
// threads do not survive a fork, and the child would wait for them for ever.
void refuse_forked_child();

}  // namespace digitnet::engine
