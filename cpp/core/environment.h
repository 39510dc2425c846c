// The process' environment variables.
#pragma once

#include <string>

namespace digitnet {

// The value of an environment variable, or "".
std::string environment(const char* name);

}  // namespace digitnet
