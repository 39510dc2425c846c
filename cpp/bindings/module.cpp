// The extension module: a list of bind_x.
#include "bindings/convert.h"

namespace dn = digitnet;
namespace py = pybind11;

PYBIND11_MODULE(_core, root) {
  root.doc() = "The compute core of digitnet, in C++.";
  dn::bindings::bind_errors(root);
  dn::bindings::stop_threads_at_exit();
  dn::bindings::bind_engine(root);
  dn::bindings::bind_data(root);
  dn::bindings::bind_image_statistics(root);
  dn::bindings::bind_augment(root);
  dn::bindings::bind_corrupt(root);
  dn::bindings::bind_models(root);
  dn::bindings::bind_train(root);
  dn::bindings::bind_metrics(root);
  dn::bindings::bind_features(root);
  dn::bindings::bind_attack(root);
}
