// Optimizer steps over runs of parameters; formulas in cpp/optimizers.

DIGITNET_INLINE float gradient_of(const Update& u, int64_t i) {
  return u.gradient[i] * u.gradient_scale + u.weight_decay * u.value[i];
}

void sgd(const Update& u) {
  float* __restrict value = u.value;
  float* __restrict velocity = u.state[0];
  const float lr = u.lr, momentum = u.momentum;
  if (momentum == 0) {
    for (int64_t i = 0; i < u.count; ++i) value[i] -= lr * gradient_of(u, i);
    return;
  }
  // The first velocity is the gradient: the state starts as zero.
  if (u.nesterov) {
    for (int64_t i = 0; i < u.count; ++i) {
      const float g = gradient_of(u, i);
      velocity[i] = momentum * velocity[i] + g;
      value[i] -= lr * (g + momentum * velocity[i]);
    }
    return;
  }
  for (int64_t i = 0; i < u.count; ++i) {
    velocity[i] = momentum * velocity[i] + gradient_of(u, i);
    value[i] -= lr * velocity[i];
  }
}

// `decay` is added to the gradient, `shrink` taken from the weight.
DIGITNET_INLINE void adam_loop(const Update& u, float decay, float shrink) {
  float* __restrict value = u.value;
  float* __restrict mean = u.state[0];
  float* __restrict square = u.state[1];
  const float* __restrict gradient = u.gradient;
  // 1 - beta in double: in float it would lose three digits.
  const auto part1 = static_cast<float>(1 - u.beta1);
  const auto part2 = static_cast<float>(1 - u.beta2);
  const auto beta2 = static_cast<float>(u.beta2);
  const float size =
      static_cast<float>(u.lr / (1 - __builtin_pow(u.beta1, u.step)));
  const float root = static_cast<float>(
      1 / __builtin_sqrt(1 - __builtin_pow(u.beta2, u.step)));
  const float scale = u.gradient_scale, epsilon = u.epsilon;
  for (int64_t i = 0; i < u.count; ++i) {
    const float g = gradient[i] * scale + decay * value[i];
    mean[i] += (g - mean[i]) * part1;
    square[i] = square[i] * beta2 + g * g * part2;
    value[i] = value[i] * shrink -
               size * mean[i] / (__builtin_sqrtf(square[i]) * root + epsilon);
  }
}

void adam(const Update& u) { adam_loop(u, u.weight_decay, 1); }

void adamw(const Update& u) { adam_loop(u, 0, 1 - u.lr * u.weight_decay); }

void rmsprop(const Update& u) {
  float* __restrict value = u.value;
  float* __restrict square = u.state[0];
  float* __restrict velocity = u.state[1];
  const auto rho = static_cast<float>(u.beta1);
  const auto part = static_cast<float>(1 - u.beta1);
  for (int64_t i = 0; i < u.count; ++i) {
    const float g = gradient_of(u, i);
    square[i] = square[i] * rho + g * g * part;
    velocity[i] =
        velocity[i] * u.momentum + g / (__builtin_sqrtf(square[i]) + u.epsilon);
    value[i] -= u.lr * velocity[i];
  }
}

void regularise(const float* value, float l1, float l2, float* gradient,
                int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float sign = value[i] > 0 ? 1.0f : (value[i] < 0 ? -1.0f : 0.0f);
    gradient[i] += l1 * sign + 2 * l2 * value[i];
  }
}

void average(const float* value, float* average, float part, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    average[i] += (value[i] - average[i]) * part;
}

double sum_of_squares(const float* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i)
    sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}
