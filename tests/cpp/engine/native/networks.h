// What gradients_test.cpp compares: networks that make each class of operation
// run.
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
// All of them, with a dense layer of five outputs behind each.
std::vector<Network> networks();

}  // namespace digitnet::engine::native
