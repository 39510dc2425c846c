"""Journals of searches that Ctrl-C cut off, or that are damaged."""

import json
import os
import signal
import sys

import pytest
from test_search import SPACE, build

import digitnet
from digitnet.search import journal, load_search, search


@pytest.fixture(scope="module")
def parts(digits):
    return digits[0][:300].split(0.7)


@pytest.fixture
def interrupts(monkeypatch):
    """Ctrl-C at the n-th lock of the journal: where Optuna reads and writes."""

    def at(n):
        calls, acquire = [], journal.FileLock.acquire

        def counted(lock):
            done = acquire(lock)
            calls.append(n)
            if len(calls) == n:
                os.kill(os.getpid(), signal.SIGINT)
            return done

        monkeypatch.setattr(journal.FileLock, "acquire", counted)
        return lambda: monkeypatch.setattr(journal.FileLock, "acquire", acquire)

    return at


@pytest.mark.skipif(os.name == "nt", reason="signals as POSIX has them")
@pytest.mark.parametrize("jobs", [1, 2])
def test_after_ctrl_c_the_same_process_goes_on_as_if_there_was_none(
    jobs, parts, tmp_path, interrupts
):
    columns = [*SPACE, "accuracy"]
    whole = search(build, SPACE, *parts, trials=3, method="random").table[columns]
    kept = []  # as a prompt keeps the last traceback, with all that its frames hold
    for n in (1, 2, 3, 5, 8, 11, 14, 17, 21):
        file = tmp_path / f"{n}.log"
        restore = interrupts(n)
        try:
            search(
                build, SPACE, *parts, trials=3, method="random", file=file, jobs=jobs
            )
        except KeyboardInterrupt as error:
            kept.append(error)
        restore()
        table = search(build, SPACE, *parts, trials=3, method="random", file=file).table
        assert "running" not in table["state"].tolist()
        done = table.query("state in ('complete', 'pruned')")[columns]
        if jobs == 1:
            assert done.to_numpy().tolist() == whole.to_numpy().tolist()
        assert len(done) == 3
    assert len(kept) >= 5  # the last ones may be beyond a search's steps


def test_ctrl_c_at_a_prompt_ends_a_search(parts, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)  # fit returns its History

    class Interrupts(digitnet.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            raise KeyboardInterrupt

    fit = digitnet.Model.fit

    def interrupted(model, *arguments, callbacks, **options):
        return fit(model, *arguments, callbacks=[callbacks, Interrupts()], **options)

    monkeypatch.setattr(digitnet.Model, "fit", interrupted)
    file = tmp_path / "search.log"
    with pytest.raises(KeyboardInterrupt):
        search(build, SPACE, *parts, trials=2, file=file)
    assert load_search(file).table["state"].tolist() == ["interrupted"]


@pytest.fixture(scope="module")
def journal_lines(parts, tmp_path_factory):
    """Lines of a journal, as values."""
    file = tmp_path_factory.mktemp("journal") / "search.log"

    def fails_at_times(params, seed):
        if seed == 1:
            raise ValueError("no")
        return build(params, seed)

    search(fails_at_times, SPACE, *parts, trials=2, file=file)
    return [json.loads(line) for line in file.read_text().splitlines()]


def places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, one in inner:
        yield from places(one, (*path, key))


def replaced(value, path, new):
    if not path:
        return new
    copied = value.copy()
    copied[path[0]] = replaced(value[path[0]], path[1:], new)
    return copied


ODD = (None, 7, -1.5, "text", [], [[]], {}, {"a": 1}, True, 10**400)


@pytest.mark.parametrize("odd", ODD, ids=lambda value: str(value)[:9])
def test_a_damaged_journal_is_read_or_refused_by_name(odd, journal_lines, tmp_path):
    file, refused = tmp_path / "search.log", 0
    for number, line in enumerate(journal_lines):
        for path in places(line):
            lines = list(journal_lines)
            lines[number] = replaced(line, path, odd)
            file.write_text("".join(f"{json.dumps(one)}\n" for one in lines))
            try:
                result = load_search(file)
            except ValueError as error:
                assert str(file) in str(error)
                refused += 1
            else:
                assert len(repr(result)) < 300
                assert len(result.best_so_far()) == len(result.table)
    assert refused > 10


def test_a_search_without_trials_has_an_empty_table(journal_lines, tmp_path):
    file = tmp_path / "search.log"
    file.write_text("".join(f"{json.dumps(one)}\n" for one in journal_lines[:2]))
    result = load_search(file)
    assert len(result.table) == 0 and len(result.best_so_far()) == 0
    assert repr(result) == "Search(bayesian: )"


def test_a_journals_lock_is_not_written_through_a_link(parts, tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "search.log.lock").symlink_to("mine")
    with pytest.raises(OSError, match="symbolic link"):
        search(build, SPACE, *parts, trials=1, file=tmp_path / "search.log")
    assert (tmp_path / "mine").read_text() == "mine"
