"""A recipe: a paper's claims, figures and tables, and the stages that make them again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from digitnet.experiments.context import Context
from digitnet.experiments.exhibits import Exhibit
from digitnet.layers import BatchNorm, Conv, ReLU

MODES = ("smoke", "quick", "default", "full")
PROTOCOLS = ("honest", "paper")


@dataclass(frozen=True)
class Claim:
    """One number of the paper, beside which ours is put.

    `unit` is "%" for fractions that are shown as percent, "points" for differences of
    such, "s" for seconds, or "".
    """

    key: str  # under which a stage measures it
    what: str
    value: float | None  # None: the paper gives no number
    unit: str = "%"
    of: str = ""  # where the paper says so: "Table 1", "line 45", "abstract"
    absent: str = ""  # why no stage measures it

    def text(self) -> str:
        return "-" if self.value is None else shown(self.value, self.unit)

    def difference(self, measured: float) -> str:
        """Of a measurement from the paper's number, in points where that is in percent."""
        if self.value is None or not math.isfinite(measured):
            return ""
        change = measured - self.value
        if self.unit in ("%", "points"):
            return shown(change, "points")
        size = shown(abs(change), self.unit)
        return size if change == 0 else f"{'-' if change < 0 else '+'}{size}"


def shown(value: float, unit: str) -> str:
    """A number as people read it: .9917 as 99.17 %."""
    if unit == "%":
        return f"{100 * value:.2f} %"
    if unit == "points":
        text = f"{100 * value:+.2f} points"
        return text.lstrip("+-") if float(text.split()[0]) == 0 else text
    if not unit and value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g} {unit}".strip()


@dataclass(frozen=True)
class Stage:
    """A part of a recipe that is done whole or not at all.

    `cost` is about how long it takes, in any unit, for the time that is left; `packages`
    are optional ones, without which a run that has this stage does not begin.
    """

    name: str
    title: str
    run: Callable[[Context], None]
    cost: float = 1.0
    protocols: tuple[str, ...] = PROTOCOLS
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A published system: `stages` leave figures, tables and measurements."""

    name: str
    title: str
    paper: str
    summary: str
    claims: tuple[Claim, ...]
    stages: tuple[Stage, ...]
    remarks: tuple[str, ...] = ()  # where the paper is silent or contradicts itself
    seeds: int = 5  # of the default mode
    packages: tuple[str, ...] = ()  # as a stage's, of every run
    exhibits: tuple[Exhibit, ...] = ()  # the paper's figures and tables, in its order
    data: tuple[str, ...] = ()  # sets without which it does not begin
    full_data: tuple[str, ...] = ()  # and those that full mode takes besides

    def __post_init__(self) -> None:
        slugs = [exhibit.slug for exhibit in self.exhibits]
        for i, exhibit in enumerate(self.exhibits):
            if exhibit.slug in slugs[:i]:
                raise ValueError(
                    "Recipe.exhibits: expected each number once, got "
                    f"'{exhibit.number}' again"
                )

    def describe(self) -> dict[str, Any]:
        return {"name": self.name, "summary": self.summary, "paper": self.paper}


def conv_norm_relu(*channels: int, size: int = 3) -> list[Any]:
    """What several recipes' networks are made of: convolutions that leave the map's size
    as it is, each with batch norm and ReLU."""
    layers: list[Any] = []
    for count in channels:
        layers.append(Conv(count, size, padding="same", bias=False))
        layers += [BatchNorm(), ReLU()]
    return layers
