"""What is installed here and whether it works."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from typing import Any

from digitnet._build_info import COMPILER, TORCH_VERSION
from digitnet._startup import VERSION

_PACKAGES = (
    "torch",
    "numpy",
    "matplotlib",
    "pandas",
    "pillow",
    "safetensors",
    "scikit-learn",
    "tqdm",
)


def versions() -> dict[str, str]:
    """Versions of everything that matters to a result."""
    import torch

    found = {
        "digitnet": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": f"{os.cpu_count()} cores, {platform.machine()}",
        "built for torch": TORCH_VERSION,
        "compiler": COMPILER,
        "threads": str(torch.get_num_threads()),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none",
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "missing"
    return found


def show_versions() -> None:
    """Print `versions()`, for a bug report."""
    for name, value in versions().items():
        print(f"{name:<16} {value}")


def _check_training() -> str:
    import digitnet

    train, test = digitnet.data.load("digits")
    model = digitnet.models.make("linear", input_shape=(8, 8))
    model.fit(train, epochs=5, learning_rate=0.01, progress=False)
    accuracy = model.evaluate(test)["accuracy"]
    if accuracy < 0.8:
        raise RuntimeError(f"expected at least 0.8 on the digits, got {accuracy:.3f}")
    return f"trained a linear model on the digits: {accuracy:.1%} right"


def _check_data() -> str:
    from digitnet import sources
    from digitnet.sources.fetch import cache_folder

    here = [s.name for s in sources.all() if s.here()]
    return f"on this machine: {', '.join(here)}; others go to {cache_folder()}"


def checks() -> list[dict[str, Any]]:
    """Each check with its name, whether it passed and what it found."""
    results = []
    for name, check in (("training", _check_training), ("data", _check_data)):
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
    show_versions()
    results = checks()
    for result in results:
        print(
            f"{'ok  ' if result['ok'] else 'FAIL'} {result['check']}: {result['found']}"
        )
    return 0 if all(result["ok"] for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
