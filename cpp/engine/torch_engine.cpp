#include "engine/torch_engine.h"

#include <dlfcn.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "core/error.h"
#include "core_id.h"  // made by CMake

namespace digitnet::engine {
namespace {

std::atomic<const TorchEngine*> loaded{nullptr};

std::atomic<bool> given_up{false};

TorchLoader& loader() {
  static TorchLoader functions;
  return functions;
}

[[noreturn]] void refuse(const std::string& path, const std::string& reason) {
  throw std::runtime_error(
      join(path, ": expected a LibTorch engine of this digitnet", reason));
}

}  // namespace

const char* core_id() { return DIGITNET_CORE_ID; }

const TorchEngine* loaded_torch_engine() { return loaded; }

const TorchEngine& torch_engine() {
  if (!loaded) {
    if (!loader().load) {
      throw std::runtime_error(
          "digitnet: expected the LibTorch engine, got a program without it");
    }
    loader().load();  // loading twice at once does no harm: it is one library
  }
  const TorchEngine* engine = loaded;
  if (!engine)
    throw std::logic_error("torch_engine: the loader loaded nothing");
  return *engine;
}

const TorchEngine* optional_torch_engine() {
  if (given_up) return loaded;
  try {
    return &torch_engine();
  } catch (const std::runtime_error& error) {
    if (!given_up.exchange(true) && loader().warn) loader().warn(error.what());
    return nullptr;
  }
}

void load_torch_engine(const std::string& path) {
  // Never closed: executors may live as long as the process.
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* reason = dlerror();
    refuse(path, join(", got a file that cannot be loaded (",
                      reason ? reason : "unknown reason", ")"));
  }
  const auto* id = static_cast<const char*>(dlsym(library, kTorchEngineCore));
  if (!id || std::strcmp(id, core_id()) != 0) {
    refuse(path, join(" (", core_id(), "), got ",
                      id ? join("one of other sources (", id, ")")
                         : std::string("another library")));
  }
  const auto entry =
      reinterpret_cast<TorchEngineEntry>(dlsym(library, kTorchEngineEntry));
  if (!entry) refuse(path, ", got a library without its entry");
  loaded = entry();
}

void set_torch_engine(const TorchEngine* engine) { loaded = engine; }

void set_torch_loader(TorchLoader functions) {
  loader() = std::move(functions);
}

}  // namespace digitnet::engine
