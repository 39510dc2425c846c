"""Several ranks train what one process trains; they fail together, and say so."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import digitnet

WORKER = Path(__file__).parent / "worker.py"


def free_port():
    with socket.socket() as connection:
        connection.bind(("127.0.0.1", 0))
        return connection.getsockname()[1]


def run(case, ranks, out, *, timeout=240):
    """(exit codes, stderr) of so many processes, started as torchrun does."""
    port = str(free_port())
    processes = []
    for rank in range(ranks):
        environment = {
            **os.environ,
            "RANK": str(rank),
            "LOCAL_RANK": str(rank),
            "WORLD_SIZE": str(ranks),
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
            "OMP_NUM_THREADS": "1",
        }
        if ranks == 1:
            environment["DIGITNET_EXECUTOR"] = "torch"  # as several have
        command = [sys.executable, str(WORKER), case, str(out)]
        processes.append(
            subprocess.Popen(
                command, env=environment, stderr=subprocess.PIPE, text=True
            )
        )
    errors = [process.communicate(timeout=timeout)[1] for process in processes]
    return [process.returncode for process in processes], errors


def left(out, ranks, rank):
    """(weights, logs) of a rank."""
    with np.load(out / f"{ranks}-{rank}.npz") as arrays:
        weights = dict(arrays)
    return weights, json.loads((out / f"{ranks}-{rank}.json").read_text())


LEARNING = ("dense", "norm", "weights", "adam")


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """The folder in which one process, two ranks and three left what they learned."""
    out = tmp_path_factory.mktemp("ranks")
    for count in (1, 2, 3):
        codes, errors = run(",".join((*LEARNING, "dropout")), count, out)
        assert codes == [0] * count, errors
    return out


@pytest.mark.torch
@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("case", LEARNING)
def test_ranks_learn_what_one_process_learns(learned, case, ranks):
    out = learned / case
    alone, logs_alone = left(out, 1, 0)
    first, logs = left(out, ranks, 0)
    assert "ranks share every step" in logs["executor"]
    for name, value in alone.items():
        np.testing.assert_allclose(
            first[name], value, rtol=2e-4, atol=2e-5, err_msg=name
        )
    for column in ("loss", "accuracy", "val_loss"):
        np.testing.assert_allclose(logs[column], logs_alone[column], rtol=2e-4)


@pytest.mark.torch
@pytest.mark.parametrize("ranks", [2, 3])
@pytest.mark.parametrize("case", [*LEARNING, "dropout"])
def test_all_ranks_have_the_same_bits_and_one_of_them_writes(learned, case, ranks):
    out = learned / case
    first, _ = left(out, ranks, 0)
    for rank in range(1, ranks):
        other, logs = left(out, ranks, rank)
        for name, value in first.items():
            np.testing.assert_array_equal(other[name], value)
        assert logs["callback_calls"] == 0  # rank 0 calls them
    files = {path.name for path in out.glob("checkpoint*")}
    assert files == {"checkpoint0.safetensors"}


@pytest.mark.torch
def test_a_batch_norm_sums_once_forward_and_once_backward(learned):
    weights, logs = left(learned / "norm", 2, 0)
    channels = len(weights["batch_norm1.weight"])
    trained = sum(v.size for name, v in weights.items() if "running" not in name)
    step = [1 + 2 * channels, 2 * channels, trained]
    assert logs["all_reduced"][:12] == step * 4  # an epoch is of four steps
    # The others are a few numbers at the ends of epochs.
    assert logs["all_reduced"].count(trained) == 12
    assert len(logs["all_reduced"]) < 3 * 12 + 3 * 4


@pytest.mark.torch
def test_a_callbacks_stop_stops_all(tmp_path):
    codes, errors = run("stops", 2, tmp_path)
    assert codes == [0, 0], errors
    for rank in (0, 1):
        _, logs = left(tmp_path / "stops", 2, rank)
        assert (logs["status"], len(logs["loss"])) == ("stopped early", 2)


@pytest.mark.torch
def test_ranks_diverge_together(tmp_path):
    codes, errors = run("bad", 2, tmp_path)
    assert codes == [0, 0], errors
    for rank in (0, 1):
        assert left(tmp_path / "bad", 2, rank)[1]["status"] == "diverged"


@pytest.mark.torch
def test_ranks_with_different_data_are_named(tmp_path):
    codes, errors = run("differs", 2, tmp_path)
    assert codes == [1, 1]
    for error in errors:
        assert (
            "expected the same data on all ranks; rank 1 differs from rank 0" in error
        )


@pytest.mark.torch
def test_a_rank_that_dies_ends_the_others_with_a_message_and_a_checkpoint(tmp_path):
    codes, errors = run("dies", 2, tmp_path)
    assert codes[1] == 3
    assert codes[0] == 1
    assert "fit: expected all ranks at every step, got an error" in errors[0]
    assert "from the last checkpoint" in errors[0]
    saved = digitnet.models.load(tmp_path / "dies" / "checkpoint0.safetensors")
    assert saved.max_value == 16


@pytest.mark.torch
def test_ranks_go_on_together_from_what_the_first_one_kept(tmp_path):
    broken, whole = tmp_path / "broken", tmp_path / "whole"
    broken.mkdir()
    codes, errors = run("goes on", 2, broken)
    assert codes[0] == 3
    codes, errors = run("goes on", 2, broken)
    assert codes == [0, 0], errors
    (whole / "goes on").mkdir(parents=True)
    (whole / "goes on" / "begun").touch()
    codes, errors = run("goes on", 2, whole)
    assert codes == [0, 0], errors
    expected, expected_logs = left(whole / "goes on", 2, 0)
    for rank in (0, 1):
        weights, logs = left(broken / "goes on", 2, rank)
        for name, value in expected.items():
            np.testing.assert_array_equal(weights[name], value)
        assert logs["loss"] == expected_logs["loss"]
    # A finished one returns at once, on every rank.
    codes, errors = run("goes on", 2, broken)
    assert codes == [0, 0], errors


def test_without_ranks_it_says_how_to_start_them(digits):
    model = digitnet.models.make("linear", input_shape=(8, 8))
    with pytest.raises(ValueError, match="fit.distributed: expected a process group"):
        model.fit(digits[0], distributed=True, progress=False)
    assert digitnet.distributed.rank() == 0
    assert digitnet.distributed.world_size() == 1


@pytest.mark.torch
def test_torchrun_trains_from_the_shell(tmp_path):
    command = ["torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    command += [str(free_port()), "-m", "digitnet.cli", "train", "--data", "digits"]
    command += ["--model", "linear", "--epochs", "2", "--out", str(tmp_path / "run")]
    result = subprocess.run(
        [sys.executable, "-m", *command],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("report: ") == 1
    assert result.stdout.count("training on torch") == 1
    assert digitnet.runs.read(tmp_path / "run").status == "finished"
