"""Which tensor of a source goes where: by the same names, by torchvision's, or by order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.text import listed
from digitnet.models.base import BaseModel
from digitnet.models.weights.keras_layers import natural

Tensors = dict[str, npt.NDArray[Any]]
Shapes = Mapping[str, tuple[int, ...]]

TORCHVISION = re.compile(r"(features|classifier)\.(\d+)\.(\w+)")
_WRAPPERS = {"module", "_orig_mod", "model", "net", "network"}
_COUNTER = ".num_batches_tracked"  # torch's batch norms keep one; digitnet none


@dataclass
class Place:
    """A tensor of the model, and what is to become of it.

    Attributes:
        name: The model's.
        source: The source's, or None for a value that follows from what is absent.
        value: As the model takes it; None if it cannot be brought into that form.
    """

    name: str
    source: str | None
    value: npt.NDArray[Any] | None


@dataclass
class Plan:
    """What a way of naming makes of a source.

    Attributes:
        places: Tensors of the model that the source names.
        by_order: (layer of the model, layer of the source), where names say nothing.
        notes: Sentences for the report.
        warnings: Notes that a script should hear, too: a meaning is in doubt.
    """

    places: list[Place] = field(default_factory=list)
    by_order: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def fits(self, state: Tensors) -> bool:
        """Whether every tensor of the model gets one of its shape."""
        shapes = {p.name: p.value.shape for p in self.places if p.value is not None}
        return all(shapes.get(name) == value.shape for name, value in state.items())


class DoesNotFitError(ValueError):
    """Layers in order are not those of the model; says which is the first that is not."""


def is_weight(name: str) -> bool:
    return not name.endswith(_COUNTER)


def without_prefix(loaded: Tensors, state: Tensors) -> dict[str, str]:
    """The source's names by what they are without the part that they begin with.

    Such parts come from wrappers: "module." (data parallel), "_orig_mod." (compiled),
    "model." (Lightning). One is left out if names are the model's or torchvision's then.
    Names without it stay out: what is beside the network (metrics, weights of classes).

    Raises:
        ValueError: several networks in it would fit.
    """
    names = {name: name for name in loaded}
    if _known(names, state):
        return names
    fitting = [
        prefix for prefix in _prefixes(loaded) if _fits_under(prefix, loaded, state)
    ]
    common = [p for p in fitting if all(name.startswith(p) for name in loaded)]
    wrapping = [prefix for prefix in fitting if _wraps(prefix)]
    chosen = (
        common[:1]
        or wrapping
        or fitting
        or [p for p in _prefixes(loaded) if _wraps(p)][-1:]
    )
    if len(chosen) > 1:
        first = chosen[0]
        raise ValueError(
            "load_weights: expected one network in the source, got those under "
            f"{listed([repr(p) for p in chosen])}; give one of them: "
            f"{{k.removeprefix({first!r}): v for k, v in tensors.items() "
            f"if k.startswith({first!r})}}"
        )
    return {
        name.removeprefix(prefix): name
        for prefix in chosen
        for name in loaded
        if name.startswith(prefix)
    } or names


def _prefixes(loaded: Tensors) -> list[str]:
    """What names begin with, up to each of their dots, shorter ones first."""
    found = {
        name[: match.end()] for name in loaded for match in re.finditer(r"\.", name)
    }
    return sorted(found, key=lambda prefix: (prefix.count("."), prefix))


def _wraps(prefix: str) -> bool:
    return set(prefix.removesuffix(".").split(".")) <= _WRAPPERS


def _fits_under(prefix: str, loaded: Tensors, state: Tensors) -> bool:
    """Whether names are the model's without this: some, if all begin so; else all."""
    under = {n.removeprefix(prefix) for n in loaded if n.startswith(prefix)}
    if len(under) == len(loaded):
        return _known(under, state)
    return state.keys() <= under or all(map(TORCHVISION.fullmatch, under))


def _known(names: Iterable[str], state: Tensors) -> bool:
    return any(name in state or TORCHVISION.fullmatch(name) for name in names)


def by_same_names(loaded: Tensors) -> Plan:
    return Plan([Place(name, name, value) for name, value in loaded.items()])


def by_torchvision(model: BaseModel, loaded: Tensors) -> Plan:
    """Layers counted from the first one, and again behind flatten."""
    names = torchvision_names(model, loaded)
    return Plan([Place(ours, theirs, loaded[theirs]) for ours, theirs in names])


def torchvision_names(model: BaseModel, loaded: Tensors) -> Iterator[tuple[str, str]]:
    rows = model.core.summary()
    kinds = [row["kind"] for row in rows]
    border = kinds.index("flatten") if "flatten" in kinds else len(rows)
    for name in loaded:
        match = TORCHVISION.fullmatch(name)
        if not match:
            continue
        index = int(match[2]) + (0 if match[1] == "features" else border + 1)
        if index < (border if match[1] == "features" else len(rows)):
            yield f"{rows[index]['layer']}.{match[3]}", name


# -- by order -----------------------------------------------------------------------


@dataclass
class _Group:
    """The tensors of one layer by part."""

    name: str
    parts: dict[str, str] = field(default_factory=dict)
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What it holds; layers of equal kinds are told apart by their order only."""
        rank = len(self.shapes.get("weight", ()))
        kinds = {4: "convolution", 2: "dense layer", 1: "layer norm"}
        if "running_mean" in self.parts:
            return "batch norm"
        return kinds.get(rank) or f"layer of {', '.join(sorted(self.parts))}"


def in_order(state: Tensors, loaded: Tensors, ordered: bool) -> Plan:
    """Kind by kind: the first convolution from the first one, the second from the second.

    Args:
        state: The model's tensors.
        loaded: The source's.
        ordered: Whether they are in the order in which their maker made them. Else
            numbers in their names must give one, or their shapes leave no choice.
    Raises:
        DoesNotFitError: the layers are not the same ones, or could be taken several ways.
    """
    plan = Plan()
    theirs = _kinds({k: v.shape for k, v in loaded.items() if is_weight(k) and v.ndim})
    for kind, ours in _kinds({k: v.shape for k, v in state.items()}).items():
        found = theirs.pop(kind, [])
        if len(found) != len(ours):
            names = ", ".join(group.name for group in found[:8]) or "none"
            raise DoesNotFitError(
                f"expected {len(ours)} of kind {kind} for "
                f"{', '.join(group.name for group in ours[:8])}, got {names}"
            )
        found = found if ordered else _sorted(found, ours)
        for our, their in zip(ours, found, strict=True):
            _require_equal(our, their)
            plan.by_order.append((our.name, their.name))
            plan.places += [
                Place(our.parts[part], their.parts[part], loaded[their.parts[part]])
                for part in our.parts
            ]
    for kind, groups in theirs.items():
        raise DoesNotFitError(f"expected no {kind}, got {groups[0].name}")
    return plan


def _kinds(shapes: Shapes) -> dict[str, list[_Group]]:
    groups: dict[str, _Group] = {}
    for name, shape in shapes.items():
        layer, _, part = name.rpartition(".")
        group = groups.setdefault(layer, _Group(layer))
        group.parts[part] = name
        group.shapes[part] = tuple(shape)
    kinds: dict[str, list[_Group]] = {}
    for group in groups.values():
        kinds.setdefault(group.kind, []).append(group)
    return kinds


def _require_equal(ours: _Group, theirs: _Group) -> None:
    for part in sorted(ours.shapes.keys() | theirs.shapes.keys()):
        expected, found = ours.shapes.get(part), theirs.shapes.get(part)
        if expected != found:
            raise DoesNotFitError(
                f"{ours.name}.{part} from {theirs.name}: expected "
                f"{expected or 'none'}, got {found or 'none'}"
            )


def _sorted(found: list[_Group], ours: list[_Group]) -> list[_Group]:
    """In the order of the numbers in their names; else as their shapes ask for."""
    if len({re.sub(r"_?\d+", "#", f"{g.name}#"[:-1]) for g in found}) == 1:
        return sorted(found, key=lambda group: natural(group.name))
    by_shape = {str(sorted(group.shapes.items())): group for group in found}
    if len(by_shape) < len(found):
        raise DoesNotFitError(
            "expected an order of layers or numbers in their names, got "
            f"{', '.join(group.name for group in found[:8])}, of which some are of one "
            "shape"
        )
    return [
        by_shape.get(str(sorted(group.shapes.items())), other)
        for group, other in zip(ours, found, strict=True)
    ]


def agrees(plan: Plan, named: Plan) -> bool:
    """Whether what names say of tensors that fit is what the order says."""
    ordered = {place.name: place.source for place in plan.places}
    return all(
        ordered[place.name] == place.source
        for place in named.places
        if place.name in ordered and place.value is not None
    )


def zeros_or_ones(name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """What a tensor that a layer does without stands for."""
    ones = name.endswith((".weight", ".running_var"))
    return np.full(shape, float(ones), np.float32)
