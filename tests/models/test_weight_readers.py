"""Files of weights by their content: wrappers, odd tensors, what is no file of weights,
and what is larger than it seems."""

import io
import json
import pickle
import zipfile

import numpy as np
import pytest
from reference.optional import nn, torch

import digitnet
from digitnet import DataError
from digitnet.layers import Dense, Flatten
from digitnet.models import file_kinds


def small(seed=0, units=3):
    return digitnet.Model([Flatten(), Dense(units)], (1, 4, 4), seed=seed)


@pytest.fixture
def state():
    return {k: torch.from_numpy(v) for k, v in small(seed=5).state_dict().items()}


def assert_taken(source, state, **options):
    model = small()
    report = model.load_weights(source, strict=True, **options)
    for name, value in state.items():
        np.testing.assert_array_equal(model.state_dict()[name], value.numpy())
    return report


# -- wrappers ---------------------------------------------------------------------


@pytest.mark.torch
@pytest.mark.parametrize(
    "key", ["state_dict", "model_state_dict", "model", "net", "weights_of_mine"]
)
def test_a_state_dict_within_a_record_is_found(key, state, tmp_path):
    """As torch's tutorials, Lightning, fastai and others keep it, in files and in memory."""
    optimizer = torch.optim.Adam(nn.Linear(2, 2).parameters())
    record = {"epoch": 3, key: state, "optimizer": optimizer.state_dict(), "loss": 0.5}
    torch.save(record, tmp_path / "m.pth")
    for source in (tmp_path / "m.pth", record):
        report = assert_taken(source, state)
        assert f"the tensors are those of '{key}'" in str(report)


@pytest.mark.torch
def test_records_within_records_are_found_and_two_are_not_chosen_between(
    state, tmp_path
):
    torch.save({"model": {"state_dict": state}}, tmp_path / "m.pth")
    assert_taken(tmp_path / "m.pth", state)
    torch.save({"generator": state, "critic": state}, tmp_path / "two.pth")
    with pytest.raises(DataError, match=r"two.pth: expected .* got several: generator"):
        small().load_weights(tmp_path / "two.pth")
    torch.save({**state, "epoch": 3}, tmp_path / "odd.pth")
    with pytest.raises(DataError, match=r"got dict with epoch \(int\)"):
        small().load_weights(tmp_path / "odd.pth")


@pytest.mark.torch
@pytest.mark.parametrize("name", ["last.ckpt", "model.tar", "model.bin", "model"])
def test_a_checkpoint_is_known_by_its_content(name, state, tmp_path):
    """As Lightning writes it: the module's attribute before its names, and its own
    buffers and metrics beside."""
    lightning = {f"model.{key}": value for key, value in state.items()}
    lightning |= {"class_weights": torch.ones(3), "val_acc.tp": torch.ones(3)}
    torch.save(
        {
            "epoch": 1,
            "pytorch-lightning_version": "2.6.6",
            "state_dict": lightning,
            "optimizer_states": [{"state": {}, "param_groups": [{"lr": 0.1}]}],
            "hyper_parameters": {"lr": 0.1},
        },
        tmp_path / name,
    )
    model = small()
    with pytest.warns(UserWarning, match="not used: class_weights") as caught:
        report = model.load_weights(tmp_path / name)
    assert len(caught) == 1
    assert report.unexpected_keys == ["class_weights", "val_acc.tp"]
    assert "'model.' was left out before 2 names of the source" in str(report)
    for key, value in state.items():
        np.testing.assert_array_equal(model.state_dict()[key], value.numpy())


@pytest.mark.torch
def test_what_hides_weights_behind_code_says_how_to_take_them_out(state, tmp_path):
    ran = tmp_path / "ran"
    hidden = {"state_dict": state, "hyper_parameters": Runs(ran)}
    for content, weights in (
        (hidden, "checkpoint['state_dict']"),
        ({"x": Runs(ran)}, "module.state_dict()"),
    ):
        torch.save(content, tmp_path / "m.ckpt")
        with pytest.raises(DataError) as error:
            small().load_weights(tmp_path / "m.ckpt")
        assert not ran.exists()
        assert f"torch.save({weights}, 'weights.pth')" in str(error.value)


class Runs:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return type(self.path).touch, (self.path,)


def test_a_file_that_is_not_there_is_not_called_unknown(tmp_path):
    for name in ("last.ckpt", "model.tar", "model.pth"):
        with pytest.raises(FileNotFoundError, match=name):
            small().load_weights(tmp_path / name)


@pytest.mark.torch
def test_a_pickled_module_is_refused_in_our_own_words(tmp_path):
    module = nn.Sequential(nn.Linear(2, 2))
    torch.save(module, tmp_path / "whole.pth")
    with pytest.raises(DataError) as error:
        small().load_weights(tmp_path / "whole.pth")
    text = str(error.value)
    assert "whole.pth: expected tensors by name, got an object of torch.nn" in text
    assert "state_dict()" in text
    assert "weights_only" not in text and "\x1b" not in text


@pytest.mark.torch
def test_programs_of_torch_are_refused_in_our_own_words(tmp_path):
    with zipfile.ZipFile(tmp_path / "script.pt", "w") as archive:
        for name in ("data.pkl", "constants.pkl", "code/__torch__.py"):
            archive.writestr(f"script/{name}", b"")
    with pytest.raises(DataError, match=r"script.pt: .* got a TorchScript program"):
        small().load_weights(tmp_path / "script.pt")
    with pytest.raises(DataError, match=r"script.pt: .*its state_dict\(\) to model"):
        digitnet.models.load(tmp_path / "script.pt")


# -- odd tensors --------------------------------------------------------------------


def odd_tensors():
    weight = torch.zeros(3, 16)
    return {
        "got quantised ones": torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8),
        "got sparse": weight.to_sparse(),
        "meta": torch.zeros(3, 16, device="meta"),
        "got complex64": weight.to(torch.complex64),
        "got float8_e4m3fn": weight.to(torch.float8_e4m3fn),
    }


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")
@pytest.mark.parametrize(
    "message",
    ["got quantised ones", "got sparse", "meta", "got complex64", "got float8_e4m3fn"],
)
def test_tensors_that_are_no_plain_numbers_are_refused_by_name(
    message, state, tmp_path
):
    state["dense1.weight"] = odd_tensors()[message]
    torch.save(state, tmp_path / "odd.pth")
    for source in (tmp_path / "odd.pth", state):
        with pytest.raises(DataError, match=rf"dense1.weight: expected .*{message}"):
            small().load_weights(source)


@pytest.mark.torch
def test_parameters_and_half_precision_are_taken(state, tmp_path):
    state["dense1.weight"] = nn.Parameter(state["dense1.weight"].bfloat16())
    torch.save(state, tmp_path / "p.pth")
    expected = {k: v.detach().float() for k, v in state.items()}
    assert_taken(tmp_path / "p.pth", expected)
    from safetensors.torch import save_file

    save_file({k: v.detach() for k, v in state.items()}, tmp_path / "p.safetensors")
    assert_taken(tmp_path / "p.safetensors", expected)


@pytest.mark.torch
def test_float8_in_safetensors_is_refused_by_name(state, tmp_path):
    from safetensors.torch import save_file

    state["dense1.weight"] = state["dense1.weight"].to(torch.float8_e4m3fn)
    save_file(state, tmp_path / "f.safetensors")
    with pytest.raises(
        DataError, match=r"f.safetensors: dense1.weight: .* got F8_E4M3"
    ):
        small().load_weights(tmp_path / "f.safetensors")


# -- content, not name ----------------------------------------------------------------


@pytest.mark.torch
def test_the_content_decides_whatever_the_file_is_called(state, tmp_path):
    small(seed=5).save(tmp_path / "ours.safetensors")
    (tmp_path / "ours.safetensors").rename(tmp_path / "ours.h5")
    assert_taken(tmp_path / "ours.h5", state)
    torch.save(state, tmp_path / "theirs.bin")
    assert_taken(tmp_path / "theirs.bin", state)


@pytest.mark.parametrize("suffix", [".h5", ".pth", ".keras", ".onnx", ".pt2", ".H5"])
def test_saving_under_another_programs_suffix_is_refused_at_once(suffix, tmp_path):
    train, _ = digitnet.data.load("digits")
    model = digitnet.models.make("linear", (8, 8))
    path = tmp_path / f"m{suffix}"
    message = rf"Model.save: expected a name that ends in .safetensors, got 'm{suffix}'"
    with pytest.raises(ValueError, match=message):
        model.save(path)
    with pytest.raises(ValueError, match=message):
        model.fit(train[:20], epochs=1, checkpoint=path, progress=False)
    with pytest.raises(ValueError, match=message):
        digitnet.callbacks.ModelCheckpoint(path)
    assert model.history is None and not path.exists()


@pytest.mark.torch
def test_loading_another_programs_model_says_what_takes_its_weights(state, tmp_path):
    import h5py

    torch.save(state, tmp_path / "x.pt")
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["dense/kernel"] = np.zeros((16, 3), np.float32)
    with zipfile.ZipFile(tmp_path / "x.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(tmp_path / "x.h5", "model.weights.h5")
    for name in ("x.pt", "x.h5", "x.keras"):
        with pytest.raises(DataError, match=rf"model.load_weights\('{name}'\)"):
            digitnet.models.load(tmp_path / name)
    (tmp_path / "x.onnx").write_bytes(b"\x08\x08\x12\x07pytorch\x1a\x03")
    with pytest.raises(DataError, match=r"x.onnx: .*got an ONNX model, which digitnet"):
        digitnet.models.load(tmp_path / "x.onnx")
    (tmp_path / "x.bin").write_bytes(pickle.dumps([1]))
    with pytest.raises(DataError, match=r"x.bin: .*got a pickle, which digitnet"):
        digitnet.models.load(tmp_path / "x.bin")


# -- larger than it seems -----------------------------------------------------------


@pytest.mark.torch
def test_a_torch_file_that_inflates_too_far_is_refused(state, tmp_path):
    torch.save({"dense1.weight": torch.zeros(2**24)}, tmp_path / "plain.pth")
    with (
        zipfile.ZipFile(tmp_path / "plain.pth") as plain,
        zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as deflated,
    ):
        for member in plain.infolist():
            deflated.writestr(member.filename, plain.read(member))
    with pytest.raises(DataError, match=r"small.pth: expected contents of at most 200"):
        small().load_weights(tmp_path / "small.pth")


@pytest.mark.torch
def test_a_torch_tensor_of_strides_zero_is_refused(tmp_path):
    wide = torch.zeros(1, dtype=torch.float16).expand(2**14, 2**14)
    torch.save({"dense1.weight": wide}, tmp_path / "wide.pth")
    with pytest.raises(
        DataError, match=r"wide.pth: dense1.weight: .* at most 200 time"
    ):
        small().load_weights(tmp_path / "wide.pth")


def test_hdf5_that_inflates_too_far_is_refused(tmp_path):
    import h5py

    with h5py.File(tmp_path / "flat.h5", "w") as file:
        zeros = np.zeros(2**24, np.float32)
        file.create_dataset("dense1/kernel", data=zeros, compression="gzip")
    with pytest.raises(
        DataError, match=r"dense1/kernel: .* at most 200 times the file"
    ):
        small().load_weights(tmp_path / "flat.h5")
    with h5py.File(tmp_path / "chunk.h5", "w") as file:  # a few numbers in a huge chunk
        file.create_dataset(
            *("dense1/kernel", (16, 3), "f4"),
            maxshape=(None, None),
            chunks=(2**12, 2**12),
        )
    with pytest.raises(
        DataError, match=r"dense1/kernel: .* at most 200 times the file"
    ):
        small().load_weights(tmp_path / "chunk.h5")


def test_keras_archives_that_inflate_too_far_or_are_damaged_are_refused(tmp_path):
    import h5py

    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((2**12, 2**11 + 2**8), np.float32)

    def refused(config, weights, message):
        path = tmp_path / "m.keras"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("config.json", config)
            archive.writestr("model.weights.h5", weights)
        with pytest.raises(DataError, match=message):
            small().load_weights(path)

    refused(
        "{}", content.getvalue(), r"m.keras: model.weights.h5: .* at most 33,554,432 b"
    )
    refused("{}", b"no file", r"m.keras: expected an HDF5 file")
    refused(" " * 2**24, b"no file", r"m.keras: config.json: .*8,388,608 bytes")
    small_file = io.BytesIO()
    with h5py.File(small_file, "w") as file:
        file["layers/dense/vars/0"] = np.zeros((16, 3), np.float32)
    whole = small_file.getvalue()
    refused("[" * 200_000, whole, r"m.keras: expected JSON in its config")
    refused("no JSON", whole, r"m.keras: expected JSON in its config")


def test_a_safetensors_header_of_megabytes_is_refused_before_it_is_read(tmp_path):
    header = json.dumps({"a" * 2**23: {}}).encode()
    path = tmp_path / "h.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    for read in (small().load_weights, digitnet.models.load):
        with pytest.raises(DataError, match=r"header of at most 8,388,608 bytes"):
            read(path)
    assert file_kinds.MAX_HEADER_BYTES == 8_388_608
