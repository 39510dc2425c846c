// What gradients_test.cpp compares: a dense layer of five outputs comes behind
// each.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "models/layer.h"

namespace digitnet::engine::native {

struct Network {
  std::string name;
  Shape input;
  std::vector<models::Layer> layers;
};

// GoogleTest names a parametrised test by it.
inline void PrintTo(const Network& network, std::ostream* out) {
  *out << network.name;
}

std::vector<Network> sequence_networks();

}  // namespace digitnet::engine::native
