"""Experiment trackers as callbacks: MLflow, Weights & Biases."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from digitnet._utils.extras import extra_packages
from digitnet.callbacks.callback import Callback, Logs


def _named(logs: Logs) -> dict[str, float]:
    """Columns as trackers group them: train/loss, val/loss."""
    return {
        f"val/{name.removeprefix('val_')}"
        if name.startswith("val_")
        else f"train/{name}": value
        for name, value in logs.items()
    }


class _Tracker(Callback):
    """What a tracker logs: options, columns, how the training ended, the model.

    Its subclasses have `_begin`, `_log` and `_end`; what their package raises because the
    service is away is an OSError, which ends no training that has begun.
    """

    _package: str

    def on_train_begin(self) -> None:
        with self._service():
            self._begin()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        with self._service():
            self._log(epoch, logs)

    def on_train_end(self) -> None:
        with self._service():
            self._end()

    def _begin(self) -> None:
        raise NotImplementedError

    def _log(self, epoch: int, logs: Logs) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError

    @contextmanager
    def _service(self) -> Iterator[None]:
        """Errors of the package's own as ConnectionError; not all have a public class."""
        try:
            yield
        except Exception as error:
            if type(error).__module__.partition(".")[0] != self._package:
                raise
            raise ConnectionError(str(error)) from error

    def _params(self) -> dict[str, Any]:
        history: Any = self.model.history
        about = {
            "model": self.model.name,
            "parameters": self.model.count_params(),
            "executor": str(history.executor),
        }
        return {**about, **history.options}

    # `fit(resume=)` keeps the run's id, so that a training goes on in its run.
    run_id = ""
    _goes_on = False

    def state_dict(self) -> dict[str, Any]:
        """For `fit(resume=)`."""
        return {"run_id": self.run_id}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """The other way round, before `on_train_begin`."""
        if not isinstance(state["run_id"], str):
            raise TypeError(f"expected a run's id, got {state['run_id']!r:.60}")
        self.run_id, self._goes_on = state["run_id"], True

    @property
    def _status(self) -> str:
        history: Any = self.model.history
        return str(history.status)


class MLflowLogger(_Tracker):
    """Logs to MLflow: options as parameters, columns as metrics, the model as an artifact.

    A run that is active stays so and is written to; else one is started, and ended with
    the training.

    Args:
        experiment: Its name. Default: MLflow's own.
        run_name: Default: the model's name.
        tracking_uri: Where to, such as ``"sqlite:///runs.db"``. Default: MLflow's own.
        log_model: Whether the model's file goes along at the end.
    Raises:
        ImportError: MLflow is not installed.
    """

    _package = "mlflow"

    def __init__(
        self,
        experiment: str | None = None,
        run_name: str | None = None,
        tracking_uri: str | None = None,
        log_model: bool = True,
    ) -> None:
        with extra_packages("MLflowLogger"):
            import mlflow
        self._mlflow: Any = mlflow
        self.experiment, self.run_name = experiment, run_name
        self.tracking_uri, self.log_model = tracking_uri, log_model
        self._started_here = False
        self.writes_to = tracking_uri or "MLflow"

    def _begin(self) -> None:
        mlflow = self._mlflow
        self._started_here = mlflow.active_run() is None
        with ExitStack() as stack:  # ends the run if it does not begin well
            if self._started_here:
                self._start_run()
                stack.callback(mlflow.end_run, "FAILED")
            self.run_id = mlflow.active_run().info.run_id
            if not self._goes_on:
                mlflow.log_params({k: str(v)[:500] for k, v in self._params().items()})
            stack.pop_all()
        self._goes_on = False

    def _start_run(self) -> None:
        mlflow = self._mlflow
        if self.tracking_uri is not None:
            mlflow.set_tracking_uri(self.tracking_uri)
        if self.experiment is not None:
            mlflow.set_experiment(self.experiment)
        if self._goes_on:
            mlflow.start_run(run_id=self.run_id)
        else:
            mlflow.start_run(run_name=self.run_name or self.model.name)

    def _log(self, epoch: int, logs: Logs) -> None:
        self._mlflow.log_metrics(_named(logs), step=epoch)

    def _end(self) -> None:
        mlflow = self._mlflow
        if mlflow.active_run() is None:
            return  # it never began
        failed = self._status in ("diverged", "interrupted")
        with ExitStack() as stack:  # the last one first, whatever becomes of the others
            if self._started_here:
                stack.callback(mlflow.end_run, "FAILED" if failed else "FINISHED")
            if self.log_model:
                stack.callback(self._log_model)
            stack.callback(mlflow.set_tag, "status", self._status)

    def _log_model(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "model.safetensors"
            self.model.save(file)
            self._mlflow.log_artifact(str(file))


class WandbLogger(_Tracker):
    """Logs to Weights & Biases: options as config, columns as curves.

    Args:
        project: Its name.
        name: Name of the run. Default: the model's name.
        mode: "offline" writes to `folder` alone, for ``wandb sync``; "online" sends.
        folder: Where wandb writes.
        options: More options of ``wandb.init``.
    Raises:
        ImportError: wandb is not installed.
        ValueError: another mode.
    """

    _package = "wandb"

    def __init__(
        self,
        project: str = "digitnet",
        name: str | None = None,
        mode: str = "offline",
        folder: str | Path | None = None,
        **options: Any,
    ) -> None:
        with extra_packages("WandbLogger"):
            import wandb
        if mode not in ("offline", "online"):
            raise ValueError(
                f"WandbLogger.mode: expected offline or online, got {mode!r}"
            )
        self._wandb: Any = wandb
        self.options = {
            "project": project,
            "name": name,
            "mode": mode,
            "dir": None if folder is None else str(folder),
            **options,
        }
        self._run: Any = None
        self.writes_to = "Weights & Biases"

    def _begin(self) -> None:
        options = {**self.options, "name": self.options["name"] or self.model.name}
        if self._goes_on:
            options |= {"id": self.run_id, "resume": "allow"}
        self._run = self._wandb.init(config=self._params(), **options)
        self.run_id, self._goes_on = str(self._run.id), False

    def _log(self, epoch: int, logs: Logs) -> None:
        self._run.log(_named(logs), step=epoch)

    def _end(self) -> None:
        run, self._run = self._run, None
        if run is None:
            return  # it never began
        with ExitStack() as stack:  # the last one first, whatever becomes of the other
            stack.callback(run.finish, exit_code=int(self._status == "diverged"))
            stack.callback(run.summary.__setitem__, "status", self._status)
