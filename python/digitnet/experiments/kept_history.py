"""A training's history as plain values, beside the model that a recipe keeps."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from digitnet._core import DataError
from digitnet.train.history import Executor, History


def described(history: History) -> dict[str, Any]:
    """What `history_of` makes the history of again."""
    return {
        "columns": dict(history),
        "status": history.status,
        "monitor": history.monitor,
        "options": {k: repr(v) for k, v in history.options.items()},
        "executor": asdict(history.executor)
        if isinstance(history.executor, Executor)
        else str(history.executor),
    }


PARTS = ("columns", "status", "monitor", "options", "executor")  # its parts


def history_of(values: dict[str, Any], where: str) -> History:
    """The history that was described; `values` has all of PARTS.

    Raises DataError for damaged ones, which begins with `where`.
    """
    history = History(values["options"], monitor=values["monitor"])
    try:
        history.take(values["columns"])
        history.status, executor = values["status"], values["executor"]
        # Version 0.1 wrote a sentence.
        history.executor = (
            Executor(**executor) if isinstance(executor, dict) else executor
        )
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: expected a history; {error}; delete it") from error
    return history
