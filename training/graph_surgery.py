"""Rewriting an exported graph into one that computes the same and runs faster."""

import itertools
from collections.abc import Iterator

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper


def split_depthwise(model: onnx.ModelProto) -> int:
    """Rewrite every convolution with two filters a channel and the pointwise one behind it, in
    place, as two depthwise ones side by side; returns how many there were.

    ONNX Runtime has a fast kernel for depthwise convolutions, of one filter a channel; with more
    it takes the general one, outside of its blocked layout.
    """
    graph = model.graph
    tensors = _constants(graph)
    found = 0
    for node in list(graph.node):
        if node.op_type != "Conv" or len(node.input) != 3 or node.input[1] not in tensors:
            continue
        weight = numpy_helper.to_array(tensors[node.input[1]])
        readers = [other for other in graph.node if node.output[0] in other.input]
        groups = _groups(node)
        if groups == 1 or len(weight) != 2 * groups or len(readers) != 1:
            continue
        (pointwise,) = readers
        if pointwise.op_type != "Conv" or _groups(pointwise) != 1:
            continue
        bias = numpy_helper.to_array(tensors[node.input[2]])
        halves = []
        for k in range(2):
            output = f"{node.output[0]}.{k}"
            names = [f"{name}.{k}" for name in node.input[1:]]
            for name, tensor in zip(names, (weight, bias), strict=True):
                _put(graph, name, tensor[k::2])
            half = helper.make_node("Conv", [node.input[0], *names], [output], f"{node.name}.{k}")
            half.attribute.extend(node.attribute)
            halves.append(half)
        both = helper.make_node("Concat", [h.output[0] for h in halves], list(node.output), axis=1)
        mixed = numpy_helper.to_array(tensors[pointwise.input[1]])
        sorted_ = np.concatenate([mixed[:, 0::2], mixed[:, 1::2]], axis=1)
        name = pointwise.input[1]
        if sum(list(other.input).count(name) for other in graph.node) > 1:
            name = pointwise.input[1] = f"{name}.sorted"
        _put(graph, name, sorted_)
        at = list(graph.node).index(node)
        graph.node.remove(node)
        for k, new in enumerate([*halves, both]):
            graph.node.insert(at + k, new)
        found += 1
    if found:
        _drop_unread(graph)
    return found


def _constants(graph: GraphProto) -> dict[str, TensorProto]:
    """By every name under which nodes read them: of equal tensors (a bias of zeros is not rare)
    the exporter keeps one, and an Identity node gives it the others' names."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in tensors:
            tensors[node.output[0]] = tensors[node.input[0]]
    return tensors


def _put(graph: GraphProto, name: str, tensor: NDArray[np.float32]) -> None:
    """Under this name, whatever had it: `carpose.mask_rcnn.onnx_weights` goes by names."""
    for node in list(graph.node):
        if node.op_type == "Identity" and node.output[0] == name:
            graph.node.remove(node)
    for other in list(graph.initializer):
        if other.name == name:
            graph.initializer.remove(other)
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(tensor), name))


def _drop_unread(graph: GraphProto) -> None:
    """Takes out the tensors, and their other names, that no node reads any more."""
    read = {*_read(graph), *(output.name for output in graph.output)}
    for node in list(graph.node):
        if node.op_type == "Identity" and node.output[0] not in read:
            graph.node.remove(node)
    read = set(_read(graph))
    for tensor in list(graph.initializer):
        if tensor.name not in read:
            graph.initializer.remove(tensor)


def _read(graph: GraphProto) -> Iterator[str]:
    """Names that nodes read, also those in branches and loops."""
    for node in graph.node:
        inside = (
            itertools.chain([attribute.g] if attribute.HasField("g") else [], attribute.graphs)
            for attribute in node.attribute
        )
        yield from node.input
        for below in itertools.chain.from_iterable(inside):
            yield from _read(below)
            yield from (output.name for output in below.output)


def _groups(node: NodeProto) -> int:
    return next((a.i for a in node.attribute if a.name == "group"), 1)
