"""Old names of modules: pickles that an earlier version wrote name them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Finder:
    """Finds the new module under the old name; both are the same object then."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        loader: Any = self
        return ModuleSpec(name, loader) if name in self.names else None

    def create_module(self, spec: ModuleSpec) -> None:
        """Python's own, empty."""

    def exec_module(self, module: ModuleType) -> None:
        # Python takes what lies here for the result.
        sys.modules[module.__name__] = importlib.import_module(
            self.names[module.__name__]
        )


def find_old_modules(names: Mapping[str, str]) -> None:
    """Let an import of an old name give the module of the new one."""
    sys.meta_path.append(_Finder(names))
