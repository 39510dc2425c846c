// A separable symmetric filter over a plane that has its border already.

void separable_filter(const SeparableFilter& s) {
  const int64_t wide = s.width + 2 * s.radius, taps = 2 * s.radius + 1;
  for (int64_t y = 0; y < s.height; ++y) {
    const float* rows = s.in + y * s.stride;
    for (int64_t x = 0; x < wide; x += kWide) {
      F sum = s.taps[s.radius] * load<kWide>(rows + s.radius * s.stride + x);
      for (int64_t t = 0; t < s.radius; ++t) {
        sum += s.taps[t] * (load<kWide>(rows + t * s.stride + x) +
                            load<kWide>(rows + (taps - 1 - t) * s.stride + x));
      }
      store<kWide>(s.row + x, sum);
    }
    for (int64_t x = 0; x < s.width; x += kWide) {
      const float* at = s.row + x;
      F sum = s.taps[s.radius] * load<kWide>(at + s.radius);
      for (int64_t t = 0; t < s.radius; ++t) {
        sum +=
            s.taps[t] * (load<kWide>(at + t) + load<kWide>(at + taps - 1 - t));
      }
      store_first<kWide>(s.out + y * s.width + x, sum, s.width - x);
    }
  }
}
