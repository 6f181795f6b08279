"""What is worked out of a text is kept by content: once a text, whatever the texts beside it, and never of another version."""

from pathlib import Path

import pytest

from models.reading import read_texts
from pipeline import kept
from pipeline.kept import by_text, kept_in

TEXTS = [
    "Le car ne passe plus après 18 h",
    "La halle fuit « encore »",
    "",
    "Le car ne passe plus après 18 h",
    "été\nhiver",
]


class Counted:
    """A function of texts that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, texts: list[str]) -> list[dict[str, object]]:
        self.asked += texts
        return [{"n": len(text), "words": text.split()} for text in texts]


def test_a_text_is_worked_on_once_and_its_value_comes_back_in_order(tmp_path: Path):
    count = Counted()
    with kept_in(tmp_path):
        first = by_text("mots", TEXTS, count)
        again = by_text("mots", [*reversed(TEXTS), "un de plus"], count)
    assert first == Counted()(TEXTS)
    assert again == Counted()([*reversed(TEXTS), "un de plus"])
    assert count.asked == [*dict.fromkeys(TEXTS), "un de plus"]


def test_what_was_worked_out_before_a_crash_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(kept, "_AT_ONCE", 2)
    texts = [f"mot {at}" for at in range(5)]

    def crash(some: list[str]) -> list[int]:
        if texts[4] in some:
            raise KeyboardInterrupt
        return [len(text) for text in some]

    with kept_in(tmp_path):
        with pytest.raises(KeyboardInterrupt):
            by_text("longueur", texts, crash)
        count = Counted()
        by_text("longueur", texts, count)
    assert count.asked == texts[4:]


def test_values_come_back_in_the_form_that_they_are_used_in(tmp_path: Path):
    def pairs(some: list[str]) -> list[list[object]]:
        return [[text, len(text)] for text in some]

    wanted = [(text, len(text)) for text in TEXTS]
    assert by_text("paires", TEXTS, pairs, read_back=tuple) == wanted
    with kept_in(tmp_path):
        assert by_text("paires", TEXTS, pairs, read_back=tuple) == wanted
        assert by_text("paires", TEXTS, Counted(), read_back=tuple) == wanted


def test_without_a_folder_nothing_is_kept(tmp_path: Path):
    count = Counted()
    by_text("mots", TEXTS, count)
    by_text("mots", TEXTS, count)
    assert count.asked == TEXTS * 2
    assert not list(tmp_path.iterdir())


def test_no_text_asks_nothing(tmp_path: Path):
    with kept_in(tmp_path):
        assert by_text("mots", [], Counted()) == []
    assert not list(tmp_path.iterdir())


def test_what_another_version_found_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with kept_in(tmp_path):
        by_text("mots", TEXTS, Counted())
        by_text("lettres", TEXTS, Counted())
        monkeypatch.setattr(kept, "code_hash", lambda: "autre")
        count = Counted()
        by_text("mots", TEXTS, count)
    assert count.asked == [*dict.fromkeys(TEXTS)]
    assert sorted(path.name.partition("-")[0] for path in tmp_path.iterdir()) == ["lettres", "mots"]


def test_what_depended_on_something_else_is_worked_on_again(tmp_path: Path):
    with kept_in(tmp_path):
        by_text("mots", TEXTS, Counted(), depends_on="liste 1")
        count = Counted()
        by_text("mots", TEXTS, count, depends_on="liste 2")
    assert count.asked == [*dict.fromkeys(TEXTS)]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_cut_short_gives_what_is_whole(tmp_path: Path):
    with kept_in(tmp_path):
        by_text("mots", TEXTS, Counted())
        (path,) = tmp_path.rglob("*.jsonl")
        path.write_bytes(path.read_bytes()[:-9])
        count = Counted()
        assert by_text("mots", TEXTS, count) == Counted()(TEXTS)
    assert count.asked == ["été\nhiver"]


@pytest.mark.parametrize("at", [5, 70, 140, -3])
def test_a_value_that_was_altered_is_worked_out_again(
    tmp_path: Path, at: int, caplog: pytest.LogCaptureFixture
):
    """Wherever a byte of its line changes: in the key, in the hash, in the value, which stays JSON."""
    texts = ["La halle fuit", "Le car ne passe plus"]
    with kept_in(tmp_path):
        by_text("mots", texts, Counted())
        (path,) = tmp_path.rglob("*.jsonl")
        first, second = path.read_bytes().splitlines(keepends=True)
        byte = b"1" if first[at : at + 1] not in (b"1", b'"') else b"2"
        path.write_bytes(first[:at] + byte + first[at % len(first) + 1 :] + second)
        count = Counted()
        assert by_text("mots", texts, count) == Counted()(texts)
        assert count.asked == texts[:1]
        assert by_text("mots", texts, Counted()) == Counted()(texts)


def test_what_was_kept_under_another_name_is_not_taken(tmp_path: Path):
    with kept_in(tmp_path):
        by_text("mots", TEXTS, Counted())
        (folder,) = tmp_path.iterdir()
        folder.rename(tmp_path / folder.name.replace("mots", "lettres"))
        count = Counted()
        by_text("lettres", TEXTS, count)
    assert count.asked == [*dict.fromkeys(TEXTS)]


def test_a_kept_reading_is_the_one_that_is_read_anew(tmp_path: Path):
    fresh = read_texts(TEXTS)
    with kept_in(tmp_path):
        assert read_texts(TEXTS[:2]) == fresh[:2]
        assert read_texts(TEXTS) == fresh
        assert read_texts(TEXTS) == fresh


def test_no_text_lies_in_what_is_kept_under_its_own_words(tmp_path: Path):
    with kept_in(tmp_path):
        by_text("longueur", ["madame Delattre"], lambda texts: [len(text) for text in texts])
    assert all(
        "Delattre" not in path.read_text(encoding="utf-8") + path.name
        for path in tmp_path.rglob("*.jsonl")
    )
