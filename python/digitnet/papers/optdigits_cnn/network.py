"""The network of the recipe optdigits-cnn: its layers, and feature maps of one image."""

from __future__ import annotations

from digitnet import plot
from digitnet.experiments.context import Context
from digitnet.experiments.report_sections import layer_table
from digitnet.models.model import Model
from digitnet.papers.optdigits_cnn.data import pooled
from digitnet.papers.optdigits_cnn.settings import make

IMAGE = 59  # whose feature maps the paper draws
BOARD = ["conv1", "max_pool1", "conv2", "max_pool2", "conv3", "max_pool3"]


def network_stage(context: Context) -> None:
    model = make("paper", context.seeds[0])
    context.measure("parameters", model.count_params())
    layer_table(context, model, of="In [19]")
    context.figure(
        "architecture",
        "The network: height is a map's side, width its channels",
        lambda: plot.architecture(model),
    )
    feature_maps(context, model, "before", "before training", of="In [43]")


def feature_maps(
    context: Context, model: Model, when: str, title: str, of: str = ""
) -> None:
    """Each map standardised and in grey, as the paper draws them."""
    image, _ = pooled(context)[IMAGE]
    context.figure(
        f"feature_maps_{when}",
        f"Image {IMAGE} and its feature maps {title}",
        lambda: plot.feature_maps(
            model, image, BOARD, max_channels=64, scale="standard", cmap="gray"
        ),
        of=of,
    )
