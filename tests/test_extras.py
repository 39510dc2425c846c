"""Optional packages: what needs one that is not installed names it and its extra."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import digitnet
from digitnet import callbacks, features, papers, search, serve, studies
from digitnet._utils.extras import EXTRAS, extra_packages

ROOT = Path(__file__).parent.parent


def load_weights(model, name):
    Path(name).touch()
    model.load_weights(name)


def read(name, content):
    Path(name).write_bytes(content)
    digitnet.data.read(name)


def find(model, train):
    search.search(
        lambda params, seed: (model, {}), {"x": (1, 2)}, train, train, trials=1
    )


# Package, what needs it, how it is called: with a model, training data.
USES = [
    ("anywidget", "digitnet.widgets", None),
    ("fastapi", "serve", lambda model, train: serve.make_app(model)),
    (
        "h5py",
        "load_weights of 'a.h5'",
        lambda model, train: load_weights(model, "a.h5"),
    ),
    ("mlflow", "MLflowLogger", lambda *_: callbacks.MLflowLogger()),
    ("onnx", "export", lambda model, train: digitnet.export.export(model, "a.onnx")),
    ("optuna", "search", find),
    ("prometheus_client", "serve", lambda model, train: serve.make_app(model)),
    ("sklearn", "digitnet.sklearn", None),
    (
        "pyarrow",
        "read 'a.parquet'",
        lambda *_: read("a.parquet", b"PAR1"),
    ),
    ("h5py", "read 'a.data'", lambda *_: read("a.data", b"\x89HDF\r\n\x1a\n")),
    (
        "sklearn",
        "project by t-SNE",
        lambda *_: features.project(np.eye(9), "tsne"),
    ),
    ("sklearn", "study of 'classical'", lambda *_: studies.study("classical", "smoke")),
    ("sklearn", "study of 'ensembles'", lambda *_: studies.study("ensembles", "smoke")),
    ("optuna", "study of 'search'", lambda *_: studies.study("search", "smoke")),
    (
        "sklearn",
        "reproduce of 'vgg16-transfer'",
        lambda *_: papers.reproduce("vgg16-transfer", "smoke"),
    ),
    ("tensorboard", "TensorBoard", lambda *_: callbacks.TensorBoard("logs")),
    ("torch", "Dataset.torch", lambda model, train: train.torch()),
    ("torch", "to_torch", lambda model, train: model.to_torch()),
    ("torch", "export", lambda model, train: digitnet.export.export(model, "a.pt2")),
    (
        "torch",
        "load_weights of 'a.pth'",
        lambda model, train: load_weights(model, "a.pth"),
    ),
    ("torch", "distributed.start", lambda *_: digitnet.distributed.start()),
    ("traitlets", "digitnet.widgets", None),
    ("uvicorn", "serve", lambda model, train: serve.serve(model)),
    ("wandb", "WandbLogger", lambda *_: callbacks.WandbLogger()),
]


@pytest.fixture
def without(monkeypatch):
    """Makes a package one that is not installed."""

    def block(package):
        for name in list(sys.modules):
            if name.startswith(f"{package}."):
                monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, package, None)

    return block


@pytest.mark.parametrize(
    ("package", "where", "use"), USES, ids=[f"{p}: {w}" for p, w, _ in USES]
)
def test_what_needs_a_missing_package_names_its_extra(
    package, where, use, trained, digits, without, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delitem(sys.modules, "digitnet.models.torch_module", raising=False)
    monkeypatch.delattr(digitnet.models, "torch_module", raising=False)
    without(package)
    with pytest.raises(ImportError) as caught:
        if use is None:
            monkeypatch.delitem(sys.modules, where, raising=False)
            importlib.import_module(where)
        else:
            use(trained, digits[0])
    assert not Path("runs").exists()
    assert str(caught.value) == (
        f"{where}: expected the package {package}, got none; "
        f"pip install 'digitnet[{EXTRAS[package]}]'"
    )


def test_every_optional_package_is_tried():
    assert {package for package, _, _ in USES} == set(EXTRAS)


def test_every_extra_is_in_the_metadata():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    distributions = {"sklearn": "scikit-learn", "mlflow": "mlflow-skinny"}
    distributions |= {
        "prometheus_client": "prometheus-client",
        "traitlets": "anywidget",
    }
    for package, extra in EXTRAS.items():
        named = distributions.get(package, package)
        assert any(line.startswith(f"{named}>=") for line in extras[extra]), package
        if extra != "torch":
            assert any(line.startswith(f"{named}>=") for line in extras["test"]), (
                package
            )


def test_other_missing_modules_keep_their_own_message():
    with (
        pytest.raises(ModuleNotFoundError, match="No module named 'digitnet_none'"),
        extra_packages("here"),
    ):
        import digitnet_none  # noqa: F401


def test_everything_else_is_imported_without_optional_packages():
    needing = {"models.torch_module", "sklearn", "widgets"}
    code = (
        "import importlib, pkgutil, sys\n"
        "from digitnet._utils.extras import EXTRAS\n"
        "import digitnet\n"
        "sys.modules.update(dict.fromkeys(EXTRAS))\n"
        "for found in pkgutil.walk_packages(digitnet.__path__, 'digitnet.'):\n"
        f"    if found.name[9:] not in {needing | {'cli.__main__'}}:\n"
        "        print(importlib.import_module(found.name).__name__)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    assert "digitnet.studies.classical" in result.stdout.split()


def test_the_digits_and_the_temperature_need_no_scikit_learn(without, trained):
    without("sklearn")
    train, test = digitnet.data.load("digits")
    assert len(train) + len(test) == 1797
    assert digitnet.calibration.fit_temperature(trained, test) > 0
    assert features.project(np.eye(9)).shape == (9, 2)
