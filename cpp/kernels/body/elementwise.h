// Loops over plain runs of floats.

// out[i] = f(a[i], b[i]) by vectors, the last one filled up with zeros.
template <class F>
DIGITNET_INLINE void transform(const float* a, const float* b, float* out,
                               int64_t count, const F& f) {
  constexpr int W = kWide;
  int64_t i = 0;
  for (; i + W <= count; i += W)
    store<W>(out + i, f(load<W>(a + i), load<W>(b + i)));
  if (i == count) return;
  float x[W] = {}, y[W] = {};
  for (int64_t j = i; j < count; ++j) {
    x[j - i] = a[j];
    y[j - i] = b[j];
  }
  store_first<W>(out + i, f(load<W>(x), load<W>(y)), count - i);
}

typedef Lanes<kWide>::F F;
typedef Lanes<kWide>::I I;
typedef Lanes<kWide>::U U;

// e^x to about one unit in the last place; x is held within [-87, 88].
DIGITNET_INLINE F exp_of(F x) {
  x = x < -87.0f ? all<kWide>(-87.0f) : x;
  x = x > 88.0f ? all<kWide>(88.0f) : x;
  const F magic = all<kWide>(12582912.0f);  // 1.5 * 2^23: rounds to an integer
  const F n = (x * 1.44269504f + magic) - magic;
  F r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  F sum = all<kWide>(1.0f / 5040);
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  const I power = (__builtin_convertvector(n, I) + 127) << 23;
  return sum * (F)power;
}

// By its series near 0, where 1 - 2 / (e^2x + 1) would cancel.
DIGITNET_INLINE F tanh_of(F x) {
  const F s = x * x;
  F series = all<kWide>(-1382.0f / 155925);
  series = series * s + 62.0f / 2835;
  series = series * s - 17.0f / 315;
  series = series * s + 2.0f / 15;
  series = series * s - 1.0f / 3;
  series = x + x * s * series;
  const F far = 1.0f - 2.0f / (exp_of(x + x) + 1.0f);
  const I small = s < 0.09f;
  return small ? series : far;
}

// The normal distribution below x, and its density there. Source: Abramowitz
// and Stegun, 7.1.26 (error below 1e-7).
struct Normal {
  F below, density;
};
DIGITNET_INLINE Normal normal_of(F x) {
  const I negative = x < 0.0f;
  const F z = (negative ? -x : x) * 0.70710678f;
  const F bell = exp_of(-z * z);
  const F t = 1.0f / (1.0f + z * 0.3275911f);
  F sum = all<kWide>(1.061405429f);
  sum = sum * t - 1.453152027f;
  sum = sum * t + 1.421413741f;
  sum = sum * t - 0.284496736f;
  sum = sum * t + 0.254829592f;
  const F tail = 0.5f * sum * t * bell;
  return {negative ? tail : 1.0f - tail, bell * 0.39894228f};
}

void gelu(const float* x, float* y, int64_t count) {
  transform(x, x, y, count, [](F v, F) { return v * normal_of(v).below; });
}

void gelu_gradient(const float* x, const float* g, float* out, int64_t count) {
  transform(x, g, out, count, [](F v, F d) {
    const Normal normal = normal_of(v);
    return d * (normal.below + v * normal.density);
  });
}

void sigmoid(const float* x, float* y, int64_t count) {
  transform(x, x, y, count, [](F v, F) { return 1.0f / (1.0f + exp_of(-v)); });
}

void tanh(const float* x, float* y, int64_t count) {
  transform(x, x, y, count, [](F v, F) { return tanh_of(v); });
}

void sigmoid_gradient(const float* y, const float* g, float* out,
                      int64_t count) {
  transform(y, g, out, count, [](F v, F d) { return d * v * (1.0f - v); });
}

void tanh_gradient(const float* y, const float* g, float* out, int64_t count) {
  transform(y, g, out, count, [](F v, F d) { return d * (1.0f - v * v); });
}

void relu(const float* x, float* y, int64_t count) {
  transform(x, x, y, count, [](F v, F) { return relu_of<kWide>(v); });
}

void relu_gradient(const float* y, const float* g, float scale, float* out,
                   int64_t count) {
  transform(y, g, out, count, [scale](F v, F d) {
    const I dead = v <= 0.0f;  // NaN lives
    return dead ? F{} : d * scale;
  });
}

void relu6(const float* x, float* y, int64_t count) {
  transform(x, x, y, count, [](F v, F) {
    const F above = relu_of<kWide>(v);
    return above > 6.0f ? all<kWide>(6.0f) : above;
  });
}

void relu6_gradient(const float* y, const float* g, float* out, int64_t count) {
  transform(y, g, out, count, [](F v, F d) {
    const I dead = (v <= 0.0f) | (v >= 6.0f);
    return dead ? F{} : d;
  });
}

void add(const float* a, const float* b, float* out, int64_t count) {
  transform(a, b, out, count, [](F v, F w) { return v + w; });
}

float sum(const float* x, int64_t count) {
  F total{};
  int64_t i = 0;
  for (; i + kWide <= count; i += kWide) total += load<kWide>(x + i);
  float result = 0;
  for (; i < count; ++i) result += x[i];
  for (int lane = 0; lane < kWide; ++lane) result += total[lane];
  return result;
}

void max_of_taps(const float* image, int32_t corner, const int32_t* taps,
                 int64_t tap_count, int64_t channels, float* y,
                 int32_t* where) {
  for (int64_t c = 0; c < channels; c += kWide) {
    const float* x = image + corner + c;
    F best = load<kWide>(x + taps[0]);
    I place = I{} + taps[0];
    for (int64_t t = 1; t < tap_count; ++t) {
      const F value = load<kWide>(x + taps[t]);
      const I keep = value <= best;
      best = keep ? best : value;
      place = keep ? place : I{} + taps[t];
    }
    const auto first = static_cast<int32_t>(corner + c);
    for (int lane = 0; lane < kWide; ++lane) place[lane] += first + lane;
    store_first<kWide>(y + c, best, channels - c);
    store_first<kWide>(reinterpret_cast<float*>(where) + c, (F)place,
                       channels - c);
  }
}

// 32 random bits a lane: two rounds of a multiply-xor mixer over the index,
// each with a key of its own.
DIGITNET_INLINE U mixed(U x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  return x ^ (x >> 16);
}

void dropout(const float* x, float* y, int64_t count, double keep,
             const uint32_t key[2], uint64_t first) {
  const double limit = keep * 4294967296.0;
  const uint32_t bar =
      limit >= 4294967295.0 ? 4294967295u : static_cast<uint32_t>(limit);
  const float scale = static_cast<float>(1 / keep);
  const uint32_t key0 = key[0], key1 = key[1];
  U index;
  for (int i = 0; i < kWide; ++i)
    index[i] = static_cast<uint32_t>(first) + static_cast<uint32_t>(i);
  transform(x, x, y, count, [&](F v, F) {
    const U bits = mixed(mixed(index + key0) ^ key1);
    index += static_cast<uint32_t>(kWide);
    return bits < bar ? v * scale : F{};
  });
}
