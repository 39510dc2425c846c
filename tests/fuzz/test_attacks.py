"""Files that broke other programs are refused by name, at once, and without much memory."""

import contextlib
import importlib
import os
import re
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest
from fuzz import attacks

import digitnet
from digitnet import DataError
from digitnet.data import read_csv, read_idx, read_svhn
from digitnet.data.readers import read_picture

MAX_SECONDS = 10
MAX_BYTES = 700 * 2**20  # beside what the process has


@contextlib.contextmanager
def little_memory():
    """More than MAX_BYTES cannot be had within."""
    asan = "libasan" in os.environ.get("LD_PRELOAD", "")  # takes all addresses itself
    if asan or not sys.platform.startswith("linux"):
        yield
        return
    resource = importlib.import_module("resource")
    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def assert_refused(read, source, *, named=True):
    start = time.monotonic()
    with little_memory(), pytest.raises(ValueError) as refusal:
        read(source)
    assert time.monotonic() - start < MAX_SECONDS
    assert type(refusal.value) is DataError, repr(refusal.value)
    message = str(refusal.value)
    assert len(message) < 1000
    assert not named or message.startswith(Path(source).name), message
    assert not re.search(r"[\0-\x08\x0b-\x1f]", message), message


@pytest.mark.parametrize("what", attacks.IDX)
def test_idx(what, tmp_path):
    path = tmp_path / "attack"
    path.write_bytes(attacks.IDX[what])
    assert_refused(read_idx, path)


@pytest.mark.parametrize("what", attacks.CSV)
def test_csv(what, tmp_path):
    path = tmp_path / "attack.csv"
    path.write_bytes(attacks.CSV[what])
    assert_refused(read_csv, path)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged parts
@pytest.mark.parametrize("what", attacks.PICTURES)
def test_pictures(what, tmp_path):
    path = tmp_path / "attack.png"
    path.write_bytes(attacks.PICTURES[what])
    assert_refused(read_picture, path)
    with little_memory(), pytest.raises(DataError, match=r"^picture: "):
        read_picture(attacks.PICTURES[what])


@pytest.mark.parametrize("what", attacks.SAFETENSORS)
def test_model_files(what, tmp_path):
    path = tmp_path / "attack.safetensors"
    path.write_bytes(attacks.SAFETENSORS[what])
    assert_refused(digitnet.models.load, path)


@pytest.mark.parametrize("what", attacks.SAFETENSORS)
def test_weights_in_safetensors(what, tmp_path):
    if what.startswith("metadata"):
        pytest.skip("weights have none that are read")
    path = tmp_path / "attack.safetensors"
    path.write_bytes(attacks.SAFETENSORS[what])
    assert_refused(digitnet.models.make("linear", (8, 8)).load_weights, path)


@pytest.mark.torch
def test_weights_of_torch_run_nothing(tmp_path):
    canary = tmp_path / "canary"
    model = digitnet.models.make("linear", (8, 8))
    digitnet.models.make("linear", (8, 8)).to_torch()  # imports torch
    for what, content in attacks.torch_files(canary).items():
        path = tmp_path / "attack.pth"
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"^attack\.pth: "):
            model.load_weights(path)
        assert not canary.exists(), what
    attacks.Runs(canary).__reduce__()[0](canary)
    assert canary.exists()  # what would have been


@pytest.mark.skipif(find_spec("h5py") is None, reason="h5py is not installed")
def test_weights_in_hdf5_stay_in_their_file(tmp_path):
    model = digitnet.models.make("linear", (8, 8))
    before = model.state_dict()
    for what, path in attacks.hdf5_files(tmp_path).items():
        start = time.monotonic()
        with little_memory(), pytest.raises(ValueError) as refusal:
            model.load_weights(path)
        assert type(refusal.value) in (DataError, ValueError), what
        assert time.monotonic() - start < MAX_SECONDS, what
    for name, values in before.items():
        assert (model.state_dict()[name] == values).all()


@pytest.mark.parametrize("what", attacks.MAT)
def test_matlab(what, tmp_path):
    path = tmp_path / "attack.mat"
    path.write_bytes(attacks.MAT[what])
    assert_refused(read_svhn, path)
