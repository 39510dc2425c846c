"""Callbacks that come with the package."""

import sys

import numpy as np
import pytest

import digitnet
from digitnet.callbacks import TensorBoard


def curves(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return events


@pytest.mark.parametrize("held", [True, False])
def test_tensorboard_shows_what_the_history_holds(digits, tmp_path, held):
    train, test = digits
    model = digitnet.models.make("linear", input_shape=(8, 8))
    board = TensorBoard(tmp_path / "run", model)
    history = model.fit(
        train[:100],
        test[:50] if held else None,
        epochs=3,
        callbacks=board,
        progress=False,
    )
    events = curves(tmp_path / "run")
    names = {"learning_rate": "learning_rate", "seconds": "seconds"}
    if held:
        names |= {"loss": "loss/training", "val_loss": "loss/validation"}
        names |= {
            "accuracy": "accuracy/training",
            "val_accuracy": "accuracy/validation",
        }
    else:
        names |= {"loss": "loss", "accuracy": "accuracy"}
    assert set(events.Tags()["scalars"]) == set(names.values())
    for column, tag in names.items():
        found = events.Scalars(tag)
        assert [event.step for event in found] == [1, 2, 3]
        np.testing.assert_allclose([e.value for e in found], history[column], rtol=1e-6)
    assert set(events.Tags()["histograms"]) == set(model.state_dict())


def test_a_missing_tensorboard_names_the_extra(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install digitnet\[tensorboard\]"):
        TensorBoard(tmp_path)
