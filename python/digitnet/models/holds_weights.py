"""A network's weights by name: read, and written as nobody trains it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

import digitnet._core as _core
from digitnet._utils.arrays import as_array, as_floats
from digitnet._utils.text import listed, shortened
from digitnet.train.training_guard import writing


class HoldsWeights:
    """What has a core, and so weights.

    Attributes:
        core: The network in C++.
    """

    core: _core.models.Model

    def state_dict(self) -> dict[str, npt.NDArray[np.float32]]:
        """Copies of all weights and running statistics, by name as in torch."""
        return {name: self.core.get(name) for name in self.core.parameter_names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Set all weights, and the temperature to 1.

        Nothing changes if one is missing, unknown, misshapen or not finite, or while another
        thread trains the model (RuntimeError).
        """
        current = self.state_dict()
        missing = sorted(current.keys() - state.keys())
        unknown = sorted(state.keys() - current.keys())
        if missing or unknown:
            raise ValueError(
                f"load_state_dict: expected {listed(sorted(current))}, got missing "
                f"{listed(missing) or 'none'} and unknown {listed(unknown) or 'none'}"
            )
        values = {}
        for name, value in state.items():
            array = as_array(value, f"load_state_dict.{shortened(name)}")
            if array.shape != current[name].shape:
                raise ValueError(
                    f"load_state_dict: expected shape {current[name].shape} for '{name}', "
                    f"got {array.shape}"
                )
            floats = as_floats(array)
            if floats is None:
                raise ValueError(
                    f"load_state_dict: expected finite weights of 32 bits for '{name}'"
                )
            values[name] = floats
        self.set_weights(values, "load_state_dict")

    def set_weights(
        self, values: Mapping[str, npt.NDArray[np.float32]], where: str
    ) -> None:
        """Set weights that were checked, some or all, and the temperature to 1.

        Raises:
            RuntimeError: another thread trains the model; `where` is named in it.
        """
        with writing(self.core, where):
            for name, array in values.items():
                self.core.set(name, array)
            self.core.temperature = 1.0
