// Which gradients pass a pool, as lists. Without a branch, which could not be
// predicted: every gradient is written to its list's end, and the end moves on
// only for those that pass.

void compress_nonzeros(const PooledRow& r) {
  for (int64_t pixel = 0; pixel < r.width; ++pixel) {
    const int64_t first = pixel * r.channels;
    int32_t at[4] = {0, 0, 0, 0};
    for (int64_t channel = 0; channel < r.channels; ++channel) {
      const float g = r.g[first + channel] * r.scale;
      const bool passes = r.y == nullptr || r.y[first + channel] != 0;
      const int32_t alive = (g != 0) & passes;
      const int32_t position = r.argmax[first + channel];
      if (r.by_channel.offsets) {
        const int64_t slot = channel * r.channel_capacity + r.counts[channel];
        r.by_channel.offsets[slot] =
            r.offsets[position] + static_cast<int32_t>(pixel) * r.step;
        r.by_channel.factors[slot] = g;
        r.counts[channel] += alive;
      }
      if (!r.by_position.offsets) continue;
      const int64_t place =
          (pixel * 4 + position) * r.position_capacity + at[position];
      r.by_position.offsets[place] =
          static_cast<int32_t>(channel * r.channel_step);
      r.by_position.factors[place] = g;
      at[position] += alive;
    }
    if (!r.by_position.offsets) continue;
    for (int p = 0; p < 4; ++p) r.position_counts[pixel * 4 + p] = at[p];
  }
}
