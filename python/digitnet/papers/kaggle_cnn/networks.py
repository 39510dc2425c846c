"""The networks of `kaggle-cnn` drawn, and how their layers, loss and optimizer work."""

from __future__ import annotations

from functools import partial
from typing import Any

from digitnet import models, plot
from digitnet.experiments.context import Context
from digitnet.experiments.recipe import conv_norm_relu
from digitnet.experiments.report_sections import layer_table
from digitnet.layers import Dense, Dropout, Flatten, MaxPool, ReLU
from digitnet.models.model import Model
from digitnet.papers.kaggle_cnn.settings import BIG, SMALL, parts, small_parts
from digitnet.plot.display import axes_for

_POOLED = ("c1", "c2", "c3")  # the names of An et al.


def structures_stage(context: Context) -> None:
    context.text(
        "The survey's three structures, " + ", ".join(_POOLED) + ": each block of "
        "convolutions ends in max pooling. Activations and dropout are not drawn."
    )
    context.figure(
        "structures",
        "Commonly used CNN structures with max pooling",
        structures,
        of="Fig. XXV",
    )


def structures() -> plot.Display:
    """Three networks below one another."""
    ax = axes_for(None, 6, 11)
    ax.set_axis_off()
    tall = 1 / len(_POOLED)
    rows = {}
    for place, name in enumerate(_POOLED):
        panel = ax.inset_axes((0, 1 - (place + 0.88) * tall, 1, 0.82 * tall))
        rows[name] = plot.architecture(models.make(name), panel).data
    return plot.Display(ax.figure, ax, rows)


def operations_stage(context: Context) -> None:
    train, validation = parts(context, "digits", 0)
    image = validation.images[0]
    context.figure(
        "neuron",
        "A neuron of the network 784-5-10",
        lambda: plot.neuron(tiny_network(context), image),
        of="Fig. IX",
    )
    height, width = image.shape[-2:]
    middle = image.reshape(height, width)[
        height // 2 - 4 : height // 2 + 4, width // 2 - 4 : width // 2 + 4
    ]
    context.figure(
        "pooling",
        "Max and average pooling of the middle of a digit",
        lambda: plot.pooling(middle),
        of="Fig. X",
    )
    context.figure(
        "batch_norm",
        "Batch norm behind the first convolution",
        lambda: plot.batch_norm(normed(context), validation.images[:100]),
        of="Fig. XI",
    )


def loss_stage(context: Context) -> None:
    model = tiny_network(context)
    _, validation = parts(context, "digits", 0)
    report = model.evaluate(validation)
    context.figure(
        "loss",
        "The loss of each validation image, network 784-5-10",
        lambda: plot.cross_entropy(report),
        of="Fig. XIII",
    )
    context.text(
        "Not the difference of prediction and truth, as the thesis has it (line 445), but "
        "minus the logarithm of the true class's probability."
    )
    context.figure(
        "optimizers",
        "RMSprop and gradient descent on a loss of two weights",
        plot.optimizers,
        of="Fig. XIV",
    )


def network_stage(context: Context) -> None:
    big, small = models.make(BIG), models.make(SMALL)
    context.measure("parameters", big.count_params())
    layer_table(context, big, of="Fig. XV")
    context.figure(
        "architecture",
        f"The network {BIG}",
        partial(plot.architecture, big),
        of="Fig. XVI",
    )
    layer_table(context, small, "small")
    context.figure(
        "architecture_small", f"The network {SMALL}", partial(plot.architecture, small)
    )
    context.text(
        "TensorBoard draws each operation as a node (line 506); here a box is a layer, as "
        "high as its map and as wide as its channels are many. Activations and dropout are "
        "in the table."
    )
    context.text(
        f"{SMALL} has {small.count_params():,} parameters, a number that the thesis does "
        "not print."
    )


def tiny_network(context: Context) -> Model:
    """784-5-10: five pictures are all it knows."""
    train, _ = parts(context, "digits", 0)
    model, _ = context.trained(
        "tiny",
        lambda: models.make("mlp-tiny"),
        train,
        epochs=context.size(smoke=1, quick=20, default=20, full=40),
    )
    return model


def normed(context: Context) -> Model:
    """A network with batch norm that saw a few images."""
    train, _ = small_parts(context, "digits", 0)
    model, _ = context.trained(
        "batch norm",
        lambda: Model(normed_layers(), train.shape, train.classes, seed=0),
        train,
        epochs=context.size(smoke=1, quick=5, default=2, full=1),
    )
    return model


def normed_layers() -> list[Any]:
    """`kaggle-cnn` with batch norm behind each convolution."""
    layers: list[Any] = []
    for channels, size in ((32, 5), (64, 3)):
        layers += [
            *conv_norm_relu(channels, channels, size=size),
            MaxPool(2),
            Dropout(0.25),
        ]
    return [*layers, Flatten(), Dense(256), ReLU(), Dropout(0.5), Dense(10)]
