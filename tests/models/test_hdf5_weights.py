"""Keras' HDF5 files that mean harm or are damaged."""

import struct
import time

import numpy as np
import pytest

import digitnet
from digitnet.models.weights.hdf5_attributes import text_attributes


def _elsewhere(file, folder):
    (folder / "secret").write_bytes(b"s" * 600)
    file.create_dataset(
        "conv1/kernel", (5, 5, 1, 6), "f4", external=[(str(folder / "secret"), 0, 600)]
    )


def _virtual(file, folder):
    import h5py

    layout = h5py.VirtualLayout((5, 5, 1, 6), "f4")
    layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "x", (5, 5, 1, 6))
    file.create_virtual_dataset("conv1/kernel", layout)


def _endless(file, folder):
    file.create_dataset("conv1/kernel", (10**6, 10**6), "f4", chunks=(1000, 1000))


def _deep(file, folder):
    file.create_group("/".join(["g"] * 200)).create_dataset("kernel", data=[0.5])


def _too_large_for_32_bits(file, folder):
    file.create_dataset("conv1/kernel", data=np.full((5, 5, 1, 6), 1e300))


def _flipped(file, folder):
    file.create_dataset("conv1/kernel", data=np.full((5, 5, 1, 6), np.nan, "f4"))


def _signaling(file, folder):
    odd = np.full((5, 5, 1, 6), 0x7FF0000000000001, "u8").view("f8")
    file.create_dataset("conv1/kernel", data=odd)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_elsewhere, "conv1/kernel: expected numbers in the file, got a reference"),
        (_virtual, "conv1/kernel: expected numbers in the file, got a reference"),
        (_endless, "conv1/kernel: expected at most 2,048 MiB of weights"),
        (_deep, "expected groups at most 16 deep"),
        (_too_large_for_32_bits, "conv1/kernel: expected finite weights of 32 bits"),
        (_flipped, "conv1/kernel: expected finite weights of 32 bits"),
        (_signaling, "conv1/kernel: expected finite weights of 32 bits"),
    ],
)
def test_a_hostile_hdf5_file_is_refused_and_changes_nothing(make, message, tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        make(file, tmp_path)
    model = digitnet.models.make("lenet5")
    before = model.state_dict()
    with pytest.raises(digitnet.DataError, match=f"a.h5: {message}"):
        model.load_weights(tmp_path / "a.h5")
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("name", ["layer_names", "model_config"])
def test_an_attribute_that_claims_gigabytes_is_refused_before_it_is_read(
    name, tmp_path
):
    """HDF5 makes room for what a reference claims; these are in the file's bytes."""
    import h5py

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("conv1")
        group["kernel:0"] = np.zeros((5, 5, 1, 6), np.float32)
        file.attrs["layer_names"] = [b"conv1"]
        file.attrs["model_config"] = "{}"
    content = bytearray(path.read_bytes())
    place = content.index(name.encode() + b"\0")
    length = {"layer_names": 5, "model_config": 2}[name]
    reference = content.index(length.to_bytes(4, "little"), place + 40)
    content[reference : reference + 4] = (2**32 - 9).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(
        digitnet.DataError, match=rf"a.h5: {name}: expected one whole attribute"
    ):
        digitnet.models.make("lenet5").load_weights(path)


@pytest.mark.filterwarnings("ignore:load_weights")
def test_a_corrupt_hdf5_file_is_refused_or_read(rng, tmp_path):
    import h5py

    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("conv1/kernel", data=rng.normal(size=(5, 5, 1, 6)))
        file.create_dataset("conv1/bias", data=rng.normal(size=6))
    whole = path.read_bytes()
    for _ in range(60):
        content = bytearray(whole)
        for place in rng.integers(0, len(whole), 8):
            content[place] = rng.integers(256)
        path.write_bytes(content)
        model = digitnet.models.make("lenet5")
        try:
            model.load_weights(path)
        except ValueError:  # DataError too: named, not a crash
            continue
        assert all(np.isfinite(v).all() for v in model.state_dict().values())


def _attribute(form, count, each):
    """An attribute "layer_names" whose values begin with its own bytes; version 3."""
    kind = bytes([form, 0, 0, 0]) + each.to_bytes(4, "little")
    space = bytes([2, 1, 0, 0]) + count.to_bytes(8, "little")
    sizes = b"".join(n.to_bytes(2, "little") for n in (12, len(kind), len(space)))
    return b"\3\0" + sizes + b"\0layer_names\0" + kind + space


def _periodic(form, each, size=10_000_000):
    """Each period is an attribute of as many values as there are."""
    part = _attribute(form, 50_000, each)
    return part * (size // len(part))


def _of_heaps(size=4_000_000, first=200_000, count=10_000):
    """An attribute of references to heaps that lie in the objects of one another."""
    content = _attribute(9, count, 16)
    for i in range(count):
        place = first + 32 * i + 16
        content += struct.pack("<IQI", 1, place, 1)
    content += bytes(first - len(content))
    for place in range(first, size, 32):
        heap = b"GCOL\1\0\0\0" + struct.pack("<Q", size - place - 16)
        content += struct.pack("<HHIQ", 1, 0, 0, 16) + heap
    return content


@pytest.mark.parametrize(
    "content",
    [_periodic(3, 1), _periodic(3, 180), b"layer_names" * 900_000, _of_heaps()],
    ids=["short texts", "long texts", "names", "heaps"],
)
def test_attributes_that_lie_over_one_another_are_refused_soon(content):
    start = time.monotonic()
    with pytest.raises(digitnet.DataError, match="a.h5: .*expected"):
        text_attributes(content, ["layer_names"], "a.h5")
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("count", [1, 30_000])
def test_as_many_names_as_a_file_may_have_are_read(count, tmp_path):
    import h5py

    names = [f"layer {i}".encode() for i in range(count)]
    with h5py.File(tmp_path / "a.h5", "w", libver="latest") as file:
        file.attrs["layer_names"] = np.array(names, object)
    content = (tmp_path / "a.h5").read_bytes()
    assert text_attributes(content, ["layer_names"], "a.h5") == {"layer_names": names}
