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


def test_a_file_in_the_folders_place_is_refused_and_kept(tmp_path):
    (tmp_path / "notes").write_text("precious")
    with pytest.raises(
        NotADirectoryError, match="TensorBoard.folder: expected a folder"
    ):
        TensorBoard(tmp_path / "notes")
    with pytest.raises(
        TypeError, match="TensorBoard.model: expected a Model, got 'lenet"
    ):
        TensorBoard(tmp_path, "lenet5")
    assert (tmp_path / "notes").read_text() == "precious"


@pytest.mark.parametrize("given", [None, (), [], print])
def test_no_callback_one_or_several_may_be_given(digits, given, capsys):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.fit(digits[0][:20], epochs=2, callbacks=given, progress=False)
    assert capsys.readouterr().out.count("loss") == (2 if given is print else 0)


@pytest.mark.parametrize("given", [5, "x", [print, 5], {print}])
def test_what_is_no_callback_is_named(digits, given):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(TypeError, match=r"fit.callbacks: expected functions \(epoch"):
        model.fit(digits[0][:20], epochs=1, callbacks=given, progress=False)
    assert model.max_value is None
