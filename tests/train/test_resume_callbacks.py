"""Callbacks of a training that goes on by fit(resume=FOLDER)."""

import pytest
from train.test_resume import Killed, killer, network

import digitnet


def test_callbacks_get_back_what_they_asked_to_keep(digits, tmp_path):
    train = digits[0][:200]

    def watching(folder):
        folder.mkdir(exist_ok=True)
        best = digitnet.callbacks.ModelCheckpoint(
            folder / "best-{epoch}.safetensors", "loss", save_best_only=True
        )
        return [best, digitnet.callbacks.CSVLogger(folder / "log.csv")]

    options = {"epochs": 4, "progress": False, "learning_rate": 0.05}
    whole = watching(tmp_path / "whole")
    network().fit(train, callbacks=whole, **options)
    state = {**options, "resume": tmp_path / "state"}
    parts = watching(tmp_path / "parts")
    with pytest.raises(Killed):
        network().fit(train, callbacks=[*parts, killer(3)], **state)
    parts = watching(tmp_path / "parts")
    network().fit(train, callbacks=[*parts, lambda *_: None], **state)
    assert parts[0].best == whole[0].best

    def rows(folder):
        lines = (tmp_path / folder / "log.csv").read_text().splitlines()
        return [line.rsplit(",", 1)[0] for line in lines]  # all but the seconds

    assert rows("parts") == rows("whole")
    assert len(rows("whole")) == 5


def test_a_state_that_json_cannot_hold_is_named(digits, tmp_path):
    class Odd(digitnet.callbacks.Callback):
        def state_dict(self):
            return {"a set": {1, 2}}

        def load_state_dict(self, state):
            pass

    with pytest.raises(TypeError, match="a state of plain values from Odd"):
        network().fit(digits[0][:50], resume=tmp_path, callbacks=Odd(), progress=False)


class Keeps(digitnet.callbacks.Callback):
    """Keeps the name that it was made with."""

    def __init__(self, name, target=None):
        self.name, self.loaded = name, None
        if target is not None:
            self.writes_to = target

    def state_dict(self):
        return {"name": self.name}

    def load_state_dict(self, state):
        self.loaded = state["name"]


class Other(Keeps):
    pass


def begin(train, folder, *callbacks):
    with pytest.raises(Killed):
        network().fit(
            *(train,),
            callbacks=[*callbacks, killer(2)],
            **{"resume": folder, "epochs": 3, "progress": False},
        )


def go_on(train, folder, *callbacks):
    network().fit(train, callbacks=callbacks, resume=folder, epochs=3, progress=False)
    return [callback.loaded for callback in callbacks]


def test_states_meet_their_callbacks_in_any_order(digits, tmp_path):
    train = digits[0][:50]
    begin(train, tmp_path, Keeps("a", "a.csv"), Other("b"), Keeps("c", "c.csv"))
    loaded = go_on(
        *(train, tmp_path),
        *(Other(""), Keeps("", "c.csv"), lambda_of_state(), Keeps("", "a.csv")),
    )
    assert loaded == ["b", "c", None, "a"]


def lambda_of_state():
    """A new callback of a class that the training did not have."""

    class New(Keeps):
        pass

    return New("new")


def test_the_only_one_of_its_class_may_write_elsewhere(digits, tmp_path):
    begin(digits[0][:50], tmp_path, Keeps("a", "a.csv"), Other("b"))
    assert go_on(digits[0][:50], tmp_path, Other(""), Keeps("", "moved.csv")) == [
        "b",
        "a",
    ]


def test_states_that_may_belong_to_several_are_refused_by_name(digits, tmp_path):
    train = digits[0][:50]
    begin(train, tmp_path, Keeps("a", "a.csv"), Keeps("b", "b.csv"))
    with pytest.raises(
        ValueError, match=r"Keeps 'a.csv', Keeps 'b.csv' among them, got"
    ):
        go_on(train, tmp_path, Keeps("", "c.csv"), Keeps("", "d.csv"))
    assert go_on(train, tmp_path, Keeps("", "b.csv"), Keeps("", "a.csv")) == ["b", "a"]


def test_a_state_that_its_callback_does_not_take_is_named(digits, tmp_path):
    path, train = tmp_path / "log.csv", digits[0][:50]

    class CSVLogger(Keeps):  # another one of the same name
        pass

    begin(train, tmp_path, CSVLogger("a", str(path)))
    with pytest.raises(
        digitnet.DataError, match=r"a state of CSVLogger '.*log.csv' th"
    ):
        go_on(train, tmp_path, digitnet.callbacks.CSVLogger(path))


@pytest.mark.parametrize(
    ("callback", "states"),
    [
        (
            digitnet.callbacks.CSVLogger("log.csv"),
            [{}, {"bytes": "a", "waiting": ""}, {"bytes": 1, "waiting": 2}, [], None],
        ),
        (
            digitnet.callbacks.ModelCheckpoint("a.safetensors"),
            [{}, {"best": "a"}, {"best": [1]}, 3, None],
        ),
    ],
)
def test_states_of_other_kinds_are_refused_by_the_callback(callback, states):
    for state in states:
        with pytest.raises((TypeError, KeyError)):
            callback.load_state_dict(state)
