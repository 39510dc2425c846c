"""One network from one starting point: where digits and fashion take its weights."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from digitnet import models, plot
from digitnet.experiments.context import Context
from digitnet.papers.kaggle_cnn.data import NAMES
from digitnet.papers.kaggle_cnn.networks import tiny_network
from digitnet.papers.kaggle_cnn.settings import BIG, parts, trained


def weights_stage(context: Context) -> None:
    seed = context.seeds[0]
    named = {
        "start": models.make(BIG, seed=seed),
        "digits": trained(context, "digits", seed)[0],
        "fashion": trained(context, "fashion", seed)[0],
    }
    states = {name: model.state_dict() for name, model in named.items()}
    rows = []
    for key, first in states["start"].items():
        if not key.endswith("weight"):
            continue
        moved = {n: states[n][key].ravel() - first.ravel() for n in NAMES}
        length = float(np.linalg.norm(first))
        norms = [float(np.linalg.norm(moved[n])) for n in NAMES]
        apart = float(np.linalg.norm(moved["digits"] - moved["fashion"]))
        cosine = float(moved["digits"] @ moved["fashion"]) / max(
            1e-12, math.prod(norms)
        )
        layer = key.removesuffix(".weight")
        rows.append((layer, *(n / length for n in norms), apart / length, cosine))
    columns = ["layer", "digits from start", "fashion from start", "apart", "cosine"]
    frame = pd.DataFrame(rows, columns=columns)
    context.text(
        "From one starting point: distances as parts of the starting weights' length, and "
        "the cosine between the two directions."
    )
    context.table("distances", "How far the weights of each layer went", frame)
    context.figure(
        "weight_histograms",
        "Weights before and after",
        lambda: plot.weight_histograms(named),
    )
    context.figure(
        "first_filters",
        "The first filters from one start",
        lambda: plot.filters(named, "conv1"),
    )
    show_tiny_network(context)


def show_tiny_network(context: Context) -> None:
    model = tiny_network(context)
    _, validation = parts(context, "digits", 0)
    accuracy = model.evaluate(validation)["accuracy"]
    context.text(
        f"A network of {model.count_params():,} parameters, 784-5-10, reaches "
        f"{100 * accuracy:.1f} % on the validation part. Its five hidden units are five "
        "pictures that are laid over the digit."
    )
    context.figure(
        "tiny_weights",
        "Weights of the five hidden units",
        lambda: plot.filters(model, "dense1"),
    )
