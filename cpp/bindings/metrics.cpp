#include <cmath>
#include <tuple>

#include "bindings/convert.h"
#include "core/error.h"
#include "metrics/all.h"
#include "metrics/calibration.h"
#include "metrics/confusion_matrix.h"
#include "metrics/curves.h"
#include "metrics/image_quality.h"
#include "metrics/mcnemar.h"
#include "metrics/per_class.h"

namespace digitnet::bindings {
namespace {

constexpr const char* kConfusionDoc =
    R"doc(Count how often each true class was given each predicted class.

Args:
    labels: True classes, integers in [0, K), shape (N,).
    predicted: Predicted classes, same shape.
    classes: K. Default: 10.
Returns:
    int64 array of shape (K, K). Rows are true classes, columns predicted ones, the sum is N.
Raises:
    ValueError: shapes differ, or a class is outside [0, K).
Example:
    >>> digitnet.metrics.confusion_matrix([0, 1, 1], [0, 1, 0], classes=2).tolist()
    [[1, 0], [1, 1]]
)doc";

constexpr const char* kEvaluateDoc = R"doc(Every metric that is one number.

Args:
    labels: True classes, integers in [0, K), shape (N,).
    probabilities: One row of K probabilities a sample, shape (N, K).
Returns:
    dict from metric name to value; NaN where a metric is undefined.
Raises:
    ValueError: no samples, shapes differ, a class is outside [0, K), or a probability is not in [0, 1].
Example:
    >>> digitnet.metrics.evaluate([0, 1], [[.9, .1], [.2, .8]])["accuracy"]
    1.0
)doc";

constexpr const char* kMcNemarDoc =
    R"doc(McNemar's test: do two models differ by more than chance on the same samples?

Args:
    labels: True classes, shape (N,).
    first, second: The two models' predicted classes, same shape.
Returns:
    dict of only_first and only_second (samples that just one has right), statistic (with
    Edwards' correction) and p_value (exact, two-sided binomial).
Raises:
    ValueError: shapes differ.
Source: McNemar, Psychometrika 1947.
Example:
    >>> digitnet.metrics.mcnemar([0, 1, 1], [0, 1, 1], [0, 1, 0])["p_value"]
    1.0
)doc";

void require_same_size(const std::string& where, const Labels& a,
                       const Labels& b) {
  require(
      a.ndim() == 1 && b.ndim() == 1 && a.size() == b.size() && a.size() > 0,
      where, ": expected two lists of equal length above 0, got ", a.size(),
      " and ", b.size());
}

metrics::Predictions predictions_from(const std::string& where,
                                      const Labels& labels,
                                      const Doubles& probabilities) {
  require(probabilities.ndim() == 2 && probabilities.shape(1) >= 2, where,
          ".probabilities: expected shape (N, K) with K of at least 2, got ",
          probabilities.ndim(), " dimensions");
  require(labels.ndim() == 1 && labels.size() == probabilities.shape(0) &&
              labels.size() > 0,
          where, ".labels: expected ", probabilities.shape(0),
          " labels, one a row and at least one, got ", labels.size());
  data::check_labels(where + ".labels", labels.data(), labels.size(),
                     probabilities.shape(1));
  for (py::ssize_t i = 0; i < probabilities.size(); ++i) {
    const double value = probabilities.data()[i];
    require(value >= 0 && value <= 1 + 1e-6, where,
            ".probabilities: expected values from 0 to 1, got ", value);
  }
  return {labels.data(), probabilities.data(), labels.size(),
          probabilities.shape(1)};
}

py::array_t<int64_t> confusion_matrix(const Labels& labels,
                                      const Labels& predicted,
                                      int64_t classes) {
  require_same_size("confusion_matrix", labels, predicted);
  require(classes >= 1 && classes <= 10000,
          "confusion_matrix.classes: expected 1 to 10000, got ", classes);
  return to_array(metrics::confusion_matrix(labels.data(), predicted.data(),
                                            labels.size(), classes),
                  {classes, classes});
}

py::dict evaluate(const Labels& labels, const Doubles& probabilities) {
  const auto predictions = predictions_from("evaluate", labels, probabilities);
  py::dict result;
  for (const auto& entry : metrics::all())
    result[py::str(entry.name)] = entry.compute(predictions);
  return result;
}

py::dict per_class(const Labels& labels, const Labels& predicted,
                   int64_t classes) {
  require_same_size("per_class", labels, predicted);
  require(classes >= 1 && classes <= 10000,
          "per_class.classes: expected 1 to 10000, got ", classes);
  const auto counts = metrics::confusion_matrix(labels.data(), predicted.data(),
                                                labels.size(), classes);
  py::list support, precision, recall, f1, specificity, g_measure;
  for (const auto& score : metrics::per_class(counts, classes)) {
    support.append(score.support);
    precision.append(score.precision);
    recall.append(score.recall);
    f1.append(score.f1);
    specificity.append(score.specificity);
    g_measure.append(score.g_measure);
  }
  return py::dict("support"_a = support, "precision"_a = precision,
                  "recall"_a = recall, "f1"_a = f1,
                  "specificity"_a = specificity, "g_measure"_a = g_measure);
}

metrics::OneVsRest rest_of(const std::string& where, const Labels& labels,
                           const Doubles& probabilities, const py::object& k) {
  const auto predictions = predictions_from(where, labels, probabilities);
  if (k.is_none()) return metrics::all_vs_rest(predictions);
  const auto index = k.cast<int64_t>();
  require(index >= 0 && index < predictions.classes, where,
          ".k: expected a class from 0 to ", predictions.classes - 1, ", got ",
          index);
  return metrics::one_vs_rest(predictions, index);
}

py::dict roc_curve(const Labels& labels, const Doubles& probabilities,
                   const py::object& k) {
  const auto rest = rest_of("roc_curve", labels, probabilities, k);
  auto curve = metrics::roc_curve(rest.positive, rest.scores);
  const double area = metrics::area(curve);
  return py::dict(
      "false_positive_rate"_a = to_array(std::move(curve.false_positive_rate)),
      "true_positive_rate"_a = to_array(std::move(curve.true_positive_rate)),
      "thresholds"_a = to_array(std::move(curve.thresholds)), "auc"_a = area);
}

py::dict precision_recall_curve(const Labels& labels,
                                const Doubles& probabilities,
                                const py::object& k) {
  const auto rest = rest_of("precision_recall_curve", labels, probabilities, k);
  auto curve = metrics::precision_recall_curve(rest.positive, rest.scores);
  return py::dict("precision"_a = to_array(std::move(curve.precision)),
                  "recall"_a = to_array(std::move(curve.recall)),
                  "thresholds"_a = to_array(std::move(curve.thresholds)));
}

py::dict reliability(const Labels& labels, const Doubles& probabilities,
                     int64_t bins) {
  const auto predictions =
      predictions_from("reliability", labels, probabilities);
  py::list low, high, count, confidence, accuracy;
  for (const auto& bin : metrics::reliability_bins(predictions, bins)) {
    low.append(bin.low);
    high.append(bin.high);
    count.append(bin.count);
    confidence.append(bin.confidence);
    accuracy.append(bin.accuracy);
  }
  return py::dict("low"_a = low, "high"_a = high, "count"_a = count,
                  "confidence"_a = confidence, "accuracy"_a = accuracy);
}

py::dict mcnemar(const Labels& labels, const Labels& first,
                 const Labels& second) {
  require_same_size("mcnemar", labels, first);
  require_same_size("mcnemar", labels, second);
  const auto test = metrics::mcnemar(labels.data(), first.data(), second.data(),
                                     labels.size());
  return py::dict("only_first"_a = test.only_first,
                  "only_second"_a = test.only_second,
                  "statistic"_a = test.statistic, "p_value"_a = test.p_value);
}

constexpr const char* kPsnrDoc =
    R"doc(Peak signal-to-noise ratio of images against their targets, in decibels.

Args:
    images, targets: Equal shapes, (N, C, H, W) or (N, H, W), values in [0, max_value].
    max_value: The value of full intensity.
Returns:
    float64 array (N,): 10 log10(max_value^2 / mean squared error); infinite for equal images.
Raises:
    ValueError: other shapes.
Example:
    >>> targets = np.zeros((1, 4, 4))
    >>> digitnet.metrics.psnr(targets + .1, targets).round(3).tolist()
    [20.0]
)doc";

constexpr const char* kSsimDoc =
    R"doc(Structural similarity of images to their targets, at most 1.

Args:
    images, targets: Equal shapes, (N, C, H, W) or (N, H, W), at least 11 pixels a side.
    max_value: The value of full intensity.
Returns:
    float64 array (N,): means over Gaussian windows (11 pixels, deviation 1.5) within the
    image, and over channels.
Raises:
    ValueError: other shapes, or images that are too small.
Source:
    Wang, Bovik, Sheikh, Simoncelli, IEEE Transactions on Image Processing 13, 2004.
Example:
    >>> targets = np.eye(16)[None]
    >>> digitnet.metrics.ssim(targets, targets).tolist()
    [1.0]
)doc";

using Quality = std::vector<double> (*)(const metrics::ImagePairs&);

py::array_t<double> quality(const std::string& where, Quality compute,
                            const Floats& images, const Floats& targets,
                            double max_value) {
  const std::vector<int64_t> sizes(images.shape(),
                                   images.shape() + images.ndim());
  require(sizes.size() == 3 || sizes.size() == 4, where,
          ".images: expected shape (N, C, H, W) or (N, H, W), got ",
          sizes.size(), " dimensions");
  const std::vector<int64_t> target_sizes(targets.shape(),
                                          targets.shape() + targets.ndim());
  require(target_sizes == sizes, where,
          ".targets: expected the shape of the images, ",
          std::string(py::str(py::cast(sizes))), ", got ",
          std::string(py::str(py::cast(target_sizes))));
  require(std::isfinite(max_value) && max_value > 0, where,
          ".max_value: expected a positive number, got ", max_value);
  metrics::ImagePairs pairs{images.data(), targets.data(), sizes[0],
                            shape_from({sizes.begin() + 1, sizes.end()}, where),
                            max_value};
  const GilRelease release;
  auto values = compute(pairs);
  const GilAcquire acquire;
  return to_array(std::move(values));
}

}  // namespace

void bind_metrics(py::module_& root) {
  auto m =
      root.def_submodule("metrics", "Metrics of classifiers and of images.");
  m.def(
      "describe",
      [] {
        py::list result;
        for (const auto& entry : metrics::all()) {
          result.append(py::dict("name"_a = entry.name,
                                 "summary"_a = entry.summary,
                                 "higher_is_better"_a = entry.higher_is_better,
                                 "best"_a = entry.best));
        }
        return result;
      },
      "Every metric that is one number.");
  m.def("confusion_matrix", &confusion_matrix, "labels"_a, "predicted"_a,
        py::kw_only(), "classes"_a = 10, kConfusionDoc);
  m.def("evaluate", &evaluate, "labels"_a, "probabilities"_a, kEvaluateDoc);
  m.def(
      "top_k_accuracy",
      [](const Labels& labels, const Doubles& probabilities, int64_t k) {
        return metrics::top_k_accuracy(
            predictions_from("top_k_accuracy", labels, probabilities), k);
      },
      "labels"_a, "probabilities"_a, py::kw_only(), "k"_a = 3,
      "Fraction of samples whose class is among the k most probable; ties "
      "count for the lower class.");
  m.def("per_class", &per_class, "labels"_a, "predicted"_a, py::kw_only(),
        "classes"_a = 10,
        "Support, precision, recall, f1, specificity and g_measure of each "
        "class; a quotient of nothing by nothing is 0.");
  m.def("roc_curve", &roc_curve, "labels"_a, "probabilities"_a, py::kw_only(),
        "k"_a = py::none(),
        "ROC curve and area of class k against the rest; of all decisions "
        "together (micro) without k.");
  m.def("precision_recall_curve", &precision_recall_curve, "labels"_a,
        "probabilities"_a, py::kw_only(), "k"_a = py::none(),
        "Precision and recall of class k at every threshold; of all decisions "
        "together without k.");
  m.def("reliability", &reliability, "labels"_a, "probabilities"_a,
        py::kw_only(), "bins"_a = 15,
        "Count, mean confidence and accuracy in bins of equal width over the "
        "confidence.");
  m.def(
      "expected_calibration_error",
      [](const Labels& labels, const Doubles& probabilities, int64_t bins) {
        return metrics::expected_calibration_error(
            predictions_from("expected_calibration_error", labels,
                             probabilities),
            bins);
      },
      "labels"_a, "probabilities"_a, py::kw_only(), "bins"_a = 15,
      "Mean distance between confidence and accuracy. Source: Guo et al., ICML "
      "2017.");
  for (const auto& [name, compute, doc] :
       {std::tuple{"psnr", &metrics::psnr, kPsnrDoc},
        std::tuple{"ssim", &metrics::ssim, kSsimDoc}}) {
    m.def(
        name,
        [name = std::string(name), compute = compute](
            const Floats& images, const Floats& targets, double max_value) {
          return quality(name, compute, images, targets, max_value);
        },
        "images"_a, "targets"_a, "max_value"_a = 1.0, doc);
  }
  m.def("mcnemar", &mcnemar, "labels"_a, "first"_a, "second"_a, kMcNemarDoc);
}

}  // namespace digitnet::bindings
