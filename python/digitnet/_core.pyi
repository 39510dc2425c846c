from typing import Any

class DataError(ValueError): ...
class OutOfMemory(MemoryError): ...

data: Any
augment: Any
models: Any
train: Any
metrics: Any
