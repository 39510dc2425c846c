"""Layers as ONNX operations: one function a kind, which the contract tests loop over."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet.export.onnx_graph import Graph, Value

Weights = Mapping[str, npt.NDArray[np.float32]]


class Layer:
    """What a layer's operation needs: options, and weights by short name."""

    def __init__(self, options: dict[str, Any], path: str, weights: Weights) -> None:
        self.options = options
        self.weights = {
            name.removeprefix(f"{path}."): value
            for name, value in weights.items()
            if name.startswith(f"{path}.")
        }

    def whole(self, name: str) -> int:
        return int(self.options[name])


def _conv(graph: Graph, x: Value, layer: Layer) -> str:
    weight = layer.weights["weight"]
    kernel = weight.shape[2]
    padding = layer.options["padding"]
    pixels = int({"same": kernel // 2, "valid": 0}.get(padding, padding))
    inputs = [x.name, graph.constant(weight)]
    if "bias" in layer.weights:
        inputs.append(graph.constant(layer.weights["bias"]))
    stride = layer.whole("stride")
    return str(
        graph.node(
            "Conv",
            *inputs,
            group=layer.whole("groups"),
            pads=[pixels] * 4,
            strides=[stride] * 2,
        )
    )


def _dense(graph: Graph, x: Value, layer: Layer) -> str:
    inputs = [x.name, graph.constant(layer.weights["weight"])]
    if "bias" in layer.weights:
        inputs.append(graph.constant(layer.weights["bias"]))
    return str(graph.node("Gemm", *inputs, transB=1))


def _batch_norm(graph: Graph, x: Value, layer: Layer) -> str:
    names = ("weight", "bias", "running_mean", "running_var")
    values = [graph.constant(layer.weights[name]) for name in names]
    epsilon = float(layer.options["epsilon"])
    return str(graph.node("BatchNormalization", x.name, *values, epsilon=epsilon))


def _layer_norm(graph: Graph, x: Value, layer: Layer) -> str:
    values = [graph.constant(layer.weights[name]) for name in ("weight", "bias")]
    epsilon = float(layer.options["epsilon"])
    last = x.name if len(x.shape) == 1 else graph.transpose(x.name, 0, 2, 3, 1)
    output = graph.node("LayerNormalization", last, *values, axis=-1, epsilon=epsilon)
    return str(output) if len(x.shape) == 1 else graph.transpose(output, 0, 3, 1, 2)


def _position(graph: Graph, x: Value, layer: Layer) -> str:
    return graph.of("Add", x.name, layer.weights["weight"][None])


def _gru(graph: Graph, x: Value, layer: Layer) -> str:
    """torch has the gates as reset, update, new; ONNX as update, reset, new."""
    channels, height, width = x.shape
    units = layer.whole("units")

    def turned(name: str) -> npt.NDArray[np.float32]:
        reset, update, new = np.split(layer.weights[name], 3)
        return np.concatenate([update, reset, new])

    rows = graph.transpose(x.name, 2, 0, 1, 3)  # (H, N, C, W)
    steps = graph.node(
        "Reshape", rows, graph.constant([height, -1, channels * width], np.int64)
    )
    biases = np.concatenate([turned("bias_ih_l0"), turned("bias_hh_l0")])
    _, state = graph.node(
        "GRU",
        steps,
        *(graph.constant(turned(n)[None]) for n in ("weight_ih_l0", "weight_hh_l0")),
        graph.constant(biases[None]),
        outputs=2,
        hidden_size=units,
        linear_before_reset=1,
    )
    return str(graph.node("Squeeze", state, graph.constant([0], np.int64)))


def _pool(kind: str) -> Callable[..., str]:
    def pool(graph: Graph, x: Value, layer: Layer) -> str:
        size = layer.whole("size")
        stride = layer.whole("stride") or size
        pads = [int(layer.options.get("padding", 0))] * 4
        return str(
            graph.node(
                kind, x.name, kernel_shape=[size] * 2, strides=[stride] * 2, pads=pads
            )
        )

    return pool


def _adaptive_average_pool(graph: Graph, x: Value, layer: Layer) -> str:
    """Means of windows that may overlap, as products with matrices of shares."""
    _, height, width = x.shape
    size = layer.whole("size")

    def shares(pixels: int) -> npt.NDArray[np.float32]:
        output = np.zeros((size, pixels), np.float32)
        for window in range(size):
            first = window * pixels // size
            last = math.ceil((window + 1) * pixels / size)
            output[window, first:last] = 1 / (last - first)
        return output

    rows = graph.node("MatMul", graph.constant(shares(height)), x.name)
    return graph.of("MatMul", rows, shares(width).T)


def _upsample(graph: Graph, x: Value, layer: Layer) -> str:
    factor = layer.whole("factor")
    scales = graph.constant([1, 1, factor, factor])
    return str(
        graph.node(
            "Resize",
            *(x.name, "", scales),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
    )


def _gelu(graph: Graph, x: Value, layer: Layer) -> str:
    inner = graph.node("Erf", graph.of("Div", x.name, math.sqrt(2)))
    half = graph.of("Mul", x.name, 0.5)
    return str(graph.node("Mul", half, graph.of("Add", inner, 1.0)))


def _relu6(graph: Graph, x: Value, layer: Layer) -> str:
    return str(graph.node("Clip", x.name, graph.constant(0.0), graph.constant(6.0)))


def _attention(graph: Graph, x: Value, layer: Layer) -> str:
    channels, height, width = x.shape
    heads = layer.whole("heads")
    deep = channels // 3 // heads
    parts = graph.reshape(x.name, 3, heads, deep, height * width)
    query, key, value = (
        graph.node("Gather", parts, graph.constant(i, np.int64), axis=1)
        for i in range(3)
    )
    scores = graph.node("MatMul", graph.transpose(query, 0, 1, 3, 2), key)
    shares = graph.node("Softmax", graph.of("Div", scores, math.sqrt(deep)), axis=-1)
    mixed = graph.node("MatMul", shares, graph.transpose(value, 0, 1, 3, 2))
    turned = graph.transpose(mixed, 0, 1, 3, 2)
    return graph.reshape(turned, channels // 3, height, width)


def _capsules(graph: Graph, x: Value, layer: Layer) -> str:
    channels, height, width = x.shape
    inputs, units = layer.whole("inputs"), layer.whole("units")
    size, count = layer.whole("size"), channels // inputs * height * width
    parts = graph.reshape(x.name, channels // inputs, inputs, height * width)
    vectors = graph.reshape(graph.transpose(parts, 0, 1, 3, 2), count, inputs)
    vectors = graph.squash(vectors)
    weight = graph.constant(layer.weights["weight"])
    foreseen = graph.node("Einsum", weight, vectors, equation="noi,bni->bno")
    foreseen = graph.reshape(foreseen, count, units, size)
    logits, output = graph.constant(np.zeros((1, count, units))), ""
    last, first = graph.constant([-1], np.int64), graph.constant([1], np.int64)
    for _ in range(layer.whole("routing")):
        shares = graph.node("Unsqueeze", graph.node("Softmax", logits, axis=2), last)
        output = graph.squash(graph.sum(graph.node("Mul", shares, foreseen), 1))
        agreed = graph.node("Mul", foreseen, graph.node("Unsqueeze", output, first))
        logits = graph.node("Add", logits, graph.sum(agreed, -1))
    return graph.reshape(output, units * size)


def _capsule_logits(graph: Graph, x: Value, layer: Layer) -> str:
    size = layer.whole("size")
    vectors = graph.reshape(x.name, x.shape[0] // size, size)
    squares = graph.sum(graph.node("Mul", vectors, vectors), 2)
    length = graph.node("Sqrt", graph.of("Add", squares, 1e-12))
    length = graph.node("Clip", length, "", graph.constant(1 - 1e-6))
    rest = graph.node("Sub", graph.constant(1.0), length)
    return str(graph.node("Log", graph.node("Div", length, rest)))


def _same(kind: str, **attributes: Any) -> Callable[..., str]:
    return lambda graph, x, layer: str(graph.node(kind, x.name, **attributes))


LAYERS: dict[str, Callable[[Graph, Value, Layer], str]] = {
    "conv": _conv,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "position": _position,
    "gru": _gru,
    "max_pool": _pool("MaxPool"),
    "average_pool": _pool("AveragePool"),
    "adaptive_average_pool": _adaptive_average_pool,
    "upsample": _upsample,
    "flatten": _same("Flatten"),
    "dropout": lambda graph, x, layer: x.name,
    "relu": _same("Relu"),
    "relu6": _relu6,
    "sigmoid": _same("Sigmoid"),
    "tanh": _same("Tanh"),
    "gelu": _gelu,
    "softmax": _same("Softmax", axis=1),
    "attention": _attention,
    "capsules": _capsules,
    "capsule_logits": _capsule_logits,
}
# The children of these take part in training only.
ASIDE = ("reconstruct", "domain_head")
