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


TWO = """
import pytest

class TestA:
    def test_same(self, metric_regression):
        metric_regression.check({"accuracy": FIRST}, samples=1000)

class TestB:
    def test_same(self, metric_regression):
        metric_regression.check({"accuracy": SECOND}, samples=1000)

def test_same(metric_regression):
    metric_regression.check({"accuracy": 0.7}, samples=1000)

@pytest.mark.parametrize("sign", ["<", ">", "a/b", "a b", "a_b"])
def test_sign(metric_regression, sign):
    metric_regression.check({"accuracy": 0.4 + len(sign) / 100}, samples=1000)
"""


@pytest.fixture
def two(pytester, monkeypatch):
    """Writes a project whose tests have names in common, and runs it."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(first, second, *flags):
        code = TWO.replace("FIRST", str(first)).replace("SECOND", str(second))
        pytester.makepyfile(test_mine=code)
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *flags)

    return run


def test_every_test_has_a_baseline_of_its_own(two, pytester):
    two(0.9, 0.5).assert_outcomes(passed=8)
    names = {path.name for path in (pytester.path / "test_mine").iterdir()}
    assert names == {
        "TestA.test_same.json",
        "TestB.test_same.json",
        "test_same.json",
        *(f"test_sign[{sign}].json" for sign in ("%3C", "%3E", "a%2Fb", "a b", "a_b")),
    }
    two(0.9, 0.5, "--metrics-strict").assert_outcomes(passed=8)
    # A fall from .9 to .6 is one, although another test of the name has .5.
    result = two(0.6, 0.5, "--metrics-strict")
    result.assert_outcomes(passed=7, failed=1)
    result.stdout.fnmatch_lines(["FAILED *TestA::test_same*"])


@pytest.mark.parametrize("name", ["test_x[" + 90 * "é" + "]", "test_x" + 300 * "[a]"])
def test_long_names_stay_names_of_files_and_differ(name, tmp_path):
    names = {
        digitnet_pytest.file_name(f"tests/test_it.py::{prefix}{name}{end}")
        for prefix in ("", "TestA::")
        for end in ("", "x", "y")
    }
    assert len(names) == 6
    for one in names:
        (tmp_path / f"{one}.second.json").touch()


ALONE = """
class TestA:
    def test_it(self, metric_regression):
        metric_regression.check({"accuracy": ACCURACY}, samples=1000)
        metric_regression.check({"loss": 0.1}, samples=9, tolerance=0.1, name="more")
"""


@pytest.fixture
def older(pytester, monkeypatch):
    """A project whose baselines an older version wrote."""
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)

    def run(accuracy, *flags, code=ALONE):
        pytester.makepyfile(test_mine=code.replace("ACCURACY", str(accuracy)))
        return pytester.runpytest_inprocess("-p", "no:cacheprovider", *flags)

    run(0.9).assert_outcomes(passed=1)
    folder = pytester.path / "test_mine"
    for end in (".json", ".more.json"):
        (folder / f"TestA.test_it{end}").rename(folder / f"test_it{end}")
    return run, folder


def test_an_older_versions_files_are_found_again(older):
    run, folder = older
    run(0.9, "--metrics-strict").assert_outcomes(passed=1)
    run(0.5, "--metrics-strict").assert_outcomes(failed=1)
    assert (folder / "test_it.json").is_file()
    run(0.5, "--metrics-regen-all").assert_outcomes(passed=1)
    names = {path.name for path in folder.iterdir()}
    assert names == {"TestA.test_it.json", "TestA.test_it.more.json"}


@pytest.mark.parametrize("flags", [[], ["test_mine.py::TestA::test_it"]])
def test_an_older_file_of_two_tests_is_nobodys(flags, older):
    run, _ = older
    second = ALONE.replace("TestA", "TestB")
    result = run(0.9, *flags, code=ALONE + second)
    assert result.parseoutcomes()["failed"] == (1 if flags else 2)
    result.stdout.fnmatch_lines(
        ["*expected the baseline *, got *test_it.json, which test_mine.py::Test*too*"]
    )
