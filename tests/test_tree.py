"""The tree keeps its own rules: lists are whole, every member has its test."""

import json
import re
from pathlib import Path

import pytest

import digitnet

ROOT = Path(__file__).parent.parent
CPP = ROOT / "cpp"

# Folder of members, the header with their list, and what makes an entry.
LISTS = {
    "models/zoo": ("models/zoo.h", "ModelEntry"),
    "models/layers": ("models/layers.h", "LayerEntry"),
    "models/preprocess": ("models/preprocess_steps.h", "StepEntry"),
    "augment/ops": ("augment/ops.h", "OpEntry"),
    "corrupt": ("corrupt/all.h", "CorruptionEntry"),
    "train/optimizers": ("optimizers/all.h", "OptimizerEntry"),
    "train/schedules": ("train/schedules.h", "ScheduleEntry"),
    "metrics": ("metrics/all.h", "MetricEntry"),
}


@pytest.mark.parametrize(("folder", "where"), LISTS.items(), ids=LISTS)
def test_every_member_is_declared_and_listed(folder, where):
    header, kind = where
    text = (CPP / header).read_text()
    listing = text + (
        (CPP / "metrics/all.cpp").read_text() if folder == "metrics" else ""
    )
    for source in sorted((CPP / folder).glob("*.cpp")):
        for name in re.findall(rf"^{kind} (\w+)\(\) \{{", source.read_text(), re.M):
            assert f"{kind} {name}();" in text, (
                f"{source.name}: {name} is not declared in {header}"
            )
            body = listing[listing.index("entries = {") :]
            assert re.search(rf"\b{name}\(\)", body), (
                f"{source.name}: {name} is not in all()"
            )


def test_headers_and_sources_stand_side_by_side():
    lists = {CPP / header for header, _ in LISTS.values()}
    alone = {"error.h", "list.h", "shape.h", "layer.h", "build.h", "op.h", "executor.h"}
    alone |= {"tensor.h", "tables.h", "convolution.h", "sequence.h", "plane.h"}
    bodies = CPP / "kernels/body"  # compiled once an instruction set
    for header in CPP.rglob("*.h"):
        if header in lists or header.name in alone or header.parent == bodies:
            continue
        assert header.with_suffix(".cpp").exists(), header


def test_the_pages_name_every_model_and_data_set():
    pages = [(ROOT / f"docs/{page}.md").read_text() for page in ("models", "data_sets")]
    for page, listed in zip(pages, (digitnet.models, digitnet.data), strict=True):
        for name in listed.names():
            assert re.search(rf"^\| `{name}` \|", page, re.M), name


def test_the_page_of_models_gives_every_models_parameters():
    page = (ROOT / "docs/models.md").read_text()
    for name in digitnet.models.names():
        count = f"{digitnet.models.make(name).count_params():,}"
        assert re.search(rf"^\| `{name}` \| {count} \|", page, re.M), name


def test_readmes_map_of_the_tree_names_what_is_there():
    tree = re.search(
        r"```text\n(.*?)```", (ROOT / "README.md").read_text(), re.S
    ).group(1)
    for path in re.findall(r"^(\S+)", tree, re.M):
        assert (ROOT / path).exists(), path


def test_readme_stays_short():
    text = (ROOT / "README.md").read_text()
    assert len(text.split()) <= 1300
    assert re.findall(r"!\[.*\]\((.*)\)", text) == ["docs/_static/readme.png"]
    assert (ROOT / "docs/_static/readme.png").stat().st_size < 150_000


def test_readme_counts_metrics_and_figures():
    text = (ROOT / "README.md").read_text()
    figures = len(digitnet.plot.__all__) - 1  # without Display
    assert f"{len(digitnet.metrics.describe())} metrics and {figures} figures" in text


def test_the_paths_of_contributing_are_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    tops = "cpp|python|tests|docs|notebooks|bench|cmake"
    for path in re.findall(rf"`((?:{tops})/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path


def test_what_a_public_project_has_is_there_and_parses():
    yaml = pytest.importorskip("yaml")
    for path in (
        *("CITATION.cff", ".pre-commit-config.yaml", ".github/workflows/ci.yml"),
        *(f".github/ISSUE_TEMPLATE/{form}.yml" for form in ("bug_report", "config")),
        ".github/ISSUE_TEMPLATE/feature_request.yml",
    ):
        assert yaml.safe_load((ROOT / path).read_text()), path
    for path in ("LICENSE", "SECURITY.md", ".editorconfig", ".ci/run"):
        assert (ROOT / path).stat().st_size, path
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    runs = [step.get("run") for step in workflow["jobs"]["test"]["steps"]]
    assert ".ci/run" in runs
    assert (ROOT / ".github/PULL_REQUEST_TEMPLATE.md").exists()


def test_notebooks_are_kept_without_outputs():
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            assert not cell.get("outputs"), path.name
            assert cell.get("execution_count") is None, path.name


def test_no_file_holds_two_ideas():
    """300 lines are a habit; beyond 400 a file is split."""
    for pattern in ("cpp/**/*.h", "cpp/**/*.cpp", "python/**/*.py"):
        for path in ROOT.glob(pattern):
            assert len(path.read_text().splitlines()) <= 400, path


@pytest.mark.parametrize(
    "module",
    ["data", "augment", "corrupt", "models", "train", "metrics", "features", "attack"],
)
def test_the_stubs_name_everything_that_is_bound(module):
    stub = (ROOT / "python/digitnet/_core" / f"{module}.pyi").read_text()
    for name in vars(getattr(digitnet._core, module)):
        if not name.startswith("_"):
            assert re.search(rf"^(def|class) {name}\b", stub, re.M), (
                f"{name}: run `make stubs`"
            )


def test_editors_know_every_kind_of_layer():
    """The names that layers.py declares for them are the core's."""
    text = (ROOT / "python/digitnet/layers.py").read_text()
    declared = re.findall(r"^    (\w+): Callable\[\.\.\., Layer\]$", text, re.M)
    simple = [e for e in digitnet.layers.describe() if not e["composite"]]
    assert declared == sorted(e["class_name"] for e in simple)


def test_the_engines_include_nothing_that_stands_above_them():
    for folder in ("core", "kernels", "data", "models", "optimizers", "engine"):
        for file in (CPP / folder).rglob("*.*"):
            for room in re.findall(r'#include "(\w+)/', file.read_text()):
                assert room not in ("train", "features", "attack", "bindings"), file
