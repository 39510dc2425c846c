"""Figures by class stay small and quick for any number of classes and length of names."""

import numpy as np
import pytest

import digitnet
from digitnet import plot
from digitnet.layers import Dense, Flatten


def shown(count, letters=0):
    """(model, data) with so many classes."""
    rng = np.random.default_rng(3)
    names = [f"c{k}{'w' * letters}" for k in range(count)]
    images = rng.random((400, 4, 4), dtype=np.float32)
    data = digitnet.Dataset(images, rng.integers(0, count, 400), classes=names)
    model = digitnet.Model([Flatten(), Dense(6), Dense(count)], (4, 4), names, seed=1)
    return model, data


FIGURES = {
    "confusion": lambda m, d: plot.confusion_matrix(m.evaluate(d).confusion),
    "counts": lambda m, d: plot.class_counts(d),
    "roc": lambda m, d: plot.roc(m.evaluate(d)),
    "precision and recall": lambda m, d: plot.precision_recall(m.evaluate(d)),
    "predictions": lambda m, d: plot.predictions(m.evaluate(d), 4),
    "embedding": lambda m, d: plot.embedding(m, d),
    "one per class": lambda m, d: plot.one_per_class(d),
    "maximised": lambda m, d: plot.maximised(m, steps=1),
    "drawing": lambda m, d: plot.drawing(d.images[0], d.images[0], m),
}


def texts(display):
    from matplotlib.text import Text

    return [t for t in display.figure.findobj(Text) if t.get_text()]


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_many_classes_is_bounded(name):
    display = FIGURES[name](*shown(300))
    try:
        display.figure.draw_without_rendering()
        assert max(display.figure.get_size_inches()) <= 21
        assert len(texts(display)) <= 250
    finally:
        display.close()


@pytest.mark.parametrize("name", FIGURES)
def test_long_names_are_cut(name):
    display = FIGURES[name](*shown(12, letters=900))
    try:
        assert max(len(text.get_text()) for text in texts(display)) <= 120
    finally:
        display.close()


@pytest.mark.parametrize("name", ["confusion", "counts", "roc", "embedding"])
def test_a_figure_says_what_it_leaves_out(name):
    display = FIGURES[name](*shown(101))
    try:
        assert any("101 classes, without" in t.get_text() for t in texts(display))
    finally:
        display.close()


def test_numbers_are_left_out_before_names():
    display = FIGURES["confusion"](*shown(50))
    try:
        axes = display.axes
        assert not axes.texts
        assert axes.get_xticklabels()[49].get_text() == "c49"
        assert "50 classes, without numbers" in axes.get_title()
    finally:
        display.close()


def test_curves_that_are_drawn_of_many_classes_are_the_lowest():
    model, data = shown(300)
    report = model.evaluate(data)
    present = np.unique(data.labels)
    areas = plot.roc(report).data.drop("micro")
    for k in present[:20]:  # the numbers are of all classes
        scores = report.probabilities[:, k]
        own = scores[data.labels == k][:, None]
        others = scores[data.labels != k]
        expected = ((own > others).mean() + (own >= others).mean()) / 2
        assert areas.iloc[k] == pytest.approx(expected, abs=1e-9)
    table = plot.precision_recall(report).data
    drawn = table.index.get_level_values("class").unique()
    assert len(drawn) == 100
    every = {
        name: np.mean(
            digitnet.metrics.precision_recall_curve(
                (data.labels == k).astype(int),
                np.stack(
                    [1 - report.probabilities[:, k], report.probabilities[:, k]], 1
                ),
                k=1,
            )["precision"]
        )
        for k, name in enumerate(report.classes)
    }
    lowest = sorted(every, key=lambda name: np.nan_to_num(every[name]))[:100]
    assert set(drawn) == set(lowest)
