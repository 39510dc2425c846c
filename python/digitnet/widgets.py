"""Notebook widgets: a pad to draw on, with a model behind it."""

from __future__ import annotations

import base64
from typing import Any

from digitnet import web
from digitnet._utils.extras import extra_packages
from digitnet.models.base import BaseModel
from digitnet.models.pictures import predict_one, prepare

with extra_packages("digitnet.widgets"):
    import anywidget
    import traitlets

__all__ = ["DrawPad"]


class DrawPad(anywidget.AnyWidget):
    """Draw in a notebook and see the probabilities while you do.

    What is drawn goes to the model as `digitnet.models.pictures.prepare` makes it ready, like a
    picture file given to `digitnet predict`.

    Args:
        network: A trained model with classes.
    Attributes:
        image: The last input of the model, (C, H, W), or None.
        label: The most probable class, or "".
        probabilities: By class name; empty while nothing is drawn.
        problem: Why there is no prediction, or "".
    Raises:
        ValueError: a network that makes images.
    Example:
        >>> from digitnet.widgets import DrawPad
        >>> train, test = digitnet.data.load("digits")
        >>> model = digitnet.models.make("optdigits-cnn")
        >>> history = model.fit(train, epochs=1, progress=False)
        >>> pad = DrawPad(model)  # the last line of a cell shows it
        >>> pad.probabilities
        {}
    """

    _esm = web.text("pad.js") + web.text("widget.js")
    _css = web.text("pad.css") + web.text("widget.css")
    drawn = traitlets.Unicode().tag(sync=True)  # a PNG in base64, from the browser
    label = traitlets.Unicode().tag(sync=True)
    probabilities = traitlets.Dict().tag(sync=True)
    problem = traitlets.Unicode().tag(sync=True)

    def __init__(self, network: BaseModel, **options: Any) -> None:
        network.require_classes("DrawPad")
        self.network = network
        self.image: Any = None
        super().__init__(**options)
        self.observe(self._predict, "drawn")

    def _predict(self, change: Any) -> None:
        self.image, label, probabilities, problem = None, "", {}, ""
        if change["new"]:
            try:
                picture = base64.b64decode(change["new"], validate=True)
                self.image = prepare(self.network, picture)
                result = predict_one(self.network, self.image)
            except ValueError as error:  # a widget shows what is wrong
                problem = str(error)
            else:
                label, probabilities = result["label"], result["probabilities"]
        with self.hold_sync():
            self.label, self.probabilities = label, probabilities
            self.problem = problem
