"""What a section is given: device, time, and where its figures go."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from journal import write_json

AGAIN = 75  # a section's exit status: start me again, in a new process


class LostContextError(RuntimeError):
    """The GPU answers this process no more; what is left needs another one."""


class Context:
    """A section's view of the run.

    Figures are on disk as soon as they are put, so that they outlive the process.

    Attributes:
        device: "cuda" or "cpu".
        seconds: What the section should take.
        folder: Of the whole run.
        figures: What was put; at the beginning, that of a process of the same section
            which lost its GPU.
    """

    def __init__(self, name: str, device: str, seconds: float, folder: Path) -> None:
        self.device, self.seconds, self.folder = device, seconds, folder
        self._path = answer_path(folder, name)
        self._answer = read_answer(folder, name)
        self.figures: dict[str, Any] = self._answer["figures"]
        self._began = time.perf_counter()

    @property
    def on_gpu(self) -> bool:
        return self.device != "cpu"

    def left(self) -> float:
        """Seconds until the section should end; below 0 behind."""
        return self.seconds - (time.perf_counter() - self._began)

    def put(self, name: str, value: Any) -> None:
        """Keep a figure: anything that JSON can say."""
        self.figures[name] = value
        write_json(self._path, self._answer)

    def expect(self, fulfilled: bool, text: str) -> None:
        """Report what is not as it should be; the section goes on."""
        if not fulfilled:
            print(f"NOT AS EXPECTED: {text}", flush=True)
            self._answer["unexpected"].append(text)
            write_json(self._path, self._answer)

    def fail(self, error: BaseException) -> None:
        """Keep the error that ends the section."""
        self._answer["error"] = f"{type(error).__name__}: {error}"
        write_json(self._path, self._answer)

    def check_gpu(self) -> None:
        """LostContextError if the GPU no longer answers this process."""
        if not self.on_gpu:
            return
        import torch

        try:
            torch.cuda.synchronize()
        except RuntimeError as error:
            raise LostContextError(str(error).splitlines()[0]) from error


def answer_path(folder: Path, name: str) -> Path:
    return folder / "sections" / f"{name}.json"


def read_answer(folder: Path, name: str) -> dict[str, Any]:
    """A section's figures, what was unexpected, and its error ("" without one)."""
    path = answer_path(folder, name)
    if path.exists():
        return dict(json.loads(path.read_text()))
    return {"figures": {}, "unexpected": [], "error": ""}
