#include "core/environment.h"

#include <cstdlib>

namespace digitnet {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace digitnet
