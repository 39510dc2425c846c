#include "engine/native/op.h"

#include <algorithm>

#include "engine/native/run.h"

namespace digitnet::engine::native {

void Weight::clear_padding(int64_t panel, int64_t first_input,
                           int64_t input_count) const {
  const int64_t first = panel * kernels::kPanel;
  const int64_t width = kernels::panel_width(outputs, panel);
  const int64_t valid = std::min(width, outputs - first);
  if (valid == width) return;
  float* row = gradient + first * inputs + first_input * width;
  for (int64_t i = 0; i < input_count; ++i, row += width)
    std::fill_n(row + valid, width - valid, 0.0f);
}

void Weight::sum_partials(const Pass& pass, const Chunks& chunks,
                          const float* partial, int64_t step) const {
  std::copy_n(partial, count(), gradient);
  for (int64_t chunk = 1; chunk < chunks.count; ++chunk)
    pass.kernels.add(gradient, partial + chunk * step, gradient, count());
}

int64_t Chunks::max_count(int64_t images, int64_t floats_each) {
  // More chunks keep more threads busy; each costs a partial sum, which is
  // written, read and held: 16 MiB of them at most, but two chunks at least.
  constexpr int64_t kMaxChunks = 16, kFloats = 4 << 20;
  return std::min(
      images, std::clamp<int64_t>(kFloats / std::max<int64_t>(1, floats_each),
                                  2, kMaxChunks));
}

Chunks Chunks::of(int64_t images, int64_t floats_each) {
  const int64_t max_chunks = Chunks::max_count(images, floats_each);
  const int64_t each = (images + max_chunks - 1) / max_chunks;
  return {(images + each - 1) / each, each, images};
}

void Op::forward(const Pass& pass) { run_alone(pass, kForward, *this); }
void Op::backward(const Pass& pass) { run_alone(pass, kBackward, *this); }

}  // namespace digitnet::engine::native
