"""A plain torch.nn.Module that equals a model, for everything outside digitnet.

One builder a kind of layer and a kind of preprocessing step; the contract tests loop
over both lists.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from digitnet.models.base import BaseModel


def to_torch(model: BaseModel) -> nn.Module:
    """See `Model.to_torch`."""
    # Whatever default device, default dtype or inference mode the caller has set.
    with torch.inference_mode(False), torch.device("cpu"):
        return _equal_module(model)


def _equal_module(model: BaseModel) -> nn.Module:
    network = model.core.network
    body = network.children[:-1] if _ends_in_softmax(network) else network.children
    steps = [
        _STEPS[name](options, model.max_value or 1.0)
        for name, options in model.core.preprocess
    ]
    layers = OrderedDict(_named(body, _Shapes(model)))
    module = EqualModule(steps, layers, model.temperature)
    state = {
        name: torch.from_numpy(value) for name, value in model.state_dict().items()
    }
    module.float().load_state_dict(state)
    return module.eval()


def _ends_in_softmax(network: Any) -> bool:
    return bool(network.children) and network.children[-1].kind == "softmax"


class EqualModule(nn.Sequential):
    """Preprocessing without state, layers under their own names, then the temperature."""

    def __init__(
        self,
        steps: list[Callable[[torch.Tensor], torch.Tensor]],
        layers: OrderedDict[str, nn.Module],
        temperature: float,
    ) -> None:
        super().__init__(layers)
        self.steps = steps
        self.temperature = temperature

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for step in self.steps:
            x = step(x)
        x = super().forward(x)
        return x if self.temperature == 1 else x / self.temperature


class _Branches(nn.Module):
    """Modules under their own names."""

    def __init__(self, branches: OrderedDict[str, nn.Module]) -> None:
        super().__init__()
        for name, branch in branches.items():
            self.add_module(name, branch)


class Sum(_Branches):
    """body(x) + shortcut(x)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        body, *shortcut = self.children()
        return body(x) + (shortcut[0](x) if shortcut else x)


class Join(_Branches):
    """Branches joined along channels."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.children()], 1)


class Aside(_Branches):
    """Lets its input through; what is inside takes part in digitnet's training only."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


class _Uncounted:
    """Batch norm without num_batches_tracked: digitnet keeps no such count."""

    def _load_from_state_dict(self, *args: Any) -> None:
        # Not torch's own, which would put the count back and then not expect it.
        nn.Module._load_from_state_dict(self, *args)


class _BatchNorm1d(_Uncounted, nn.BatchNorm1d):
    pass


class _BatchNorm2d(_Uncounted, nn.BatchNorm2d):
    pass


class _Shapes:
    """Sizes of weights by path, from which torch's constructors want the inputs."""

    def __init__(self, model: BaseModel) -> None:
        self.sizes = {name: value.shape for name, value in model.state_dict().items()}
        self.rank = {row["layer"]: len(row["output"]) for row in model.core.summary()}


def _named(
    layers: Any, shapes: _Shapes, prefix: str = ""
) -> list[tuple[str, nn.Module]]:
    return [
        (layer.name, _build(layer, shapes, f"{prefix}{layer.name}")) for layer in layers
    ]


def _build(layer: Any, shapes: _Shapes, path: str) -> nn.Module:
    if layer.children or layer.kind in _COMPOSITES:
        children = OrderedDict(_named(layer.children, shapes, f"{path}."))
        return _COMPOSITES[layer.kind](children)
    return _LAYERS[layer.kind](layer.options, shapes, path)


def _conv(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
    out, inputs, kernel, _ = shapes.sizes[f"{path}.weight"]
    padding = options["padding"]
    pixels = {"same": int(kernel) // 2, "valid": 0}.get(padding, padding)
    groups = int(options["groups"])
    return nn.Conv2d(
        inputs * groups,
        out,
        int(kernel),
        int(options["stride"]),
        int(pixels),
        groups=groups,
        bias=bool(options["bias"]),
    )


def _dense(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
    out, inputs = shapes.sizes[f"{path}.weight"]
    return nn.Linear(inputs, out, bias=bool(options["bias"]))


def _batch_norm(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
    kind = _BatchNorm2d if shapes.rank[path] == 3 else _BatchNorm1d
    norm = kind(
        shapes.sizes[f"{path}.weight"][0],
        eps=options["epsilon"],
        momentum=options["momentum"],
    )
    norm.num_batches_tracked = None
    return norm


class _ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of each pixel, or over features."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() == 2:
            return super().forward(x)
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class _Position(nn.Module):
    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(sizes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.weight


class _Rows(nn.GRU):
    """The state behind the last row of an image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        _, state = super().forward(x.permute(0, 2, 1, 3).flatten(2))
        return torch.as_tensor(state[0])


class _Attention(nn.Module):
    def __init__(self, heads: int) -> None:
        super().__init__()
        self.heads = heads

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count, channels, height, width = x.shape
        parts = x.reshape(count, 3, self.heads, channels // 3 // self.heads, -1)
        query, key, value = parts.transpose(3, 4).unbind(1)
        mixed = functional.scaled_dot_product_attention(query, key, value)
        return mixed.transpose(2, 3).reshape(count, -1, height, width)


class _Capsules(nn.Module):
    def __init__(self, sizes: tuple[int, ...], options: dict[str, Any]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(sizes))
        self.units, self.size = int(options["units"]), int(options["size"])
        self.inputs, self.routing = int(options["inputs"]), int(options["routing"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        count = len(x)
        vectors = x.reshape(count, -1, self.inputs, x.shape[2] * x.shape[3])
        vectors = _squash(vectors.transpose(2, 3).reshape(count, -1, self.inputs))
        foreseen = torch.einsum("noi,bni->bno", self.weight, vectors)
        foreseen = foreseen.reshape(count, -1, self.units, self.size)
        logits = torch.zeros(foreseen.shape[:3], dtype=x.dtype, device=x.device)
        outputs = x
        for _ in range(self.routing):
            shares = logits.softmax(2)
            outputs = _squash(torch.einsum("bnu,bnus->bus", shares, foreseen))
            logits = logits + torch.einsum("bnus,bus->bnu", foreseen, outputs)
        return outputs.flatten(1)


def _squash(s: torch.Tensor) -> torch.Tensor:
    squares = s.square().sum(-1, keepdim=True)
    return s * (squares + 1e-12).sqrt() / (1 + squares)


class _CapsuleLogits(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        squares = x.unflatten(1, (-1, self.size)).square().sum(2)
        return (squares + 1e-12).sqrt().clamp_max(1 - 1e-6).logit()


def _layer_norm(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
    return _ChannelNorm(shapes.sizes[f"{path}.weight"], eps=options["epsilon"])


def _gru(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
    inputs = shapes.sizes[f"{path}.weight_ih_l0"][1]
    return _Rows(int(inputs), int(options["units"]), batch_first=True)


def _max_pool(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
    size, stride = int(options["size"]), int(options["stride"])
    return nn.MaxPool2d(size, stride or size, int(options["padding"]))


def _pool(kind: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    def build(options: dict[str, Any], shapes: _Shapes, path: str) -> nn.Module:
        return kind(int(options["size"]), int(options["stride"] or options["size"]))

    return build


_COMPOSITES: dict[str, Callable[..., nn.Module]] = {
    "sequence": nn.Sequential,
    "residual": Sum,
    "concat": Join,
    "reconstruct": Aside,
    "domain_head": Aside,
}

_LAYERS: dict[str, Callable[..., nn.Module]] = {
    "conv": _conv,
    "dense": _dense,
    "batch_norm": _batch_norm,
    "layer_norm": _layer_norm,
    "position": lambda o, s, p: _Position(s.sizes[f"{p}.weight"]),
    "gru": _gru,
    "max_pool": _max_pool,
    "average_pool": _pool(nn.AvgPool2d),
    "adaptive_average_pool": lambda o, s, p: nn.AdaptiveAvgPool2d(int(o["size"])),
    "upsample": lambda o, s, p: nn.Upsample(scale_factor=int(o["factor"])),
    "flatten": lambda o, s, p: nn.Flatten(),
    "dropout": lambda o, s, p: nn.Dropout(o["rate"]),
    "relu": lambda o, s, p: nn.ReLU(),
    "relu6": lambda o, s, p: nn.ReLU6(),
    "sigmoid": lambda o, s, p: nn.Sigmoid(),
    "tanh": lambda o, s, p: nn.Tanh(),
    "gelu": lambda o, s, p: nn.GELU(),
    "softmax": lambda o, s, p: nn.Softmax(1),
    "attention": lambda o, s, p: _Attention(int(o["heads"])),
    "capsules": lambda o, s, p: _Capsules(s.sizes[f"{p}.weight"], o),
    "capsule_logits": lambda o, s, p: _CapsuleLogits(int(o["size"])),
}


def _per_channel(values: list[float], x: torch.Tensor) -> torch.Tensor:
    return torch.tensor(values, dtype=x.dtype, device=x.device).view(1, -1, 1, 1)


def _filter(kernel: list[list[float]]) -> Callable[..., Any]:
    def step(
        options: dict[str, Any], max_value: float
    ) -> Callable[[torch.Tensor], torch.Tensor]:
        def apply(x: torch.Tensor) -> torch.Tensor:
            channels = x.shape[1]
            weight = torch.tensor(kernel, dtype=x.dtype, device=x.device).expand(
                channels, 1, 3, 3
            )
            for _ in range(int(options["passes"])):
                x = functional.conv2d(x, weight, padding=1, groups=channels)
            return x

        return apply

    return step


def _median(
    options: dict[str, Any], max_value: float
) -> Callable[[torch.Tensor], torch.Tensor]:
    def apply(x: torch.Tensor) -> torch.Tensor:
        for _ in range(int(options["passes"])):
            around = functional.unfold(x, 3, padding=1)
            x = (
                around.reshape(len(x), x.shape[1], 9, -1)
                .median(2)
                .values.reshape(x.shape)
            )
        return x

    return apply


def _standardise(
    options: dict[str, Any], max_value: float
) -> Callable[[torch.Tensor], torch.Tensor]:
    mean, std = options["mean"] or [0.0], options["std"] or [1.0]
    return lambda x: (x - _per_channel(mean, x)) / _per_channel(std, x)


def _resize(
    options: dict[str, Any], max_value: float
) -> Callable[[torch.Tensor], torch.Tensor]:
    size = (int(options["height"]), int(options["width"]))
    if options["method"] == "nearest":
        return lambda x: functional.interpolate(x, size)
    return lambda x: functional.interpolate(
        x, size, mode="bilinear", align_corners=False
    )


def _grey(x: torch.Tensor) -> torch.Tensor:
    return (x * _per_channel([0.299, 0.587, 0.114], x)).sum(1, keepdim=True)


_STEPS: dict[
    str, Callable[[dict[str, Any], float], Callable[[torch.Tensor], torch.Tensor]]
] = {
    "scale": lambda o, m: lambda x: x / (m or 1.0),
    "standardise": _standardise,
    "mean_rgb": lambda o, m: lambda x: x - _per_channel(o["mean"] or [0.0], x),
    "resize": _resize,
    "grey_to_rgb": lambda o, m: lambda x: x.expand(-1, 3, -1, -1),
    "rgb_to_grey": lambda o, m: _grey,
    "blur": _filter(
        [[1 / 16, 2 / 16, 1 / 16], [2 / 16, 4 / 16, 2 / 16], [1 / 16, 2 / 16, 1 / 16]]
    ),
    "sharpen": _filter([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "median": _median,
}
