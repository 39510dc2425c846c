"""What a network takes for a sample is known and bounded before anything is computed."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

import digitnet
from digitnet.layers import Attention, Concat, Conv, Dense, Flatten, Upsample

MEBI = 1 << 20


def model_of(*layers, input_shape=(1, 28, 28), **options):
    return digitnet.Model([*layers, Flatten(), Dense(2)], input_shape, 2, **options)


def too_large():
    """Two hundred maps of 1 GiB, and hardly a parameter."""
    maps = [Upsample(4), *(Conv(16, 1) for _ in range(200)), Conv(1, 64, stride=64)]
    return model_of(*maps, input_shape=(1, 1024, 1024))


@pytest.mark.parametrize(
    "layers",
    [
        [Upsample(8), Upsample(8), Upsample(8), Conv(64, 1)],
        [Concat(*[[]] * 9)] * 40,  # channels for whose number 64 bits have no room
        [Upsample(16), Conv(16384, 1), Upsample(2)],
        [Upsample(16), Upsample(16), Concat(*[Conv(9, 1)] * 9)],
        [Conv(3, 1), Upsample(16), Upsample(16), Attention()],
        [Conv(3, 1), Upsample(16), Upsample(2), Attention()],
        [Conv(768, 1), Upsample(5), Attention(heads=256)],
    ],
    ids=[
        "upsampled",
        "beyond 64 bits",
        "channels",
        "concat",
        "4096",
        "pixels",
        "heads",
    ],
)
def test_a_network_of_too_many_values_is_refused_where_it_is_made(layers, tmp_path):
    with pytest.raises(ValueError, match=r"at most 268435456 values a sample"):
        model_of(*layers, input_shape=(1, 8, 8))
    network = digitnet.layers.as_sequence([*layers, Flatten(), Dense(2)]).to_dict()
    about = digitnet.models.file.described(digitnet.models.make("linear", classes=2))
    text = json.dumps(about | {"network": network, "input_shape": [1, 8, 8]})
    save_file({"x": np.zeros(1, np.float32)}, tmp_path / "m", {"digitnet": text})
    with pytest.raises(digitnet.DataError, match=r"at most 268435456 values a sample"):
        digitnet.models.load(tmp_path / "m")


@pytest.mark.parametrize("shape", [(1024, 1024, 1024), (1, 2**40, 1), (0, 1, 1)])
def test_an_input_of_too_many_values_is_refused(shape):
    with pytest.raises(ValueError, match=r"input_shape: expected"):
        model_of(input_shape=shape)


def test_large_networks_that_fit_are_made():
    model = model_of(Conv(64, 3, padding="same"), input_shape=(1, 1024, 1024))
    assert model.count_params() > 2 * 64 * 1024 * 1024
    model_of(Conv(3, 1), Upsample(2), Attention())  # of 3136 pixels


@pytest.mark.parametrize(
    "use",
    [
        lambda model, image: model.predict(image),
        lambda model, image: model.evaluate(digitnet.Dataset(image, [1], classes=2)),
        lambda model, image: model.activations(image, ["conv3"]),
        lambda model, image: digitnet.features.embedding(model, image),
        lambda model, image: digitnet.features.saliency(model, image),
        lambda model, image: digitnet.features.grad_cam(model, image, layer="conv3"),
        lambda model, image: model.fit(
            digitnet.Dataset(image, [1], classes=2), epochs=1, progress=False
        ),
    ],
    ids=["predict", "evaluate", "maps", "embedding", "saliency", "grad_cam", "fit"],
)
def test_what_has_no_room_for_one_image_says_how_much_it_needs(use):
    model = too_large()
    assert model.summary().executor["memory_bytes"] > 200 << 30  # and takes nothing
    image = np.full((1, 1, 1024, 1024), 255, np.uint8)
    with pytest.raises(digitnet.OutOfMemory, match=r"\d{6} MiB"):
        use(model, image)


def run_within(mebibytes, code):
    """Run lines of Python that may take so much memory beyond what imports take."""
    script = (
        "import resource, digitnet, numpy as np, sys\n"
        "from digitnet.layers import *\n"
        "digitnet.models.make('linear').predict(np.zeros((1, 28, 28)))\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * 4096\n"
        f"room = used + {mebibytes} * {MEBI}\n"
        "resource.setrlimit(resource.RLIMIT_AS, (room, room))\n"
        f"{code}\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"OMP_NUM_THREADS": "1", "DIGITNET_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-800:]
    return done.stdout


def test_a_pass_has_as_many_images_as_a_gibibyte_holds():
    layers = "[Conv(64, 3, padding='same'), Conv(1, 1, stride=64), Flatten(), Dense(2)]"
    out = run_within(
        1500,
        f"model = digitnet.Model({layers}, (1, 512, 512), 2)\n"
        "images = np.random.default_rng(0).integers(0, 256, (40, 512, 512), np.uint8)\n"
        "together = model.predict_logits(images)\n"
        "alone = np.concatenate([model.predict_logits(i) for i in images[::13]])\n"
        "print((together[::13] == alone).all(), len(together))",
    )
    assert out == "True 40\n"


def test_attention_of_4096_pixels_takes_no_more_than_its_weights():
    layers = "[Conv(12, 1), Attention(heads=4), Flatten(), Dense(2)]"
    out = run_within(
        400,
        f"model = digitnet.Model({layers}, (1, 64, 64), 2)\n"
        "print(model.predict(np.zeros((3, 64, 64), np.uint8)).shape)",
    )
    assert out == "(3,)\n"


def test_memory_that_is_not_there_is_said_in_words():
    out = run_within(
        100,
        "model = digitnet.Model([Conv(64, 1), Conv(1, 64, stride=64), Flatten(), "
        "Dense(2)], (1, 1024, 1024), 2)\n"
        "for use in (model.predict, model.activations):\n"
        "    try:\n"
        "        use(np.zeros((1, 1024, 1024), np.uint8))\n"
        "    except digitnet.OutOfMemory as error:\n"
        "        print(error)\n",
    )
    lines = out.splitlines()
    assert len(lines) == 2
    assert all("memory" in line and "bad_alloc" not in line for line in lines), lines


def test_messages_of_the_core_are_short_and_printable(tmp_path):
    name = "\x1b[31m" + "x" * 1_000_000
    with pytest.raises(ValueError, match="unknown layer") as caught:
        digitnet.layers.Layer(name, {})
    assert len(str(caught.value)) < 2100
    assert "\x1b" not in str(caught.value)
    with pytest.raises(ValueError, match="'é{40}…'; known: blur") as caught:
        digitnet.augment.Pipeline("é" * 100_000)
    assert len(str(caught.value)) < 2100
