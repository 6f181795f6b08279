"""The model of names: what it says of a word, and of a file of weights that is damaged."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from models import name_model
from models.name_model import forget_weights, likenesses, load_name_model
from pipeline.errors import ModelError

SHIPPED = name_model.WEIGHTS


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A path where the weights are looked for."""
    monkeypatch.setattr(name_model, "WEIGHTS", tmp_path / "names.npz")
    forget_weights()
    yield name_model.WEIGHTS
    monkeypatch.undo()
    forget_weights()


def truncated() -> bytes:
    content = SHIPPED.read_bytes()
    return content[: len(content) // 2]


@pytest.mark.parametrize("content", [None, b"", truncated()], ids=["missing", "empty", "truncated"])
def test_a_damaged_file_is_one_clear_line(copied: Path, content: bytes | None) -> None:
    if content is not None:
        copied.write_bytes(content)
    with pytest.raises(ModelError, match=r"names\.npz manquant ou illisible"):
        load_name_model()


def test_a_file_that_lacks_an_array_is_one_clear_line(copied: Path) -> None:
    np.savez_compressed(copied, letters=np.zeros((1, 4)))
    for load in (load_name_model, lambda: likenesses("rose")):
        with pytest.raises(ModelError, match="manquant ou illisible"):
            load()


@pytest.mark.parametrize(
    ("word", "kind"), [("logement", 0), ("villeneuve-les-bois", 1), ("mamadou", 2)]
)
def test_letters_are_like_those_of_their_kind(word: str, kind: int) -> None:
    assert likenesses(word).argmax() == kind
