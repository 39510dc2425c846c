"""Which way of naming a source of weights has, and whether it is taken by names or order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from digitnet.models.base import BaseModel
from digitnet.models.weights import epsilons
from digitnet.models.weights.files import Weights
from digitnet.models.weights.hdf5 import KerasFile
from digitnet.models.weights.keras_source import KerasSource
from digitnet.models.weights.naming import (
    TORCHVISION,
    DoesNotFitError,
    Place,
    Plan,
    Tensors,
    agrees,
    by_same_names,
    by_torchvision,
    in_order,
    without_prefix,
)

Way = tuple[Callable[[], Plan], Callable[[], Plan]]  # by names, by order


def plan_for(
    model: BaseModel, read: Weights, state: Tensors, naming: str
) -> tuple[str, Plan]:
    """`_plan_for`, once the norms' epsilons are known to be the source's."""
    found, plan = _plan_for(model, read, state, naming)
    pairs = {
        place.name.rpartition(".")[0]: place.source.rpartition(".")[0]
        for place in plan.places
        if place.source is not None and _fits(place, state)
    }
    errors = epsilons.differences(model, read.epsilons, pairs)
    if errors:
        raise ValueError(
            "load_weights: expected a network that computes what the source does\n  "
            + "\n  ".join(errors)
        )
    if found in ("order", "torchvision") and read.keras is None:
        plan.warnings += epsilons.unsaid(
            model,
            {*pairs}
            - {ours for ours, theirs in pairs.items() if theirs in read.epsilons},
        )
    return found, plan


def _plan_for(
    model: BaseModel, read: Weights, state: Tensors, naming: str
) -> tuple[str, Plan]:
    """What goes where: by names; by order, if names leave something out and it all fits.

    Args:
        model: The network.
        read: The source, without what is to be left out.
        state: The model's tensors, without those that are to stay.
        naming: "auto", "order" or one of the ways of naming.
    Returns:
        (the way of naming or "order", the plan).
    Raises:
        ValueError: "order" was asked for and does not fit; or a network that means
            something else than the file's.
    """
    found = naming
    if naming in ("auto", "order"):
        found = _naming(read, state)
    by_names, by_order = (
        _keras(model, read, state)
        if found == "keras"
        else _torch(model, read, state, found)
    )
    if naming == "order":
        try:
            return "order", by_order()
        except DoesNotFitError as error:
            raise ValueError(f"load_weights: by order: {error}") from error
    named = by_names()
    if naming != "auto" or named.fits(state):
        return found, named
    try:
        ordered = by_order()
    except DoesNotFitError as error:
        if not any(_fits(place, state) for place in named.places):
            named.notes.append(f"by order: {error}")
        return found, named
    if ordered.fits(state) and (found == "torchvision" or agrees(ordered, named)):
        return "order", ordered
    return found, named


def _fits(place: Place, state: Tensors) -> bool:
    expected = state.get(place.name)
    return (
        place.value is not None
        and expected is not None
        and place.value.shape == expected.shape
    )


def _naming(read: Weights, state: Tensors) -> str:
    if read.keras is not None or any("/" in name for name in read.tensors):
        return "keras"
    names = without_prefix(read.tensors, state)
    if any(name in state for name in names):
        return "digitnet"
    if any(TORCHVISION.fullmatch(name) for name in names):
        return "torchvision"
    return "digitnet"


def _keras(model: BaseModel, read: Weights, state: Tensors) -> Way:
    keras = read.keras or KerasFile()
    source = KerasSource(model, replace(keras, tensors=read.tensors), state)
    return source.by_name, source.by_order


def _torch(model: BaseModel, read: Weights, state: Tensors, naming: str) -> Way:
    full = without_prefix(read.tensors, state)
    loaded = {short: read.tensors[name] for short, name in full.items()}
    notes = []
    for short, name in full.items():
        if short != name:
            prefix = name.removesuffix(short)
            which = (
                "every name of the source"
                if len(full) == len(read.tensors)
                else f"{len(full)} names of the source; the others are not used"
            )
            notes = [f"'{prefix}' was left out before {which}"]
        break

    def with_full_names(plan: Plan) -> Plan:
        for place in plan.places:
            place.source = full[place.source] if place.source is not None else None
        plan.notes += notes
        return plan

    def by_names() -> Plan:
        if naming == "torchvision":
            return with_full_names(by_torchvision(model, loaded))
        return with_full_names(by_same_names(loaded))

    def by_order() -> Plan:
        return with_full_names(in_order(state, loaded, read.ordered))

    return by_names, by_order
