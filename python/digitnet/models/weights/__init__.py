"""Weights of others: files of torch, Keras and safetensors, by name or by order.

`files` reads them, `naming` and `plan` decide which tensor goes where, the `keras_*` modules
see that a network means what Keras' does, and `loading` puts the weights in and reports.
"""

from digitnet.models.weights.loading import (
    PUBLISHED,
    WeightReport,
    fetch_weights,
    load_weights,
    weights_sha256,
)

__all__ = [
    "PUBLISHED",
    "WeightReport",
    "fetch_weights",
    "load_weights",
    "weights_sha256",
]
