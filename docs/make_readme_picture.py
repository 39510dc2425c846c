"""Draw the picture of README, and the digit of its example.

Trains `lenet5` on MNIST (seed 0, six epochs, a tenth held out for validation) and puts its
training curves, the confusion matrix of the test images and the feature maps of one of
them side by side:

    python docs/make_readme_picture.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

import digitnet as dn

STATIC = Path(__file__).parent / "_static"


def draw_readme() -> Image.Image:
    """The three figures in a row."""
    train, test = dn.data.load("mnist")
    model = dn.models.make("lenet5")
    history = model.fit(train, validation=0.1, epochs=6)
    report = model.evaluate(test)
    print(f"accuracy on the test images: {report['accuracy']:.4f}")

    figure = plt.figure(figsize=(10.6, 3.5), layout="constrained")
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.15, 1.05, 1.5))
    dn.plot.training_curves(history, ("accuracy",), ax=left)
    left.set_title("Training curves (LeNet-5, MNIST)")
    dn.plot.confusion_matrix(report.confusion, ax=middle)
    middle.set_title(f"Confusion matrix ({report['accuracy']:.2%} right)")
    seven = test.images[0]
    layers = ["conv1", "max_pool1", "conv2", "max_pool2", "dense2", "dense3"]
    dn.plot.feature_maps(model, seven, layers, ax=right)
    right.set_title("Feature maps, layer by layer")
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    plt.close(figure)
    return Image.fromarray(pixels)


def draw_digit() -> Image.Image:
    """A three in ink on grey paper, larger than any network wants it."""
    paper = Image.new("L", (240, 300), 205)
    pen = ImageDraw.Draw(paper)
    upper = [(118 + 46 * np.cos(a), 100 + 44 * np.sin(a)) for a in _turn(200, 440)]
    lower = [(112 + 58 * np.cos(a), 198 + 54 * np.sin(a)) for a in _turn(285, 515)]
    for x, y in upper + lower:  # a round nib, close enough to make a line
        pen.ellipse((x - 11, y - 11, x + 11, y + 11), fill=45)
    grain = np.random.default_rng(0).normal(0, 1.5, (300, 240))
    soft = np.asarray(paper.filter(ImageFilter.GaussianBlur(2)), float) + grain
    return Image.fromarray(soft.clip(0, 255).astype(np.uint8))


def _turn(first_deg: float, last_deg: float) -> np.ndarray:
    return np.radians(np.linspace(first_deg, last_deg, 60))


if __name__ == "__main__":
    plt.rcParams.update({"figure.dpi": 120, "font.size": 10})
    picture = draw_readme().quantize(128)  # a third of the bytes, no visible difference
    picture.save(STATIC / "readme.png", optimize=True)
    draw_digit().save(STATIC / "example_digit.png", optimize=True)
