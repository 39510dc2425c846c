"""Diagnostics: whether what is installed here works."""

from __future__ import annotations

from typing import Any

import digitnet
import digitnet._core as _core
from digitnet._utils import torch_engine
from digitnet._utils.files import cache_folder
from digitnet._utils.versions import show_versions
from digitnet.data import sources


def _check_training() -> str:
    train, test = digitnet.data.load("digits")
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.fit(train, epochs=5, learning_rate=0.01, progress=False)
    accuracy = model.evaluate(test)["accuracy"]
    if accuracy < 0.8:
        raise RuntimeError(f"expected at least 0.8 on the digits, got {accuracy:.3f}")
    return f"trained a linear model on the digits: {accuracy:.1%} right"


def _check_data() -> str:
    here = [s.name for s in sources.all() if s.here()]
    return f"on this machine: {', '.join(here)}; others go to {cache_folder()}"


def _check_engine() -> str:
    """Loads the LibTorch engine if there is one: it may be damaged."""
    path = torch_engine.find_engine().path
    if path is not None:
        torch_engine.check_unchanged(path)
        torch_engine.load()
        gpus = _core.engine.gpu_count()
        found = str(gpus) if gpus else f"none: {_core.engine.no_gpu_reason()}"
        return f"{torch_engine.describe()}; GPUs: {found}"
    return f"{torch_engine.describe()} (needed for a GPU and for several ranks)"


def checks() -> list[dict[str, Any]]:
    """Each check with its name, whether it passed and what it found."""
    results = []
    for name, check in (
        ("training", _check_training),
        ("data", _check_data),
        ("LibTorch engine", _check_engine),
    ):
        try:
            results.append({"check": name, "ok": True, "found": check()})
        except Exception as error:  # a doctor reports whatever is wrong
            results.append(
                {
                    "check": name,
                    "ok": False,
                    "found": f"{type(error).__name__}: {error}",
                }
            )
    return results


def main() -> int:
    """Print versions and checks; 0 if all is well."""
    results = checks()  # first: they load the engine, which then names its GPU
    show_versions()
    for result in results:
        print(
            f"{'ok  ' if result['ok'] else 'FAIL'} {result['check']}: {result['found']}"
        )
    return 0 if all(result["ok"] for result in results) else 1
