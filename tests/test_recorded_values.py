"""Values that a run recorded, and somebody changed to another kind, are refused by name."""

import pytest

from digitnet import DataError
from digitnet.experiments.kept_history import PARTS, described, history_of
from digitnet.runs.command import KEPT, check_command
from digitnet.train.history import History

COMMAND = {name: None for name in KEPT} | {
    "seed": 0,
    "device": "auto",
    "data": "digits",
}


@pytest.mark.parametrize(
    "odd",
    [
        *({"data": 5}, {"data": ["digits"]}, {"model": {}}, {"preset": []}),
        *({"epochs": "many"}, {"epochs": 1.5}, {"epochs": True}, {"seed": None}),
        *({"learning_rate": "fast"}, {"calibrate": False}, {"deterministic": 1}),
    ],
    ids=str,
)
def test_a_command_of_other_kinds_is_refused(odd):
    check_command({**COMMAND, "epochs": 3, "validation": 0.1}, "command.json")
    (name,) = odd
    with pytest.raises(DataError, match=rf"^command.json: expected \w+ as {name}, got"):
        check_command(COMMAND | odd, "command.json")


@pytest.mark.parametrize(
    "odd",
    [
        *({"columns": 3}, {"columns": [1]}, {"columns": {"loss": 1}}),
        *({"columns": {"loss": ["a"]}}, {"columns": {"loss": [1.0], "accuracy": []}}),
        {"executor": {"a": 1}},
    ],
    ids=str,
)
def test_a_kept_history_of_other_kinds_is_refused(odd):
    history = History({"epochs": 1})
    history.take({"loss": [2.0, 1.0], "accuracy": [0.5, 0.75]})
    values = described(history)
    assert set(values) == set(PARTS)
    assert dict(history_of(values, "m.json")) == dict(history)
    with pytest.raises(DataError, match=r"^m.json: expected a history; .*; delete it"):
        history_of(values | odd, "m.json")
