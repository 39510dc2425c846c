"""Figures: curves, confusion matrices, image grids, feature maps, explanations.

Every function takes `ax=`, draws into it (or a new figure), returns a
Display with `.figure`, `.axes` and `.data`, and never calls show.
"""

import digitnet.plot.results  # noqa: F401  (results draw themselves by what it registers)
from digitnet.plot.architecture import architecture
from digitnet.plot.confusion import confusion_matrix
from digitnet.plot.curves import (
    folds,
    learning_curve,
    learning_rates,
    precision_recall,
    progress,
    reliability,
    roc,
    training_curves,
)
from digitnet.plot.display import Display
from digitnet.plot.explain import (
    embedding,
    explanations,
    maximised,
    most_activating,
)
from digitnet.plot.grids import (
    augmented,
    disagreements,
    misclassified,
    one_per_class,
    predictions,
    restorations,
    sample_grid,
)
from digitnet.plot.inside import feature_maps, filters, weight_histograms
from digitnet.plot.measurements import (
    against_time,
    class_counts,
    comparison,
    distribution,
    drawing,
    heat_map,
    parallel,
    sensitivity,
)
from digitnet.plot.operations import (
    batch_norm,
    cross_entropy,
    neuron,
    optimizers,
    pooling,
)

__all__ = [
    "Display",
    "against_time",
    "architecture",
    "augmented",
    "batch_norm",
    "class_counts",
    "comparison",
    "confusion_matrix",
    "cross_entropy",
    "disagreements",
    "distribution",
    "drawing",
    "embedding",
    "explanations",
    "feature_maps",
    "filters",
    "folds",
    "heat_map",
    "learning_curve",
    "learning_rates",
    "maximised",
    "misclassified",
    "most_activating",
    "neuron",
    "one_per_class",
    "optimizers",
    "parallel",
    "pooling",
    "precision_recall",
    "predictions",
    "progress",
    "reliability",
    "restorations",
    "roc",
    "sample_grid",
    "sensitivity",
    "training_curves",
    "weight_histograms",
]
