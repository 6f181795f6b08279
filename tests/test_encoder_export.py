"""The shipped encoder, on a made one: near the network, the same on every machine, and with its own tokenizer."""
# ruff: noqa: E402  (what needs the extra `train` is imported once it is known to be there)

import base64
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for package in ("sentencepiece", "google.protobuf", "onnx", "onnxruntime", "torch"):
    pytest.importorskip(package, reason="the extra `train` is not installed")

import onnx
import onnxruntime
import sentencepiece
import torch
from torch import nn

from tools.training.encoder.export import export
from tools.training.encoder.vocabulary import Vocabulary, cost, written_forms

HIDDEN, HEADS, FEED_FORWARD, N_POSITIONS = 32, 4, 128, 12
WORDS = [
    "▁la",
    "▁maison",
    "▁mai",
    "son",
    "▁des",
    "▁l",
    "▁as",
    "so",
    "ci",
    "ation",
    "▁association",
    "▁été",
    "▁bus",
    "▁gare",
]
LETTERS = [*"abcdefghijklmnopqrstuvwxyzéèàç'-0123456789"]
PIECES = ("<s>", "<pad>", "</s>", "<unk>", *WORDS, "▁", *LETTERS)
VOCABULARY = Vocabulary(
    PIECES,
    np.array([0.0] * 4 + [-4.0] * len(WORDS) + [-9.0] * (1 + len(LETTERS)), dtype=np.float32),
    bos=0,
    pad=1,
    eos=2,
    unk=3,
)
TEXTS = ["la maison des associations", "l'été", "bus gare la gare", ""]


class Layer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.heads = HEADS
        self.q, self.k, self.v, self.ao = (nn.Linear(HIDDEN, HIDDEN) for _ in range(4))
        self.fi, self.fo = nn.Linear(HIDDEN, FEED_FORWARD), nn.Linear(FEED_FORWARD, HIDDEN)
        self.aln, self.oln = nn.LayerNorm(HIDDEN), nn.LayerNorm(HIDDEN)

    def forward(self, x: Any) -> Any:
        parts = [
            part(x).view(len(x), HEADS, -1).transpose(0, 1) for part in (self.q, self.k, self.v)
        ]
        context = (
            nn.functional.scaled_dot_product_attention(*parts).transpose(0, 1).reshape(x.shape)
        )
        x = self.aln(x + self.ao(context))
        return self.oln(x + self.fo(nn.functional.gelu(self.fi(x))))


class Encoder(nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.word = nn.Embedding(len(PIECES), HIDDEN)
        self.position, self.kind = torch.randn(N_POSITIONS, HIDDEN) / 3, torch.randn(HIDDEN) / 3
        self.norm = nn.LayerNorm(HIDDEN)
        self.layers = nn.ModuleList([Layer(), Layer()])
        self.functions, self.n_shared = nn.ModuleList([Layer()]), 1

    @torch.no_grad()
    def encode(self, ids: list[int]) -> tuple[np.ndarray, ...]:
        """What the text is about, and what it does."""
        x = self.norm(self.word(torch.tensor(ids)) + self.position[: len(ids)] + self.kind)
        shared = self.layers[0](x)
        subject, function = self.layers[1](shared), self.functions[0](shared)
        return subject.mean(0).numpy(), function.mean(0).numpy()


class Exported:
    def __init__(self, path: Path) -> None:
        self.session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.metadata = self.session.get_modelmeta().custom_metadata_map
        self.tokenizer = sentencepiece.SentencePieceProcessor(
            model_proto=base64.b64decode(self.metadata["tokenizer"])
        )

    def encode(self, ids: list[int]) -> list[np.ndarray]:
        asked = {"ids": np.array([ids], dtype=np.int64)}
        return [vectors[0] for vectors in self.session.run(["subject", "function"], asked)]


def without(*pieces: str) -> list[int]:
    return [i for i, piece in enumerate(PIECES) if piece not in pieces]


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


@pytest.mark.parametrize(
    "kept", [None, without("▁maison", "▁association", "z")], ids=["all", "cut"]
)
def test_both_vectors_are_near_the_networks(tmp_path: Path, kept: list[int] | None) -> None:
    network = Encoder()
    export(network, tmp_path / "encoder.onnx", kept, vocabulary=VOCABULARY)
    exported = Exported(tmp_path / "encoder.onnx")
    for ids in exported.tokenizer.encode(TEXTS, add_bos=True, add_eos=True):
        old_ids = ids if kept is None else [kept[i] for i in ids]
        assert (old_ids[0], old_ids[-1]) == (VOCABULARY.bos, VOCABULARY.eos)
        for vector, expected in zip(exported.encode(ids), network.encode(old_ids), strict=True):
            assert vector.shape == (HIDDEN,)
            assert cosine(vector, expected) > 0.999
            assert np.abs(vector - expected).max() < 0.1


@pytest.mark.parametrize(
    ("text", "all_pieces", "cut_pieces"),
    [
        ("la maison", ["▁la", "▁maison"], ["▁la", "▁mai", "son"]),
        (
            "des associations",
            ["▁des", "▁association", "s"],
            ["▁des", "▁as", "so", "ci", "ation", "s"],
        ),
        ("  la\n gare\t", ["▁la", "▁gare"], ["▁la", "▁gare"]),
        ("e\u0301te\u0301", ["▁été"], ["▁été"]),
        ("été ①", ["▁été", "▁", "1"], ["▁été", "▁", "1"]),
        ("zoo", ["▁", "z", "o", "o"], ["▁", "z", "o", "o"]),
        ("", [], []),
    ],
)
def test_a_dropped_piece_is_cut_into_smaller_ones(
    text: str, all_pieces: list[str], cut_pieces: list[str]
) -> None:
    cut = VOCABULARY.cut(without("▁maison", "▁association", "z")).tokenizer()
    assert VOCABULARY.tokenizer().encode(text, out_type=str) == all_pieces
    assert cut.encode(text, out_type=str) == cut_pieces


def test_the_cost_of_a_cut_counts_pieces_and_unknown_ones() -> None:
    figures = cost(VOCABULARY, without("▁maison", "z"), ["la maison", "la gare", "zoo"])
    assert figures == {
        "texts": 3,
        "unknown_before": 0.0,
        "unknown": 1 / 9,
        "growth": 1 / 8,
        "changed": 2 / 3,
    }


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "encoder.onnx"
    version = export(Encoder(), path, vocabulary=VOCABULARY, name="made")
    exported = Exported(path)
    assert {key: exported.metadata[key] for key in ("name", "version", "hidden", "max_length")} == {
        "name": "made",
        "version": version,
        "hidden": "32",
        "max_length": "12",
    }
    tokenizer = exported.tokenizer
    assert (tokenizer.bos_id(), tokenizer.eos_id(), tokenizer.pad_id(), tokenizer.unk_id()) == (
        0,
        2,
        1,
        3,
    )


def test_the_same_network_gives_the_same_bytes_and_another_one_another_version(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / f"{name}.onnx" for name in "abcd"]
    versions = [
        export(Encoder(seed), path, vocabulary=VOCABULARY)
        for seed, path in zip((0, 0, 1), paths, strict=False)
    ]
    versions.append(export(Encoder(0), paths[3], without("z"), vocabulary=VOCABULARY))
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert versions[0] == versions[1]
    assert len(set(versions)) == 3


def test_neighbouring_weights_never_overflow_16_bits(tmp_path: Path) -> None:
    network = Encoder()
    with torch.no_grad():
        network.layers[0].q.weight[:, 4:6] = 1.0  # the two largest, side by side, of one sign
    export(network, tmp_path / "encoder.onnx", vocabulary=VOCABULARY)
    graph = onnx.load(tmp_path / "encoder.onnx").graph
    constants = {
        constant.name: onnx.numpy_helper.to_array(constant) for constant in graph.initializer
    }
    matrices = [
        constants[node.input[1]] for node in graph.node if node.op_type == "DynamicQuantizeMatMul"
    ]
    assert len(matrices) == 9
    for matrix in matrices:
        pairs = matrix.astype(int).reshape(-1, 2, matrix.shape[1])
        assert np.maximum(pairs, 0).sum(axis=1).max() <= 128
        assert np.minimum(pairs, 0).sum(axis=1).min() >= -128


@pytest.mark.parametrize("kept", [without("</s>"), [*without(), 5]], ids=["no end", "twice"])
def test_a_cut_without_a_special_piece_or_with_one_twice_is_refused(kept: list[int]) -> None:
    with pytest.raises(ValueError, match="kept pieces"):
        VOCABULARY.cut(kept)


def test_a_word_is_looked_for_in_every_writing() -> None:
    assert sorted(form for form in written_forms(["Été"]) if "'" not in form) == [
        "ETE",
        "Ete",
        "ete",
        "ÉTÉ",
        "Été",
        "été",
    ]
    assert list(written_forms(["a"])) == ["A", "l'A", "a", "l'a"]
