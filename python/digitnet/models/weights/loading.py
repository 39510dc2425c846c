"""Loading weights by name: from other models, torch, torchvision and Keras."""

from __future__ import annotations

import fnmatch
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from digitnet._core import DataError
from digitnet._utils.arrays import arrays_sha256, as_floats
from digitnet._utils.deprecation import warn_renamed
from digitnet._utils.registry import check_name
from digitnet.data.download import File, fetch
from digitnet.models.base import BaseModel
from digitnet.models.weights.classes import meet_classes
from digitnet.models.weights.files import Weights, weights_of
from digitnet.models.weights.hdf5 import holds_weights
from digitnet.models.weights.keras_source import has_vgg_names
from digitnet.models.weights.naming import Plan, Tensors, is_weight
from digitnet.models.weights.plan import plan_for

if TYPE_CHECKING:
    import torch


NAMINGS = ("digitnet", "torchvision", "keras", "order")
_MAX_LINES = 20  # of a warning

# Published weights that can be downloaded. Their hash is known by its beginning, which is
# part of the name that PyTorch gave the file.
PUBLISHED = {
    "vgg16": File(
        folder="weights",
        name="vgg16-397923af.pth",
        sha256="397923af",
        content_sha256="397923af",
        urls=("https://download.pytorch.org/models/vgg16-397923af.pth",),
    )
}


@dataclass
class WeightReport:
    """What `load_weights` did, name by name."""

    source: str
    naming: str
    loaded: list[str] = field(default_factory=list)
    missing_keys: list[str] = field(default_factory=list)  # stayed as they were
    mismatched: list[tuple[str, str, tuple[int, ...], tuple[int, ...]]] = field(
        default_factory=list
    )  # name in the model, name in the source, shape in the model, shape in the source
    unexpected_keys: list[str] = field(default_factory=list)  # of the source, not used
    by_order: list[tuple[str, str]] = field(
        default_factory=list
    )  # layer of the model, layer of the source, where names say nothing
    notes: list[str] = field(default_factory=list)  # sentences about how it was read

    @property
    def is_whole(self) -> bool:
        """Whether all of the model was loaded, and all weights of the source used."""
        unused = [n for n in self.unexpected_keys if is_weight(n) and holds_weights(n)]
        return not (self.missing_keys or self.mismatched or unused)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Pickles of version 0.1 have the old names."""
        renamed = {
            "missing": "missing_keys",
            "unfit": "mismatched",
            "unused": "unexpected_keys",
        }
        self.by_order, self.notes = [], []
        vars(self).update({renamed.get(key, key): v for key, v in state.items()})

    @property
    def missing(self) -> list[str]:
        """The old name of `missing_keys`."""
        warn_renamed("WeightReport", "missing", "missing_keys")
        return self.missing_keys

    @property
    def unfit(self) -> list[tuple[str, str, tuple[int, ...], tuple[int, ...]]]:
        """The old name of `mismatched`."""
        warn_renamed("WeightReport", "unfit", "mismatched")
        return self.mismatched

    @property
    def unused(self) -> list[str]:
        """The old name of `unexpected_keys`."""
        warn_renamed("WeightReport", "unused", "unexpected_keys")
        return self.unexpected_keys

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.missing_keys) + len(self.mismatched)
        how = "by order" if self.naming == "order" else f"{self.naming} names"
        lines = [
            f"{len(self.loaded)} of {total} tensors loaded from {self.source} ({how})"
        ]
        lines += [f"  by order: {ours} from {theirs}" for ours, theirs in self.by_order]
        lines += [
            f"  does not fit: {name} from {theirs}: expected {expected}, found {shape}"
            for name, theirs, expected, shape in self.mismatched
        ]
        lines += [f"  left as it was: {name}" for name in self.missing_keys]
        lines += [f"  not used: {name}" for name in self.unexpected_keys]
        lines += [f"  note: {note}" for note in self.notes]
        return "\n".join(lines)


def weights_sha256(model: BaseModel) -> str:
    """A hash of all weights and running statistics: equal models have equal ones.

    Example:
        >>> first, second = (digitnet.models.make("linear", seed=s) for s in (0, 1))
        >>> from digitnet.testing import weights_sha256
        >>> weights_sha256(first) == weights_sha256(second)
        False
    """
    return arrays_sha256(model.state_dict())


def fetch_weights(name: str) -> Path:
    """The file of published weights, found in DIGITNET_DATA or the cache, or downloaded.

    Args:
        name: "vgg16": torchvision's, trained on ImageNet, 528 MB.
    Raises:
        ValueError: unknown name.
        FileNotFoundError, OSError: offline, or no download; says which file goes where.
    """
    check_name("weights", name, PUBLISHED)
    return fetch(PUBLISHED[name])


def load_weights(
    model: BaseModel,
    source: str | PathLike[str] | BaseModel | torch.nn.Module | Mapping[str, Any],
    *,
    naming: str = "auto",
    bgr: bool | None = None,
    strict: bool = False,
    skip: Iterable[str] = (),
) -> WeightReport:
    """`Model.load_weights`; see there."""
    check_name("naming", naming, [*NAMINGS, "auto"])
    read = weights_of(source)
    state = model.state_dict()
    _leave_out(skip, state, read)
    report = WeightReport(read.label, naming, notes=list(read.notes))
    report.naming, plan = plan_for(model, read, state, naming)
    chosen = _chosen(plan, state, read, report)
    plan.warnings += _turn_colours(model, chosen, read, report, bgr)
    classes, notes = meet_classes(model, chosen, read.classes)
    report.notes += [*plan.notes, *notes, *plan.warnings]
    if not chosen:
        raise ValueError(
            f"load_weights: expected a tensor that fits, got none\n{report}"
        )
    if strict and len(chosen) < len(state):
        raise ValueError(f"load_weights: expected every tensor (strict)\n{report}")
    model.set_weights(chosen, "load_weights")
    model.classes = classes
    whole = len(chosen) == len(model.core.parameter_names)
    if whole and model.max_value is None and read.max_value is not None:
        model.fix_scale(read.max_value)
        model.image_statistics = read.image_statistics
    if plan.warnings or not report.is_whole:
        warnings.warn(_warning(report), UserWarning, stacklevel=3)
    return report


def _leave_out(skip: Iterable[str], state: Tensors, read: Weights) -> None:
    """Drop tensors of both sides whose names match a pattern; ValueError if none does."""
    for pattern in [skip] if isinstance(skip, str) else skip:
        names = {n for n in [*state, *read.tensors] if fnmatch.fnmatchcase(n, pattern)}
        if not names:
            raise ValueError(
                f"load_weights.skip: expected names of the model's or the source's "
                f"tensors, got '{pattern}'"
            )
        for name in names:
            state.pop(name, None)
            read.tensors.pop(name, None)


def _chosen(plan: Plan, state: Tensors, read: Weights, report: WeightReport) -> Tensors:
    """The tensors that fit; the others go into the report."""
    chosen: Tensors = {}
    taken = set()
    for place in plan.places:
        name, theirs = place.name, place.source
        if name in chosen or name not in state:
            continue
        taken.add(theirs)
        if place.value is None or place.value.shape != state[name].shape:
            found = read.tensors[theirs].shape if theirs is not None else ()
            report.mismatched.append((name, str(theirs), state[name].shape, found))
            continue
        floats = as_floats(place.value)
        if floats is None:
            raise DataError(
                f"{read.label}: {theirs}: expected finite weights of 32 bits"
            )
        chosen[name] = floats
    mismatched = {name for name, *_ in report.mismatched}
    report.loaded = list(chosen)
    report.by_order = plan.by_order
    report.missing_keys = [
        name for name in state if name not in chosen and name not in mismatched
    ]
    report.unexpected_keys = [name for name in read.tensors if name not in taken]
    return chosen


def _warning(report: WeightReport) -> str:
    lines = str(report).split("\n")
    if len(lines) > _MAX_LINES:
        more = f"  ... and {len(lines) - _MAX_LINES} lines more, in the report"
        lines = [*lines[:_MAX_LINES], more]
    hint = (
        "; name what is to stay as it is in skip=[...]" if not report.is_whole else ""
    )
    return f"load_weights: {chr(10).join(lines)}{hint}"


# -- colours ------------------------------------------------------------------------


def _turn_colours(
    model: BaseModel,
    chosen: Tensors,
    read: Weights,
    report: WeightReport,
    bgr: bool | None,
) -> list[str]:
    """Blue, green, red to red, green, blue in the first layer; what is in doubt about it."""
    if bgr is False:
        return []
    published = bgr is None and read.keras is not None and has_vgg_names(read.keras)
    if published and read.keras is not None and read.keras.config is not None:
        return [
            "the colours are taken as red, green, blue, as the model was saved with its "
            "config; if it began with Keras' published VGG weights, give bgr=True"
        ]
    if not bgr and not published:
        return []
    name = next((name for name, value in chosen.items() if value.ndim > 1), "")
    first = next((k for k in model.core.parameter_names if k.endswith(".weight")), None)
    zeros = np.zeros((1, *model.input_shape), np.uint8)
    channels, *side = model.core.preprocessed(zeros).shape[1:]
    inputs = chosen[name].shape[1] if name else 0
    if channels != 3 or name != first or inputs not in (3, 3 * math.prod(side)):
        if published:
            return []  # a base without its first layer
        raise ValueError(
            "load_weights.bgr: expected weights for a first layer of three colours, got "
            f"{name or 'none'} for {channels} channels"
        )
    value = chosen[name]
    parts = value.reshape(len(value), 3, -1)[:, ::-1]
    chosen[name] = np.ascontiguousarray(parts.reshape(value.shape))
    report.notes.append(f"{name}: turned from blue, green, red to red, green, blue")
    return []
