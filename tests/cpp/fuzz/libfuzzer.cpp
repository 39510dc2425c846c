// The program of `make fuzz`: digitnet_fuzz --target=csv FOLDER. libFuzzer
// passes over options that begin with two dashes.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/list.h"
#include "fuzz/targets.h"

namespace {

const digitnet::fuzz::Target* target = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size);

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  constexpr std::string_view kOption = "--target=";
  for (int i = 1; i < *argc; ++i) {
    const std::string_view word = (*argv)[i];
    if (word == "--list") {
      for (const auto& entry : digitnet::fuzz::all())
        std::puts(entry.name.c_str());
      std::exit(0);
    }
    if (word.starts_with(kOption)) {
      target = &digitnet::find(digitnet::fuzz::all(), "fuzzer",
                               std::string(word.substr(kOption.size())));
    }
  }
  if (!target) {
    std::fputs("digitnet_fuzz: expected --target=NAME; --list shows them\n",
               stderr);
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  target->run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
