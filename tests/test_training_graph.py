"""Graphs that are rewritten for speed compute what they did."""

import numpy as np
import pytest

pytest.importorskip("onnx", reason="training needs: pip install 'carpose[train]'")

import onnx
import onnx.numpy_helper
import onnxruntime

from training.graph_surgery import split_depthwise


def of(arrays: dict[str, np.ndarray]) -> list[onnx.TensorProto]:
    return [onnx.numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()]


@pytest.mark.parametrize("shared", [False, True], ids=["own", "shared-by-identity"])
def test_filters_split_for_the_fast_kernel_compute_the_same(shared: bool) -> None:
    rng = np.random.default_rng(1)
    size = {"in": (6, 5, 7), "wide": (12, 1, 3, 3), "mixed": (12, 12, 1, 1)}
    tensors = {"w": rng.normal(size=size["wide"]), "m": rng.normal(size=size["mixed"])}
    biases = {name: rng.normal(size=12) for name in ("b", "c", "d")}
    make = onnx.helper.make_node
    value = onnx.helper.make_tensor_value_info
    nodes = [
        make("Conv", ["x", "w", "b"], ["y"], "wide", group=6, pads=[1, 1, 1, 1]),
        make("Conv", ["y", "m", "c"], ["mixed"], "mixed"),
        make("Conv", ["mixed", "m", "d"], ["z"], "again"),
    ]
    if shared:
        # As torch's exporter writes biases that are equal.
        biases = {"zero": np.zeros(12)}
        nodes[:0] = [make("Identity", ["zero"], [name]) for name in ("b", "c", "d")]
    graph = onnx.helper.make_graph(
        nodes,
        "three convolutions",
        [value("x", onnx.TensorProto.FLOAT, [1, *size["in"]])],
        [value("z", onnx.TensorProto.FLOAT, [1, 12, 5, 7])],
        of(tensors | biases),
    )
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9
    )
    x = rng.normal(size=(1, *size["in"])).astype(np.float32)

    def run() -> np.ndarray:
        onnx.checker.check_model(model, full_check=True)
        session = onnxruntime.InferenceSession(model.SerializeToString())
        return session.run(None, {"x": x})[0]

    before = run()
    assert split_depthwise(model) == 1
    kinds = [node.op_type for node in model.graph.node if node.op_type != "Identity"]
    assert kinds == ["Conv", "Conv", "Concat", "Conv", "Conv"]
    assert "w" not in {tensor.name for tensor in model.graph.initializer}, (
        "what nobody reads is gone"
    )
    np.testing.assert_allclose(run(), before, rtol=1e-4, atol=1e-5)
