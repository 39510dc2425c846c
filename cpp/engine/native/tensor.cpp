#include "engine/native/tensor.h"

#include <algorithm>

namespace digitnet::engine::native {
void to_row_major(const kernels::Kernels& kernels, const Tensor& tensor,
                  const Map& map, int64_t n, float* out) {
  const int64_t width = tensor.width, channels = tensor.channels;
  for (int64_t row = 0; row < tensor.height; ++row, out += width) {
    const float* from = map.at(n) + row * tensor.row(map);
    if (channels == 1) {
      std::copy_n(from, width, out);
    } else if (width == 1 && tensor.height == 1) {
      std::copy_n(from, channels, out);
    } else {
      kernels.transpose(from, width, channels, channels, out,
                        tensor.height * width);
    }
  }
}

void from_row_major(const kernels::Kernels& kernels, const Tensor& tensor,
                    const Map& map, int64_t n, const float* in) {
  const int64_t width = tensor.width, channels = tensor.channels;
  for (int64_t row = 0; row < tensor.height; ++row, in += width) {
    float* to = map.at(n) + row * tensor.row(map);
    if (channels == 1) {
      std::copy_n(in, width, to);
    } else if (width == 1 && tensor.height == 1) {
      std::copy_n(in, channels, to);
    } else {
      kernels.transpose(in, channels, width, tensor.height * width, to,
                        channels);
    }
  }
}

}  // namespace digitnet::engine::native
