"""What a first run leaves: first_run.json and first_run.txt, both whole at any moment."""

from __future__ import annotations

import hashlib
import json
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# What the answers depend on.
SOURCES = (
    *("CMakeLists.txt", "pyproject.toml", "cmake", "cpp", "python"),
    *("bench/first_run", "tests/cuda", "tests/reference", "tests/train"),
    "tests/conftest.py",
)


def digest_of_tree() -> str:
    """Changes with every source that a section's answer depends on."""
    digest = hashlib.sha256()
    for name in SOURCES:
        top = ROOT / name
        files = sorted(top.rglob("*")) if top.is_dir() else [top]
        for path in files:
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def write_json(path: Path, content: Any) -> None:
    """At once or not at all."""
    unfinished = path.with_suffix(".unfinished")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.replace(path)


class Journal:
    """Figures by section, and every line that was shown.

    Args:
        folder: Where both files are, or will be.
        device: "cuda" or "cpu"; a folder holds the answers of one.
    Raises:
        ValueError: the folder's answers are of another device.
    """

    def __init__(self, folder: Path, device: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._path = folder / "first_run.json"
        self._tree = digest_of_tree()
        self._data: dict[str, Any] = {"device": device, "sections": {}}
        if self._path.exists():
            before = json.loads(self._path.read_text())
            if before["device"] != device:
                raise ValueError(
                    f"--out: expected a folder of device {device}, got one of "
                    f"{before['device']}; give another folder"
                )
            self._data = before
        self._text = (folder / "first_run.txt").open("a")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def say(self, line: str = "") -> None:
        """Show a line and keep it."""
        print(line, flush=True)
        print(line, file=self._text, flush=True)

    def forget(self, name: str) -> None:
        """As if the section had not been run."""
        self._data["sections"].pop(name, None)

    def is_done(self, name: str) -> bool:
        """Whether it was answered whole by the tree as it is now."""
        entry = self._data["sections"].get(name, {})
        whole = "left out" not in (entry.get("figures") or {})
        return (
            whole and entry.get("status") == "done" and entry.get("tree") == self._tree
        )

    def keep(self, name: str, status: str, seconds: float, answer: Any) -> None:
        """Write a section's answer down.

        Args:
            name: Of the section.
            status: "done", "failed", "out of time" or "needs a GPU".
            seconds: It took.
            answer: Its figures, what was unexpected, and its error, as a dict.
        """
        self._data["sections"][name] = {
            "status": status,
            "seconds": round(seconds, 2),
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "tree": self._tree,
            **answer,
        }
        write_json(self._path, self._data)

    def entry(self, name: str) -> dict[str, Any]:
        """What was written of a section; {} if nothing was."""
        return dict(self._data["sections"].get(name, {}))
