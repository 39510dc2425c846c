// Pooling and normalisation in float64.
#include <algorithm>
#include <cmath>

#include "engine/native/reference.h"
#include "models/layers.h"

namespace digitnet::engine::native {

using models::Layer;

Traced ReferenceNetwork::batch_norm(const Layer& layer, const std::string& path,
                                    const Batch& x) {
  const int64_t channels = x.shape.channels;
  const auto count =
      static_cast<double>(x.count * x.shape.height * x.shape.width);
  const double epsilon = number(layer.options, "epsilon");
  const double momentum = number(layer.options, "momentum");
  auto& running_mean = parameters.at(path + ".running_mean");
  auto& running_var = parameters.at(path + ".running_var");
  std::vector<double> mean(channels), variance(channels);
  if (training_) {
    each(x, [&](int64_t n, int64_t c, int64_t y, int64_t at) {
      mean[c] += x.at(n, c, y, at) / count;
    });
    each(x, [&](int64_t n, int64_t c, int64_t y, int64_t at) {
      const double centred = x.at(n, c, y, at) - mean[c];
      variance[c] += centred * centred / count;
    });
    for (int64_t c = 0; c < channels; ++c) {
      running_mean[c] += momentum * (mean[c] - running_mean[c]);
      const double unbiased = variance[c] * count / (count - 1);
      running_var[c] += momentum * (unbiased - running_var[c]);
    }
  } else {
    mean = running_mean;
    variance = running_var;
  }
  Batch z(x.count, x.shape), y(x.count, x.shape);
  each(x, [&](int64_t n, int64_t c, int64_t row, int64_t at) {
    z.at(n, c, row, at) =
        (x.at(n, c, row, at) - mean[c]) / std::sqrt(variance[c] + epsilon);
    y.at(n, c, row, at) =
        parameters.at(path + ".weight")[c] * z.at(n, c, row, at) +
        parameters.at(path + ".bias")[c];
  });
  return {y, [this, path, z, variance, epsilon, count](const Batch& g) {
            std::vector<double> sums(g.shape.channels), products = sums;
            each(g, [&](int64_t n, int64_t c, int64_t row, int64_t at) {
              sums[c] += g.at(n, c, row, at);
              products[c] += g.at(n, c, row, at) * z.at(n, c, row, at);
            });
            for (int64_t c = 0; c < g.shape.channels; ++c) {
              gradients.at(path + ".bias")[c] += sums[c];
              gradients.at(path + ".weight")[c] += products[c];
              // Running statistics do not depend on x.
              if (!training_) sums[c] = products[c] = 0;
            }
            Batch dx(g.count, g.shape);
            each(g, [&](int64_t n, int64_t c, int64_t row, int64_t at) {
              dx.at(n, c, row, at) =
                  parameters.at(path + ".weight")[c] /
                  std::sqrt(variance[c] + epsilon) *
                  (g.at(n, c, row, at) - sums[c] / count -
                   z.at(n, c, row, at) * products[c] / count);
            });
            return dx;
          }};
}

// Over the channels of each pixel; flat features are the channels of one.
Traced ReferenceNetwork::layer_norm(const Layer& layer, const std::string& path,
                                    const Batch& x) {
  const double epsilon = number(layer.options, "epsilon");
  const int64_t channels = x.shape.channels;
  Batch z(x.count, x.shape), y(x.count, x.shape);
  Batch inverse_std(x.count, x.shape);
  each(x, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
    double mean = 0, variance = 0;
    for (int64_t i = 0; i < channels; ++i)
      mean += x.at(n, i, row, column) / static_cast<double>(channels);
    for (int64_t i = 0; i < channels; ++i) {
      const double centred = x.at(n, i, row, column) - mean;
      variance += centred * centred / static_cast<double>(channels);
    }
    inverse_std.at(n, c, row, column) = 1 / std::sqrt(variance + epsilon);
    z.at(n, c, row, column) =
        (x.at(n, c, row, column) - mean) * inverse_std.at(n, c, row, column);
    y.at(n, c, row, column) =
        parameters.at(path + ".weight")[c] * z.at(n, c, row, column) +
        parameters.at(path + ".bias")[c];
  });
  return {y, [=, this](const Batch& g) {
            const auto& scale = parameters.at(path + ".weight");
            Batch dx(g.count, g.shape);
            each(g, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
              gradients.at(path + ".bias")[c] += g.at(n, c, row, column);
              gradients.at(path + ".weight")[c] +=
                  g.at(n, c, row, column) * z.at(n, c, row, column);
              // By the definition: every output's part, one after another.
              for (int64_t i = 0; i < channels; ++i) {
                const double by = (i == c) - (1 + z.at(n, c, row, column) *
                                                      z.at(n, i, row, column)) /
                                                 static_cast<double>(channels);
                dx.at(n, c, row, column) += scale[i] * g.at(n, i, row, column) *
                                            by *
                                            inverse_std.at(n, c, row, column);
              }
            });
            return dx;
          }};
}

Traced ReferenceNetwork::softmax(const Batch& x) {
  Batch y(x.count, x.shape);
  each(x, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
    double sum = 0;
    for (int64_t i = 0; i < x.shape.channels; ++i)
      sum += std::exp(x.at(n, i, row, column) - x.at(n, c, row, column));
    y.at(n, c, row, column) = 1 / sum;
  });
  return {y, [y](const Batch& g) {
            Batch dx(g.count, g.shape);
            each(g, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
              for (int64_t i = 0; i < g.shape.channels; ++i) {
                dx.at(n, c, row, column) +=
                    g.at(n, i, row, column) * y.at(n, i, row, column) *
                    ((i == c) - y.at(n, c, row, column));
              }
            });
            return dx;
          }};
}

Traced ReferenceNetwork::upsample(const Layer& layer, const Batch& x) {
  const int64_t factor = integer(layer.options, "factor");
  Batch y(x.count, models::output_shape(layer, x.shape));
  each(y, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
    y.at(n, c, row, column) = x.at(n, c, row / factor, column / factor);
  });
  return {y, [factor, count = x.count, shape = x.shape](const Batch& g) {
            Batch dx(count, shape);
            each(g, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
              dx.at(n, c, row / factor, column / factor) +=
                  g.at(n, c, row, column);
            });
            return dx;
          }};
}

Traced ReferenceNetwork::max_pool(const Layer& layer, const Batch& x) {
  const int64_t size = integer(layer.options, "size");
  const int64_t stride = models::layers::pool_stride(layer);
  const int64_t padding = models::layers::pool_padding(layer);
  Batch y(x.count, models::output_shape(layer, x.shape));
  std::vector<size_t> where;
  each(y, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
    double largest = -1e300, second = -1e300;
    size_t place = 0;
    for (int64_t i = 0; i < size * size; ++i) {
      const int64_t at_y = row * stride + i / size - padding;
      const int64_t at_x = column * stride + i % size - padding;
      if (!inside(x, at_y, at_x)) continue;
      const double& value =
          x.values[&const_cast<Batch&>(x).at(n, c, at_y, at_x) -
                   x.values.data()];
      second = std::max(second, std::min(value, largest));
      if (value <= largest) continue;
      largest = value;
      place = &value - x.values.data();
    }
    // Equal zeros of a ReLU have no gradient whichever is taken.
    if (largest != 0 || second != 0)
      margin = std::min(margin, largest - second);
    where.push_back(place);
    y.at(n, c, row, column) = largest;
  });
  return {y, [where, count = x.count, shape = x.shape](const Batch& g) {
            Batch dx(count, shape);
            for (size_t i = 0; i < where.size(); ++i)
              dx.values[where[i]] += g.values[i];
            return dx;
          }};
}

namespace {

// The pixels [first, second) of an axis that output i is the mean of.
std::pair<int64_t, int64_t> window_of(const Layer& layer, int64_t i,
                                      int64_t pixels) {
  const auto size = integer(layer.options, "size");
  if (layer.kind == "average_pool") {
    const int64_t first = i * models::layers::pool_stride(layer);
    return {first, first + size};
  }
  const double step = static_cast<double>(pixels) / static_cast<double>(size);
  return {static_cast<int64_t>(std::floor(static_cast<double>(i) * step)),
          static_cast<int64_t>(std::ceil(static_cast<double>(i + 1) * step))};
}

}  // namespace

Traced ReferenceNetwork::average_pool(const Layer& layer, const Batch& x) {
  Batch y(x.count, models::output_shape(layer, x.shape));
  // f(input's row, input's column, its share)
  const auto each_tap = [layer, shape = x.shape](int64_t row, int64_t column,
                                                 const auto& f) {
    const auto [top, bottom] = window_of(layer, row, shape.height);
    const auto [left, right] = window_of(layer, column, shape.width);
    const auto count = static_cast<double>((bottom - top) * (right - left));
    for (int64_t i = top; i < bottom; ++i)
      for (int64_t j = left; j < right; ++j) f(i, j, 1 / count);
  };
  each(y, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
    each_tap(row, column, [&](int64_t i, int64_t j, double part) {
      y.at(n, c, row, column) += part * x.at(n, c, i, j);
    });
  });
  return {y, [each_tap, count = x.count, shape = x.shape](const Batch& g) {
            Batch dx(count, shape);
            each(g, [&](int64_t n, int64_t c, int64_t row, int64_t column) {
              each_tap(row, column, [&](int64_t i, int64_t j, double part) {
                dx.at(n, c, i, j) += part * g.at(n, c, row, column);
              });
            });
            return dx;
          }};
}

}  // namespace digitnet::engine::native
