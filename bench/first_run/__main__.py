"""Everything that a machine with a GPU should be asked the first time, in 8 minutes.

    python bench/first_run [--out runs/first_run] [--sections networks,mnist] [--fresh]

Needs Python with torch, and a compiler; neither a network nor an environment. Without
what builds (pybind11 3, scikit-build-core, cmake, ninja), their wheels are taken from the
folder WHEELS; data sets from DIGITNET_DATA.

Every section runs in a process of its own and has its time. One that fails is reported,
and the rest goes on. Run again with the same folder, what is done is skipped, as long as
the sources stay the same.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from context import AGAIN, answer_path, read_answer
from journal import ROOT, Journal
from plan import FIRST, NAMES, WHOLE_SECONDS, Section, chosen

HERE = Path(__file__).resolve().parent
MOST_STARTS = 12  # of a section that keeps losing its GPU
GRACE = 0.85  # the part of its time after which a section begins nothing more


def environment(device: str, folder: Path, *, installed: bool) -> dict[str, str]:
    """That of a section's process."""
    own = {"DIGITNET_OFFLINE": "1", "PYTHONUNBUFFERED": "1"}
    if device == "cpu":  # the same engine, and the data where a GPU has them
        own |= {"DIGITNET_EXECUTOR": "torch", "DIGITNET_RESIDENT": "1"}
        # Times mean nothing there; more threads only wait for each other beside other work.
        own["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", "1")
    if not installed:
        paths = [str(folder / "site"), os.environ.get("PYTHONPATH", "")]
        own["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return {**os.environ, **own}


def end(process: subprocess.Popen[str]) -> None:
    """A process and all that it started: asked to, then made to."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ending)
        except ProcessLookupError:  # nobody is left
            return
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            continue


class Runner:
    """Runs sections one after the other until the time is over."""

    def __init__(self, options: argparse.Namespace, journal: Journal) -> None:
        self._options, self._journal = options, journal
        self._began = time.perf_counter()
        self._environment = environment(
            options.device, journal.folder, installed=options.installed
        )

    def spent(self) -> float:
        return time.perf_counter() - self._began

    def run(self, section: Section, later: list[Section]) -> str:
        """Run one and keep its answer; returns its status.

        What is left of the time is divided by the sections' shares; but all others need
        the build.
        """
        name, folder = section.name, self._journal.folder
        self._journal.forget(name)
        answer_path(folder, name).unlink(missing_ok=True)
        limit = self._options.seconds - self.spent()
        if name != "build":
            limit *= section.seconds / sum(each.seconds for each in (section, *later))
        start = time.perf_counter()
        deadline = start + limit
        for _ in range(MOST_STARTS):
            status = self._process(name, deadline)
            if status != AGAIN:
                break
        answer = read_answer(folder, name)
        if status == 0:
            word = "done"
        elif status is None:
            word = "out of time"
            answer["error"] = f"ended after {limit:.0f} s"
        else:
            word = "failed"
            lost = f"the GPU was lost {MOST_STARTS} times"
            ended = lost if status == AGAIN else f"its process ended with {status}"
            answer["error"] = answer["error"] or ended
        self._journal.keep(name, word, time.perf_counter() - start, answer)
        return word

    def _process(self, name: str, deadline: float) -> int | None:
        """Exit status of a section's process; None if its time was over."""
        options = self._options
        seconds = GRACE * max(0.0, deadline - time.perf_counter())
        process = subprocess.Popen(
            [
                *(sys.executable, HERE / "child.py", name, options.device),
                *(str(round(seconds, 1)), self._journal.folder),
            ],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        reader = threading.Thread(target=self._show, args=(process,))
        reader.start()
        try:
            return process.wait(max(0.0, deadline - time.perf_counter()))
        except subprocess.TimeoutExpired:
            return None
        finally:
            end(process)
            reader.join(10)

    def _show(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        with process.stdout as lines:
            for line in lines:
                self._journal.say(line.rstrip("\n")[:400])


def summary(journal: Journal, sections: list[Section]) -> bool:
    """Say what came out; returns whether all is as it should be."""
    journal.say("\n##### summary")
    good = True
    for section in sections:
        entry = journal.entry(section.name)
        status = entry.get("status", "not run")
        error = f": {entry['error']}" if entry.get("error") else ""
        journal.say(f"{section.name:<12} {status}{error[:200]}")
        for text in entry.get("unexpected", []):
            journal.say(f"{'':<12} not as expected: {text}")
        good &= status in ("done", "needs a GPU") and not entry.get("unexpected")
    journal.say(f"written: {journal.folder}/first_run.json, first_run.txt")
    return good


def is_answered(
    section: Section, options: argparse.Namespace, journal: Journal
) -> bool:
    """Whether a section need not run: done before, or nothing for a CPU."""
    if section.needs_gpu and options.device == "cpu":
        journal.keep(section.name, "needs a GPU", 0, {})
        return True
    again = options.fresh and section.name in (options.sections or NAMES)
    return journal.is_done(section.name) and not again


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="first_run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--out", type=Path, default=ROOT / "runs/first_run")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument(
        "--sections", default="", help=f"some of {','.join(NAMES)}; default: all"
    )
    parser.add_argument(
        "--fresh", action="store_true", help="run sections that are done again"
    )
    parser.add_argument(
        "--installed", action="store_true", help="build nothing, use what is installed"
    )
    parser.add_argument("--seconds", type=float, default=WHOLE_SECONDS, help="in all")
    options = parser.parse_args(arguments)
    options.sections = [name for name in options.sections.split(",") if name]
    for name in options.sections:
        if name not in NAMES:
            parser.error(f"--sections: expected some of {', '.join(NAMES)}, got {name}")
    options.out = options.out.resolve()
    return options


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    # Whoever ends this ends the section that is running, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        journal = Journal(options.out, options.device)
    except ValueError as error:
        print(f"first_run: {error}", file=sys.stderr)
        return 2
    with journal:
        return 0 if ask(options, journal) else 1


def ask(options: argparse.Namespace, journal: Journal) -> bool:
    """Run what is to be run; returns whether all is as it should be."""
    sections = chosen(options.sections, installed=options.installed)
    runner = Runner(options, journal)
    pending = [s for s in sections if not is_answered(s, options, journal)]
    for section in sections:
        name = section.name
        journal.say(f"\n##### {name}: {section.question} ({runner.spent():.0f} s)")
        if section not in pending:
            status = journal.entry(name)["status"]
            journal.say("done before" if status == "done" else status)
        elif runner.run(section, pending[pending.index(section) + 1 :]) != "done":
            entry = journal.entry(name)
            journal.say(f"{name} {entry['status']}: {entry['error']}")
            if name in FIRST:
                break
    return summary(journal, sections)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
