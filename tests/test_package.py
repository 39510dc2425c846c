"""The package as a whole: import, versions, docs, what it must not do."""

import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import digitnet

ROOT = Path(__file__).parent.parent


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120
    )


def test_import_loads_no_plots_tables_or_scikit_learn():
    heavy = ["matplotlib", "pandas", "sklearn", "PIL", "scipy"]
    code = (
        "import sys, digitnet\n"
        "digitnet.data, digitnet.models, digitnet.plot, digitnet.runs, digitnet.serve\n"
        f"print([m for m in {heavy} if m in sys.modules])"
    )
    result = python(code)
    assert result.stdout.strip() == "[]", result.stderr


def test_papers_and_studies_are_imported_when_somebody_names_them():
    heavy = ("digitnet.papers", "digitnet.studies", "digitnet.experiments")
    code = (
        "import sys, digitnet\n"
        f"print([m for m in sys.modules if m.startswith({heavy})])\n"
        "print({'papers', 'studies'} <= set(dir(digitnet)))\n"
        "print(digitnet.papers.names()[0], digitnet.studies.names()[0])\n"
        "from digitnet import papers, studies\n"
        "print(papers is digitnet.papers, studies is sys.modules['digitnet.studies'])"
    )
    result = python(code)
    assert result.stdout.splitlines() == [
        "[]",
        "True",
        "vgg16-transfer networks",
        "True True",
    ], result.stderr


@pytest.mark.parametrize("name", ["papers", "studies"])
def test_papers_and_studies_can_be_imported_by_their_path(name):
    code = f"import digitnet.{name}; print(len(digitnet.{name}.all()) > 5)"
    assert python(code).stdout.strip() == "True"


def test_an_unknown_attribute_of_the_package_is_named():
    with pytest.raises(AttributeError, match="'digitnet' has no attribute 'paper'"):
        digitnet.paper  # noqa: B018


def test_import_starts_no_thread_and_opens_no_connection():
    code = (
        "import sys\n"
        "sys.addaudithook(lambda e, a: e.startswith('socket.') and sys.exit(e))\n"
        "import os, threading, numpy\n"  # whose BLAS has threads of its own
        "before = len(os.listdir('/proc/self/task'))\n"
        "import digitnet\n"
        "digitnet.data.names(), digitnet.models.names(), digitnet.serve.make_app\n"
        "print(len(os.listdir('/proc/self/task')) - before)"
    )
    if not Path("/proc/self/task").exists():
        pytest.skip("this system has no /proc")
    assert python(code).stdout.strip() == "0"


def test_show_versions_names_what_matters(capsys):
    digitnet.show_versions()
    out = capsys.readouterr().out
    for name in ("digitnet", "torch", "LibTorch engine", "python", "compiler", "gpu"):
        assert name in out


def test_the_metadata_says_what_is_so():
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "Typing :: Typed" in project["classifiers"]
    for package in ("digitnet", "digitnet_pytest"):
        assert (ROOT / "python" / package / "py.typed").exists()
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert re.findall(r"3\.\d+", workflow.partition("python: [")[2][:40]) == versions
    assert project["requires-python"] == f">={versions[0]}"


def test_what_the_wheel_carries_beside_code_is_in_the_package():
    package = files("digitnet")
    for name in ("py.typed", "web/page.html", "data/sources/digits.csv.gz"):
        assert package.joinpath(name).is_file(), name


def test_data_errors_are_value_errors():
    assert issubclass(digitnet.DataError, ValueError)
    assert issubclass(digitnet.OutOfMemory, MemoryError)


def test_running_out_of_memory_names_the_batch_and_a_smaller_one():
    # In a process of its own, whose memory is limited.
    code = (
        "import resource, numpy as np, digitnet\n"
        "from digitnet.layers import Conv, Dense, Flatten\n"
        "data = digitnet.Dataset(np.zeros((3000, 32, 32), np.uint8), np.zeros(3000), max_value=255)\n"
        "model = digitnet.Model([Conv(512, 3), Flatten(), Dense(10)], (32, 32))\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2 * 10**9,) * 2)\n"
        "before = model.state_dict()['dense1.bias']\n"
        "try:\n"
        "    model.fit(data, batch_size=3000, progress=False)\n"
        "except digitnet.OutOfMemory as error:\n"
        "    print(error)\n"
        "print((model.state_dict()['dense1.bias'] == before).all())\n"
    )
    result = python(code)
    assert (
        "fit: ran out of memory with batch_size=3000; try batch_size=1500"
        in result.stdout
    ), result.stderr
    assert result.stdout.strip().endswith("True")
