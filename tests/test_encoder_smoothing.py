"""Smoothing an exported encoder, on a made one: the same vectors, without blocks, and once only."""
# ruff: noqa: E402  (what needs the extra `train` is imported once it is known to be there)

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

for package in ("sentencepiece", "google.protobuf", "onnx", "onnxruntime"):
    pytest.importorskip(package, reason="the extra `train` is not installed")

import onnx
import onnxruntime

from tools.training.encoder.export import export
from tools.training.encoder.smoothing import smooth
from tools.training.encoder.split import split
from tools.training.encoder.vocabulary import Vocabulary

HIDDEN, HEADS, FEED_FORWARD, N_POSITIONS = 32, 4, 128, 12
LOUD = 7  # channel of the feed-forward layer
LETTERS = [*"abcdefghijklmnopqrstuvwxyz"]
PIECES = ("<s>", "<pad>", "</s>", "<unk>", "▁", *LETTERS)
VOCABULARY = Vocabulary(
    PIECES,
    np.array([0.0] * 4 + [-9.0] * (1 + len(LETTERS)), dtype=np.float32),
    bos=0,
    pad=1,
    eos=2,
    unk=3,
)
TEXTS = ["la gare", "le marche", "bus", "un local"]


class Tensor:
    def __init__(self, values: Any) -> None:
        self._values = np.asarray(values, dtype=np.float32)

    def __len__(self) -> int:
        return len(self._values)

    def detach(self) -> "Tensor":
        return self

    cpu = detach

    def numpy(self) -> Any:
        return self._values


def made_network() -> Any:
    draw = np.random.default_rng(0)

    def linear(n_outputs: int, n_inputs: int) -> Any:
        weight = draw.standard_normal((n_outputs, n_inputs)) / n_inputs**0.5
        return SimpleNamespace(weight=Tensor(weight), bias=Tensor(np.zeros(n_outputs)))

    def norm() -> Any:
        return SimpleNamespace(
            weight=Tensor(np.ones(HIDDEN)), bias=Tensor(np.zeros(HIDDEN)), eps=1e-5
        )

    def layer() -> Any:
        square = {name: linear(HIDDEN, HIDDEN) for name in ("q", "k", "v", "ao")}
        inner = linear(FEED_FORWARD, HIDDEN)
        inner.bias.numpy()[LOUD] = 40
        return SimpleNamespace(
            heads=HEADS,
            **square,
            fi=inner,
            fo=linear(HIDDEN, FEED_FORWARD),
            aln=norm(),
            oln=norm(),
        )

    return SimpleNamespace(
        word=SimpleNamespace(weight=Tensor(draw.standard_normal((len(PIECES), HIDDEN)))),
        position=Tensor(draw.standard_normal((N_POSITIONS, HIDDEN)) / 3),
        kind=Tensor(draw.standard_normal(HIDDEN) / 3),
        norm=norm(),
        layers=[layer(), layer()],
        functions=[layer()],
        n_shared=1,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    export(made_network(), tmp_path / "encoder.onnx", vocabulary=VOCABULARY)
    return tmp_path / "encoder.onnx"


def vectors_of(path: Path) -> Any:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    ids = np.array([[0, 4, 5, 9, 12, 2]], dtype=np.int64)
    return np.concatenate(session.run(["subject", "function"], {"ids": ids}), axis=1)[0]


def test_vectors_stay_what_they_were_and_no_matrix_has_blocks(path: Path) -> None:
    before, version = vectors_of(path), smooth(path, TEXTS)
    after, model = vectors_of(path), onnx.load(path)
    assert before @ after / np.linalg.norm(before) / np.linalg.norm(after) > 0.998
    operators = {node.op_type for node in model.graph.node}
    assert not operators & {"MatMulNBits", "SkipLayerNormalization"}
    assert {entry.key: entry.value for entry in model.metadata_props}["version"] == version


def test_a_channel_above_all_others_is_brought_down_to_them(path: Path) -> None:
    smooth(path, TEXTS)
    constants = {
        constant.name: onnx.numpy_helper.to_array(constant)
        for constant in onnx.load(path).graph.initializer
    }
    factors = constants["l0.fo.smoothing"]
    assert factors[LOUD] == factors.min() < 0.2
    assert (factors <= 1).all() and (factors == 1).sum() > FEED_FORWARD - 8


def test_neighbouring_weights_never_overflow_16_bits(path: Path) -> None:
    smooth(path, TEXTS)
    model = onnx.load(path)
    matrices = {
        constant.name: onnx.numpy_helper.to_array(constant).astype(int)
        for constant in model.graph.initializer
    }
    named = [node for node in model.graph.node if node.op_type == "DynamicQuantizeMatMul"]
    assert len(named) == 12
    for node in named:
        pairs = matrices[node.input[1]].reshape(-1, 2, matrices[node.input[1]].shape[1])
        assert np.maximum(pairs, 0).sum(axis=1).max() <= 128
        assert np.minimum(pairs, 0).sum(axis=1).min() >= -128


def test_a_smooth_file_is_refused(path: Path) -> None:
    smooth(path, TEXTS)
    with pytest.raises(ValueError, match="smooth already"):
        smooth(path, TEXTS)


def test_both_parts_of_a_cut_encoder_give_the_vectors_of_the_whole(path: Path) -> None:
    smooth(path, TEXTS)
    words, subjects = path.with_name("words.onnx"), path.with_name("subjects.onnx")
    split(path, words, subjects, ["l0.oln", "l1.oln"])
    ids = np.array([[0, 4, 5, 9, 12, 2]], dtype=np.int64)
    first, rest = (
        onnxruntime.InferenceSession(part, providers=["CPUExecutionProvider"])
        for part in (words, subjects)
    )
    names = [output.name for output in first.get_outputs()]
    states = dict(zip(names, first.run(names, {"ids": ids}), strict=True))
    halves = rest.run(["subject", "function"], states)
    assert np.array_equal(np.concatenate(halves, axis=1)[0], vectors_of(path))
    assert "tokenizer" in first.get_modelmeta().custom_metadata_map
