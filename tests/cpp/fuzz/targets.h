// Fuzzers of the core: what strangers' bytes may do to its parsers. To add one:
// write it in the file of its kind, declare it here, add it to all(), and let
// tests/fuzz/make_corpus.py give it examples in tests/fuzz/corpus/<name>/.
//
// replay_test.cpp runs them on the corpus, among the ordinary tests; libFuzzer
// (libfuzzer.cpp, `make fuzz`) on what it makes of it.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace digitnet::fuzz {

// Throws, whatever the bytes, nothing but Broken: a promise that did not hold.
struct Target {
  std::string name;
  std::string summary;
  void (*run)(std::string_view bytes);
};

class Broken : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

template <class... Parts>
void promise(bool ok, const Parts&... parts) {
  if (!ok) throw Broken(join(parts...));
}

// f(); damaged files and wrong arguments may be refused, with words.
template <class F>
void may_refuse(const F& f) {
  constexpr size_t kMaxMessage = 2000;
  const auto check = [](const std::exception& error) {
    const std::string_view message = error.what();
    promise(!message.empty(), "an error without words");
    promise(message.size() <= kMaxMessage, "a message of ", message.size());
  };
  try {
    f();
  } catch (const DataError& error) {
    check(error);
  } catch (const std::invalid_argument& error) {
    check(error);
  }
}

// Bytes as a source of choices; zeros behind their end.
class Choices {
 public:
  explicit Choices(std::string_view bytes) : bytes_(bytes) {}

  bool empty() const { return at_ >= bytes_.size(); }
  int byte() { return empty() ? 0 : static_cast<unsigned char>(bytes_[at_++]); }
  int below(int count) { return byte() % count; }  // of at most 256
  // One that a range may forget, or a small one.
  double number();

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

// parsers.cpp
Target idx();
Target csv();
Target label_list();
// pictures.cpp
Target scan();
Target resize();
Target contours();
// descriptions.cpp
Target augment();
Target preprocess();
Target layers();

inline const std::vector<Target>& all() {
  static const std::vector<Target> targets = {
      idx(),      csv(),     label_list(), scan(),  resize(),
      contours(), augment(), preprocess(), layers()};
  return targets;
}

}  // namespace digitnet::fuzz
