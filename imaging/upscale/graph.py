"""The networks as ONNX graphs, built in memory from named tensors.

What lives here: RRDBNet and SRVGGNetCompact, node by node. What may not: files, sessions, pixels.

Input "pixels": float32 [1, 3, height, width], RGB, 0 to 1. Output "upscaled": float32 [1, 3, 4*height, 4*width],
not clipped. Sources: realesrgan/archs/srvgg_arch.py and basicsr/archs/rrdbnet_arch.py (official packages); equality
with them is proven by deployments/realesrgan/prove.sh.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from imaging.upscale.models import DENSE_BLOCKS, DENSE_CONVS, ModelSpec
from imaging.upscale.weights import FloatArray

OPSET, IR_VERSION = 17, 9
"""Old enough for every onnxruntime since 1.14, new enough for all that is used here."""
LEAKY_SLOPE = 0.2
RESIDUAL_SCALE = 0.2


class _Graph:
    """Nodes in order; a value is the name of an edge. Remembers which tensors were asked for."""

    def __init__(self, tensors: Mapping[str, FloatArray]) -> None:
        self.tensors, self.used = tensors, set[str]()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def tensor(self, name: str, shape: tuple[int, ...] | None = None) -> str:
        value = self.tensors[name]
        self.used.add(name)
        self.constants.append(numpy_helper.from_array(value.reshape(shape or value.shape), name))
        return name

    def constant(self, name: str, value: FloatArray) -> str:
        if all(known.name != name for known in self.constants):
            self.constants.append(numpy_helper.from_array(value, name))
        return name

    def conv(self, value: str, name: str) -> str:
        weight, bias = self.tensor(f"{name}.weight"), self.tensor(f"{name}.bias")
        return self.node("Conv", value, weight, bias, kernel_shape=[3, 3], pads=[1, 1, 1, 1])

    def leaky(self, value: str) -> str:
        return self.node("LeakyRelu", value, alpha=LEAKY_SLOPE)

    def add_scaled(self, value: str, base: str) -> str:
        scale = self.constant("residual_scale", np.array(RESIDUAL_SCALE, np.float32))
        return self.node("Add", self.node("Mul", value, scale), base)

    def enlarge(self, value: str, factor: int) -> str:
        scales = self.constant(f"times_{factor}", np.array([1, 1, factor, factor], np.float32))
        nearest = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self.node("Resize", value, "", scales, **nearest)


def build(spec: ModelSpec, tensors: Mapping[str, FloatArray]) -> bytes:
    """The serialized model. `ValueError` unless every tensor is used exactly as the architecture names it."""
    graph = _Graph(tensors)
    result = _rrdb(graph, spec.depth) if spec.architecture == "rrdb" else _srvgg(graph, spec.depth)
    unused = set(tensors) - graph.used
    if unused:
        raise ValueError(f"{len(unused)} tensors have no place in {spec.name}: {sorted(unused)[:3]}")
    graph.nodes.append(helper.make_node("Identity", [result], ["upscaled"]))
    body = helper.make_graph(
        graph.nodes,
        f"realesrgan-{spec.name}",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, [1, 3, "height", "width"])],
        [helper.make_tensor_value_info("upscaled", TensorProto.FLOAT, [1, 3, "height4", "width4"])],
        graph.constants,
    )
    model = helper.make_model(body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _rrdb(graph: _Graph, blocks: int) -> str:
    first = graph.conv("pixels", "conv_first")
    value = first
    for block in range(blocks):
        inner = value
        for dense in range(1, DENSE_BLOCKS + 1):
            inner = _dense_block(graph, inner, f"body.{block}.rdb{dense}")
        value = graph.add_scaled(inner, value)
    value = graph.node("Add", first, graph.conv(value, "conv_body"))
    for name in ("conv_up1", "conv_up2"):
        value = graph.leaky(graph.conv(graph.enlarge(value, 2), name))
    return graph.conv(graph.leaky(graph.conv(value, "conv_hr")), "conv_last")


def _dense_block(graph: _Graph, value: str, name: str) -> str:
    seen = [value]
    for step in range(1, DENSE_CONVS):
        joined = seen[0] if step == 1 else graph.node("Concat", *seen, axis=1)
        seen.append(graph.leaky(graph.conv(joined, f"{name}.conv{step}")))
    last = graph.conv(graph.node("Concat", *seen, axis=1), f"{name}.conv{DENSE_CONVS}")
    return graph.add_scaled(last, value)


def _srvgg(graph: _Graph, inner_convs: int) -> str:
    value = "pixels"
    for index in range(inner_convs + 1):
        value = graph.conv(value, f"body.{2 * index}")
        slope = f"body.{2 * index + 1}.weight"
        value = graph.node("PRelu", value, graph.tensor(slope, (graph.tensors[slope].size, 1, 1)))
    value = graph.conv(value, f"body.{2 * inner_convs + 2}")
    value = graph.node("DepthToSpace", value, blocksize=4, mode="CRD")
    return graph.node("Add", value, graph.enlarge("pixels", 4))
