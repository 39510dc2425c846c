"""Baselines: what was reached before, with seeds, data and versions, in a file."""

from __future__ import annotations

import base64
import json
import math
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from digitnet._utils.deprecation import warn_renamed
from digitnet._utils.files import write_whole
from digitnet._utils.input_files import read_json
from digitnet._utils.versions import versions as all_versions

# Of a baseline's versions: what can move a number.
_VERSIONS = ("digitnet", "torch", "numpy", "python")
_ENOUGH = 3  # seeds, for their standard deviation to mean something


@dataclass(frozen=True)
class Baseline:
    """What a test reached on one kind of device.

    Attributes:
        metrics: By name, one value a seed.
        seeds: Seeds of the values.
        samples: Test images; 0 where they are not counted.
        data: Hash of the test data, or "".
        recalls: Recall of each class by name, means over the seeds; empty without a Report.
        predicted: Predicted classes of the first seed, (N,) or None.
        versions: Versions of what the numbers depend on.
        date: When it was written.
    """

    metrics: Mapping[str, Sequence[float]]
    seeds: Sequence[int]
    samples: int = 0
    data: str = ""
    recalls: Mapping[str, float] = field(default_factory=dict)
    predicted: npt.NDArray[np.int64] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    date: str = ""

    def mean(self, metric: str) -> float:
        return float(np.mean(self.metrics[metric]))

    def std(self, metric: str) -> float | None:
        """The standard deviation over the seeds, if there are enough of them."""
        values = self.metrics[metric]
        return float(np.std(values, ddof=1)) if len(values) >= _ENOUGH else None

    def spread(self, metric: str) -> float | None:
        """The old name of `std`."""
        warn_renamed("Baseline", "spread", "std")
        return self.std(metric)

    def to_json(self) -> dict[str, Any]:
        metrics = {
            name: {
                "value": self.mean(name),
                "spread": self.std(name),
                "n": len(values),
                "values": list(values),
            }
            for name, values in self.metrics.items()
        }
        packed = ""
        if self.predicted is not None:
            small = self.predicted.astype(np.uint16).tobytes()
            packed = base64.b64encode(zlib.compress(small, 9)).decode()
        return {
            "metrics": metrics,
            "seeds": list(self.seeds),
            "samples": self.samples,
            "data_sha256": self.data,
            "recalls": dict(self.recalls),
            "predicted": packed,
            "versions": dict(self.versions),
            "date": self.date,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Baseline:
        packed, predicted = value["predicted"], None
        if packed:
            small = zlib.decompress(base64.b64decode(packed, validate=True))
            predicted = np.frombuffer(small, np.uint16).astype(np.int64)
        metrics = {
            str(name): [float(v) for v in entry["values"]]
            for name, entry in value["metrics"].items()
        }
        if not all(len(v) and all(map(math.isfinite, v)) for v in metrics.values()):
            raise ValueError("expected finite values")
        return cls(
            metrics,
            [int(seed) for seed in value["seeds"]],
            int(value["samples"]),
            str(value["data_sha256"]),
            {str(k): float(v) for k, v in value["recalls"].items()},
            predicted,
            dict(value["versions"]),
            str(value["date"]),
        )


def versions() -> dict[str, str]:
    every = all_versions()
    return {name: every[name] for name in _VERSIONS}


def today() -> str:
    return time.strftime("%Y-%m-%d")


class BaselineFile:
    """The baselines of one test, by kind of device, and the hashes of its weights.

    Args:
        path: The file, which need not be there.
        older: Another one to read instead, which goes when this one is written.
    Raises:
        ValueError: a file that is no such thing; names it.
    """

    def __init__(self, path: Path, older: Path | None = None) -> None:
        self.path, self.older = path, older
        path = older or path
        self.devices: dict[str, Baseline] = {}
        self.weights: dict[str, str] = {}
        if not path.is_file():
            return
        try:
            content = read_json(path, "devices", "weights")
            self.devices = {
                str(name): Baseline.from_json(value)
                for name, value in content["devices"].items()
            }
            # Version 0.1 named torch where the native executor had trained, too.
            self.weights = {
                re.sub(r"^(nobody|native \w+), torch [\d.]+, ", r"\1, ", str(k)): str(v)
                for k, v in content["weights"].items()
            }
        except (ValueError, KeyError, TypeError, AttributeError, zlib.error) as error:
            raise ValueError(
                f"{path}: expected the baseline of a test, got {error!r}; delete it "
                "or bring it back"
            ) from error

    def save(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        devices = {name: value.to_json() for name, value in self.devices.items()}
        text = json.dumps(
            {"devices": devices, "weights": self.weights}, indent=1, sort_keys=True
        )
        write_whole(self.path, (text + "\n").encode())
        if self.older is not None:
            self.older.unlink(missing_ok=True)
            self.older = None
