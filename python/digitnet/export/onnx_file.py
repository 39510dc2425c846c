"""A model's tree, preprocessing and weights as one ONNX file."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from digitnet._build_info import VERSION
from digitnet._utils.extras import extra_packages
from digitnet.export.onnx_graph import IR_VERSION, OPSET, Graph, Value
from digitnet.export.onnx_layers import ASIDE, LAYERS, Layer, Weights
from digitnet.export.onnx_steps import STEPS
from digitnet.models.base import BaseModel

_TRIED = 8  # random images on which the written model is checked
_AGREE = 1e-3  # of logits, relative to the largest


def onnx_bytes(model: BaseModel) -> bytes:
    """The file's content: `images` float32 (N, C, H, W) in; `logits` and `probabilities`
    (N, K) out, or `restored` (N, C, H, W) of a network that makes images."""
    with extra_packages("export"):
        import onnx
    onnx_model = _model(model, onnx.helper, onnx.TensorProto.FLOAT)
    onnx.checker.check_model(onnx_model, full_check=True)
    content: bytes = onnx_model.SerializeToString()
    _check_outputs(model, content)
    return content


def _model(model: BaseModel, helper: Any, kind: int) -> Any:
    graph = Graph()
    x = Value("images", model.input_shape)
    for name, options in model.core.preprocess:
        x = STEPS[name](graph, x, options, model.max_value or 1.0)
    tree = _Tree(model)
    network = model.core.network
    children = network.children
    if children and children[-1].kind == "softmax":
        children = children[:-1]  # left out: the outputs are logits
    x = tree.sequence(graph, x, children, "")
    if model.temperature != 1:
        x = Value(graph.of("Div", x.name, model.temperature), x.shape)
    outputs = ["restored"] if model.outputs_images else ["logits", "probabilities"]
    rename = helper.make_node("Identity", [x.name], outputs[:1])
    nodes = [*graph.nodes, rename]
    if not model.outputs_images:
        nodes.append(helper.make_node("Softmax", ["logits"], outputs[1:], axis=1))
    shape = model.core.output_shape if model.outputs_images else [len(model.classes)]
    onnx_model = helper.make_model(
        helper.make_graph(
            nodes,
            model.name,
            [helper.make_tensor_value_info("images", kind, ["N", *model.input_shape])],
            [helper.make_tensor_value_info(n, kind, ["N", *shape]) for n in outputs],
            graph.constants,
        ),
        producer_name="digitnet",
        producer_version=VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    about = {
        "classes": json.dumps(model.classes),
        "max_value": f"{model.max_value or 0:g}",
    }
    helper.set_model_props(onnx_model, about)
    return onnx_model


class _Tree:
    """Walks the network, with shapes and weights at hand."""

    def __init__(self, model: BaseModel) -> None:
        self.weights: Weights = model.state_dict()
        self.shapes = {
            row["layer"]: tuple(row["output"]) for row in model.core.summary()
        }

    def sequence(self, graph: Graph, x: Value, layers: Any, prefix: str) -> Value:
        for layer in layers:
            x = self.layer(graph, x, layer, f"{prefix}{layer.name}")
        return x

    def layer(self, graph: Graph, x: Value, layer: Any, path: str) -> Value:
        inner = f"{path}."
        if layer.kind in ASIDE:
            return x
        if layer.kind == "sequence":
            return self.sequence(graph, x, layer.children, inner)
        if layer.kind in ("residual", "concat"):
            branches = [
                self.layer(graph, x, child, f"{inner}{child.name}")
                for child in layer.children
            ]
            if layer.kind == "residual":
                other = branches[1] if len(branches) > 1 else x
                name = graph.node("Add", branches[0].name, other.name)
                return Value(name, branches[0].shape)
            name = graph.node("Concat", *(b.name for b in branches), axis=1)
            channels = sum(b.shape[0] for b in branches)
            return Value(name, (channels, *branches[0].shape[1:]))
        context = Layer(layer.options, path, self.weights)
        return Value(LAYERS[layer.kind](graph, x, context), self.shapes[path])


def _check_outputs(model: BaseModel, content: bytes) -> None:
    """Compare the outputs of onnxruntime, if it is here, with the model's on random images."""
    try:
        import onnxruntime
    except ImportError:
        return
    scale = model.max_value or 1.0
    draws = np.random.default_rng(0)
    images = draws.random((_TRIED, *model.input_shape), np.float32) * np.float32(scale)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    outputs = session.run(None, {"images": images})[0]
    predict = model.reconstruct if model.outputs_images else model.predict_logits
    expected = predict(images, device="cpu")
    scale = max(1.0, float(np.abs(expected).max()))
    difference = float(np.abs(expected - outputs).max()) / scale
    if not difference < _AGREE:
        raise RuntimeError(
            f"export: expected onnxruntime's outputs to be the model's, got a difference "
            f"of {difference:.2g}; nothing was written"
        )
