"""What the first run asks, in which order, and how long each section may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WHOLE_SECONDS = 480.0  # of all sections together


@dataclass(frozen=True)
class Section:
    """One of the modules in sections/.

    Attributes:
        name: Of the module.
        question: What it finds out.
        seconds: Its share of WHOLE_SECONDS; in a longer or shorter run, in proportion.
        needs_gpu: Whether it says nothing on a CPU.
    """

    name: str
    question: str
    seconds: float
    needs_gpu: bool = False


SECTIONS = (
    Section("facts", "what machine this is, and which versions are here", 12),
    Section("build", "does it compile here, without a network", 120),
    Section(
        "networks", "what is captured, repeatable, and as fast as it should be", 75
    ),
    Section("widths", "do weights at odd addresses train", 16),
    Section("memory", "does a training give its memory back", 14, needs_gpu=True),
    Section("determinism", "what does deterministic=True change and cost", 28),
    Section("mnist", "how long do 99 % of MNIST and an epoch take", 42),
    Section("validation", "what do validation and augmentation cost an epoch", 28),
    Section("kernels", "what is launched in a step", 26),
    Section("layouts", "NCHW or NHWC, with TF32 or without", 24),
    Section("interrupt", "how soon does Ctrl-C answer", 16),
    Section("threads", "can several trainings run at once", 16),
    Section("tests", "what does tests/cuda say", 60, needs_gpu=True),
)
NAMES = tuple(section.name for section in SECTIONS)
FIRST = ("facts", "build")  # what every other section stands on


def chosen(names: Sequence[str], *, installed: bool) -> list[Section]:
    """These sections (none: all) in their order, with what they stand on.

    Args:
        names: Of sections.
        installed: Whether to use the digitnet that is installed: nothing is built.
    """
    wanted = {*(names or NAMES), *FIRST} - ({"build"} if installed else set())
    return [section for section in SECTIONS if section.name in wanted]
