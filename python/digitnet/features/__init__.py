"""Features: what a network makes of an image, and features made by hand.

Interpretability (`saliency`, `grad_cam`, `maximise`, ...): what a network computes, and why
it predicts as it does. Descriptors (`chain_code_histogram`, `transition_counts`): numbers
that describe strokes, for classifiers that learn no features of their own. Both are
computed in C++; `digitnet.plot` has a figure for each of the former. `project` shows rows of
numbers, such as an `embedding`, in a plane.
"""

from digitnet.features.descriptors import chain_code_histogram, transition_counts
from digitnet.features.interpretation import (
    Maximised,
    activations,
    embedding,
    filters,
    grad_cam,
    integrated_gradients,
    last_map,
    maximise,
    most_activating,
    occlusion,
    saliency,
)
from digitnet.features.projection import project

__all__ = [
    "Maximised",
    "activations",
    "chain_code_histogram",
    "embedding",
    "filters",
    "grad_cam",
    "integrated_gradients",
    "last_map",
    "maximise",
    "most_activating",
    "occlusion",
    "project",
    "saliency",
    "transition_counts",
]
