"""Lightweight networks: accuracy, size and latency; soft targets and pruning."""

from __future__ import annotations

from functools import partial

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import Claim, Recipe, Stage
from digitnet.experiments.report_sections import class_counts
from digitnet.studies.lightweight.distillation import DISTILLED, distillation_stage
from digitnet.studies.lightweight.networks import HALF, NETWORKS, REFERENCE
from digitnet.studies.lightweight.pruning import (
    FRACTIONS,
    filters_stage,
    pruning_stage,
)
from digitnet.studies.lightweight.size import latency_stage, networks_stage
from digitnet.studies.lightweight.training import (
    SETS,
    data_of,
    for_each_set,
    passes,
    seeds,
    sets,
)


def data_stage(context: Context) -> None:
    train, validation, test = data_of(context, SETS[0])
    class_counts(context, {"training": train, "validation": validation, "test": test})
    for name in sets(context):
        context.figure(
            f"samples_{name}",
            f"Samples of {name}",
            partial(plot.one_per_class, data_of(context, name)[0]),
        )
    context.text(
        f"Every network sees its training images {passes(context)} times, with the seeds "
        f"{', '.join(map(str, seeds(context)))}; what is chosen is chosen on validation "
        "images, and the test images are touched once a network."
    )


def _claims() -> tuple[Claim, ...]:
    claims = [Claim(f"{n} accuracy", f"{n}: MNIST accuracy", None) for n in NETWORKS]
    claims += [
        Claim(f"{n} latency", f"{n}: latency, as a ratio to {REFERENCE}'s", None, "")
        for n in NETWORKS
    ]
    claims += [
        Claim(f"{n} distilled", f"{n}: gain by the teacher", None, "points")
        for n in DISTILLED
    ]
    claims += [
        Claim(f"pruned {f:g}", f"LeNet-5, {100 * f:.0f} % pruned: gain", None, "points")
        for f in FRACTIONS
        if f
    ]
    what = f"{HALF}: gain of kept filters over training from scratch"
    return (*claims, Claim("filters pruned", what, None, "points"))


def recipe() -> Recipe:
    return Recipe(
        name="lightweight",
        title="Lightweight networks: accuracy, size, latency",
        paper="Mahender et al. (lightweight models); Hinton et al. 2015; Han et al. 2015",
        summary="the smallest networks, narrower ones, distilled and pruned: accuracy, bytes, ms",
        claims=_claims(),
        stages=(
            Stage("data", "Data", data_stage, 1),
            Stage("networks", "Accuracy and size", for_each_set(networks_stage), 30),
            Stage("latency", "Latency", latency_stage, 2),
            Stage(
                "distillation",
                "Knowledge distillation",
                for_each_set(distillation_stage),
                20,
            ),
            Stage("pruning", "Magnitude pruning", for_each_set(pruning_stage), 5),
            Stage("filters", "Filter pruning", for_each_set(filters_stage), 2),
        ),
        data=SETS[:1],
        full_data=SETS[1:],
        remarks=(
            "The papers name lightweight models as a wish, without numbers.",
            "A soft target is learned as labels drawn from it: of the copies of an image each "
            "class labels as many as its probability says, to within one. Cross-entropy is "
            "linear in the target, so that the mean is that of the soft target. The students' "
            "own outputs have no temperature, and the teacher learns without label smoothing.",
            "Pruned weights are zeros in a file and a network of the same size: what runs "
            "faster is a narrower network, such as the half of LeNet-5 that is left when its "
            "weakest filters go.",
            "Fashion-MNIST is measured with --full.",
        ),
        seeds=5,
    )
