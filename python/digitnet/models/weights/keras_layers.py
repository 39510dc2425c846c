"""Layers of a Keras file: their names, classes, configs and tensors, as far as it says.

Keras has written weights in three ways: ``conv/conv/kernel:0`` (up to version 2, and
``.h5`` since), ``conv/conv_W_1:0`` (version 1), and ``layers/conv2d/vars/0`` (version 3,
where groups are called after the layers' classes and counted).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass, field
from typing import Any

from digitnet.models.weights.hdf5 import KerasFile, holds_weights
from digitnet.models.weights.keras_shapes import Zeros, zeros_of

# Class names to the kind of layer that takes their weights.
KINDS = {
    "Conv2D": "conv",
    "Convolution2D": "conv",
    "DepthwiseConv2D": "conv",
    "Dense": "dense",
    "BatchNormalization": "batch_norm",
    "LayerNormalization": "layer_norm",
}
# Names that Keras gives to layers and groups by their class; others hold weights that no
# layer of digitnet takes.
_GENERIC = {
    "conv2d": "Conv2D",
    "convolution2d": "Convolution2D",
    "depthwise_conv2d": "DepthwiseConv2D",
    "dense": "Dense",
    "batch_normalization": "BatchNormalization",
    "batchnormalization": "BatchNormalization",
    "layer_normalization": "LayerNormalization",
    "conv2d_transpose": "Conv2DTranspose",
    "separable_conv2d": "SeparableConv2D",
    "conv1d": "Conv1D",
    "conv3d": "Conv3D",
    "embedding": "Embedding",
    "gru": "GRU",
    "lstm": "LSTM",
    "normalization": "Normalization",
    "group_normalization": "GroupNormalization",
    "p_re_lu": "PReLU",
    "multi_head_attention": "MultiHeadAttention",
}
_PARTS = {
    **{"kernel": "kernel", "W": "kernel", "depthwise_kernel": "kernel"},
    **{"bias": "bias", "b": "bias", "gamma": "gamma", "beta": "beta"},
    **{"moving_mean": "moving_mean", "moving_variance": "moving_variance"},
}
_CONTAINERS = ("layers", "_layer_checkpoint_dependencies")


@dataclass
class KerasLayer:
    """One layer of a file.

    Attributes:
        path: Its group.
        names: What it may be called: its own name, and the groups it is in.
        class_name: "Conv2D", or None where the file does not say.
        config: As of its `get_config()`, or None.
        parts: Paths of its tensors by part ("kernel"), or by number ("0") in files
            that number them.
        zeros: What a ZeroPadding2D before it adds, if there is one.
        place: Where it is among the config's layers.
    """

    path: str
    names: list[str]
    class_name: str | None = None
    config: dict[str, Any] | None = None
    parts: dict[str, str] = field(default_factory=dict)
    zeros: Zeros | None = None
    place: int | None = None

    @property
    def kind(self) -> str | None:
        """The kind of digitnet's layer that takes it, "" for none; None: not said."""
        return None if self.class_name is None else KINDS.get(self.class_name, "")

    @property
    def numbered(self) -> bool:
        return all(part.isdecimal() for part in self.parts)

    @property
    def title(self) -> str:
        return self.names[0]


def keras_layers(read: KerasFile) -> list[KerasLayer]:
    """The layers that hold tensors, in the model's order if the file gives one, else by
    their names with numbers counted: conv2d, conv2d_1, ..., conv2d_10."""
    groups: dict[str, KerasLayer] = {}
    for name, value in read.tensors.items():
        group, part = _place(name)
        if part is None or value.ndim == 0 or not holds_weights(name):
            continue
        if group not in groups:
            groups[group] = _layer(group, "/vars/" in name)
        groups[group].parts.setdefault(part, name)
    layers = list(groups.values())
    if read.config is not None:
        return _described(layers, read.config)
    return layers if read.ordered else sorted(layers, key=lambda x: natural(x.path))


def natural(name: str) -> list[tuple[str, int]]:
    """A key that sorts numbers by value; a name without one comes before its _1."""
    return [
        (word, int(number or 0))
        for word, number in re.findall(r"([^\d]*)(\d{0,18})", name)
    ]


def _place(name: str) -> tuple[str, str | None]:
    """The group and the part of a tensor."""
    group, _, last = name.rpartition("/")
    last = last.split(":")[0]
    if group.endswith("/vars") and last.isdecimal():
        return group.removesuffix("/vars"), last
    if last in _PARTS:
        return group, _PARTS[last]
    old = re.fullmatch(r".+_([Wb])_\d+", last)  # block1_conv1_W_1
    return group, _PARTS[old[1]] if old else None


def _layer(group: str, numbered: bool) -> KerasLayer:
    names = [part for part in group.split("/") if part not in ("model_weights", "")]
    if numbered:  # the innermost group is the layer's, the others are containers
        names = names[::-1]
    generic = re.sub(r"_\d+$", "", group.rpartition("/")[2])
    return KerasLayer(group, names, _GENERIC.get(generic))


# -- with a config ---------------------------------------------------------------


def entries_of(config: dict[str, Any]) -> list[dict[str, Any]]:
    """A model's or sequence's layers as its config lists them; [] if it does not."""
    inner = config.get("config")
    layers = inner.get("layers") if isinstance(inner, dict) else inner
    if not isinstance(layers, list):
        return []
    return [entry for entry in layers if isinstance(entry, dict)]


def class_of(entry: dict[str, Any]) -> str:
    return str(entry.get("class_name"))


def config_of(entry: dict[str, Any]) -> dict[str, Any]:
    inner = entry.get("config")
    return inner if isinstance(inner, dict) else {}


def flat_entries(
    config: dict[str, Any], prefix: str = "", depth: int = 0
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every layer of a config with the path of its group in files that number weights."""
    counts: dict[str, int] = {}
    for entry in entries_of(config):
        word = _snake_case(class_of(entry))
        number = counts[word] = counts.get(word, -1) + 1
        path = f"{prefix}layers/{word}" + (f"_{number}" if number else "")
        if entries_of(entry) and depth < 16:
            yield from flat_entries(entry, f"{path}/", depth + 1)
        else:
            yield path, entry


def name_of(entry: dict[str, Any]) -> str:
    """A layer's name; "" if it has none."""
    name = config_of(entry).get("name", entry.get("name"))
    return name if isinstance(name, str) else ""


def before_each(entries: list[dict[str, Any]]) -> list[int | None]:
    """Which layer gives each its input, by its place; None for several, or none known.

    Sequences list no connections: the one before it does.
    """
    places = {name_of(entry): place for place, entry in enumerate(entries)}
    before: list[int | None] = []
    for place, entry in enumerate(entries):
        inbound = _names_in(entry.get("inbound_nodes"), places)
        if not entry.get("inbound_nodes"):
            before.append(place - 1 if place else None)
        else:
            before.append(places[inbound.pop()] if len(inbound) == 1 else None)
    return before


def _names_in(nodes: Any, names: Container[Any]) -> set[str]:
    """Which of these names the connections of a layer mention."""
    found: set[str] = set()
    waiting = [nodes]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str) and item in names:
            found.add(item)
        elif isinstance(item, list | dict):
            waiting += item.values() if isinstance(item, dict) else item
    return found


def _snake_case(name: str) -> str:
    """As Keras makes names of classes: BatchNormalization to batch_normalization."""
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _described(layers: list[KerasLayer], config: dict[str, Any]) -> list[KerasLayer]:
    """The layers in the config's order, each with what the config says of it."""
    by_path = {_usual(layer.path): layer for layer in layers if layer.numbered}
    by_name = {n: x for x in layers[::-1] if not x.numbered for n in x.names}
    found: dict[str, KerasLayer] = {}
    described = list(flat_entries(config))
    entries = [entry for _, entry in described]
    before = before_each(entries)
    for place, (path, entry) in enumerate(described):
        name = name_of(entry)
        layer = by_path.pop(path, None) or by_name.pop(name, None)
        if layer is None or layer.path in found:
            continue
        layer.class_name, layer.config = class_of(entry), config_of(entry)
        layer.place = place
        source = before[place]
        if source is not None and class_of(entries[source]) == "ZeroPadding2D":
            layer.zeros = zeros_of(config_of(entries[source]))
        if name:
            layer.names.insert(0, name)
        found[layer.path] = layer
    return [*found.values(), *(x for x in layers if x.path not in found)]


def _usual(path: str) -> str:
    """Group paths as version 3 writes them: up to 2.13 containers had another name."""
    return re.sub(rf"(^|/){_CONTAINERS[1]}/", rf"\1{_CONTAINERS[0]}/", path)
