// Runs of channels that are normalised each by itself: softmax and layer norm.

// The first `count` lanes of a vector, zero behind them.
DIGITNET_INLINE F first_lanes(F v, int64_t count, float other = 0) {
  if (count >= kWide) return v;
  I lane;
  for (int i = 0; i < kWide; ++i) lane[i] = i;
  const I inside = lane < static_cast<int32_t>(count);
  return inside ? v : all<kWide>(other);
}

// Lanes joined in halves, quarters and so on: four steps where one lane after
// another would be sixteen that wait for each other.
template <int W, class Join>
DIGITNET_INLINE float joined_lanes(typename Lanes<W>::F v, const Join& join) {
  if constexpr (W == 2) {
    return join(v[0], v[1]);
  } else {
    typename Lanes<W / 2>::F halves[2];
    __builtin_memcpy(halves, &v, sizeof(v));
    return joined_lanes<W / 2>(join(halves[0], halves[1]), join);
  }
}

DIGITNET_INLINE float lane_sum(F v) {
  return joined_lanes<kWide>(v, [](auto a, auto b) { return a + b; });
}

// Sum of term(c) over the channels.
template <class Term>
DIGITNET_INLINE float run_sum(int64_t channels, const Term& term) {
  F total{};
  for (int64_t c = 0; c < channels; c += kWide)
    total += first_lanes(term(c), channels - c);
  return lane_sum(total);
}

void softmax(const float* x, float* y, int64_t count, int64_t channels) {
  for (int64_t i = 0; i < count; ++i, x += channels, y += channels) {
    F largest = all<kWide>(x[0]);
    for (int64_t c = 0; c < channels; c += kWide) {
      const F v = first_lanes(load<kWide>(x + c), channels - c, x[0]);
      largest = v > largest ? v : largest;
    }
    const float top = joined_lanes<kWide>(
        largest, [](auto a, auto b) { return a > b ? a : b; });
    F total{};
    for (int64_t c = 0; c < channels; c += kWide) {
      const F power =
          first_lanes(exp_of(load<kWide>(x + c) - top), channels - c);
      store_first<kWide>(y + c, power, channels - c);
      total += power;
    }
    const float scale = 1 / lane_sum(total);
    for (int64_t c = 0; c < channels; c += kWide)
      store_first<kWide>(y + c, load_first<kWide>(y + c, channels - c) * scale,
                         channels - c);
  }
}

void softmax_gradient(const float* y, const float* g, float* out, int64_t count,
                      int64_t channels) {
  for (int64_t i = 0; i < count; ++i) {
    const float mean = run_sum(channels, [=](int64_t c) {
      return load<kWide>(y + c) * load<kWide>(g + c);
    });
    for (int64_t c = 0; c < channels; c += kWide) {
      store_first<kWide>(out + c,
                         load<kWide>(y + c) * (load<kWide>(g + c) - mean),
                         channels - c);
    }
    y += channels;
    g += channels;
    out += channels;
  }
}

void layer_norm(const LayerNorm& n) {
  const auto size = static_cast<float>(n.channels);
  for (int64_t i = 0; i < n.count; ++i) {
    const float* x = n.x + i * n.channels;
    float* y = n.y + i * n.channels;
    const float mean =
        run_sum(n.channels, [=](int64_t c) { return load<kWide>(x + c); }) /
        size;
    const float variance = run_sum(n.channels,
                                   [=](int64_t c) {
                                     const F z = load<kWide>(x + c) - mean;
                                     return z * z;
                                   }) /
                           size;
    const float inverse_std = 1 / __builtin_sqrtf(variance + n.epsilon);
    for (int64_t c = 0; c < n.channels; c += kWide) {
      const F z = (load<kWide>(x + c) - mean) * inverse_std;
      store_first<kWide>(
          y + c, z * load<kWide>(n.scale + c) + load<kWide>(n.shift + c),
          n.channels - c);
    }
    n.mean[i] = mean;
    n.inverse_std[i] = inverse_std;
  }
}

void layer_norm_gradient(const LayerNormGradient& n) {
  const auto size = static_cast<float>(n.channels);
  for (int64_t i = 0; i < n.count; ++i) {
    const float* x = n.x + i * n.channels;
    const float* g = n.g + i * n.channels;
    const float mean = n.mean[i], inverse_std = n.inverse_std[i];
    const auto z = [=](int64_t c) {
      return (load<kWide>(x + c) - mean) * inverse_std;
    };
    for (int64_t c = 0; c < n.channels; c += kWide) {
      const F d = load<kWide>(g + c);
      const int64_t left = n.channels - c;
      store_first<kWide>(n.scale_sums + c,
                         load_first<kWide>(n.scale_sums + c, left) + d * z(c),
                         left);
      store_first<kWide>(n.shift_sums + c,
                         load_first<kWide>(n.shift_sums + c, left) + d, left);
    }
    if (!n.dx) continue;
    const auto scaled = [=](int64_t c) {
      return load<kWide>(g + c) * load<kWide>(n.scale + c);
    };
    const float g_mean = run_sum(n.channels, scaled) / size;
    const float product_mean =
        run_sum(n.channels, [=](int64_t c) { return scaled(c) * z(c); }) / size;
    float* dx = n.dx + i * n.channels;
    for (int64_t c = 0; c < n.channels; c += kWide) {
      store_first<kWide>(
          dx + c, (scaled(c) - g_mean - z(c) * product_mean) * inverse_std,
          n.channels - c);
    }
  }
}
