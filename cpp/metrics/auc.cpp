#include "metrics/all.h"
#include "metrics/curves.h"

namespace digitnet::metrics {

MetricEntry auc_macro() {
  return {
      "auc_macro",
      "area under the ROC curve, one class against the rest, mean of classes",
      true, 1, macro_auc};
}

MetricEntry auc_micro() {
  return {"auc_micro",
          "area under the ROC curve of all class decisions together", true, 1,
          micro_auc};
}

}  // namespace digitnet::metrics
