"""The pytest plugin: flags, the fixture `metric_regression`, its summary and report.

A package of its own beside digitnet, because pytest imports it in every project's test
run: nothing heavy is imported before the fixture is used.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

_KEY = "digitnet_metric_regression"
_LONGEST_NAME = 180  # of a file, for most take 255 bytes with all that is added


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("digitnet", "digitnet: metrics against their baselines")
    group.addoption(
        "--metrics-regen",
        action="store_true",
        help="write the baselines of metric_regression anew, and fail those tests",
    )
    group.addoption(
        "--metrics-regen-all",
        action="store_true",
        help="write them anew, and let those tests pass",
    )
    group.addoption(
        "--metrics-seeds",
        default="0",
        metavar="SEEDS",
        help="seeds for metric_regression, such as 0-4 or 1,5,7 (default: %(default)s)",
    )
    group.addoption(
        "--metrics-strict",
        action="store_true",
        help="a missing baseline fails instead of being written: for CI",
    )
    group.addoption(
        "--metrics-report",
        metavar="FILE",
        help="write what was measured to FILE, which ends in .html or .md",
    )


def pytest_configure(config: Any) -> None:
    seeds_of(config.getoption("--metrics-seeds"))
    report = config.getoption("--metrics-report")
    if report and Path(report).suffix.lower() not in (".html", ".md"):
        raise pytest.UsageError(
            f"--metrics-report: expected a file that ends in .html or .md, got '{report}'"
        )
    if report and Path(report).parent.is_dir():  # else it is made
        from digitnet._utils.files import check_target

        try:
            check_target(report)
        except OSError as error:
            raise pytest.UsageError(f"--metrics-report: {error}") from error


def seeds_of(text: str) -> list[int]:
    """Whole numbers and ranges, joined by commas."""
    seeds: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,9})(?:-(\d{1,9}))?\s*", part)
        first, last = (int(n or match[1]) for n in match.groups()) if match else (1, 0)
        if last < first or last - first > 1000:
            raise pytest.UsageError(
                f"--metrics-seeds: expected such as 0-4 or 1,5,7, got '{text}'"
            )
        seeds += range(first, last + 1)
    return seeds


def file_name(nodeid: str) -> str:
    """A file's name for a test, without its ending: no two tests of a module have the same.

    Classes and parameters are in it; what file systems refuse is %-encoded.
    """
    parts = nodeid.split("::")[1:]
    name = quote(".".join(parts), safe="[]=,+@ ")
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(nodeid.encode()).hexdigest()[:12]
        name = f"{name[:_LONGEST_NAME].rstrip('%0123456789ABCDEF')}~{digest}"
    return name


def older_file_name(name: str) -> str:
    """What versions before 0.2 called it, which several tests may have shared."""
    return re.sub(r"[^\w.-]+", "_", name).strip("_")


def _tests_of_older_name(request: Any) -> list[str]:
    """Other tests of the module whose baselines had the same file."""
    node, module = request.node, request.node.getparent(pytest.Module)
    older = older_file_name(node.name)
    ids = {
        item.nodeid
        for item in request.session.items
        if item.path == node.path and older_file_name(item.name) == older
    }
    # Those that were not asked for this time, too.
    function = getattr(node, "originalname", node.name)
    for name, value in vars(module.obj).items():
        if isinstance(value, type) and function in vars(value):
            ids.add(f"{module.nodeid}::{name}::{node.name}")
        elif name == function and callable(value):
            ids.add(f"{module.nodeid}::{node.name}")
    return sorted(ids - {node.nodeid})


@pytest.fixture  # type: ignore[untyped-decorator]
def metric_regression(request: Any, tmp_path: Path) -> Any:
    """Metrics against what they were: `metric_regression.check(...)`.

    The baseline is <test module>/<test>.json beside the test. See `digitnet.testing`.
    """
    from digitnet.testing import MetricRegression

    option = request.config.getoption
    regenerate = "pass" if option("--metrics-regen-all") else ""
    folder = request.path.with_suffix("")
    return MetricRegression(
        folder / f"{file_name(request.node.nodeid)}.json",
        request.node.nodeid,
        older=folder / f"{older_file_name(request.node.name)}.json",
        shared_with=_tests_of_older_name(request),
        seeds=seeds_of(option("--metrics-seeds")),
        regenerate=regenerate or ("fail" if option("--metrics-regen") else ""),
        strict=option("--metrics-strict"),
        folder=tmp_path,
        # xdist brings these properties from its workers.
        on_check=lambda about: request.node.user_properties.append((_KEY, about)),
    )


def pytest_terminal_summary(terminalreporter: Any, config: Any) -> None:
    checks = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for key, value in report.user_properties
        if key == _KEY
    ]
    for check in checks:
        for row in check.get("rows", ()):
            if row["verdict"] == "better":
                terminalreporter.write_line(
                    f"{check['test']}: {row['metric']} {row['measured']:.6g} is better "
                    f"than the baseline {row['baseline']:.6g}, which can be raised: "
                    "--metrics-regen-all"
                )
        if "written" in (check.get("what"), check.get("weights")):
            terminalreporter.write_line(f"{check['test']}: new baseline; commit it")
    file = config.getoption("--metrics-report")
    if file:
        _write_report(Path(file), checks)
        terminalreporter.write_line(f"metrics: {file}")


def _write_report(path: Path, checks: Sequence[dict[str, Any]]) -> None:
    from digitnet._utils.files import write_whole
    from digitnet.testing.explain import as_html, as_markdown

    write = as_html if path.suffix.lower() == ".html" else as_markdown
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, write(checks).encode())
