#include "metrics/all.h"
#include "metrics/confusion_matrix.h"
#include "metrics/per_class.h"

namespace digitnet::metrics {
namespace {

template <double ClassScores::*field, Average how>
double averaged(const Predictions& p) {
  const auto predicted = predicted_classes(p);
  return average(per_class(confusion_matrix(p.labels, predicted.data(), p.count,
                                            p.classes),
                           p.classes),
                 field, how);
}

template <double ClassScores::*field>
MetricEntry macro(const char* name, const char* summary) {
  return {name, summary, true, 1, averaged<field, Average::Macro>};
}

template <double ClassScores::*field>
MetricEntry weighted(const char* name, const char* summary) {
  return {name, summary, true, 1, averaged<field, Average::Weighted>};
}

}  // namespace

MetricEntry precision_macro() {
  return macro<&ClassScores::precision>(
      "precision_macro", "right among those called the class, mean of classes");
}
MetricEntry recall_macro() {
  return macro<&ClassScores::recall>(
      "recall_macro", "found among those of the class, mean of classes");
}
MetricEntry f1_macro() {
  return macro<&ClassScores::f1>(
      "f1_macro", "harmonic mean of precision and recall, mean of classes");
}
MetricEntry specificity_macro() {
  return macro<&ClassScores::specificity>(
      "specificity_macro",
      "rejected among those not of the class, mean of classes");
}
MetricEntry g_measure_macro() {
  return macro<&ClassScores::g_measure>(
      "g_measure_macro",
      "geometric mean of precision and recall, mean of classes");
}
MetricEntry precision_weighted() {
  return weighted<&ClassScores::precision>(
      "precision_weighted", "precision, classes weighted by size");
}
MetricEntry recall_weighted() {
  return weighted<&ClassScores::recall>("recall_weighted",
                                        "recall, classes weighted by size");
}
MetricEntry f1_weighted() {
  return weighted<&ClassScores::f1>("f1_weighted",
                                    "F1, classes weighted by size");
}
MetricEntry specificity_weighted() {
  return weighted<&ClassScores::specificity>(
      "specificity_weighted", "specificity, classes weighted by size");
}
MetricEntry g_measure_weighted() {
  return weighted<&ClassScores::g_measure>(
      "g_measure_weighted", "G-measure, classes weighted by size");
}

}  // namespace digitnet::metrics
