"""What is imported only where it is used: packages of others, and modules of ours."""

import subprocess
import sys

import pytest

# No small training needs these.
HEAVY = (
    *(
        "torch",
        "pandas",
        "matplotlib",
        "PIL",
        "sklearn",
        "scipy",
        "safetensors",
        "tqdm",
    ),
    *("IPython", "fastapi", "uvicorn", "h5py", "onnx", "optuna", "anywidget"),
)

TRAINING = """
import digitnet
train, test = digitnet.data.load("digits")
model = digitnet.models.make("linear", (8, 8))
model.fit(train, epochs=1, progress=False)
model.predict(test)
model.evaluate(test)["accuracy"]
"""


def loaded(code, *arguments):
    """Modules that a fresh process has after some code, without those it had before."""
    report = (
        "import sys\nbefore = set(sys.modules)\n"
        "import atexit\n"
        "atexit.register(lambda: print('\\nloaded', *(set(sys.modules) - before)))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", report + code, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    return set(result.stdout.splitlines()[-1].split()[1:])


def heavy(modules):
    return sorted(modules & set(HEAVY))


def command_line(*words):
    code = "from digitnet.cli import main\nassert main(sys.argv[1:]) == 0"
    return loaded(code, *map(str, words))


@pytest.fixture(scope="module")
def saved(tmp_path_factory, digits):
    """A model's file and a picture."""
    from PIL import Image

    import digitnet

    folder = tmp_path_factory.mktemp("saved")
    model = digitnet.models.make("linear", (8, 8))
    model.fit(digits[0], epochs=1, progress=False)
    model.save(folder / "m.safetensors")
    Image.fromarray(digits[1].images[0] * 15).save(folder / "p.png")
    return folder / "m.safetensors", folder / "p.png"


def test_a_training_imports_nothing_heavy():
    assert heavy(loaded(TRAINING)) == []


def test_results_draw_themselves_by_plots_that_are_then_imported():
    code = TRAINING + "model.history.plot()\ntrain._repr_html_()\n"
    modules = loaded(f"import matplotlib\nmatplotlib.use('Agg')\n{code}")
    assert "digitnet.plot.results" in modules


@pytest.mark.parametrize("name", ["", "data", "models", "train", "metrics", "layers"])
def test_modules_import_nothing_heavy(name):
    code = f"import digitnet{'.' if name else ''}{name}"
    assert heavy(loaded(code)) == []


def test_the_root_imports_no_room_and_no_numpy():
    modules = loaded("import digitnet")
    rooms = {m for m in modules if m.startswith("digitnet.")}
    assert rooms <= {
        "digitnet._build_info",
        "digitnet._utils",
        "digitnet._utils.old_modules",
        "digitnet._utils.versions",
    }


def test_the_list_of_commands_needs_no_command_and_no_core():
    modules = command_line("--help")
    assert not {
        m
        for m in modules
        if m.startswith(("digitnet._core", "numpy", "importlib.metadata"))
    }
    assert not {m for m in modules if m.startswith("digitnet.cli.commands")}


def test_a_prediction_imports_pictures_and_weights_alone(saved):
    modules = command_line("predict", *saved)
    assert heavy(modules) == ["PIL", "safetensors"]
    assert not {m for m in modules if m.startswith(("digitnet.plot", "digitnet.runs"))}


def test_a_server_imports_no_tables_and_no_figures(saved):
    pytest.importorskip("fastapi")
    code = (
        "import digitnet\n"
        "model = digitnet.models.load(sys.argv[1])\n"
        "app = digitnet.serve.make_app(model)"
    )
    modules = loaded(code, str(saved[0]))
    assert set(heavy(modules)) <= {"fastapi", "safetensors"}


def test_every_name_of_the_root_is_found_by_its_first_use():
    code = (
        "import digitnet\n"
        "names = {name for name in dir(digitnet) if name[:2] != '__'}\n"
        "assert {*digitnet.__all__} == names | {'__version__'}\n"
        "for name in digitnet.__all__:\n"
        "    assert getattr(digitnet, name) is not None, name\n"
        "assert digitnet.Model is digitnet.models.model.Model\n"
        "assert digitnet.search.search\n"
    )
    assert "digitnet.models.model" in loaded(code)


def test_what_a_type_checker_sees_of_the_root_is_what_python_finds():
    import ast
    import inspect

    import digitnet

    tree = ast.parse(inspect.getsource(digitnet))
    (block,) = (
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    seen = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in block.body
        for alias in node.names
    }
    found = {name: f"digitnet.{name}" for name in digitnet._MODULES}
    for name, (module, attribute) in digitnet._NAMES.items():
        found[name] = f"digitnet.{module}.{attribute}"
    assert seen == found


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("history", "train.history"),
        ("model_file", "models.model"),
        ("crossval", "evaluation.cross_validation"),
    ],
)
def test_modules_that_old_pickles_name_are_the_new_ones(old, new):
    code = (
        f"import digitnet.{old}, digitnet.{new}\n"
        f"assert sys.modules['digitnet.{old}'] is sys.modules['digitnet.{new}']\n"
        f"assert sys.modules['digitnet.{old}'].__spec__.name == 'digitnet.{new}'\n"
    )
    assert f"digitnet.{new}" in loaded(code)
