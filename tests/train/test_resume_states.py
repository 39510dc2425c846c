"""The states that fit(resume=FOLDER) keeps, on disks that fail and in hands of others."""

import json
import shutil
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from train.test_resume import assert_equal, interrupted, network, unbroken, weights
from train.test_resume_identity import begun

import digitnet
from digitnet.train import resume, state_files


def damage_cut(content):
    return content[: len(content) // 2]


def damage_flipped(content):
    return content[:-5] + bytes([content[-5] ^ 1]) + content[-4:]


DAMAGES = {
    "cut": damage_cut,
    "one bit": damage_flipped,
    "empty": lambda content: b"",
    "text": lambda content: b"not a state",
    "zeros": lambda content: bytes(len(content)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_newest_state_falls_back_to_the_one_before(damage, digits, tmp_path):
    train = digits[0][:200]
    options = {"epochs": 4, "progress": False}
    whole = unbroken(network, train, epochs=4)
    interrupted(network, train, tmp_path, 3, epochs=4)
    newest = max(tmp_path.glob("training-*"), key=lambda f: f.stat().st_mtime_ns)
    newest.write_bytes(DAMAGES[damage](newest.read_bytes()))
    model = network()
    with pytest.warns(RuntimeWarning, match=f"{newest.name}: .*; the state before it"):
        model.fit(train, resume=tmp_path, **options)
    assert_equal(model, whole)

    for file in tmp_path.glob("training-?.safetensors"):
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
    with pytest.raises(digitnet.DataError, match="expected a whole state in .* got tr"):
        network().fit(train, resume=tmp_path, **options)


def other_state(path, **changes):
    """The state in the file with other values and a right checksum."""
    arrays = load_file(path)
    kept = state_files.newest(path.parent)
    about = {
        "format": 1,
        "count": kept.count,
        "identity": kept.identity,
        "environment": kept.environment,
        "numbers": kept.numbers,
        "history": kept.history,
        "callbacks": kept.callbacks,
        "finished": kept.finished,
    }
    for name, value in changes.items():
        if isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            about["numbers"][name] = value
    path.write_bytes(state_files.to_bytes(about, arrays))


@pytest.mark.parametrize(
    "changes",
    [
        {"epoch": 99},
        {"epoch": 0},
        {"epoch": "two"},
        {"step": -1},
        {"step": 10**6},
        {"steps": 5},
        {"epoch.correct": -4},
        {"weights": np.zeros(3, np.float32)},
        {"weights": np.zeros((2, 2), np.float32)},
        {"optimizer.0": np.zeros(0, np.float32)},
        {"buffers": np.full(12, np.nan, np.float32)},
        {"monitored": np.zeros(7)},
        {"averages": np.zeros(5, np.float32)},
    ],
    ids=str,
)
def test_a_state_that_does_not_fit_is_refused_whole(changes, digits, tmp_path):
    train = digits[0][:200]
    begun(train, tmp_path)
    (path,) = tmp_path.glob("training-?.safetensors")
    other_state(path, **changes)
    model = network()
    model.temperature = 2.0

    def described():
        named = (model.history, model.classes, model.max_value, model.temperature)
        return (weights(model), *named)

    before = described()
    with pytest.raises(digitnet.DataError, match=r"^state"):
        model.fit(train, resume=tmp_path, epochs=3, progress=False)
    assert described() == before


# What a file with a right checksum may have instead of what it should.
ODD = (None, 7, -1.5, "text", [], [[]], {}, {"a": 1}, True)
ODD_PARTS = {
    "count": (None, "1", -1, 1.5, True, []),
    "identity": (None, 7, "text", []),
    "environment": (None, 7, "text", []),
    "numbers": (None, 7, "text", []),
    "history": (
        *(None, 7, "text", [], {}),
        *(
            {"columns": one, "status": "finished", "message": ""}
            for one in ODD
            if one != {}
        ),
        {"columns": {"loss": ["a"]}, "status": "", "message": ""},
        {"columns": {"loss": [1.0], "accuracy": []}, "status": "", "message": ""},
        {"columns": {"loss": [1.0]}, "status": 3, "message": ""},
        {"columns": {"loss": [1.0]}, "status": ""},
    ),
    "callbacks": (None, 7, "text", []),
    "finished": (None, 7, "text", [], {"a": 1}, {"temperature": "a", "is_best": True}),
    "format": (None, "1", [], {"a": 1}),
}


def rewrite(path, arrays=None, **parts):
    """The file with other parts, or arrays beside those it has, and a right checksum."""
    with safe_open(path, framework="np") as file:
        about = json.loads(json.loads(file.metadata()["digitnet-training"])["about"])
    content = {**load_file(path), **(arrays or {})}
    path.write_bytes(state_files.to_bytes({**about, **parts}, content))


def newest_and_other(folder):
    paths = folder.glob("training-*")
    return sorted(paths, key=lambda f: -state_files._read(f).count)


@pytest.fixture(scope="module")
def two_states(digits, tmp_path_factory):
    """A folder with two generations of a training of four epochs, and its model's end."""
    folder, train = tmp_path_factory.mktemp("states"), digits[0][:200]
    interrupted(network, train, folder, 3, epochs=4)
    return folder, train, unbroken(network, train, epochs=4)


@pytest.mark.parametrize("part", ODD_PARTS)
def test_a_part_of_another_kind_is_damage_and_the_state_before_is_taken(
    part, two_states, tmp_path
):
    folder, train, whole = two_states
    for value in ODD_PARTS[part]:
        shutil.copytree(folder, tmp_path / "state", dirs_exist_ok=True)
        newest, _ = newest_and_other(tmp_path / "state")
        rewrite(newest, **{part: value})
        with pytest.raises(digitnet.DataError, match=f"{newest.name}: expected"):
            state_files._read(newest)
    model = network()
    with pytest.warns(RuntimeWarning, match=f"{newest.name}: .*; the state before it"):
        model.fit(train, resume=tmp_path / "state", epochs=4, progress=False)
    assert_equal(model, whole)


@pytest.mark.parametrize(
    "arrays",
    [
        {"checkpoint/waiting": np.zeros(3)},
        {"steps/loss": np.array([True])},
        {"steps/loss": np.array([3])},
    ],
    ids=lambda arrays: next(iter(arrays)),
)
def test_arrays_of_another_kind_are_damage(arrays, two_states, tmp_path):
    shutil.copytree(two_states[0], tmp_path, dirs_exist_ok=True)
    newest, _ = newest_and_other(tmp_path)
    rewrite(newest, arrays)
    with pytest.raises(digitnet.DataError, match=f"{newest.name}: .*damage in its"):
        state_files._read(newest)


@pytest.mark.parametrize("name", ["epoch", "step", "steps", "epoch.correct"])
def test_numbers_of_the_loop_of_another_kind_are_refused(name, two_states, tmp_path):
    folder, train, _ = two_states
    for value in (*ODD, 10**30, 1e300):
        shutil.copytree(folder, tmp_path / "state", dirs_exist_ok=True)
        for path in newest_and_other(tmp_path / "state"):
            other_state(path, **{name: value})
        with pytest.raises(digitnet.DataError, match=r"^state"):
            network().fit(train, resume=tmp_path / "state", epochs=4, progress=False)


def test_types_that_numpy_lacks_are_damage(two_states, tmp_path):
    shutil.copytree(two_states[0], tmp_path, dirs_exist_ok=True)
    newest, _ = newest_and_other(tmp_path)
    header = json.dumps(
        {"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}
    )
    newest.write_bytes(len(header).to_bytes(8, "little") + header.encode() + b"\0")
    with pytest.raises(digitnet.DataError, match="expected a"):
        state_files._read(newest)


def test_other_safetensors_are_no_state(digits, tmp_path):
    save_file({"weights": np.zeros(3, np.float32)}, tmp_path / "training-0.safetensors")
    with pytest.raises(digitnet.DataError, match="got another file"):
        network().fit(digits[0][:50], resume=tmp_path, progress=False)


def test_a_full_disk_is_said_once_and_the_training_goes_on(
    digits, tmp_path, monkeypatch
):
    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(resume, "write_whole", full)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = network().fit(
            digits[0][:100], resume=tmp_path, epochs=3, progress=False
        )
    assert history.status == "finished"
    (warning,) = [w for w in caught if "fit.resume" in str(w.message)]
    assert "training-1.safetensors' could not be written (No space left" in str(
        warning.message
    )


def test_a_folder_that_cannot_be_one_is_refused_before_training(digits, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="fit.resume: expected a folder that can be"):
        network().fit(digits[0][:50], resume=tmp_path / "file", progress=False)


def test_one_training_at_a_time_has_a_folder(digits, tmp_path):
    held = resume.TrainingFolder(tmp_path, {}, {})
    with pytest.raises(RuntimeError, match="where another process is at work"):
        network().fit(digits[0][:50], resume=tmp_path, progress=False)
    held.close()
    network().fit(digits[0][:50], resume=tmp_path, epochs=1, progress=False)
    network().fit(digits[0][:50], resume=tmp_path, epochs=1, progress=False)
