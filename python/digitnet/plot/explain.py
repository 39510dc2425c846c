"""Attribution maps over images, feature visualisation and embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from digitnet import features
from digitnet._utils.registry import check_name
from digitnet.data.dataset import Dataset
from digitnet.models.base import BaseModel
from digitnet.plot.classes import MAX_COLOURED, label_of, left_out
from digitnet.plot.display import Display, axes_for, legend_for
from digitnet.plot.sheet import Sheet

# Maps (N, H, W) of a model, images and targets.
METHODS: dict[str, Callable[[BaseModel, Any, Any], Any]] = {
    "saliency": lambda m, x, t: np.abs(features.saliency(m, x, t)).max(1),
    "grad_cam": features.grad_cam,
    "integrated_gradients": lambda m, x, t: features.integrated_gradients(m, x, t).sum(
        1
    ),
    "occlusion": features.occlusion,
}


def explanations(
    model: BaseModel,
    images: Any,
    methods: str | Sequence[str] = tuple(METHODS),
    ax: Any = None,
    *,
    target: Any = None,
) -> Display:
    """Each image with its attribution maps, one a method, laid over it.

    Saliency and Grad-CAM are drawn from dark (nothing) to bright; integrated gradients
    and occlusion in red where a pixel speaks for the target and blue where against.

    Args:
        model: The model.
        images: A Dataset or raw images; a row each.
        methods: "saliency", "grad_cam", "integrated_gradients", "occlusion"; or some.
        ax: Axes to draw into.
        target: A class, or one an image. Default: the predicted classes.
    Returns:
        Display; its data are the maps by method, (N, h, w).
    Raises:
        ValueError: unknown method.
    """
    methods = [methods] if isinstance(methods, str) else list(methods)
    for name in methods:
        check_name("method", name, METHODS)
    if isinstance(images, Dataset):
        data = images
    else:
        data = Dataset(model.as_batch(images, "explanations.images"))
    if not len(data):
        raise ValueError("explanations.images: expected at least one image, got none")
    predicted = model.predict(data)
    targets = predicted if target is None else np.broadcast_to(target, predicted.shape)
    maps = {name: METHODS[name](model, data, targets) for name in methods}
    columns = 1 + len(methods)
    ax = axes_for(ax, 1.5 * columns, 1.6 * len(data) + 0.2)
    sheet = Sheet(ax, len(data), columns)
    for i in range(len(data)):
        about = f"{model.classes[predicted[i]]}"
        if targets[i] != predicted[i]:
            about += f", why {model.classes[targets[i]]}?"
        image = data[i][0]
        sheet.image((i, 0), image, data.max_value, about)
        for column, name in enumerate(methods, 1):
            sheet.image((i, column), image, data.max_value, name.replace("_", " "))
            _overlay(sheet, (i, column), image.shape[-2:], maps[name][i], name)
    return Display(ax.figure, ax, maps)


def _overlay(
    sheet: Sheet, at: tuple[int, int], shape: Any, values: Any, name: str
) -> None:
    signed = name in ("integrated_gradients", "occlusion")
    limit = float(np.abs(values).max()) or 1.0
    sheet.layer(
        at,
        values,
        shape,
        cmap="RdBu_r" if signed else "inferno",
        vmin=-limit if signed else 0,
        vmax=limit,
        alpha=0.75,
        interpolation="bilinear" if values.shape != shape else "nearest",
    )


def maximised(
    model: BaseModel,
    layer: str = "",
    units: Sequence[int] | None = None,
    ax: Any = None,
    **options: Any,
) -> Display:
    """Images that excite units of a layer most, by `features.maximise`.

    Args:
        model: The model.
        layer: A layer's name; "" is the logits.
        units: Which. Default: the first 64 classes, or the layer's first sixteen units.
        ax: Axes to draw into.
        options: As `features.maximise` takes them.
    Returns:
        Display; its data are the `features.Maximised`.
    """
    chosen = list(_units(model, layer)) if units is None else list(units)
    maximised = features.maximise(model, layer, chosen, **options)
    columns = min(8, len(chosen))
    rows = -(-len(chosen) // columns)
    ax = axes_for(ax, 1.2 * columns, 1.35 * rows + 0.3)
    sheet = Sheet(ax, rows, columns)
    for place, (unit, image) in enumerate(zip(chosen, maximised.images, strict=True)):
        name = f"{layer} {unit}" if layer else model.classes[unit]
        sheet.image(divmod(place, columns), image, 1.0, name)
    ax.set_title("Images that excite most", fontsize=10)
    return Display(ax.figure, ax, maximised)


def _units(model: BaseModel, layer: str) -> range:
    if not layer:
        return range(min(64, len(model.classes)))
    model.require_layers([layer])
    sizes = {row["layer"]: row["output"][0] for row in model.core.summary()}
    return range(min(16, sizes[layer]))


def most_activating(
    model: BaseModel,
    data: Dataset,
    layer: str,
    units: Sequence[int] = (0, 1, 2, 3),
    count: int = 9,
    ax: Any = None,
) -> Display:
    """For each unit of a layer, a row of the images that excite it most.

    The Display's data are the indices, (units, count).
    """
    if not len(units):
        raise ValueError("most_activating.units: expected at least one, got none")
    indices = [
        features.most_activating(model, data, layer, unit, count)[0] for unit in units
    ]
    columns = len(indices[0])
    ax = axes_for(ax, 0.9 * columns + 0.6, 0.9 * len(indices) + 0.4)
    sheet = Sheet(ax, len(indices), columns, titles=False)
    for i, (unit, chosen) in enumerate(zip(units, indices, strict=True)):
        sheet.name_row(i, str(unit))
        for j, index in enumerate(chosen):
            sheet.image((i, j), data[int(index)][0], data.max_value)
    ax.set_title(f"Images that excite units of {layer} most", fontsize=10)
    return Display(ax.figure, ax, np.array(indices))


def embedding(
    model: BaseModel,
    data: Dataset,
    method: str = "pca",
    ax: Any = None,
    *,
    layer: str | None = None,
    seed: int = 0,
) -> Display:
    """Samples as points of a plane, coloured by class, as the last hidden layer sees them.

    Args:
        model: The model.
        data: A labelled Dataset; a few thousand samples at most for t-SNE.
        method: "pca" or "tsne".
        ax: Axes to draw into.
        layer: Another layer's name.
        seed: Seed of t-SNE.
    Returns:
        Display; its data are the points, (N, 2).
    """
    labels = data.require_labels("embedding")
    points = features.project(features.embedding(model, data, layer), method, seed=seed)
    ax = axes_for(ax, 5.5, 4.5)
    import matplotlib

    few = len(data.classes) <= MAX_COLOURED
    colours = matplotlib.colormaps["tab10" if len(data.classes) <= 10 else "tab20"]
    for k, name in enumerate(data.classes if few else ()):
        x, y = points[labels == k].T
        ax.scatter(x, y, s=6, color=colours(k % colours.N), label=label_of(name))
    ax.set(xticks=[], yticks=[])
    if few:
        beside = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        legend_for(ax, markerscale=2, fontsize=7, **beside)
    else:
        ax.scatter(*points.T, s=6, c=labels, cmap="turbo")
        ax.set_xlabel(left_out(len(data.classes)))
    ax.set_title({"pca": "PCA", "tsne": "t-SNE"}[method] + " of the last hidden layer")
    return Display(ax.figure, ax, points)
