// Every metric that is one number, in one list. To add one: write
// cpp/metrics/<name>.cpp, declare it here, add it to all().
#pragma once

#include <string>
#include <vector>

#include "metrics/predictions.h"

namespace digitnet::metrics {

struct MetricEntry {
  std::string name;
  std::string summary;
  bool higher_is_better;
  double best;  // its value for perfect predictions
  double (*compute)(const Predictions& predictions);
};

MetricEntry accuracy();
MetricEntry top_3_accuracy();
MetricEntry balanced_accuracy();  // mean recall of the classes that occur
MetricEntry precision_macro();
MetricEntry recall_macro();
MetricEntry f1_macro();
MetricEntry specificity_macro();
MetricEntry g_measure_macro();
MetricEntry precision_weighted();
MetricEntry recall_weighted();
MetricEntry f1_weighted();
MetricEntry specificity_weighted();
MetricEntry g_measure_weighted();
MetricEntry log_loss();  // probabilities clipped at 2^-52
// mean squared distance to the one-hot truth, summed over classes
MetricEntry brier();
MetricEntry auc_macro();
MetricEntry auc_micro();
MetricEntry calibration_error();
MetricEntry cohen_kappa();

const std::vector<MetricEntry>& all();

// The truth is among the k most probable classes; ties count for the lower
// class.
double top_k_accuracy(const Predictions& predictions, int64_t k);

}  // namespace digitnet::metrics
