// Which gradients pass a pool, as lists. No branch asks whether one does: what
// is not wanted is overwritten by the next.

// The next channels of a pixel, a vector's worth.
struct Alive {
  float gradients[kWide];  // 0 where dead
  int32_t offsets[kWide];  // of the window in x
  int32_t positions[kWide];
  int32_t counts[kWide];  // 1 where alive
};

DIGITNET_INLINE Alive alive_channels(const PooledPixel& c, int64_t first,
                                     int64_t count) {
  float g[kWide] = {}, y[kWide] = {};
  Alive result;
  for (int64_t i = 0; i < count; ++i) g[i] = c.g[first + i];
  for (int64_t i = 0; i < count; ++i) y[i] = c.y ? c.y[first + i] : 1.0f;
  I positions{};
  for (int64_t i = 0; i < count; ++i) positions[i] = c.argmax[first + i];
  const F zero{};
  const I live = (load<kWide>(g) != zero) & (load<kWide>(y) != zero);
  const F gradient = live ? load<kWide>(g) * c.scale : zero;
  I offsets = I{} + c.offsets[0];
  for (int p = 1; p < 4; ++p)
    offsets = positions == p ? I{} + c.offsets[p] : offsets;
  __builtin_memcpy(result.gradients, &gradient, sizeof(gradient));
  __builtin_memcpy(result.offsets, &offsets, sizeof(offsets));
  __builtin_memcpy(result.positions, &positions, sizeof(positions));
  const I counts = live & 1;
  __builtin_memcpy(result.counts, &counts, sizeof(counts));
  return result;
}

void list_pixel(PooledPixel& c) {
  int32_t at[4] = {0, 0, 0, 0};
  for (int64_t first = 0; first < c.channels; first += kWide) {
    const int64_t left = c.channels - first;
    const int64_t count = left < kWide ? left : kWide;
    const Alive alive = alive_channels(c, first, count);
    for (int64_t i = 0; i < count; ++i) {
      const int64_t channel = first + i;
      const int64_t slot = channel * c.capacity + c.counts[channel];
      c.by_channel.offsets[slot] = alive.offsets[i];
      c.by_channel.factors[slot] = alive.gradients[i];
      c.counts[channel] += alive.counts[i];
      c.bias[channel] += alive.gradients[i];
    }
    if (!c.by_position[0].offsets) continue;
    for (int64_t i = 0; i < count; ++i) {
      const int32_t position = alive.positions[i];
      c.by_position[position].offsets[at[position]] =
          static_cast<int32_t>((first + i) * c.unit);
      c.by_position[position].factors[at[position]] = alive.gradients[i];
      at[position] += alive.counts[i];
    }
  }
  for (int p = 0; p < 4; ++p) c.position_count[p] = at[p];
}
