#include "engine/torch_engine.h"

#include <dlfcn.h>
#ifdef __linux__
#include <link.h>
#endif

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
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

// Whether all that is to be mapped lies in the file: dlopen() of one that was
// cut short ends the process.
bool is_whole(const std::string& path) {
#ifdef __linux__
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) refuse(path, ", got a file that cannot be read");
  const auto size = static_cast<uint64_t>(file.tellg());
  ElfW(Ehdr) header{};
  file.seekg(0);
  file.read(reinterpret_cast<char*>(&header), sizeof(header));
  if (!file || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
  for (int i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) part{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff + i * sizeof(part)));
    file.read(reinterpret_cast<char*>(&part), sizeof(part));
    if (!file || part.p_filesz > size || part.p_offset > size - part.p_filesz)
      return false;
  }
  return true;
#else
  return std::filesystem::exists(path);
#endif
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
  if (!is_whole(path)) refuse(path, ", got a damaged file");
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
  const auto* minor =
      static_cast<const char*>(dlsym(library, kTorchEngineMinor));
  const std::string name = std::filesystem::path(path).stem().string();
  if (!minor || !name.ends_with(join("_", minor))) {
    refuse(path, join(" for that torch, got one for torch ",
                      minor ? minor : "of no version"));
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
