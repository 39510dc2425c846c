"""A search's study: made anew, or read from its journal with suspicion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

from digitnet._utils.extras import extra_packages
from digitnet._utils.files import check_target
from digitnet.data.dataset import Dataset
from digitnet.search.journal import journal_lock
from digitnet.search.space import METHODS

if TYPE_CHECKING:
    import optuna


def import_optuna() -> Any:
    with extra_packages("search"):
        import optuna
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # the table says it all
    return optuna


def _storage(file: str | PathLike[str] | None) -> Any:
    if file is None:
        return None
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    path = check_target(file)
    if path.is_file() and path.stat().st_size:
        with path.open("rb") as stream:
            if stream.read(1) != b"{":
                raise ValueError(f"{path}: expected the journal of a search")
    return JournalStorage(JournalFileBackend(str(path), lock_obj=journal_lock(path)))


def opened_study(
    how: Callable[..., optuna.Study], file: str | PathLike[str] | None, **options: Any
) -> optuna.Study:
    # Optuna replays the file line by line and raises whatever a line leads to.
    errors = (
        *(ValueError, KeyError, TypeError, AttributeError, AssertionError),
        *(IndexError, OverflowError, RecursionError),
    )
    try:
        study = how(study_name="digitnet", storage=_storage(file), **options)
        _check_trials(study)
        return study
    except errors as error:
        if file is None:
            raise
        raise ValueError(
            f"{file}: expected the journal of a search; {error!r:.200}; move it away"
        ) from error


def _check_trials(study: optuna.Study) -> None:
    """ValueError, TypeError or KeyError for what no search here has written."""
    settings = study.user_attrs.get("settings", {"method": METHODS[0]})
    if settings["method"] not in METHODS:
        raise ValueError(f"settings of a method {settings['method']!r:.60}")
    for trial in study.get_trials(deepcopy=False):
        numbers = [trial.user_attrs.get("seconds", 0.0), *trial.intermediate_values]
        numbers += trial.intermediate_values.values()
        values = trial.values
        numbers += values or ()
        measured = trial.state.name == "COMPLETE" or values is not None
        if measured and (values is None or len(values) != 1):
            raise ValueError(f"trial {trial.number} without one accuracy")
        if not all(isinstance(number, float | int) for number in numbers):
            raise TypeError(f"trial {trial.number} with numbers that are none")
        if not isinstance(trial.user_attrs.get("reason", ""), str):
            raise TypeError(f"trial {trial.number} with a reason that is no text")


def settings_of(
    space: Mapping[str, Any],
    train: Dataset,
    validation: Dataset,
    method: str,
    prune: bool,
    seed: int,
) -> dict[str, Any]:
    """The settings that must not change while a search goes on."""
    return {
        "space": {name: list(values) for name, values in space.items()},
        "train": _described(train),
        "validation": _described(validation),
        "method": method,
        "prune": prune,
        "seed": seed,
    }


def _described(data: Dataset) -> str:
    return f"{len(data)} of {data.name} (SHA-256 {data.sha256()})"


def check_settings(
    study: optuna.Study, settings: dict[str, Any], file: str | PathLike[str] | None
) -> None:
    recorded = study.user_attrs.get("settings")
    if recorded is None:
        study.set_user_attr("settings", settings)
        return
    for name, value in settings.items():
        if recorded.get(name) != value:
            raise ValueError(
                f"search.{name}: expected {recorded.get(name)} as in '{file}', got {value}; "
                "choose another file"
            )
