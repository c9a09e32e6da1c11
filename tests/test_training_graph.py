"""Graphs that are rewritten for speed compute what they did."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="training needs: pip install 'carpose[train]'")

import onnx
import onnx.numpy_helper
import onnxruntime

from training.graph_surgery import split_depthwise


def test_filters_split_for_the_fast_kernel_compute_the_same() -> None:
    rng = np.random.default_rng(1)
    size = {"in": (6, 5, 7), "wide": (12, 1, 3, 3), "mixed": (4, 12, 1, 1)}
    weight, mix = rng.normal(size=size["wide"]), rng.normal(size=size["mixed"])
    tensors = {"w": weight, "b": rng.normal(size=12), "m": mix, "c": rng.normal(size=4)}
    make = onnx.helper.make_node
    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [
            make("Conv", ["x", "w", "b"], ["y"], "wide", group=6, pads=[1, 1, 1, 1]),
            make("Conv", ["y", "m", "c"], ["z"], "mixed"),
        ],
        "two convolutions",
        [value("x", onnx.TensorProto.FLOAT, [1, *size["in"]])],
        [value("z", onnx.TensorProto.FLOAT, [1, 4, 5, 7])],
        [onnx.numpy_helper.from_array(t.astype(np.float32), n) for n, t in tensors.items()],
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9
    )
    x = rng.normal(size=(1, *size["in"])).astype(np.float32)

    def run() -> np.ndarray:
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(None, {"x": x})[0]

    before = run()
    assert split_depthwise(model) == 1
    assert [node.op_type for node in model.graph.node] == ["Conv", "Conv", "Concat", "Conv"]
    np.testing.assert_allclose(run(), before, rtol=1e-4, atol=1e-5)
