"""
Engines, devices and threads.
"""
from __future__ import annotations
import typing
__all__: list[str] = ['core_id', 'executor', 'gpu_count', 'gpu_driver_here', 'load_torch_engine', 'no_gpu_reason', 'num_threads', 'require_memory', 'resolve_device', 'set_num_threads', 'torch_engine_loaded']
def core_id() -> str:
    """
    A hash of the sources of the core and of the LibTorch engine.
    """
def executor(device: str) -> dict:
    """
    Which executor would predict, and why.
    """
def gpu_count() -> int:
    """
    GPUs of NVIDIA that torch finds; loads the LibTorch engine.
    """
def gpu_driver_here() -> bool:
    """
    Whether the driver of an NVIDIA GPU is here.
    """
def load_torch_engine(path: str) -> None:
    """
    Open a LibTorch engine's library; torch has been imported.
    """
def no_gpu_reason() -> str:
    """
    Why gpu_count() is 0; loads the LibTorch engine.
    """
def num_threads() -> int:
    """
    Threads of whatever the core computes.
    """
def require_memory(bytes: typing.SupportsInt | typing.SupportsIndex, where: str) -> None:
    """
    OutOfMemory, unless so many bytes are free.
    """
def resolve_device(device: str) -> str:
    """
    The device that 'auto' stands for.
    """
def set_num_threads(threads: typing.SupportsInt | typing.SupportsIndex) -> None:
    """
    Use so many threads from now on.
    """
def torch_engine_loaded() -> bool:
    """
    Whether the LibTorch engine has been loaded.
    """
