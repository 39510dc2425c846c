// Distances of images in whole numbers. Rows are worked on in whole vectors:
// what lies behind a row is computed with it and never used.

int64_t squared_distance(const uint8_t* a, const uint8_t* b, int64_t count) {
  constexpr int64_t kPart = 16384;  // whose sum fits into 32 bits
  int64_t sum = 0;
  for (int64_t first = 0; first < count; first += kPart) {
    const int64_t end = first + kPart < count ? first + kPart : count;
    int32_t part = 0;
    for (int64_t i = first; i < end; ++i) {
      const auto difference = static_cast<int16_t>(a[i] - b[i]);
      part += difference * difference;
    }
    sum += part;
  }
  return sum;
}

// More than a row's sum of the largest costs, 7 x 8 x 2040^2; and 7 of it, the
// most that are summed, fit into 32 bits.
constexpr int32_t kNeverBest = 300'000'000;

// Vectors of whole numbers, read and written at any address.
struct Run {
  static constexpr int kSize = kWide;
  typedef Lanes<kSize>::I I;
  typedef int32_t Memory
      __attribute__((vector_size(kSize * 4), aligned(4), may_alias));
  typedef int16_t Halves
      __attribute__((vector_size(kSize * 2), aligned(2), may_alias));

  static DIGITNET_INLINE I load(const int32_t* p) {
    return *reinterpret_cast<const Memory*>(p);
  }
  static DIGITNET_INLINE void store(int32_t* p, I v) {
    *reinterpret_cast<Memory*>(p) = v;
  }
  static DIGITNET_INLINE I widened(const int16_t* p) {
    return __builtin_convertvector(*reinterpret_cast<const Halves*>(p), I);
  }
};

// Squares of one row's differences, over all layers: costs[count].
DIGITNET_INLINE void distortion_costs(const int16_t* image,
                                      const int16_t* reference, int64_t layers,
                                      int64_t plane, int64_t count,
                                      int32_t* costs) {
  for (int64_t x = 0; x < count; x += Run::kSize) {
    Run::I sum{};
    for (int64_t layer = 0; layer < layers; ++layer) {
      const int64_t at = layer * plane + x;
      const Run::I d = Run::widened(image + at) - Run::widened(reference + at);
      sum += d * d;
    }
    Run::store(costs + x, sum);
  }
}

// The sum of `taps` numbers `step` apart, for each of a vector's.
DIGITNET_INLINE Run::I distortion_sum(const int32_t* from, int64_t step,
                                      int64_t taps) {
  Run::I sum = Run::load(from);
  for (int64_t tap = 1; tap < taps; ++tap) sum += Run::load(from + tap * step);
  return sum;
}

// One displacement of all pixels, whose counterparts lie `down` and `right`
// of them: squares, summed along rows, then along columns, lower best[H, row].
void distortion_displaced(const Distortion& p, int64_t down, int64_t right) {
  const int64_t taps = 2 * p.context + 1, row = distortion_row(p.width);
  const int64_t bordered = distortion_row(p.width + 2 * p.context);
  const int64_t plane = (p.height + 2 * (p.warp + p.context)) * p.row;
  int32_t* const rows = p.work + p.height * row;  // [H + 2 context, row]
  int32_t* const costs = rows + (p.height + 2 * p.context) * row;
  // Columns whose counterparts lie beside the reference.
  const int64_t left = right < -p.width ? p.width : right < 0 ? -right : 0;
  const int64_t end = right > p.width ? 0
                      : right > 0     ? p.width - right
                                      : p.width;
  for (int64_t y = 0; y < p.height + 2 * p.context; ++y) {
    const int64_t at = (y + p.warp) * p.row + p.warp;
    distortion_costs(p.image + at, p.reference + at + down * p.row + right,
                     p.layers, plane, bordered, costs);
    for (int64_t x = 0; x < row; x += Run::kSize)
      Run::store(rows + y * row + x, distortion_sum(costs + x, 1, taps));
    for (int64_t x = 0; x < left; ++x) rows[y * row + x] = kNeverBest;
    for (int64_t x = end; x < p.width; ++x) rows[y * row + x] = kNeverBest;
  }
  const int64_t top = down < 0 ? -down : 0;
  const int64_t bottom = down > 0 ? p.height - down : p.height;
  for (int64_t y = top; y < bottom; ++y) {
    int32_t* const best = p.work + y * row;
    for (int64_t x = 0; x < row; x += Run::kSize) {
      const Run::I cost = distortion_sum(rows + y * row + x, row, taps);
      const Run::I before = Run::load(best + x);
      Run::store(best + x, cost < before ? cost : before);
    }
  }
}

int64_t distortion(const Distortion& p) {
  const int64_t row = distortion_row(p.width);
  for (int64_t i = 0; i < p.height * row; ++i) p.work[i] = INT32_MAX;
  for (int64_t down = -p.warp; down <= p.warp; ++down) {
    for (int64_t right = -p.warp; right <= p.warp; ++right)
      distortion_displaced(p, down, right);
  }
  int64_t sum = 0;
  for (int64_t y = 0; y < p.height; ++y) {
    for (int64_t x = 0; x < p.width; ++x) sum += p.work[y * row + x];
  }
  return sum;
}
