"""The store of decisions: it only grows, takes a request once, and gives what it was given."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.decision_store import DecisionStore
from pipeline.errors import StudyError, TableError
from pipeline.study import Study
from pipeline.tables import DECISIONS


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.sqlite3"


@pytest.fixture
def store(path: Path) -> DecisionStore:
    return DecisionStore(path)


def move(unit_id: str, theme_id: str | None = "cars", author: str = "lise") -> dict[str, Any]:
    return {"author": author, "action": "move_unit", "unit_id": unit_id, "value": theme_id}


def test_a_store_that_does_not_exist_has_no_decisions_and_is_not_made_by_reading(store: DecisionStore, path: Path) -> None:
    assert store.read().empty and list(store.read().columns) == [column.name for column in DECISIONS.columns]
    assert (store.last_id(), store.read_erasures()) == (0, [])
    assert not path.exists()


def test_decisions_come_back_in_order_with_their_numbers(store: DecisionStore) -> None:
    first = store.append(author="lise", action="add_tag", unit_id="a", axis="rubrique", code="offre", why="cité à l'étal")
    merge = {"author": "omar", "action": "merge_theme", "theme_id": "cars", "value": "lait"}
    others = store.append_all([merge, move("a", None, "omar")])
    assert [first, *others] == [1, 2, 3]
    found = store.read()
    assert found["decision_id"].tolist() == [1, 2, 3] and found["author"].tolist() == ["lise", "omar", "omar"]
    assert found["why"][0] == "cité à l'étal" and pd.isna(found["value"][2])
    assert found["decided_at"].str.endswith("+00:00").all()
    pd.testing.assert_frame_equal(DECISIONS.check(found), found)


def test_only_what_came_since_is_read(store: DecisionStore) -> None:
    store.append_all(move(unit_id) for unit_id in "abc")
    assert store.last_id() == 3
    assert store.read(after=1)["unit_id"].tolist() == ["b", "c"]
    pd.testing.assert_frame_equal(store.read(after=3), DECISIONS.empty())


def test_a_request_that_comes_twice_adds_nothing_and_answers_the_same(store: DecisionStore) -> None:
    first = store.append_all([move("a"), move("b")], request_id="page-1")
    assert store.append_all([move("a"), move("b") | {"why": None}], request_id="page-1") == first == [1, 2]
    assert store.append_all([move("a"), move("b")], request_id="page-2") == [3, 4]
    assert store.append_all([move("a"), move("b")]) == [5, 6]
    assert len(store.read()) == 6


def test_a_request_that_comes_again_with_something_else_is_refused(store: DecisionStore) -> None:
    store.append_all([move("a")], request_id="page-1")
    with pytest.raises(StudyError, match="page-1"):
        store.append_all([move("b")], request_id="page-1")
    assert store.read()["unit_id"].tolist() == ["a"]


def test_a_refused_request_may_be_sent_again_once_it_is_right(store: DecisionStore) -> None:
    with pytest.raises(TableError):
        store.append_all([move("a") | {"action": "efface"}], request_id="page-1")
    assert store.append_all([move("a")], request_id="page-1") == [1]


def test_the_study_knows_its_store(tmp_path: Path) -> None:
    study = Study.create(tmp_path / "etude")
    assert study.decisions_state() == 0
    study.decisions.append_all([move("a"), move("b")])
    assert study.decisions_state() == Study.open(study.root).decisions.last_id() == 2


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE decisions SET author = 'x'",
        "DELETE FROM decisions",
        "INSERT OR REPLACE INTO decisions (decision_id, decided_at, author, action) VALUES (1, 'x', 'x', 'x')",
    ],
)
def test_the_database_itself_refuses_to_change_a_decision(store: DecisionStore, path: Path, statement: str) -> None:
    store.append_all([move("a")])
    before = store.read()
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute(statement)
    connection.close()
    pd.testing.assert_frame_equal(store.read(), before)


def test_an_unknown_action_or_column_is_refused_and_nothing_is_kept(store: DecisionStore) -> None:
    with pytest.raises(TableError):
        store.append_all([move("a"), move("b") | {"action": "efface"}])
    with pytest.raises(TableError):
        store.append_all([{"author": "lise", "action": "move_unit", "unite": "a"}])
    assert store.read().empty


def test_erasing_deletes_cleans_and_is_recorded_and_the_store_refuses_changes_again(store: DecisionStore, path: Path) -> None:
    store.append_all([move("a"), move("b") | {"why": "dit par Lou Vernet"}, move("c")], request_id="page-1")
    assert store.count_erased(["a"], lambda text: text.replace("Lou Vernet", "X")) == (1, 1)
    store.erase(["a"], lambda text: text.replace("Lou Vernet", "X"), author="omar", counts={"décisions effacées": 1})
    assert store.read()["why"].fillna("").tolist() == ["dit par X", ""]
    (record,) = store.read_erasures()
    assert (record["author"], record["counts"]) == ("omar", {"décisions effacées": 1})
    assert b"Vernet" not in path.read_bytes()
    assert store.append_all([move("d")]) == [4]
    with sqlite3.connect(path) as connection, pytest.raises(sqlite3.DatabaseError, match="append-only"):
        connection.execute("DELETE FROM decisions")


def test_a_store_of_an_earlier_version_takes_requests(store: DecisionStore, path: Path) -> None:
    store.append_all([move("a")])
    with sqlite3.connect(path) as connection:
        connection.executescript("DROP TABLE requests; PRAGMA user_version = 0;")
    assert [store.append_all([move("b")], request_id="page-1") for _ in range(2)] == [[2], [2]]


def test_a_file_that_is_no_store_gives_one_clear_line(store: DecisionStore, path: Path) -> None:
    path.write_text("notes de la table 3, rien d'une base de données" * 50, encoding="utf-8")
    with pytest.raises(StudyError, match=r"decisions\.sqlite3"):
        store.read()


def test_a_file_that_holds_nothing_yet_has_no_decisions(store: DecisionStore, path: Path) -> None:
    path.touch()
    assert store.read().empty and store.last_id() == 0
    assert store.append_all([move("a")]) == [1]


def test_reading_and_adding_take_milliseconds_of_the_processor(store: DecisionStore) -> None:
    store.append_all(move(f"u{n}") for n in range(1000))
    started = time.process_time()
    for n in range(20):
        store.append_all([move(f"v{n}")])
        store.read(after=store.last_id() - 1)
    assert (time.process_time() - started) / 20 < 0.05  # 4 ms on a quiet core
