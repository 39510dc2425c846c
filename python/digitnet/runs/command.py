"""What `digitnet train` was asked for: kept with its run, so that it can be run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from digitnet._core import DataError
from digitnet.train.presets import preset

BEGUN = "command.json"  # beside the state of a training, until its end
FIT_OPTIONS = (
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "augment",
    "copies",
    "early_stopping",
    "label_smoothing",
    "ema_decay",
    "precision",
    "deterministic",
    "adversary",
    "calibrate",
)
# All that a training is known by.
KEPT = (*FIT_OPTIONS, "data", "model", "preset", "validation", "seed", "device")

# What each of them is; float takes whole numbers too, and None is one that was not given.
_TYPES: dict[str, type] = {
    **dict.fromkeys(("epochs", "batch_size", "copies", "early_stopping", "seed"), int),
    **dict.fromkeys(("learning_rate", "label_smoothing", "ema_decay"), float),
    **dict.fromkeys(("calibrate", "validation"), float),
    "deterministic": bool,
}
_ALWAYS = ("seed", "device")


def check_command(command: Mapping[str, Any], where: str) -> None:
    """DataError that begins with `where`, unless these are values as `digitnet train` keeps
    them; KEPT are there."""
    for name in KEPT:
        value, kind = command[name], _TYPES.get(name, str)
        fits = isinstance(value, (float, int) if kind is float else kind)
        if isinstance(value, bool) and kind is not bool:
            fits = False
        if not fits and (value is not None or name in _ALWAYS):
            raise DataError(
                f"{where}: expected {kind.__name__} as {name}, got {value!r:.60}"
            )


def config_of(
    command: Mapping[str, Any], network: str, options: Mapping[str, Any], processes: int
) -> dict[str, Any]:
    """What config.json says of the training, by the options that `fit` went by."""
    return {
        "data": command["data"],
        "model": network,
        "preset": command["preset"],
        "validation": command["validation"],
        "processes": processes,
        **options,
        "command": dict(command),
    }


def network_and_options(command: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The network's name, and the options of `fit`: the preset's, overridden by the others.

    Args:
        command: Values by the names in KEPT; None where one was not given.
    Raises:
        ValueError: no data, or neither a network nor a preset.
    """
    named = command["preset"]
    recipe = preset(named, device=command["device"]) if named else None
    if not command["data"]:
        raise ValueError("train: expected --data, got none; see 'digitnet data list'")
    network = command["model"] or (recipe and recipe.network)
    if not network:
        raise ValueError("train: expected --model or --preset, got neither")
    options = dict(recipe.options) if recipe else {}
    options |= {
        name: command[name] for name in FIT_OPTIONS if command[name] is not None
    }
    options["calibrate"] = options.get("calibrate", True) or False  # 0: none
    return network, {**options, "seed": command["seed"], "device": command["device"]}
