"""From a cell of the confusion matrix to its images: by index and by click."""

import numpy as np
import pytest
from matplotlib.backend_bases import MouseEvent
from matplotlib.figure import Figure

import digitnet


@pytest.fixture
def report(digits):
    data = digits[1]
    predicted = data.labels.copy()
    predicted[:7] = (predicted[:7] + 1) % 10
    shares = np.eye(10)[predicted] * 0.9 + 0.01
    return digitnet.Report(data.labels, shares, data.classes, data=data)


def test_every_cell_gives_its_images(report):
    for true in range(10):
        for predicted in range(10):
            images = report.confusion[true, predicted]
            assert len(images) == report.confusion.matrix[true, predicted]
            assert (images.labels == true).all()
    first = report.data.labels[0]
    images = report.confusion[str(first), str((first + 1) % 10)]
    np.testing.assert_array_equal(images.images[0], report.data.images[0])
    assert images.name == f"{first} taken for {(first + 1) % 10}"


def test_a_cell_is_shown_even_if_it_is_empty(report):
    empty = np.argwhere(report.confusion.matrix == 0)[0]
    assert "0 images" in report.confusion[tuple(map(int, empty))]._repr_html_()
    assert "<img" in report.confusion[3, 3]._repr_html_()


def test_what_is_no_cell_is_refused(report):
    with pytest.raises(IndexError, match=r"expected a cell \[true, predicted\], got 3"):
        report.confusion[3]
    with pytest.raises(ValueError, match="expected a class from 0 to 9, got 10"):
        report.confusion[10, 0]
    with pytest.raises(ValueError, match="unknown class 'x'; known: 0, 1"):
        report.confusion["x", 0]
    alone = type(report.confusion)(report.labels, report.predicted, report.classes)
    with pytest.raises(ValueError, match="expected the matrix of a Report"):
        alone[0, 0]


def test_a_click_shows_the_cells_images(report, monkeypatch):
    shown = []
    monkeypatch.setattr(Figure, "show", lambda figure: shown.append(figure))
    display = report.confusion.plot()
    display.figure.canvas.draw()

    def click(x, y):
        place = display.axes.transData.transform((x, y))
        event = MouseEvent("button_press_event", display.figure.canvas, *place, 1)
        display.figure.canvas.callbacks.process("button_press_event", event)

    click(3, 3)  # column, row
    assert len(shown) == 1
    assert shown[0].axes[0].get_title() == "3 taken for 3"
    click(*np.argwhere(report.confusion.matrix == 0)[0][::-1])  # nothing to show
    click(-3, -3)  # beside the matrix
    assert len(shown) == 1
