"""How a run shows itself in a log, a terminal and a notebook."""

import sys

import pytest

import digitnet
from digitnet.train import progress


def run(digits, **options):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    return model.fit(digits[0], validation=digits[1], epochs=2, **options)


def test_a_log_gets_a_line_an_epoch(digits, capsys):
    run(digits)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines.pop(0).startswith("training on native")
    assert lines[1].startswith("epoch 2/2  loss ")
    assert "val_accuracy" in lines[1]


def test_silence_is_silence(digits, capsys):
    run(digits, progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_and_a_row_an_epoch(digits, capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    run(digits)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("epoch 1/2  loss") == 1
    assert err.count("epoch 2/2  loss") == 1


def test_a_notebook_cell_has_one_output_that_changes(digits, monkeypatch):
    IPython = pytest.importorskip("IPython")
    pages = []

    class Handle:
        def update(self, page):
            pages[-1] = page.data

    def display(page, display_id):
        pages.append(page.data)
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    run(digits)
    assert len(pages) == 1
    assert 'value="2.00" max="2"' in pages[0]
    assert "2 of 2 epochs, native" in pages[0]
    assert pages[0].count("<tr>") == 3  # names, and a row an epoch
