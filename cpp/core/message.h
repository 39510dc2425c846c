// Messages that hold what a file or a caller gave.
#pragma once

#include <string>

namespace digitnet {

// The message as it may be shown: what stands in quotes is cut to 80 bytes, the
// whole to 2,000, each with an ellipsis where something is left out; control
// characters but line feeds and tabs are escaped, and bytes that are not UTF-8
// are question marks.
std::string shown_message(const std::string& message);

}  // namespace digitnet
