#include "metrics/all.h"
#include "metrics/calibration.h"

namespace digitnet::metrics {

MetricEntry calibration_error() {
  return {
      "calibration_error", "expected calibration error, 15 bins of equal width",
      false, 0,
      [](const Predictions& p) { return expected_calibration_error(p, 15); }};
}

}  // namespace digitnet::metrics
