"""release/locked: what `make demo`, `make test` and `make lint` install, by version and hash."""

import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LISTS = ("demo", "test", "lint")
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def entries(name):
    """(requirement, hashes) of every entry of a list."""
    text = (ROOT / f"release/locked/{name}.txt").read_text()
    text = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    for line in text.splitlines():
        requirement, *hashes = re.split(r"\s--hash=", line.strip())
        yield Requirement(requirement), [h.strip() for h in hashes]


def versions(name, python):
    """What a list installs under that Python on Linux: {package: version}."""
    system = {
        "python_version": python,
        "python_full_version": f"{python}.9",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
    return {
        canonicalize_name(requirement.name): next(iter(requirement.specifier)).version
        for requirement, _ in entries(name)
        if requirement.marker is None or requirement.marker.evaluate(system)
    }


@pytest.fixture(scope="module")
def project():
    tomllib = pytest.importorskip("tomllib")
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("name", LISTS)
def test_every_entry_is_one_version_with_its_hashes(name):
    found = list(entries(name))
    assert len(found) > 10
    for requirement, hashes in found:
        assert [s.operator for s in requirement.specifier] == ["=="], requirement
        assert requirement.url is None, requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", h) for h in hashes), requirement


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("name", LISTS)
def test_the_lists_hold_what_pyproject_asks_for(name, python, project):
    wanted = list(project["project"]["dependencies"])
    if name == "demo":
        wanted += project["build-system"]["requires"]
    else:
        wanted += project["project"]["optional-dependencies"][name]
    here = versions(name, python)
    for requirement in map(Requirement, wanted):
        version = here.get(canonicalize_name(requirement.name))
        assert version and version in requirement.specifier, (requirement, version)


@pytest.mark.parametrize("python", PYTHONS)
def test_no_list_takes_back_what_another_installed(python):
    demo, test, lint = (versions(name, python) for name in LISTS)
    for first, second in ((demo, test), (demo, lint), (test, lint)):
        shared = first.keys() & second.keys()
        assert {n: first[n] for n in shared} == {n: second[n] for n in shared}


def test_what_builds_the_package_is_pinned(project):
    for requirement in map(Requirement, project["build-system"]["requires"]):
        assert [s.operator for s in requirement.specifier] == ["=="], requirement
