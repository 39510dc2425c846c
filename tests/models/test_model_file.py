"""Files of models: equal when whole, refused by name when not, never half-written."""

import copy
import json
import os
import pickle
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import digitnet
from digitnet import DataError

GOLDEN = Path(__file__).parent / "golden_v1.safetensors"
PICKLED = GOLDEN.with_name("pickled_v0_1.pickle")  # modules have moved since


def parts(path):
    """(tensors, description) of a model file."""
    from safetensors import safe_open

    with safe_open(path, framework="np") as file:
        return load_file(path), json.loads(file.metadata()["digitnet"])


def rewrite(path, tensors, about):
    text = about if isinstance(about, str) else json.dumps(about)
    save_file(tensors, path, {"digitnet": text})


@pytest.fixture
def saved(tmp_path, trained):
    trained.save(tmp_path / "m.safetensors")
    return tmp_path / "m.safetensors"


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))]
)
def test_a_copy_predicts_the_same_and_learns_alone(again, trained, digits):
    before = trained.predict_logits(digits[1])
    copied = again(trained)
    np.testing.assert_array_equal(copied.predict_logits(digits[1]), before)
    assert (copied.name, copied.classes, copied.max_value) == (
        *(trained.name, trained.classes, trained.max_value),
    )
    assert copied.history["loss"] == trained.history["loss"]
    copied.fit(digits[0][:100], epochs=1, progress=False)
    assert np.abs(copied.predict_logits(digits[1]) - before).max() > 1e-3
    np.testing.assert_array_equal(trained.predict_logits(digits[1]), before)


@pytest.mark.parametrize("name", digitnet.models.names())
def test_every_model_survives_save_and_load(name, tmp_path, rng):
    model = digitnet.models.make(name, seed=3)
    images = rng.integers(0, 256, (4, *model.input_shape), dtype=np.uint8)
    model.save(tmp_path / "m.safetensors")
    again = digitnet.models.load(tmp_path / "m.safetensors")
    method = "reconstruct" if model.outputs_images else "predict_proba"
    np.testing.assert_array_equal(
        getattr(again, method)(images), getattr(model, method)(images)
    )
    assert (again.name, again.classes, again.input_shape) == (
        model.name,
        model.classes,
        model.input_shape,
    )


def test_a_trained_model_is_the_same_when_loaded(saved, trained, digits):
    again = digitnet.models.load(saved)
    assert again.max_value == 16
    np.testing.assert_array_equal(
        again.predict_logits(digits[1]), trained.predict_logits(digits[1])
    )


def test_saving_twice_gives_the_same_bytes(saved, trained, tmp_path):
    trained.save(tmp_path / "again.safetensors")
    assert saved.read_bytes() == (tmp_path / "again.safetensors").read_bytes()


def test_a_file_of_the_first_format_is_still_read():
    model = digitnet.models.load(GOLDEN)
    image = (np.arange(64).reshape(8, 8) % 17).astype(np.uint8)
    expected = json.loads(GOLDEN.with_suffix(".json").read_text())
    np.testing.assert_allclose(model.predict_proba(image)[0], expected, atol=1e-6)


@pytest.mark.torch
def test_torch_itself_reads_the_weights(saved, trained):
    from safetensors.torch import load_file as load_torch

    state = load_torch(saved)
    trained.to_torch().load_state_dict(state)
    for name, value in trained.state_dict().items():
        np.testing.assert_array_equal(state[name].numpy(), value)


def test_every_truncation_and_every_header_byte_is_refused_or_harmless(
    saved, tmp_path, rng
):
    whole = saved.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    target = tmp_path / "bad.safetensors"
    for cut in [0, 1, 7, 8, 9, header - 1, header, len(whole) - 1]:
        target.write_bytes(whole[:cut])
        with pytest.raises(DataError, match="bad.safetensors"):
            digitnet.models.load(target)
    for at in rng.choice(header, 200, replace=False):
        corrupted = bytearray(whole)
        corrupted[at] ^= int(rng.integers(1, 256))
        target.write_bytes(corrupted)
        try:
            digitnet.models.load(target)
        except DataError:
            continue
        except Exception as error:
            pytest.fail(f"byte {at}: {type(error).__name__}: {error}")


def test_a_changed_bit_of_any_weight_is_refused(saved, tmp_path, rng):
    whole = saved.read_bytes()
    header = 8 + int.from_bytes(whole[:8], "little")
    target = tmp_path / "bad.safetensors"
    places = [header, len(whole) - 1, *rng.integers(header, len(whole), 20).tolist()]
    for at in places:
        corrupted = bytearray(whole)
        corrupted[at] ^= 1 << int(rng.integers(8))
        target.write_bytes(corrupted)
        with pytest.raises(DataError, match=r"bad.safetensors: .*(checksum|finite)"):
            digitnet.models.load(target)
        model = digitnet.models.load(saved)
        with pytest.raises(DataError, match=r"bad.safetensors: .*(checksum|finite)"):
            model.load_weights(target)


def test_a_changed_letter_of_the_description_is_refused(saved, tmp_path):
    target = tmp_path / "bad.safetensors"
    content = saved.read_bytes()
    changed = content.replace(b'max_value\\": 16', b'max_value\\": 15')
    assert changed != content
    target.write_bytes(changed)
    with pytest.raises(DataError, match=r"bad.safetensors: expected content of the ch"):
        digitnet.models.load(target)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.update(format=2), "expected format 1, got 2; update digitnet"),
        (lambda a: a.update(format=True), "format: expected"),
        (lambda a: a.pop("classes"), "expected the fields"),
        (lambda a: a.update(more=1), "expected the fields"),
        (lambda a: a.update(network=[]), "network: expected"),
        (
            lambda a: a.update(input_shape=[1, 8]),
            "expected an input of at least 2",
        ),
        (lambda a: a.update(input_shape=[1, 10**9, 8]), "sizes from 1 to 1024"),
        (lambda a: a.update(input_shape=["a", 8, 8]), "expected numbers"),
        (lambda a: a.update(max_value=-1), "expected numbers"),
        (
            lambda a: a.update(max_value=1e-300),
            "max_value: expected numbers from 1e-30",
        ),
        (
            lambda a: a.update(max_value=10**400),
            "max_value: expected numbers from 1e-30",
        ),
        (lambda a: a.update(max_value=float("nan")), "max_value: expected numbers"),
        (lambda a: a.update(classes=["a"] * 10), "expected different names"),
        (
            lambda a: a.update(preprocess=[["pickle", {}]]),
            "unknown preprocessing step 'pickle'",
        ),
        (lambda a: a.update(classes=["a"]), "expected 10 names"),
        (
            lambda a: a["network"]["layers"][0].update(kind="exec"),
            "unknown layer 'exec'",
        ),
        (lambda a: a["network"]["layers"][0].update(code="1"), "expected fields kind"),
        (
            lambda a: a["network"]["layers"][0]["options"].update(channels=17),
            "expected the tensors",
        ),
        (
            lambda a: a["network"]["layers"][0]["options"].update(channels=1e300),
            "conv.channels",
        ),
        (lambda a: a["network"]["layers"][0].update(name="../../x"), "conv.name"),
        (lambda a: a["network"]["layers"].pop(), "expected"),
    ],
)
def test_a_description_that_lies_is_refused_by_field(saved, change, message):
    tensors, about = parts(saved)
    change(about)
    rewrite(saved, tensors, about)
    with pytest.raises(DataError, match=message):
        digitnet.models.load(saved)


def test_weights_that_overflow_give_no_answer(saved, digits):
    tensors, about = parts(saved)
    huge = {name: np.full_like(value, 3e38) for name, value in tensors.items()}
    rewrite(saved, huge, about)
    model = digitnet.models.load(saved)
    for ask in (model.predict, model.predict_proba, model.evaluate):
        with pytest.raises(RuntimeError, match="predict: expected finite outputs, got"):
            ask(digits[1])


def test_descriptions_that_are_no_json_are_refused(saved):
    tensors, _ = parts(saved)
    for text in ("", "{", "null", "[" * 100_000, '{"a":' * 50_000, "x" * 3_000_000):
        rewrite(saved, tensors, text)
        with pytest.raises(DataError, match="m.safetensors"):
            digitnet.models.load(saved)


def test_nested_layers_without_end_are_refused(saved):
    tensors, about = parts(saved)
    for _ in range(200):
        about["network"] = {
            "kind": "sequence",
            "name": "",
            "options": {},
            "layers": [about["network"]],
        }
    rewrite(saved, tensors, about)
    with pytest.raises(DataError, match="at most 32 nested"):
        digitnet.models.load(saved)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.update(extra=np.zeros(3, np.float32)), "expected the tensors"),
        (lambda t: t.pop("dense1.bias"), "expected the tensors"),
        (
            lambda t: t.update({"dense1.bias": np.zeros(127, np.float32)}),
            "expected the tensors",
        ),
        (
            lambda t: t.update({"dense1.bias": np.zeros(128, np.float64)}),
            "expected float32",
        ),
        (
            lambda t: t.update({"dense1.bias": np.full(128, np.nan, np.float32)}),
            "expected finite",
        ),
    ],
)
def test_tensors_that_do_not_fit_are_refused_by_name(saved, change, message):
    tensors, about = parts(saved)
    change(tensors)
    rewrite(saved, tensors, about)
    with pytest.raises(DataError, match=message):
        digitnet.models.load(saved)


def test_other_peoples_files_are_refused(tmp_path):
    save_file({"a": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(DataError, match="expected a model saved by digitnet"):
        digitnet.models.load(tmp_path / "other.safetensors")
    (tmp_path / "pickle.pt").write_bytes(b"\x80\x04cos\nsystem\n.")
    with pytest.raises(DataError, match="pickle.pt"):
        digitnet.models.load(tmp_path / "pickle.pt")
    with pytest.raises(FileNotFoundError, match="expected a model file"):
        digitnet.models.load(tmp_path / "nothing.safetensors")
    with pytest.raises(FileNotFoundError, match="expected a model file"):
        digitnet.models.load(tmp_path)


def test_a_failed_save_keeps_the_old_file(saved, trained, monkeypatch):
    before = saved.read_bytes()

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        trained.save(saved)
    assert saved.read_bytes() == before
    assert [p.name for p in saved.parent.iterdir()] == [saved.name]


def test_a_missing_folder_is_an_os_error(trained, tmp_path):
    with pytest.raises(FileNotFoundError):
        trained.save(tmp_path / "nowhere" / "m.safetensors")


def test_permissions_follow_the_umask_and_an_old_files_mode(saved, trained):
    assert saved.stat().st_mode & 0o777 == 0o666 & ~os.umask(os.umask(0o022))
    saved.chmod(0o640)
    trained.save(saved)
    assert saved.stat().st_mode & 0o777 == 0o640


def test_a_kill_while_saving_leaves_a_whole_file(tmp_path):
    path = tmp_path / "m.safetensors"
    code = (
        "import digitnet, sys\n"
        "model = digitnet.models.make('mlp')\n"
        f"model.save({str(path)!r}); print('ready', flush=True)\n"
        f"while True: model.save({str(path)!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    process.stdout.readline()
    time.sleep(0.05)
    process.kill()
    process.wait()
    process.stdout.close()
    assert digitnet.models.load(path).count_params() == 669_706


def test_a_pickle_of_version_0_1_is_still_read():
    model = pickle.loads(PICKLED.read_bytes())
    logits = model.predict_logits(np.arange(4).reshape(1, 2, 2))
    np.testing.assert_allclose(logits, [[0.3931258, 0.00685277]], rtol=1e-4)
    assert model.name == "old"
    assert model.history.epochs == 1
