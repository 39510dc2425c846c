// How digitnet reports what went wrong.
//
// Every message reads `where: expected X, got Y; do Z`. A mistake of the caller
// is std::invalid_argument (ValueError in Python); a damaged or hostile file is
// DataError (also a ValueError, with its own name).
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace digitnet {

class DataError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// Writes the parts one after another, as a stream would.
template <class... Parts>
std::string join(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

// Throws std::invalid_argument with the joined parts unless `ok`.
template <class... Parts>
void require(bool ok, const Parts&... parts) {
  if (!ok) throw std::invalid_argument(join(parts...));
}

// Throws DataError with the joined parts unless `ok`.
template <class... Parts>
void require_data(bool ok, const Parts&... parts) {
  if (!ok) throw DataError(join(parts...));
}

}  // namespace digitnet
