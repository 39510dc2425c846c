"""Whether a network means what the network of a Keras file does, layer by layer.

Equal shapes are not enough: an epsilon, where padding lies, an activation or a pool may
differ. Where the file has a config these are compared, and refused by name with what to
build instead; where it has none, what Keras does by default is said where it differs.
"""

from __future__ import annotations

from typing import Any

from digitnet.models.base import BaseModel
from digitnet.models.weights import epsilons
from digitnet.models.weights.hdf5 import KerasFile
from digitnet.models.weights.keras_layers import KerasLayer
from digitnet.models.weights.keras_operations import Pairs, compare_between
from digitnet.models.weights.keras_shapes import (
    Window,
    equal_conv,
    keras_windows,
    offset,
    our_window,
    pair,
)
from digitnet.models.weights.leaves import Leaf

_EPSILON = 1e-3  # Keras' default for norms of both kinds


def check_meaning(
    model: BaseModel, read: KerasFile, leaves: list[Leaf], pairs: Pairs
) -> tuple[list[str], list[str]]:
    """Compare layers that take weights with those that these are from.

    Args:
        model: The network.
        read: The file.
        leaves: The network's layers.
        pairs: Those that take all of a layer's weights, with that layer.
    Returns:
        (notes, warnings): sentences about what cannot be known, or is no weight.
    Raises:
        ValueError: something differs; names each layer and what to build.
    """
    warnings: list[str] = []
    errors: list[str] = []
    for leaf, layer in pairs:
        if layer.config is None:
            warnings += _unsaid(leaf)
        elif leaf.kind == "conv":
            errors += _conv_errors(leaf, layer)
        elif leaf.kind in epsilons.CLASSES:
            errors += _norm_errors(leaf, layer, read)
    notes, more, wrong = compare_between(model, read, leaves, pairs)
    errors += wrong
    if errors:
        raise ValueError(
            "load_weights: expected a network that computes what the file's does\n  "
            + "\n  ".join(errors)
        )
    return notes, [*warnings, *more]


def conv_windows(leaf: Leaf) -> tuple[Window, Window]:
    """How one of digitnet's convolutions goes along height and width."""
    size, stride = int(leaf.options["kernel"]), int(leaf.options["stride"])
    padding = leaf.options["padding"]
    pixels = int({"same": size // 2, "valid": 0}.get(padding, padding))
    height, width = (our_window(size, stride, pixels, n) for n in leaf.input[1:])
    return height, width


def _conv_errors(leaf: Leaf, layer: KerasLayer) -> list[str]:
    config = layer.config or {}
    for option in ("dilation_rate", "atrous_rate"):
        if pair(config.get(option)) != (1, 1):
            return [
                f"{leaf.path}: expected {option} 1, got {config[option]}; digitnet has "
                "no dilated convolution"
            ]
    groups = int(leaf.options["groups"])
    found = config.get("groups", 1)
    if layer.class_name == "DepthwiseConv2D":
        found = leaf.input[0]
    if found != groups:
        return [f"{leaf.path}: expected {groups} groups, got {found} in the file"]
    rows, columns = config.get("nb_row"), config.get("nb_col")  # of Keras 1
    size = config.get("kernel_size", (rows, columns))
    theirs = keras_windows(config, size, leaf.input[1:], layer.zeros)
    ours = conv_windows(leaf)
    if all(offset(t, o) is not None for t, o in zip(theirs, ours, strict=True)):
        return []
    padding = config.get("padding", config.get("border_mode", "valid"))
    return [
        f"{leaf.path}: expected strides of {ours[0].stride} and windows from pixel "
        f"{-ours[0].before}, got Keras' {theirs[0].stride} and {-theirs[0].before} of "
        f"padding '{padding}'; {_to_build(leaf, theirs)}"
    ]


def _to_build(leaf: Leaf, theirs: tuple[Window, Window]) -> str:
    if theirs[0].stride != theirs[1].stride:
        return "digitnet has one stride for both sides"
    equal = equal_conv(theirs, leaf.input[1:])
    if equal is None:
        return "digitnet has no such convolution"
    size, padding = equal
    groups = int(leaf.options["groups"])
    more = f", groups={groups}" if groups > 1 else ""
    more += "" if leaf.options["bias"] else ", bias=False"
    zeros = (
        "" if size == theirs[0].size else "; the kernel is set into it, zeros around"
    )
    return (
        f"build Conv({int(leaf.options['channels'])}, {size}, "
        f"stride={theirs[0].stride}, padding={padding}{more}, name='{leaf.path}'){zeros}"
    )


def _norm_errors(leaf: Leaf, layer: KerasLayer, read: KerasFile) -> list[str]:
    config, errors = layer.config or {}, []
    epsilon, ours = config.get("epsilon", _EPSILON), float(leaf.options["epsilon"])
    if not isinstance(epsilon, float) or not epsilons.are_equal(epsilon, ours):
        errors.append(
            f"{leaf.path}: expected epsilon {ours:g}, got {epsilon!s:.40} in the file; "
            f"{epsilons.to_build(leaf.kind, leaf.path, epsilon)}"
        )
    last = len(leaf.input)
    axes = config.get("axis", -1)
    axes = axes if isinstance(axes, list | tuple) else [axes]
    allowed = [-1, last, *((1, -3) if _channels_first(read.config) else ())]
    if len(axes) != 1 or axes[0] not in allowed:
        errors.append(f"{leaf.path}: expected a norm of the channels, got axis {axes}")
    if config.get("rms_scaling"):
        errors.append(f"{leaf.path}: expected a norm with a mean, got rms_scaling")
    return errors


def _channels_first(config: Any) -> bool:
    """Whether any layer of a config has its channels first."""
    waiting = [config]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.get("data_format") == "channels_first":
                return True
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return False


def _unsaid(leaf: Leaf) -> list[str]:
    """What a file of weights alone does not say, where Keras' default is another."""
    if leaf.kind in epsilons.CLASSES:
        ours = float(leaf.options["epsilon"])
        if epsilons.are_equal(ours, _EPSILON):
            return []
        return [
            f"{leaf.path}: Keras' default epsilon is {_EPSILON:g}, this layer has "
            f"{ours:g}, and the file does not say; if it has the default, "
            f"{epsilons.to_build(leaf.kind, leaf.path, _EPSILON)}"
        ]
    if leaf.kind != "conv":
        return []
    windows = conv_windows(leaf)
    if windows[0].before == 0 or windows[0].stride == 1:
        return []
    config = {"padding": "same", "strides": windows[0].stride}
    theirs = keras_windows(config, windows[0].size, leaf.input[1:])
    if all(offset(t, w) == 0 for t, w in zip(theirs, windows, strict=True)):
        return []
    return [
        f"{leaf.path}: Keras' padding 'same' at stride {windows[0].stride} is more at the "
        "bottom and right, this layer's the same all round, and the file does not say "
        "which it has; save the model as .keras, which does"
    ]
