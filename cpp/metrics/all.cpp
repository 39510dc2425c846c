#include "metrics/all.h"

namespace digitnet::metrics {

const std::vector<MetricEntry>& all() {
  static const std::vector<MetricEntry> entries = {
      accuracy(),           top_3_accuracy(),  balanced_accuracy(),
      precision_macro(),    recall_macro(),    f1_macro(),
      specificity_macro(),  g_measure_macro(), precision_weighted(),
      recall_weighted(),    f1_weighted(),     specificity_weighted(),
      g_measure_weighted(), log_loss(),        brier(),
      auc_macro(),          auc_micro(),       calibration_error(),
      cohen_kappa()};
  return entries;
}

}  // namespace digitnet::metrics
