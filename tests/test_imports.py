"""The order of the rooms: who may import whom, and how large files may be."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "python" / "digitnet"
# Each line imports only from lines above it, inside functions and under TYPE_CHECKING
# too. "." is the root's own __init__.py.
FLOORS = [
    "_core _build_info",
    "_utils",
    "metrics augment distributed web",
    "data",
    "layers",
    "preprocess corrupt report",
    "train",
    "models",
    "features attack calibration card neighbors sklearn widgets",
    "evaluation",
    "search",
    "plot",
    "export serve",
    "runs",
    "callbacks testing",
    "experiments",
    "papers",
    "studies",
    ".",
    "cli",
]
# Modules that are nothing without an optional package: who needs one imports it there.
OPTIONAL = {"models/torch_module.py", "sklearn.py", "widgets.py"}
FLOOR = {room: i for i, floor in enumerate(FLOORS) for room in floor.split()}
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in PACKAGE.rglob("*.py")}
MODULES = [name for name in FILES if "/" not in name and name != "__init__.py"]


def room_of(file):
    first = file.partition("/")[0].removesuffix(".py")
    return "." if first == "__init__" else first


def file_of(module):
    """The file of a dotted name such as digitnet.data.dataset, or None."""
    path = "/".join(module.split(".")[1:])
    if path.startswith(("_core", "_build_info")):
        return path.partition("/")[0]  # made by the build
    candidates = (f"{path}.py", f"{path}/__init__.py".lstrip("/"))
    return next((name for name in candidates if name in FILES), None)


def modules_of(node):
    """Dotted names that an import statement loads."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if node.level:
        return ["digitnet"]  # relative imports are refused as imports of the root
    inner = [f"{node.module}.{alias.name}" for alias in node.names]
    return [name if file_of(name) else node.module for name in inner]


def imports_of(file):
    """(line, file imported, whether it is inside a function) of every import of this package."""
    tree = ast.parse(FILES[file].read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    inside = {
        node
        for function in ast.walk(tree)
        if isinstance(function, functions)
        for node in ast.walk(function)
    }
    return [
        (node.lineno, file_of(module), node in inside)
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for module in modules_of(node)
        if module.split(".")[0] == "digitnet"
    ]


IMPORTS = {file: imports_of(file) for file in FILES}


@pytest.mark.parametrize("file", sorted(FILES))
def test_a_room_imports_only_rooms_above_it(file):
    room = room_of(file)
    assert room in FLOOR, f"{file}: give its room a line in FLOORS"
    for line, target, _ in IMPORTS[file]:
        other = room_of(target)
        assert other == room or FLOOR[other] < FLOOR[room], (
            f"{file}:{line} imports {target}, which is not above it"
        )


@pytest.mark.parametrize("file", sorted(FILES))
def test_own_modules_are_imported_at_the_top_of_the_file(file):
    lines = [
        line
        for line, target, inside in IMPORTS[file]
        if inside and target not in OPTIONAL
    ]
    assert lines == []


@pytest.mark.parametrize("file", sorted(FILES))
def test_optional_modules_are_imported_where_they_are_used(file):
    tops = {target for _, target, inside in IMPORTS[file] if not inside}
    assert not tops & OPTIONAL


def test_no_files_import_each_other_in_a_circle():
    needs = {file: {target for _, target, _ in IMPORTS[file]} for file in FILES}
    while needs:
        imported = set().union(*needs.values())
        ends = [
            f
            for f, targets in needs.items()
            if f not in imported or not targets & {*needs}
        ]
        assert ends, f"a circle of {sorted(needs)}"
        for file in ends:
            del needs[file]


def test_few_modules_lie_loose_beside_the_packages():
    assert len(MODULES) <= 20, sorted(MODULES)


@pytest.mark.parametrize("file", sorted(FILES))
def test_no_file_is_longer_than_400_lines(file):
    assert len(FILES[file].read_text().splitlines()) <= 400
