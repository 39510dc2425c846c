// Capsules in the lanes of a vector: every loop below takes kWide capsules of a
// panel at a time, whose rows are `width` floats apart.

// What there is of a vector whose first `left` lanes are of this row.
DIGITNET_INLINE F of_row(F v, int64_t left) {
  if (left >= kWide) return v;
  I lane;
  for (int i = 0; i < kWide; ++i) lane[i] = i;
  return lane < static_cast<int32_t>(left) ? v : F{};
}

// G images from the first of `vectors` on.
template <int G>
DIGITNET_INLINE void predict_lanes(const CapsuleProducts& c,
                                   const float* vectors, float* predictions,
                                   int64_t lane) {
  for (int64_t o = 0; o < c.outputs; ++o) {
    const float* weights = c.weights + o * c.inputs * c.width + lane;
    F acc[G] = {};
    for (int64_t i = 0; i < c.inputs; ++i) {
      const F w = load<kWide>(weights + i * c.width);
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g)
        acc[g] +=
            w * load<kWide>(vectors + g * c.vectors_image + i * c.width + lane);
    }
#pragma GCC unroll 8
    for (int g = 0; g < G; ++g) {
      store_first<kWide>(
          predictions + g * c.predictions_image + o * c.width + lane, acc[g],
          c.width - lane);
    }
  }
}

void capsule_predictions(const CapsuleProducts& c) {
  constexpr int G = 4;
  for (int64_t n = 0; n < c.images; n += G) {
    const float* vectors = c.vectors + n * c.vectors_image;
    float* predictions = c.predictions + n * c.predictions_image;
    for (int64_t lane = 0; lane < c.width; lane += kWide) {
      if (n + G <= c.images) {
        predict_lanes<G>(c, vectors, predictions, lane);
        continue;
      }
      for (int64_t g = 0; g < c.images - n; ++g)
        predict_lanes<1>(c, vectors + g * c.vectors_image,
                         predictions + g * c.predictions_image, lane);
    }
  }
}

// acc[a][b] += left_a * right_b over `count` steps.
template <int A, int B>
DIGITNET_INLINE void outer_lanes(const float* left, int64_t left_row,
                                 int64_t left_step, const float* right,
                                 int64_t right_row, int64_t right_step,
                                 int64_t count, F (&acc)[A][B]) {
  for (int64_t i = 0; i < count; ++i) {
    F b[B];
#pragma GCC unroll 4
    for (int k = 0; k < B; ++k)
      b[k] = load<kWide>(right + i * right_step + k * right_row);
#pragma GCC unroll 4
    for (int j = 0; j < A; ++j) {
      const F a = load<kWide>(left + i * left_step + j * left_row);
#pragma GCC unroll 4
      for (int k = 0; k < B; ++k) acc[j][k] += a * b[k];
    }
  }
}

// result[a, b] = sum over steps of left[a] * right[b]: rows of `width` lanes.
struct OuterSums {
  int64_t width, left_rows, right_rows, count;
  const float* left;
  int64_t left_row, left_step;
  const float* right;
  int64_t right_row, right_step;
  float* result;
  int64_t result_left, result_right;
};

template <int A, int B>
DIGITNET_INLINE void outer_block(const OuterSums& s, int64_t a, int64_t b,
                                 int64_t lane) {
  F acc[A][B] = {};
  outer_lanes<A, B>(s.left + a * s.left_row + lane, s.left_row, s.left_step,
                    s.right + b * s.right_row + lane, s.right_row, s.right_step,
                    s.count, acc);
#pragma GCC unroll 4
  for (int j = 0; j < A; ++j) {
#pragma GCC unroll 4
    for (int k = 0; k < B; ++k) {
      store_first<kWide>(
          s.result + (a + j) * s.result_left + (b + k) * s.result_right + lane,
          acc[j][k], s.width - lane);
    }
  }
}

DIGITNET_INLINE void outer_sums(const OuterSums& s) {
  constexpr int A = kRegisters >= 24 ? 4 : 2, B = 4;
  for (int64_t lane = 0; lane < s.width; lane += kWide) {
    for (int64_t a = 0; a < s.left_rows; a += A) {
      for (int64_t b = 0; b < s.right_rows; b += B) {
        if (a + A <= s.left_rows && b + B <= s.right_rows) {
          outer_block<A, B>(s, a, b, lane);
          continue;
        }
        for (int64_t j = a; j < s.left_rows && j < a + A; ++j) {
          for (int64_t k = b; k < s.right_rows && k < b + B; ++k)
            outer_block<1, 1>(s, j, k, lane);
        }
      }
    }
  }
}

void capsule_weight_gradient(const CapsuleProducts& c) {
  outer_sums({c.width, c.outputs, c.inputs, c.images, c.predictions, c.width,
              c.predictions_image, c.vectors, c.width, c.vectors_image,
              c.gradient, c.inputs * c.width, c.width});
}

void capsule_vector_gradient(const CapsuleProducts& c) {
  // The images take the place of the outputs, these that of the images.
  outer_sums({c.width, c.images, c.inputs, c.outputs, c.predictions,
              c.predictions_image, c.width, c.weights, c.width,
              c.inputs * c.width, c.vectors, c.vectors_image, c.width});
}

void capsule_agreements(const CapsulePanel& p, const float* predictions,
                        const float* outputs, bool accumulate,
                        float* agreements) {
  for (int64_t unit = 0; unit < p.units; ++unit) {
    const float* rows = predictions + unit * p.size * p.width;
    float* to = agreements + unit * p.width;
    for (int64_t lane = 0; lane < p.width; lane += kWide) {
      F sum = accumulate ? load_first<kWide>(to + lane, p.width - lane) : F{};
      for (int64_t d = 0; d < p.size; ++d) {
        sum += load_first<kWide>(rows + d * p.width + lane, p.width - lane) *
               outputs[unit * p.size + d];
      }
      store_first<kWide>(to + lane, sum, p.width - lane);
    }
  }
}

void capsule_sums(const CapsulePanel& p, const float* predictions,
                  const float* factors, float* sums) {
  for (int64_t unit = 0; unit < p.units; ++unit) {
    for (int64_t d = 0; d < p.size; ++d) {
      const int64_t o = unit * p.size + d;
      F sum = load<kWide>(sums + o * kCapsuleLanes);
      for (int64_t lane = 0; lane < p.width; lane += kWide) {
        sum += of_row(
            load_first<kWide>(factors + unit * p.width + lane, p.width - lane) *
                load_first<kWide>(predictions + o * p.width + lane,
                                  p.width - lane),
            p.width - lane);
      }
      store<kWide>(sums + o * kCapsuleLanes, sum);
    }
  }
}

void capsule_spread(const CapsulePanel& p, const CapsuleTerm* terms,
                    int64_t count, float* predictions) {
  for (int64_t unit = 0; unit < p.units; ++unit) {
    for (int64_t lane = 0; lane < p.width; lane += kWide) {
      for (int64_t d = 0; d < p.size; ++d) {
        const int64_t o = unit * p.size + d;
        F sum{};
        for (int64_t t = 0; t < count; ++t) {
          sum += load_first<kWide>(terms[t].factors + unit * p.width + lane,
                                   p.width - lane) *
                 terms[t].outputs[o];
        }
        store_first<kWide>(predictions + o * p.width + lane, sum,
                           p.width - lane);
      }
    }
  }
}

void capsule_softmax(const CapsulePanel& p, const float* x, float* y) {
  for (int64_t lane = 0; lane < p.width; lane += kWide) {
    const int64_t left = p.width - lane;
    F largest = load_first<kWide>(x + lane, left);
    for (int64_t unit = 1; unit < p.units; ++unit) {
      const F v = load_first<kWide>(x + unit * p.width + lane, left);
      largest = v > largest ? v : largest;
    }
    F total{};
    for (int64_t unit = 0; unit < p.units; ++unit) {
      const F power =
          exp_of(load_first<kWide>(x + unit * p.width + lane, left) - largest);
      total += power;
      store_first<kWide>(y + unit * p.width + lane, power, left);
    }
    const F scale = 1.0f / total;
    for (int64_t unit = 0; unit < p.units; ++unit) {
      float* to = y + unit * p.width + lane;
      store_first<kWide>(to, load_first<kWide>(to, left) * scale, left);
    }
  }
}

void capsule_softmax_gradient(const CapsulePanel& p, const float* y,
                              const float* g, const float* add, float* out) {
  for (int64_t lane = 0; lane < p.width; lane += kWide) {
    F mean{};
    for (int64_t unit = 0; unit < p.units; ++unit) {
      const int64_t at = unit * p.width + lane;
      mean += load_first<kWide>(y + at, p.width - lane) *
              load_first<kWide>(g + at, p.width - lane);
    }
    for (int64_t unit = 0; unit < p.units; ++unit) {
      const int64_t at = unit * p.width + lane;
      F v = load_first<kWide>(y + at, p.width - lane) *
            (load_first<kWide>(g + at, p.width - lane) - mean);
      if (add) v += load_first<kWide>(add + at, p.width - lane);
      store_first<kWide>(out + at, v, p.width - lane);
    }
  }
}

// Of x squashed, y = x * scale, and the derivative of the scale by |x|^2,
// doubled.
struct Squash {
  float scale, slope;
};
DIGITNET_INLINE Squash squash_of(float squares) {
  const float length = __builtin_sqrtf(squares + kCapsuleTiny);
  const float whole = 1 + squares;
  const float scale = length / whole;
  return {scale, 1 / (length * whole) - 2 * scale / whole};
}

void capsule_squash(int64_t rows, int64_t row, int64_t width, const float* x,
                    float* y) {
  for (int64_t lane = 0; lane < width; ++lane) {
    float squares = 0;
    for (int64_t i = 0; i < rows; ++i)
      squares += x[i * row + lane] * x[i * row + lane];
    const float scale = squash_of(squares).scale;
    for (int64_t i = 0; i < rows; ++i)
      y[i * row + lane] = x[i * row + lane] * scale;
  }
}

void capsule_squash_gradient(int64_t rows, int64_t row, int64_t width,
                             const float* x, const float* g, float* out) {
  for (int64_t lane = 0; lane < width; ++lane) {
    float squares = 0, product = 0;
    for (int64_t i = 0; i < rows; ++i) {
      squares += x[i * row + lane] * x[i * row + lane];
      product += x[i * row + lane] * g[i * row + lane];
    }
    const Squash squash = squash_of(squares);
    for (int64_t i = 0; i < rows; ++i) {
      out[i * row + lane] = g[i * row + lane] * squash.scale +
                            x[i * row + lane] * squash.slope * product;
    }
  }
}
