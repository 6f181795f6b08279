"""Write a tuned network as two ONNX files in 8 bits.

In:   the network, its tokenizer's pieces to keep, the largest states of some texts
Out:  strong-words.onnx, `ids` int64 (1, length) to `states` (1, length, hidden), which leave the
      frozen layers; strong-subjects.onnx, `states` to `subject` and `function`, float32
      (1, `WIDTH`) each, means over all pieces, not normalised

Weights have a scale an output, activations one a text. A channel far above the others would leave
these few of 256 levels: what enters a matrix is divided by channel, and its weights multiplied as
much (SmoothQuant, Xiao et al. 2023). The division lies in the weights that come before: of a norm,
of the values, of the gated half. No processor overflows (`pair_scales`). The word table is in 4
bits by blocks of 32.
"""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from models import encoders, word_encoder
from tools.training.encoder.export import FUSED, pair_scales, row_scales
from tools.training.gemma.network import Network, turns
from tools.training.gemma.vocabulary import Vocabulary

ALPHA = 0.7  # how much of the states' range goes to the weights
_BLOCK = 32  # weights of the word table that share a scale
_OPSET, _IR_VERSION = 21, 10
_MOST = word_encoder.MOST_PIECES + 2

Weights = NDArray[np.float32]
Largest = dict[str, Weights]  # of the states that enter a matrix, (n_channels,) by name


def export(
    network: Network,
    vocabulary: Vocabulary,
    kept: Sequence[int],
    texts: Sequence[str],
    *,
    keeps_words: bool = False,
) -> str:
    """Write both files and return the version; `texts` say how large states become.

    `keeps_words` leaves the larger file as it is: layers that are tuned do not change it.
    """
    largest = largest_states(network, texts)
    if keeps_words:
        words = word_encoder.WordEncoder(encoders.STRONG_WORDS).version
    else:
        lower = _lower(network, kept, largest)
        words = hashlib.sha256(_content(lower)).hexdigest()[:12]
        tokenizer = base64.b64encode(vocabulary.cut(kept).model()).decode()
        _write(encoders.STRONG_WORDS, lower, version=words, tokenizer=tokenizer)
    upper = _upper(network, largest)
    version = hashlib.sha256(words.encode() + _content(upper)).hexdigest()[:12]
    _write(encoders.STRONG_WEIGHTS, upper, version=version, words=words)
    return version


def _write(path: Path, model: onnx.ModelProto, **properties: str) -> None:
    helper.set_model_props(model, properties)
    path.write_bytes(_content(model))


def _content(model: onnx.ModelProto) -> bytes:
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def largest_states(network: Network, texts: Sequence[str]) -> Largest:
    """Return the largest absolute value of each channel that enters the matrices of a layer."""
    largest: Largest = {}

    def watch(name: str) -> Any:
        def see(_: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            here = inputs[0].abs().flatten(0, -2).amax(dim=0).numpy()
            largest[name] = np.maximum(largest.get(name, 0), here)

        return see

    hooks = [
        getattr(layer, part).register_forward_pre_hook(watch(f"l{i}.{part}"))
        for i, layer in enumerate(network.layers[:-2])
        for part in ("q", "o", "gate", "down")
    ]
    network.eval()
    with torch.inference_mode():
        for ids in network.ids(texts):
            padded, mask = network.padded([ids])
            x = network.embedded(padded)
            for layer in network.layers:
                x = layer(x, mask)
    for hook in hooks:
        hook.remove()
    return largest


def _lower(network: Network, kept: Sequence[int], largest: Largest) -> onnx.ModelProto:
    graph = _Graph()
    x = _words(graph, network, kept)
    graph.length("ids")
    for i in range(network.n_frozen):
        x = _layer(graph, f"l{i}", network.layers[i], largest, x)
    graph.add("Identity", [x], "states")
    ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "length"])
    return graph.model([ids], {"states": [1, "length", network.word.weight.shape[1]]})


def _upper(network: Network, largest: Largest) -> onnx.ModelProto:
    graph = _Graph()
    hidden = network.word.weight.shape[1]
    graph.constant("one", np.array([1], np.int64))
    graph.length("states")
    x = "states"
    for i in range(network.n_frozen, len(network.layers) - 2):
        x = _layer(graph, f"l{i}", network.layers[i], largest, x)
    norm, head = network.layers[-2:]
    x = graph.norm("last", x, _array(norm.weight), norm.eps)
    graph.add("ReduceMean", [x, "one"], "mean", keepdims=0)
    graph.add("MatMul", ["mean", graph.constant("head", _array(head.linear.weight).T)], "subject")
    graph.add("ReduceMean", ["states", "one"], "mean.states", keepdims=0)
    middle, axes = (_array(part) for part in network.functions)
    graph.add("Sub", ["mean.states", graph.constant("middle", middle)], "centred")
    graph.add("MatMul", ["centred", graph.constant("axes", axes.T)], "function")
    states = helper.make_tensor_value_info("states", TensorProto.FLOAT, [1, "length", hidden])
    width = {name: [1, len(_array(head.linear.weight))] for name in ("subject", "function")}
    return graph.model([states], width)


def _words(graph: "_Graph", network: Network, kept: Sequence[int]) -> str:
    """Write the rows of the pieces, in 4 bits, times the root of their size."""
    rows = _array(network.word.weight)[list(kept)] * network.scale
    blocks = rows.reshape(len(rows), -1, _BLOCK)
    # of the levels -8..7, the largest of either sign takes the last
    peak = np.take_along_axis(blocks, np.abs(blocks).argmax(-1)[..., None], -1)
    scales = np.where(peak == 0, 1, peak / -8)
    levels = (np.clip(np.rint(blocks / scales), -8, 7) + 8).astype(np.uint8).reshape(len(rows), -1)
    packed = levels[:, 0::2] | (levels[:, 1::2] << 4)
    graph.constant("word.rows", packed)
    graph.constant("word.scales", scales[..., 0].astype(np.float32))
    return graph.add(
        "GatherBlockQuantized",
        ["word.rows", "ids", "word.scales"],
        "word",
        domain=FUSED,
        bits=4,
        block_size=_BLOCK,
        gather_axis=0,
        quantize_axis=1,
    )


def _layer(graph: "_Graph", name: str, layer: Any, largest: Largest, x: str) -> str:
    """Write a layer; return the name of what leaves it."""
    n_heads = layer.q.weight.shape[0] // layer.size
    q, k, v, o, gate, up, down = (
        _array(getattr(layer, part).weight).copy()
        for part in ("q", "k", "v", "o", "gate", "up", "down")
    )
    before, before_inner = (
        _array(norm.weight).copy() for norm in (layer.before, layer.before_inner)
    )
    eps = layer.before.eps
    # values, gated halves and norms take what is too large out, matrices put it back
    shift = _excess(largest[f"l{name[1:]}.o"], o, n_heads)
    v, o = v / shift[:, None], o * np.tile(shift, n_heads)
    shift = _excess(largest[f"{name}.down"], down)
    up, down = up / shift[:, None], down * shift
    joined, inner = np.concatenate([q, k, v]), np.concatenate([gate, up])
    shift = _excess(largest[f"{name}.q"], joined)
    before, joined = before / shift, joined * shift
    shift = _excess(largest[f"{name}.gate"], inner)
    before_inner, inner = before_inner / shift, inner * shift

    seen = graph.norm(f"{name}.before", x, before, eps)
    graph.by_output(f"{name}.qkv", seen, joined)
    sizes = [n_heads * layer.size, layer.size, layer.size]
    query, key, value = graph.split(f"{name}.qkv", sizes)
    hidden = n_heads * layer.size
    tables = graph.turns(layer.size, layer.rope)
    # heads share keys and values: their queries follow one another, as of so many more pieces
    one_head, all_heads = graph.shape([1, -1, layer.size]), graph.shape([1, -1, hidden])
    query = graph.add("Reshape", [query, one_head], f"{name}.queries")
    query = graph.norm(f"{name}.q", query, _array(layer.q_norm.weight), eps)
    query = graph.add("Reshape", [query, all_heads], f"{name}.heads")
    query = graph.turned(f"{name}.q", query, tables)
    query = graph.add("Reshape", [query, one_head], f"{name}.asked")
    key = graph.norm(f"{name}.k", key, _array(layer.k_norm.weight), eps)
    key = graph.turned(f"{name}.k", key, tables)
    context = graph.add(
        "MultiHeadAttention", [query, key, value], f"{name}.seen", domain=FUSED, num_heads=1
    )
    context = graph.add("Reshape", [context, all_heads], f"{name}.context")
    attention = graph.by_output(f"{name}.o", context, o)
    attention = graph.norm(f"{name}.after", attention, _array(layer.after.weight), eps)
    x = graph.add("Add", [x, attention], f"{name}.middle")
    seen = graph.norm(f"{name}.inner", x, before_inner, eps)
    graph.by_output(f"{name}.gated", seen, inner)
    left, right = graph.split(f"{name}.gated", [len(gate), len(up)])
    active = graph.add("FastGelu", [left], f"{name}.gelu", domain=FUSED)
    active = graph.add("Mul", [active, right], f"{name}.active")
    outer = graph.by_output(f"{name}.down", active, down)
    outer = graph.norm(f"{name}.outer", outer, _array(layer.after_inner.weight), eps)
    return graph.add("Add", [x, outer], f"{name}.out")


def _excess(largest: Weights, weight: Weights, n_heads: int = 1) -> Weights:
    """Return what to divide each channel by; the heads of values share theirs."""
    of_states = largest.reshape(n_heads, -1).max(axis=0)
    of_weights = np.abs(weight).max(axis=0).reshape(n_heads, -1).max(axis=0)
    excess = np.maximum(of_states, 1e-5) ** ALPHA / np.maximum(of_weights, 1e-5) ** (1 - ALPHA)
    return np.asarray(excess / np.exp(np.log(excess).mean()), dtype=np.float32)


class _Graph:
    """Nodes and constants, in the order in which they are added; a result has its node's name."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def model(self, inputs: Sequence[Any], outputs: dict[str, list[Any]]) -> onnx.ModelProto:
        """Return the whole."""
        results = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
            for name, shape in outputs.items()
        ]
        constants = list(self._constants.values())
        graph = helper.make_graph(self._nodes, "encoder", inputs, results, constants)
        opsets = [helper.make_opsetid("", _OPSET), helper.make_opsetid(FUSED, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR_VERSION)

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant once; return its name."""
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def shape(self, sizes: Sequence[int]) -> str:
        """Add the shape of a result."""
        name = "shape." + "x".join(map(str, sizes))
        return self.constant(name, np.array(sizes, np.int64))

    def add(self, operator: str, inputs: Sequence[str], result: str, **options: Any) -> str:
        """Add a node of one result; return the result's name."""
        self._nodes.append(helper.make_node(operator, inputs, [result], name=result, **options))
        return result

    def split(self, x: str, sizes: Sequence[int]) -> list[str]:
        """Cut the last axis in parts."""
        results = [f"{x}.{i}" for i in range(len(sizes))]
        inputs = [x, self.constant("sizes." + "-".join(map(str, sizes)), np.array(sizes, np.int64))]
        self._nodes.append(helper.make_node("Split", inputs, results, name=f"{x}.split", axis=-1))
        return results

    def norm(self, name: str, x: str, weight: Weights, eps: float) -> str:
        """Add a root-mean-square norm."""
        inputs = [x, self.constant(f"{name}.weight", weight)]
        return self.add(
            "SimplifiedLayerNormalization", inputs, f"{name}.normed", axis=-1, epsilon=eps
        )

    def length(self, of: str) -> None:
        """Add the `places` of pieces (1, n), from the second axis of `of`."""
        self.constant("axis", np.array([1], np.int64))
        self.constant("end", np.array([2], np.int64))
        self.constant("zero", np.array(0, np.int64))
        self.constant("step", np.array(1, np.int64))
        self.add("Shape", [of], "whole")
        self.add("Slice", ["whole", "axis", "end"], "length")
        self.add("Squeeze", ["length"], "n")
        self.add("Range", ["zero", "n", "step"], "range")
        self.add("Unsqueeze", ["range", "zero"], "places")

    def turns(self, size: int, rope: float) -> list[str]:
        """Add the cosines and sines of all places, (n, size / 2) each."""
        tables = turns(_MOST, size, rope)
        return [
            self.constant(f"{kind}.{rope:g}", _array(table)[:, : size // 2])
            for kind, table in zip(("cosines", "sines"), tables, strict=True)
        ]

    def turned(self, name: str, x: str, tables: Sequence[str]) -> str:
        """Add the turn of queries or keys by their places."""
        inputs = [x, "places", *tables]
        return self.add("RotaryEmbedding", inputs, f"{name}.turned", domain=FUSED)

    def by_output(self, name: str, x: str, weight: Weights) -> str:
        """Add x @ weight.T in 8 bits, a scale an output."""
        scales = np.maximum(row_scales(weight), pair_scales(weight))
        rows = np.rint(weight / scales).astype(np.int8)
        inputs = [
            x,
            self.constant(f"{name}.weight", rows.T),
            self.constant(f"{name}.scales", scales.reshape(-1)),
            self.constant(f"{name}.zeros", np.zeros(len(rows), np.int8)),
        ]
        return self.add("DynamicQuantizeMatMul", inputs, name, domain=FUSED)


def _array(tensor: Any) -> Weights:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float32)
