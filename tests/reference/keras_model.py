"""Keras' sequential models in plain NumPy: what they compute, and the files they write.

Images are (N, H, W, C). Layouts of the files are those of Keras' own saving code: "keras"
is the archive of version 3, "weights.h5" its weights alone, "h5" a whole model as version
2 wrote it, "weights only h5" its weights alone.
"""

import io
import json
import re
import zipfile

import numpy as np

FORMS = ("keras", "h5", "weights.h5", "weights only h5")
WITH_CONFIG = FORMS[:2]


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def pads(length, size, stride, padding):
    """(before, after, outputs): TensorFlow's "same" has the odd pixel at the end."""
    if padding == "valid":
        return 0, 0, (length - size) // stride + 1
    outputs = -(-length // stride)
    missing = max(0, (outputs - 1) * stride + size - length)
    return missing // 2, missing - missing // 2, outputs


def windows(x, size, strides, padding, fill=0.0):
    """(N, rows, columns, height, width, C)."""
    (h, w), (sh, sw) = pair(size), pair(strides)
    top, bottom, rows = pads(x.shape[1], h, sh, padding)
    left, right, columns = pads(x.shape[2], w, sw, padding)
    around = ((0, 0), (top, bottom), (left, right), (0, 0))
    x = np.pad(x, around, constant_values=fill)
    every = np.lib.stride_tricks.sliding_window_view(x, (h, w), axis=(1, 2))
    every = every[:, ::sh, ::sw].transpose(0, 1, 2, 4, 5, 3)
    assert every.shape[1:3] == (rows, columns)
    return every


def activate(x, name):
    if name == "softmax":
        x = np.exp(x - x.max(-1, keepdims=True))
        return x / x.sum(-1, keepdims=True)
    return {
        "linear": lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
    }[name]()


class Layer:
    """A layer's class, config and weights by part, and what it computes."""

    def __init__(self, class_name, weights=None, **config):
        self.class_name, self.weights, self.config = class_name, weights or {}, config

    def __call__(self, x):
        w, c = self.weights, self.config
        if self.class_name in ("Conv2D", "DepthwiseConv2D"):
            parts = windows(x, c["kernel_size"], c["strides"], c["padding"])
            form = "nrchwi,hwio->nrco"
            if self.class_name == "DepthwiseConv2D":
                form = "nrchwi,hwim->nrcim"
            y = np.einsum(form, parts, w["kernel"])
            y = y.reshape(*y.shape[:3], -1)
        elif self.class_name == "Dense":
            y = x @ w["kernel"]
        elif self.class_name == "BatchNormalization":
            y = (x - w["moving_mean"]) / np.sqrt(w["moving_variance"] + c["epsilon"])
            return y * w.get("gamma", 1) + w.get("beta", 0)
        elif self.class_name == "LayerNormalization":
            y = x - x.mean(-1, keepdims=True)
            y = y / np.sqrt(x.var(-1, keepdims=True) + c["epsilon"])
            return y * w.get("gamma", 1) + w.get("beta", 0)
        elif self.class_name == "MaxPooling2D":
            every = windows(x, c["pool_size"], c["strides"], c["padding"], -np.inf)
            return every.max((3, 4))
        elif self.class_name == "AveragePooling2D":
            return windows(x, c["pool_size"], c["strides"], c["padding"]).mean((3, 4))
        elif self.class_name == "GlobalAveragePooling2D":
            return x.mean((1, 2))
        elif self.class_name == "ZeroPadding2D":
            return np.pad(x, ((0, 0), *c["padding"], (0, 0)))
        elif self.class_name == "Flatten":
            return x.reshape(len(x), -1)
        elif self.class_name == "Activation":
            return activate(x, c["activation"])
        else:
            assert self.class_name == "Dropout"
            return x
        return activate(y + w.get("bias", 0), c.get("activation", "linear"))


class Builder:
    """Layers with random weights."""

    def __init__(self, rng):
        self.rng = rng

    def _some(self, *shape):
        return self.rng.normal(size=shape).astype(np.float32)

    def conv(self, inputs, channels, size, strides=1, padding="valid", **more):
        h, w = pair(size)
        weights = {"kernel": self._some(h, w, inputs, channels)}
        if more.get("use_bias", True):
            weights["bias"] = self._some(channels)
        return Layer(
            "Conv2D",
            weights,
            **{"kernel_size": list(pair(size)), "strides": list(pair(strides))},
            **{"padding": padding, "dilation_rate": [1, 1], "groups": 1, **more},
        )

    def depthwise(self, inputs, multiplier, size):
        weights = {"kernel": self._some(size, size, inputs, multiplier)}
        weights["bias"] = self._some(inputs * multiplier)
        more = {"strides": [1, 1], "padding": "same", "dilation_rate": [1, 1]}
        return Layer("DepthwiseConv2D", weights, kernel_size=[size, size], **more)

    def dense(self, inputs, units, **more):
        weights = {"kernel": self._some(inputs, units) / np.float32(np.sqrt(inputs))}
        return Layer("Dense", weights | {"bias": self._some(units)}, **more)

    def batch_norm(self, count, epsilon=1e-3, scale=True, center=True, **more):
        weights = {"gamma": self._some(count)} if scale else {}
        weights |= {"beta": self._some(count)} if center else {}
        weights["moving_mean"] = self._some(count)
        weights["moving_variance"] = self.rng.random(count, np.float32) + 1e-4
        config = {"epsilon": epsilon, "scale": scale, "center": center, "axis": -1}
        return Layer("BatchNormalization", weights, **config, **more)

    def layer_norm(self, count, epsilon=1e-3, **more):
        weights = {"gamma": self._some(count), "beta": self._some(count)}
        return Layer("LayerNormalization", weights, epsilon=epsilon, axis=-1, **more)

    def pool(self, kind="Max", size=2, strides=None, padding="valid"):
        return Layer(
            f"{kind}Pooling2D",
            **{"pool_size": list(pair(size)), "padding": padding},
            strides=list(pair(strides or size)),
        )


def snake_case(name):
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


class KerasModel:
    """A Sequential of layers; those without a name get Keras' default one."""

    def __init__(self, *layers):
        self.layers, counts = layers, {}
        self.groups = []
        for layer in layers:
            word = snake_case(layer.class_name)
            number = counts[word] = counts.get(word, -1) + 1
            self.groups.append(f"{word}_{number}" if number else word)
            layer.config.setdefault("name", self.groups[-1])

    def __call__(self, images):
        """Outputs for (N, C, H, W), before a last softmax."""
        x = images.transpose(0, 2, 3, 1).astype(np.float64)
        for layer in self.layers:
            x = layer(x)
        return x

    def config(self):
        entries = [
            {"class_name": layer.class_name, "config": layer.config}
            for layer in self.layers
        ]
        entries.insert(0, {"class_name": "InputLayer", "config": {"name": "input"}})
        return json.dumps(
            {"class_name": "Sequential", "config": {"name": "s", "layers": entries}}
        )

    def save(self, folder, form):
        """Write a file of one of the FORMS; returns its path."""
        import h5py

        if form == "keras":
            path, content = folder / "m.keras", io.BytesIO()
            with h5py.File(content, "w") as file:
                self._numbered(file)
            with zipfile.ZipFile(path, "w") as archive:
                archive.writestr("metadata.json", '{"keras_version": "3.8.0"}')
                archive.writestr("config.json", self.config())
                archive.writestr("model.weights.h5", content.getvalue())
            return path
        path = folder / ("m.weights.h5" if form == "weights.h5" else "m.h5")
        with h5py.File(path, "w") as file:
            if form == "weights.h5":
                self._numbered(file)
            elif form == "h5":
                file.attrs["model_config"] = self.config()
                self._named(file.create_group("model_weights"))
                file["optimizer_weights/Adam/dense/kernel/m:0"] = np.zeros((3, 2), "f4")
            else:
                self._named(file)
        return path

    def _numbered(self, file):
        for layer, group in zip(self.layers, self.groups, strict=True):
            inner = file.create_group(f"layers/{group}/vars")
            inner.attrs["name"] = layer.config["name"]
            for i, value in enumerate(layer.weights.values()):
                inner[str(i)] = value
            if layer.class_name == "Dropout":
                seed = np.zeros(2, np.uint32)
                file[f"layers/{group}/seed_generator/vars/0"] = seed
        file["optimizer/vars/0"] = np.int64(3)
        file["optimizer/vars/1"] = np.float32(0.001)
        file["optimizer/vars/2"] = np.zeros((3, 3), np.float32)

    def _named(self, root):
        names = [layer.config["name"] for layer in self.layers]
        root.attrs["layer_names"] = [name.encode() for name in names]
        for layer, name in zip(self.layers, names, strict=True):
            group = root.create_group(name)
            group.attrs["weight_names"] = [
                f"{name}/{part}:0".encode() for part in layer.weights
            ]
            for part, value in layer.weights.items():
                group[f"{name}/{part}:0"] = value
