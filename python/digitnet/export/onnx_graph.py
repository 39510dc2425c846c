"""A graph of ONNX operations that grows node by node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 18  # Resize by axes; onnxruntime reads it since 1.14 (2023)
IR_VERSION = 8


@dataclass(frozen=True)
class Value:
    """A tensor in the graph: its name and its shape without the batch."""

    name: str
    shape: tuple[int, ...]


class Graph:
    """Nodes and constants so far."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any) -> Any:
        """Add an operation; the name of what it gives, or a list of names."""
        from onnx import helper

        number = len(self.nodes)
        names = [f"{kind.lower()}{number}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, value: npt.ArrayLike, dtype: Any = np.float32) -> str:
        """Add numbers; their name."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        array = np.array(value, dtype, order="C")
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def reshape(self, x: str, *sizes: int) -> str:
        """With the batch in front as it is, and at most one -1."""
        return str(self.node("Reshape", x, self.constant([0, *sizes], np.int64)))

    def transpose(self, x: str, *order: int) -> str:
        return str(self.node("Transpose", x, perm=list(order)))

    def sum(self, x: str, axis: int, keepdims: bool = False) -> str:
        axes = self.constant([axis], np.int64)
        return str(self.node("ReduceSum", x, axes, keepdims=int(keepdims)))

    def of(self, kind: str, x: str, value: npt.ArrayLike) -> str:
        """x and a constant, joined by an operation."""
        return str(self.node(kind, x, self.constant(value)))

    def squash(self, x: str) -> str:
        """Vectors along the last axis with lengths below 1. Source: Sabour et al., 2017."""
        squares = self.sum(self.node("Mul", x, x), -1, keepdims=True)
        length = self.node("Sqrt", self.of("Add", squares, 1e-12))
        scaled = self.node("Mul", x, length)
        return str(self.node("Div", scaled, self.of("Add", squares, 1.0)))
