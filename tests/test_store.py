"""What is worked out is kept by content: once a text, whatever the texts beside it, never of another version, never altered."""

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.reading import read_texts
from pipeline import store as stores
from pipeline.errors import StudyError
from pipeline.store import Store, by_text
from pipeline.tables.material import REJECTS

TEXTS = [
    "Le car ne passe plus après 18 h",
    "La halle fuit « encore »",
    "",
    "Le car ne passe plus après 18 h",
    "été\nhiver",
]
KEYS = [bytes([at]) * 32 for at in range(6)]
VALUES = {key: b"valeur %d" % at for at, key in enumerate(KEYS)}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path)
    yield opened
    opened.close()


def alter(store: Store, statement: str, *values: object) -> None:
    """Change the file as somebody else would."""
    store.close()
    with sqlite3.connect(store.path) as connection:
        connection.execute(statement, values)
    connection.close()


class Counted:
    """A function of texts that remembers what it was asked for, and crashes at one text."""

    def __init__(self, crashes_at: str | None = None) -> None:
        self.asked: list[str] = []
        self.crashes_at = crashes_at

    def __call__(self, texts: list[str]) -> list[dict[str, object]]:
        if self.crashes_at in texts:
            raise KeyboardInterrupt
        self.asked += texts
        return [{"n": len(text), "words": text.split()} for text in texts]


# --- values ----------------------------------------------------------------------------------------------------------


def test_values_come_back_by_key_to_whoever_opens_the_folder(store: Store):
    store.write("mots", "1", VALUES)
    other = Store(store.folder)
    assert other.read("mots", "1", [KEYS[5], KEYS[0], KEYS[5], b"?" * 32]) == {
        KEYS[5]: VALUES[KEYS[5]],
        KEYS[0]: VALUES[KEYS[0]],
    }
    assert other.missing("mots", "1", [KEYS[0], b"?" * 32]) == {b"?" * 32}
    assert other.read("mots", "1", []) == {}
    other.close()


def test_asking_makes_no_file(store: Store):
    assert store.read("mots", "1", KEYS) == {} and store.missing("mots", "1", KEYS) == set(KEYS)
    assert not list(store.folder.iterdir())


def test_more_keys_than_one_statement_takes_are_asked(store: Store):
    many = {number.to_bytes(32, "big"): b"v" for number in range(25_000)}
    store.write("mots", "1", many)
    assert store.read("mots", "1", many) == many
    assert store.missing("mots", "1", many) == set()


def test_another_kind_or_version_is_not_taken_and_earlier_versions_are_dropped(store: Store):
    store.write("mots", "1", VALUES)
    store.write("lettres", "1", VALUES)
    assert store.read("mots", "2", KEYS) == {}
    store.write("mots", "2", {KEYS[0]: b"autre"})
    assert store.read("mots", "1", KEYS) == {}
    assert store.read("lettres", "1", KEYS) == VALUES


def test_only_the_keys_that_are_wanted_are_left(store: Store):
    store.write("mots", "1", VALUES)
    store.keep_keys("mots", "1", KEYS[:2])
    assert set(store.read("mots", "1", KEYS)) == set(KEYS[:2])


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entries SET value = x'00' WHERE key = ?",
        "UPDATE entries SET sha256 = x'00' WHERE key = ?",
        "UPDATE entries SET value = (SELECT value FROM entries ORDER BY key DESC) WHERE key = ?",
    ],
)
def test_an_altered_value_is_none_and_told_by_count(store: Store, change: str, caplog):
    store.write("mots", "1", VALUES)
    alter(store, change, KEYS[0])
    assert store.read("mots", "1", KEYS) == {key: VALUES[key] for key in KEYS[1:]}
    assert store.missing("mots", "1", KEYS) == {KEYS[0]}, "it is gone"
    assert len(caplog.records) == 1 and "1 valeurs (mots)" in caplog.text


def test_a_value_moved_under_another_kind_is_none(store: Store):
    store.write("mots", "1", VALUES)
    alter(store, "UPDATE entries SET kind = 'lettres' WHERE key = ?", KEYS[0])
    assert store.read("lettres", "1", KEYS) == {}


@pytest.mark.parametrize("content", [b"ce n'est pas SQLite" * 100, None])
def test_a_broken_file_is_set_aside_told_and_filled_again(store: Store, content, caplog):
    store.write("mots", "1", VALUES)
    store.close()
    whole = store.path.read_bytes()
    store.path.write_bytes(content or whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert store.read("mots", "1", KEYS) == {}
    store.write("mots", "1", VALUES)
    assert store.read("mots", "1", KEYS) == VALUES
    assert caplog.text.count("mis de côté") == 1
    assert [path.name for path in store.folder.glob("*.broken")] == ["store.broken"]


def test_a_file_of_another_form_is_set_aside(store: Store):
    with sqlite3.connect(store.path) as connection:
        connection.execute("CREATE TABLE entries (mot TEXT)")
    connection.close()
    store.write("mots", "1", VALUES)
    assert store.read("mots", "1", KEYS) == VALUES


def test_a_folder_that_refuses_is_told_in_one_line(tmp_path: Path):
    (tmp_path / "fichier").write_bytes(b"")
    with pytest.raises(StudyError, match="refuse l'écriture"):
        Store(tmp_path / "fichier").write("mots", "1", VALUES)


def test_only_its_owner_reads_the_file(store: Store):
    store.write("mots", "1", VALUES)
    assert stat.S_IMODE(store.path.stat().st_mode) == 0o600


def test_threads_share_a_store_and_an_emptied_folder_is_filled_again(store: Store):
    threads = [
        threading.Thread(target=store.write, args=("mots", "1", {key: VALUES[key]})) for key in KEYS
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.read("mots", "1", KEYS) == VALUES
    store.close()
    store.path.unlink()
    assert store.read("mots", "1", KEYS) == {}
    store.write("mots", "1", VALUES)
    assert store.read("mots", "1", KEYS) == VALUES


def test_what_an_earlier_version_left_is_removed(store: Store):
    for name in ("vectors", "readings", "drawings", "language_model", "stages/read-0123"):
        (store.folder / name).mkdir(parents=True)
        (store.folder / name / "reste.npy").write_bytes(b"x")
    store.write_tables("read-1", {"rejects": REJECTS.empty()}, {})
    store.keep_entries(["read-1"])
    assert sorted(path.name for path in store.folder.iterdir()) == ["objects", "stages"]
    assert [path.name for path in (store.folder / "stages").iterdir()] == ["read-1.json"]


# --- values by text --------------------------------------------------------------------------------------------------


def test_a_text_is_worked_on_once_and_its_value_comes_back_in_order(store: Store):
    count = Counted()
    first = by_text(TEXTS, count, kind="mots", cache=store)
    again = by_text([*reversed(TEXTS), "un de plus"], count, kind="mots", cache=store)
    assert first == Counted()(TEXTS)
    assert again == Counted()([*reversed(TEXTS), "un de plus"])
    assert count.asked == [*dict.fromkeys(TEXTS), "un de plus"]


def test_what_was_worked_out_before_a_crash_is_kept(store: Store):
    texts = [f"mot {at}" for at in range(5)]
    with pytest.raises(KeyboardInterrupt):
        by_text(texts, Counted(crashes_at=texts[4]), kind="longueur", cache=store, at_once=2)
    count = Counted()
    by_text(texts, count, kind="longueur", cache=store)
    assert count.asked == texts[4:]


def test_values_come_back_in_the_form_that_they_are_used_in(store: Store):
    def pairs(some: list[str]) -> list[list[object]]:
        return [[text, len(text)] for text in some]

    wanted = [(text, len(text)) for text in TEXTS]
    assert by_text(TEXTS, pairs, kind="paires", cache=None, read_back=tuple) == wanted
    assert by_text(TEXTS, pairs, kind="paires", cache=store, read_back=tuple) == wanted
    again = by_text(TEXTS, pairs, kind="paires", cache=store, read_back=tuple)
    assert again == wanted


def test_without_a_store_nothing_is_kept():
    count = Counted()
    by_text(TEXTS, count, kind="mots", cache=None)
    by_text(TEXTS, count, kind="mots", cache=None)
    assert count.asked == TEXTS * 2


def test_no_text_asks_nothing(store: Store):
    assert by_text([], Counted(), kind="mots", cache=store) == []
    assert not list(store.folder.iterdir())


def test_what_another_version_found_is_dropped(store: Store, monkeypatch: pytest.MonkeyPatch):
    by_text(TEXTS, Counted(), kind="mots", cache=store)
    by_text(TEXTS, Counted(), kind="lettres", cache=store)
    monkeypatch.setattr(stores, "stage_code_hash", lambda: "autre")
    count = Counted()
    by_text(TEXTS, count, kind="mots", cache=store)
    assert count.asked == [*dict.fromkeys(TEXTS)]


def test_what_depended_on_something_else_is_worked_on_again(store: Store):
    by_text(TEXTS, Counted(), kind="mots", cache=store, depends_on="liste 1")
    count = Counted()
    by_text(TEXTS, count, kind="mots", cache=store, depends_on="liste 2")
    assert count.asked == [*dict.fromkeys(TEXTS)]


def test_a_value_that_was_altered_is_worked_out_again(store: Store):
    by_text(TEXTS, Counted(), kind="mots", cache=store)
    alter(store, "UPDATE entries SET value = x'7b7d' WHERE instr(CAST(value AS TEXT), 'halle')")
    count = Counted()
    assert by_text(TEXTS, count, kind="mots", cache=store) == Counted()(TEXTS)
    assert count.asked == TEXTS[1:2]
    assert by_text(TEXTS, count, kind="mots", cache=store) == Counted()(TEXTS)
    assert count.asked == TEXTS[1:2]


def test_a_kept_reading_is_the_one_that_is_read_anew(store: Store):
    fresh = read_texts(TEXTS)
    assert read_texts(TEXTS[:2], cache=store) == fresh[:2]
    assert read_texts(TEXTS, cache=store) == fresh
    assert read_texts(TEXTS, cache=store) == fresh


def test_no_text_lies_in_what_is_kept_under_its_own_words(store: Store):
    by_text(
        ["madame Delattre"], lambda some: [len(one) for one in some], kind="longueur", cache=store
    )
    store.close()
    assert all(
        b"Delattre" not in path.read_bytes() + path.name.encode()
        for path in store.folder.rglob("*")
    )
