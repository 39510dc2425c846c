"""The pytest plugin, in test runs of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

import digitnet_pytest

GOOD = """
def test_it(metric_regression):
    metric_regression.check({"accuracy": ACCURACY}, samples=1000)
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """Writes a project with one check and runs its tests."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(accuracy, *flags):
        pytester.makepyfile(test_mine=GOOD.replace("ACCURACY", str(accuracy)))
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *flags)

    return run


def test_the_first_run_writes_the_second_compares(project, pytester):
    project(0.9).assert_outcomes(passed=1)
    assert (pytester.path / "test_mine" / "test_it.json").is_file()
    project(0.9).assert_outcomes(passed=1)
    result = project(0.5)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*metric_regression: accuracy: expected at least*",
            "*repeat: pytest 'test_mi*",
        ]
    )


def test_a_better_result_says_that_the_baseline_can_be_raised(project):
    assert "new baseline; commit it" in project(0.5).stdout.str()
    result = project(0.9)
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*accuracy 0.9 is better than the baseline 0.5*"])


def test_strict_and_regeneration_are_flags(project):
    project(0.9, "--metrics-strict").assert_outcomes(failed=1)
    project(0.9).assert_outcomes(passed=1)
    project(0.5, "--metrics-regen").assert_outcomes(failed=1)
    project(0.5).assert_outcomes(passed=1)
    project(0.1, "--metrics-regen-all").assert_outcomes(passed=1)
    project(0.1).assert_outcomes(passed=1)


@pytest.mark.parametrize("suffix", ["html", "md"])
def test_a_report_has_every_check(project, pytester, suffix):
    project(0.9)
    project(0.5, f"--metrics-report=out/report.{suffix}")
    text = (pytester.path / "out" / f"report.{suffix}").read_text()
    for part in ("test_mine.py::test_it", "accuracy", "0.9", "0.5", "worse"):
        assert part in text


def test_the_report_has_checks_of_xdists_workers(pytester):
    pytester.makepyfile(
        test_many="""
        import pytest

        @pytest.mark.parametrize("number", range(4))
        def test_it(metric_regression, number):
            metric_regression.check({"accuracy": 0.9}, samples=1000)
        """
    )
    flags = ("-n", "2", "-p", "no:cacheprovider", "--metrics-report=r.md")
    result = pytester.runpytest_subprocess(*flags)
    result.assert_outcomes(passed=4)
    assert (pytester.path / "r.md").read_text().count("accuracy") == 4
    assert len(list((pytester.path / "test_many").iterdir())) == 4


def test_a_function_is_called_with_every_seed(pytester):
    pytester.makepyfile(
        """
        def test_it(metric_regression):
            seeds = []
            metric_regression.check(lambda s: seeds.append(s) or {"a": s}, tolerance=9)
            assert seeds == [2, 3, 4, 9]
        """
    )
    flags = ("-p", "no:cacheprovider", "--metrics-seeds=2-4,9")
    pytester.runpytest_inprocess(*flags).assert_outcomes(passed=1)


@pytest.mark.parametrize("text", ["", "a", "3-1", "1,", "-1", "0-99999", "1e3"])
def test_seeds_that_are_none_are_refused(text):
    with pytest.raises(pytest.UsageError, match="--metrics-seeds: expected such as"):
        digitnet_pytest.seeds_of(text)


def test_a_report_of_another_kind_is_refused(project):
    result = project(0.9, "--metrics-report=r.pdf")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "expected a file that ends in .html or .md" in result.stderr.str()


def test_other_projects_runs_import_nothing_heavy():
    code = (
        "import sys, digitnet_pytest\n"
        "print([m for m in ('torch', 'numpy', 'digitnet') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert result.stdout.strip() == "[]", result.stderr


def test_the_plugin_is_there_wherever_the_package_is():
    from importlib.metadata import entry_points

    plugins = {e.name: e.value for e in entry_points(group="pytest11")}
    assert plugins["digitnet"] == "digitnet_pytest"
    assert Path(digitnet_pytest.__file__).name == "__init__.py"
