// What a gated recurrent unit does between its matrix products.

void gru_step(const GruStep& s) {
  constexpr int W = kWide;
  const int64_t units = s.units;
  float *r = s.input, *z = r + units, *n = z + units;
  const float *state_r = s.product, *state_z = state_r + units,
              *state_n = state_z + units;
  for (int64_t u = 0; u < units; u += W) {
    const int64_t left = units - u;
    const F reset = 1.0f / (1.0f + exp_of(-(load_first<W>(r + u, left) +
                                            load_first<W>(state_r + u, left))));
    const F update =
        1.0f / (1.0f + exp_of(-(load_first<W>(z + u, left) +
                                load_first<W>(state_z + u, left))));
    const F fresh = tanh_of(load_first<W>(n + u, left) +
                            reset * load_first<W>(state_n + u, left));
    const F next = fresh + update * (load_first<W>(s.state + u, left) - fresh);
    store_first<W>(r + u, reset, left);
    store_first<W>(z + u, update, left);
    store_first<W>(n + u, fresh, left);
    store_first<W>(s.next + u, next, left);
  }
}

void gru_step_gradient(const GruStepGradient& s) {
  constexpr int W = kWide;
  const int64_t units = s.units;
  float *r = s.input, *z = r + units, *n = z + units;
  float *state_r = s.product, *state_z = state_r + units,
        *state_n = state_z + units;
  for (int64_t u = 0; u < units; u += W) {
    const int64_t left = units - u;
    const F reset = load_first<W>(r + u, left),
            update = load_first<W>(z + u, left);
    const F fresh = load_first<W>(n + u, left),
            g = load_first<W>(s.g + u, left);
    const F d_fresh = g * (1.0f - update) * (1.0f - fresh * fresh);
    const F d_update = g * (load_first<W>(s.state + u, left) - fresh) * update *
                       (1.0f - update);
    const F d_reset =
        d_fresh * load_first<W>(state_n + u, left) * reset * (1.0f - reset);
    store_first<W>(r + u, d_reset, left);
    store_first<W>(z + u, d_update, left);
    store_first<W>(n + u, d_fresh, left);
    store_first<W>(state_r + u, d_reset, left);
    store_first<W>(state_z + u, d_update, left);
    store_first<W>(state_n + u, d_fresh * reset, left);
    store_first<W>(s.g + u, g * update, left);
  }
}
