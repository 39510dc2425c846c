"""The dependencies in the metadata of a build: torch pinned to the minor compiled against.

A plug-in of scikit-build-core. In an isolated build that is the minor in
build-system.requires; with --no-build-isolation the one that is installed.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

# Of tests and lint alike: where torch cannot be found yet (an sdist's metadata).
_USUAL_MINOR = "2.13"


def _minor() -> str:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return _USUAL_MINOR
    scope: dict[str, Any] = {}
    exec((Path(spec.origin).parent / "version.py").read_text(), scope)
    return ".".join(str(scope["__version__"]).split(".")[:2])


def dynamic_metadata(field: str, settings: dict[str, Any]) -> list[str]:
    if field != "dependencies":
        raise ValueError(f"torch_pin: expected the field dependencies, got {field}")
    return [f"torch=={_minor()}.*", *settings["others"]]
