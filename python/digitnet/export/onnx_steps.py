"""Preprocessing as ONNX operations: one function a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from digitnet.export.onnx_graph import Graph, Value

Options = dict[str, Any]


def _per_channel(values: Any) -> Any:
    return np.asarray(values, np.float32).reshape(1, -1, 1, 1)


def _scale(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    return Value(graph.of("Div", x.name, max_value or 1.0), x.shape)


def _standardise(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    centred = graph.of("Sub", x.name, _per_channel(options["mean"] or [0.0]))
    divided = graph.of("Div", centred, _per_channel(options["std"] or [1.0]))
    return Value(divided, x.shape)


def _mean_rgb(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    mean = _per_channel(options["mean"] or [0.0])
    return Value(graph.of("Sub", x.name, mean), x.shape)


def _resize(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    height, width = int(options["height"]), int(options["width"])
    nearest = options["method"] == "nearest"
    output = graph.node(
        "Resize",
        *(x.name, "", "", graph.constant([height, width], np.int64)),
        axes=[2, 3],
        mode="nearest" if nearest else "linear",
        coordinate_transformation_mode="asymmetric" if nearest else "half_pixel",
        nearest_mode="floor",
    )
    return Value(output, (x.shape[0], height, width))


def _grey_to_rgb(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    if x.shape[0] == 3:
        return x
    output = graph.node("Concat", x.name, x.name, x.name, axis=1)
    return Value(output, (3, *x.shape[1:]))


def _rgb_to_grey(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    weighted = graph.of("Mul", x.name, _per_channel([0.299, 0.587, 0.114]))
    return Value(graph.sum(weighted, 1, keepdims=True), (1, *x.shape[1:]))


def _filter(kernel: list[list[float]]) -> Callable[..., Value]:
    def step(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
        channels, name = x.shape[0], x.name
        weight = np.broadcast_to(np.asarray(kernel, np.float32), (channels, 1, 3, 3))
        constant = graph.constant(weight)
        for _ in range(int(options["passes"])):
            name = graph.node("Conv", name, constant, group=channels, pads=[1, 1, 1, 1])
        return Value(name, x.shape)

    return step


def _median(graph: Graph, x: Value, options: Options, max_value: float) -> Value:
    """The fifth of the nine around, with zeros beyond the border."""
    _, height, width = x.shape
    name = x.name
    pads = graph.constant([0, 0, 1, 1, 0, 0, 1, 1], np.int64)
    axes, five = graph.constant([2, 3], np.int64), graph.constant([5], np.int64)
    for _ in range(int(options["passes"])):
        padded = graph.node("Pad", name, pads)
        around = []
        for row in range(3):
            for column in range(3):
                first = graph.constant([row, column], np.int64)
                last = graph.constant([row + height, column + width], np.int64)
                part = graph.node("Slice", padded, first, last, axes)
                new = graph.constant([0], np.int64)
                around.append(graph.node("Unsqueeze", part, new))
        stacked = graph.node("Concat", *around, axis=0)
        smallest, _ = graph.node("TopK", stacked, five, outputs=2, axis=0, largest=0)
        fifth = graph.node("Gather", smallest, graph.constant(4, np.int64), axis=0)
        name = fifth
    return Value(name, x.shape)


STEPS: dict[str, Callable[[Graph, Value, Options, float], Value]] = {
    "scale": _scale,
    "standardise": _standardise,
    "mean_rgb": _mean_rgb,
    "resize": _resize,
    "grey_to_rgb": _grey_to_rgb,
    "rgb_to_grey": _rgb_to_grey,
    "blur": _filter(
        [[n / 16 for n in row] for row in ([1, 2, 1], [2, 4, 2], [1, 2, 1])]
    ),
    "sharpen": _filter([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "median": _median,
}
