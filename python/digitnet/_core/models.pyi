"""
Networks.
"""
from __future__ import annotations
import collections.abc
import numpy
import numpy.typing
import typing
__all__: list[str] = ['Layer', 'Model', 'Predictor', 'apply_steps', 'describe', 'describe_layers', 'describe_steps', 'make', 'parameters_of']
class Layer:
    """
    One layer of a network, as a value.
    """
    @staticmethod
    def from_dict(value: dict) -> Layer:
        """
        The reverse of to_dict().
        """
    def __init__(self, kind: str, options: dict = {}, children: collections.abc.Sequence[Layer] = [], name: str = '') -> None:
        ...
    def to_dict(self) -> dict:
        """
        The layer as plain values, for JSON.
        """
    @property
    def children(self) -> list[Layer]:
        """
        The layers inside.
        """
    @property
    def kind(self) -> str:
        """
        The kind's name, such as 'conv'.
        """
    @property
    def name(self) -> str:
        """
        Its name among its siblings; empty until the network is made.
        """
    @property
    def options(self) -> dict:
        """
        All options.
        """
class Model:
    """
    Network, preprocessing and weights.
    """
    def __init__(self, network: Layer, input_shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], preprocess: collections.abc.Sequence, seed: typing.SupportsInt | typing.SupportsIndex) -> None:
        ...
    def count_params(self) -> int:
        ...
    def get(self, name: str) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def native_bytes(self, batch_size: typing.SupportsInt | typing.SupportsIndex) -> int:
        """
        About the bytes of the native executor while it trains.
        """
    def outermost(self) -> list:
        """
        (name, output shape) of the outermost layers.
        """
    def preprocessed(self, images: numpy.ndarray) -> numpy.typing.NDArray[numpy.float32]:
        ...
    def set(self, name: str, values: typing.Annotated[numpy.typing.ArrayLike, numpy.float32]) -> None:
        ...
    def summary(self) -> list:
        ...
    @property
    def input_shape(self) -> tuple:
        ...
    @property
    def max_value(self) -> float:
        ...
    @max_value.setter
    def max_value(self, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
    @property
    def network(self) -> Layer:
        ...
    @property
    def output_shape(self) -> tuple:
        """
        Of what is given for a sample.
        """
    @property
    def outputs(self) -> int:
        """
        Numbers given for a sample.
        """
    @property
    def outputs_images(self) -> bool:
        ...
    @property
    def parameter_names(self) -> list[str]:
        ...
    @property
    def preprocess(self) -> list:
        ...
    @property
    def temperature(self) -> float:
        """
        What predictions divide logits by.
        """
    @temperature.setter
    def temperature(self, arg1: typing.SupportsFloat | typing.SupportsIndex) -> None:
        ...
class Predictor:
    """
    Predicts and inspects; keeps its executors for the next call.
    """
    def __init__(self, model: Model) -> None:
        ...
    def clear(self) -> None:
        """
        Frees its executors.
        """
    def predict(self, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, device: str, probabilities: bool) -> numpy.typing.NDArray[numpy.float64]:
        ...
    @property
    def executors_made(self) -> int:
        """
        How many executors were made so far.
        """
def apply_steps(steps: collections.abc.Sequence, images: numpy.ndarray, rows: typing.Annotated[numpy.typing.ArrayLike, numpy.int64] | None, max_value: typing.SupportsFloat | typing.SupportsIndex) -> numpy.ndarray:
    """
    Images as these preprocessing steps leave them.
    """
def describe() -> list:
    """
    Every named network with its summary, source and usual input shape.
    """
def describe_layers() -> list:
    """
    Every kind of layer with its options.
    """
def describe_steps() -> list:
    """
    Every preprocessing step with its options.
    """
def make(name: str, classes: typing.SupportsInt | typing.SupportsIndex) -> tuple[Layer, tuple]:
    """
    The named network and its usual input shape.
    """
def parameters_of(network: Layer, input_shape: collections.abc.Sequence[typing.SupportsInt | typing.SupportsIndex], preprocess: collections.abc.Sequence) -> list:
    """
    (name, shape, is_buffer) of every tensor, without making any.
    """
