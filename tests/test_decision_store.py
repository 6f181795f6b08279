"""The store of decisions: it only grows, takes a request once, and gives what it was given."""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flows.backup import backup_study, restore_study
from flows.run import run_study
from flows.served_flows import can_pass
from pipeline.cli import main
from pipeline.decision_store import DecisionStore, Mark
from pipeline.decision_store.databases import open_database
from pipeline.decisions import read_decisions
from pipeline.errors import StudyError, TableError
from pipeline.review.journal import Journals
from pipeline.study import Study
from pipeline.tables.material import DECISION_EFFECTS, DECISIONS

ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """Where decisions are kept: a file that does not exist yet, or an empty database."""
    return (
        tmp_path / "decisions.sqlite3"
        if request.param == "sqlite"
        else str(request.getfixturevalue("postgres_url"))
    )


@pytest.fixture
def store(place: Path | str) -> DecisionStore:
    return DecisionStore(place)


def run_in_database(place: Path | str, statement: str) -> list[Any]:
    """Run one statement as somebody would who opens the database by other means."""
    if isinstance(place, Path):
        with contextlib.closing(sqlite3.connect(place, isolation_level=None)) as connection:
            return connection.execute(statement).fetchall()
    import psycopg

    with psycopg.connect(place, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def move(unit_id: str, theme_id: str | None = "cars", author: str = "lise") -> dict[str, Any]:
    return {"author": author, "action": "move_unit", "unit_id": unit_id, "value": theme_id}


def test_a_store_that_does_not_exist_has_no_decisions_and_is_not_made_by_reading(
    store: DecisionStore, place: Path | str
) -> None:
    assert store.read().empty and list(store.read().columns) == [
        column.name for column in DECISIONS.columns
    ]
    assert (store.last_id(), store.read_erasures()) == (0, [])
    if isinstance(place, Path):
        assert not place.exists()
    else:
        assert run_in_database(place, "SELECT * FROM pg_tables WHERE schemaname = 'public'") == []


def test_decisions_come_back_in_order_with_their_numbers(store: DecisionStore) -> None:
    first = store.append(
        author="lise",
        action="add_tag",
        unit_id="a",
        axis="rubrique",
        code="offre",
        why="cité à l'étal",
    )
    merge = {"author": "omar", "action": "merge_theme", "theme_id": "cars", "value": "lait"}
    others = store.append_all([merge, move("a", None, "omar")])
    assert [first, *others] == [1, 2, 3]
    found = store.read()
    assert found["decision_id"].tolist() == [1, 2, 3] and found["author"].tolist() == [
        "lise",
        "omar",
        "omar",
    ]
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
    assert (
        store.append_all([move("a"), move("b") | {"why": None}], request_id="page-1")
        == first
        == [1, 2]
    )
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


REFUSED = [
    "UPDATE decisions SET author = 'x'",
    "DELETE FROM decisions",
    "UPDATE erasures SET counts = '{}'",
    "DELETE FROM erasures",
]
REFUSED_IN = {
    "sqlite": [
        "INSERT OR REPLACE INTO decisions (decision_id, decided_at, author, action) VALUES (1, 'x', 'x', 'x')"
    ],
    "postgresql": [
        "TRUNCATE decisions",
        "TRUNCATE decisions, requests",
        "TRUNCATE erasures",
        "DELETE FROM decisions WHERE decision_id = 7",
        "INSERT INTO decisions (decision_id, decided_at, author, action) OVERRIDING SYSTEM VALUE VALUES (1, 'x', 'x', 'x') "
        "ON CONFLICT (decision_id) DO UPDATE SET author = 'x'",
    ],
}


def test_the_database_itself_refuses_to_change_a_decision(
    store: DecisionStore, place: Path | str
) -> None:
    store.append_all([move("a")])
    store.erase([], str, author="omar", counts={})
    before, erased = store.read(), store.read_erasures()
    for statement in REFUSED + REFUSED_IN["sqlite" if isinstance(place, Path) else "postgresql"]:
        with pytest.raises(Exception, match="append-only"):
            run_in_database(place, statement)
    pd.testing.assert_frame_equal(store.read(), before)
    assert store.read_erasures() == erased


def test_an_unknown_action_or_column_is_refused_and_nothing_is_kept(store: DecisionStore) -> None:
    with pytest.raises(TableError):
        store.append_all([move("a"), move("b") | {"action": "efface"}])
    with pytest.raises(TableError):
        store.append_all([{"author": "lise", "action": "move_unit", "unite": "a"}])
    assert store.read().empty


def test_erasing_deletes_cleans_and_is_recorded_and_the_store_refuses_changes_again(
    store: DecisionStore, place: Path | str
) -> None:
    store.append_all(
        [move("a"), move("b") | {"why": "dit par Lou Vernet"}, move("c")], request_id="page-1"
    )
    assert store.count_erased(["a"], lambda text: text.replace("Lou Vernet", "X")) == (1, 1)
    store.erase(
        ["a"],
        lambda text: text.replace("Lou Vernet", "X"),
        author="omar",
        counts={"décisions effacées": 1},
    )
    assert store.read()["why"].fillna("").tolist() == ["dit par X", ""]
    (record,) = store.read_erasures()
    assert (record["author"], record["counts"]) == ("omar", {"décisions effacées": 1})
    assert run_in_database(place, "SELECT * FROM requests") == []
    if isinstance(place, Path):
        assert b"Vernet" not in place.read_bytes()
    assert store.append_all([move("d")]) == [4]
    with pytest.raises(Exception, match="append-only"):
        run_in_database(place, "DELETE FROM decisions")


def test_an_erasing_that_fails_changes_nothing(store: DecisionStore, place: Path | str) -> None:
    store.append_all([move("a"), move("b")])

    def fail(text: str) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        store.erase(["a"], fail, author="omar", counts={})
    assert len(store.read()) == 2 and store.read_erasures() == []
    with pytest.raises(Exception, match="append-only"):
        run_in_database(place, "DELETE FROM decisions")


WRITER = """
import sys
from pathlib import Path
from pipeline.decision_store import DecisionStore
place, name, n = sys.argv[1:]
store = DecisionStore(place if place.startswith("postgres") else Path(place))
for number in range(int(n)):
    (done,) = store.append_all([{"author": name, "action": "move_unit", "unit_id": f"u{number}"}], request_id=f"{name}-{number}")
    print(done, number, flush=True)
"""


def writer(place: Path | str, name: str, n: int) -> "subprocess.Popen[str]":
    """Another process that adds `n` decisions as `name`, and tells each once it was kept."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", WRITER, str(place), name, str(n)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )


@pytest.mark.slow
def test_two_writers_at_once_lose_nothing(store: DecisionStore, place: Path | str) -> None:
    processes = [writer(place, name, 40) for name in ("lise", "omar")]
    told = [process.communicate(timeout=120) for process in processes]
    assert [error for _, error in told] == ["", ""]
    found = store.read()
    assert found["decision_id"].tolist() == list(range(1, 81))
    for name, (lines, _) in zip(("lise", "omar"), told, strict=True):
        mine = found[found["author"] == name]
        assert mine["unit_id"].tolist() == [f"u{number}" for number in range(40)]
        assert [int(line.split()[0]) for line in lines.splitlines()] == mine["decision_id"].tolist()


@pytest.mark.slow
def test_a_reader_that_follows_several_writers_misses_nothing(
    store: DecisionStore, place: Path | str
) -> None:
    processes = [writer(place, name, 60) for name in ("lise", "omar", "noor")]
    followed: list[int] = []
    while any(process.poll() is None for process in processes):
        followed += [row[0] for row in store.read_rows(after=followed[-1] if followed else 0)]
    assert [process.communicate()[1] for process in processes] == ["", "", ""]
    followed += [row[0] for row in store.read_rows(after=followed[-1])]
    assert followed == list(range(1, 181)) == store.read()["decision_id"].tolist()


def test_a_number_is_given_only_once_all_before_it_are_kept(
    store: DecisionStore, place: Path | str
) -> None:
    """The writer in the way has its number, and keeps it for a while before it is read."""
    store.append_all([move("a")])
    with ThreadPoolExecutor() as pool:
        with open_database(place).writing() as connection:
            connection.execute(
                "INSERT INTO decisions (decided_at, author, action, unit_id, value) VALUES (?, ?, ?, ?, ?)",
                ("2026-05-19", "omar", "move_unit", "b", "cars"),
            )
            later = pool.submit(store.append_all, [move("c")])
            time.sleep(0.3)
            assert not later.done() and store.last_id() == 1
        assert later.result(timeout=20) == [3]
    assert [row[0] for row in store.read_rows(after=1)] == [2, 3]


def test_a_writer_that_waited_sees_what_it_waited_for_whatever_the_server_prefers(
    postgres_url: str,
) -> None:
    run_in_database(
        postgres_url, "ALTER ROLE relecture SET default_transaction_isolation = 'repeatable read'"
    )
    try:
        store = DecisionStore(postgres_url)
        store.append_all([move("a")])
        with ThreadPoolExecutor(6) as pool:
            numbers = list(
                pool.map(lambda _: store.append_all([move("b")], request_id="page-1"), range(12))
            )
        assert numbers == [[2]] * 12
    finally:
        run_in_database(postgres_url, "ALTER ROLE relecture RESET ALL")


def test_a_writer_killed_in_a_burst_loses_nothing_that_it_acknowledged(
    store: DecisionStore, place: Path | str
) -> None:
    process = writer(place, "lise", 100_000)
    assert process.stdout
    acknowledged = [process.stdout.readline() for _ in range(30)]
    process.kill()
    acknowledged += process.stdout.read().splitlines()
    process.wait()
    found = dict(zip(store.read()["decision_id"], store.read()["unit_id"], strict=True))
    for line in acknowledged:
        if len(line.split()) == 2:  # the last one may be cut
            number, unit = line.split()
            assert found[int(number)] == f"u{unit}"
    assert len(found) >= 30
    n = len(found)
    assert store.append_all([move("u0", None, "lise")], request_id="encore")[0] > n - 1


@pytest.mark.slow
def test_first_writers_of_a_file_that_come_at_once_all_write(tmp_path: Path) -> None:
    """Of eight that meet while the file is made, one was refused in a tenth of the trials before they waited for one another."""
    with ThreadPoolExecutor(8) as pool:
        for trial in range(60):
            store, together = DecisionStore(tmp_path / f"{trial}.sqlite3"), threading.Barrier(8)

            def write(
                number: int, store: DecisionStore = store, together: threading.Barrier = together
            ) -> list[int]:
                together.wait()
                return store.append_all([move(f"u{number}")])

            assert sorted(
                number for numbers in pool.map(write, range(8)) for number in numbers
            ) == list(range(1, 9))


def test_many_threads_share_a_store(store: DecisionStore) -> None:
    with ThreadPoolExecutor(12) as pool:
        numbers = list(
            pool.map(
                lambda n: (
                    store.append_all([move(f"u{n}")], request_id=str(n // 2))[0]
                    if n % 2
                    else store.last_id()
                ),
                range(60),
            )
        )
    assert len(store.read()) == 30 and len(numbers) == 60


def test_a_store_of_an_earlier_version_takes_requests(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite3"
    store = DecisionStore(path)
    store.append_all([move("a")])
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE requests; PRAGMA user_version = 0;")
    assert [store.append_all([move("b")], request_id="page-1") for _ in range(2)] == [[2], [2]]


def test_a_file_that_is_no_store_gives_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite3"
    path.write_text("notes de la table 3, rien d'une base de données" * 50, encoding="utf-8")
    with pytest.raises(StudyError, match=r"decisions\.sqlite3"):
        DecisionStore(path).read()


def test_a_file_that_holds_nothing_yet_has_no_decisions(tmp_path: Path) -> None:
    path = tmp_path / "decisions.sqlite3"
    path.touch()
    store = DecisionStore(path)
    assert store.read().empty and store.last_id() == 0
    assert store.append_all([move("a")]) == [1]


def test_reading_and_adding_take_milliseconds_of_the_processor(store: DecisionStore) -> None:
    store.append_all(move(f"u{n}") for n in range(1000))
    started = time.process_time()
    for n in range(20):
        store.append_all([move(f"v{n}")])
        store.read(after=store.last_id() - 1)
    assert (time.process_time() - started) / 20 < 0.05  # 4 ms on a quiet core


def test_the_database_of_the_environment_wins_over_the_study_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_url: str
) -> None:
    study = Study.create(tmp_path / "etude")
    settings = study.settings_path.read_text(encoding="utf-8")
    study.settings_path.write_text(
        settings + '\n[review]\ndatabase = "postgresql://nulle-part.invalid/etude"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("ATELIERS_DATABASE_URL", postgres_url)
    study = Study.open(study.root)
    assert study.decisions.append_all([move("a")]) == [1]
    assert study.decisions_state() == 1 and not study.decisions_path.exists()
    assert DecisionStore(postgres_url).read()["unit_id"].tolist() == ["a"]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://lise:s3cret@127.0.0.1:1/etude?connect_timeout=2",
        "postgresql://lise:s3cret@127.0.0.1:pas-un-port/etude",
    ],
)
def test_a_database_that_cannot_be_reached_is_one_line_that_tells_no_password(address: str) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StudyError) as caught:
        DecisionStore(address).last_id()
    assert "s3cret" not in str(caught.value) and "\n" not in str(caught.value)
    assert (
        "base" in caught.value.found and "ATELIERS_DATABASE_URL" in caught.value.do
    ) or "PGPASSWORD" in caught.value.do


def test_without_psycopg_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StudyError) as caught:
        DecisionStore("postgresql://serveur/etude")
    assert (
        "psycopg manque" in caught.value.found
        and "ateliers-territoires[postgres]" in caught.value.do
    )


def test_what_a_file_holds_passes_into_the_database_once_under_the_same_numbers(
    tmp_path: Path, postgres_url: str
) -> None:
    file = tmp_path / "decisions.sqlite3"
    before = DecisionStore(file)
    before.append_all([move("a"), move("b"), move("c")])
    before.erase(["b"], str, author="omar", counts={"décisions effacées": 1})
    before.append_all([{"author": "lise", "action": "undo", "value": "3"}])
    held, erased = before.read(), before.read_erasures()
    mark = before.mark()
    store = DecisionStore(postgres_url, former=file)
    assert store.mark() == mark and store.lost_since(mark) is None
    pd.testing.assert_frame_equal(store.read(), held)
    assert store.read_erasures() == erased
    assert [path.name for path in tmp_path.iterdir()] == ["decisions-reprises.sqlite3"]
    assert store.append_all([move("d")]) == [5]
    (tmp_path / "decisions-reprises.sqlite3").rename(file)  # as after a crash between the two
    assert DecisionStore(postgres_url, former=file).last_id() == 5 and not file.exists()


def test_two_sets_of_decisions_are_never_mixed(tmp_path: Path, postgres_url: str) -> None:
    file = tmp_path / "decisions.sqlite3"
    DecisionStore(file).append_all([move("a")])
    DecisionStore(postgres_url).append_all([move("z")])
    with pytest.raises(
        StudyError, match=r"decisions\.sqlite3 tient 1 décision, et la base en tient d'autres"
    ):
        DecisionStore(postgres_url, former=file)
    assert file.exists() and DecisionStore(postgres_url).read()["unit_id"].tolist() == ["z"]


def test_a_server_started_again_is_found_again(postgres_url: str) -> None:
    store = DecisionStore(postgres_url)
    store.append_all([move("a")])
    run_in_database(
        postgres_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert store.append_all([move("b")]) == [2]


def emptied(place: Path | str) -> None:
    if isinstance(place, Path):
        place.write_bytes(b"")
    else:
        for table in ("decisions", "erasures", "requests"):
            run_in_database(place, f"DROP TABLE {table}")


def removed(place: Path | str) -> None:
    if isinstance(place, Path):
        place.unlink()
    else:
        emptied(place)


def made_older(place: Path | str) -> None:
    without_triggers(place, "DELETE FROM decisions WHERE decision_id = 3")


def made_older_then_used(place: Path | str) -> None:
    """As many as before, the last one another."""
    made_older(place)
    if isinstance(place, Path):
        run_in_database(place, "UPDATE sqlite_sequence SET seq = 2")
    else:
        run_in_database(place, "ALTER TABLE decisions ALTER COLUMN decision_id RESTART WITH 3")
    DecisionStore(place).append_all([move("z"), move("z")])


def altered(place: Path | str) -> None:
    without_triggers(place, "UPDATE decisions SET value = 'lait' WHERE decision_id = 2")


def without_triggers(place: Path | str, statement: str) -> None:
    """Run `statement` as somebody would who knows the database."""
    if isinstance(place, Path):
        for name in ("decisions_keep", "decisions_stay"):
            run_in_database(place, f"DROP TRIGGER {name}")
    else:
        run_in_database(place, "ALTER TABLE decisions DISABLE TRIGGER append_only")
    run_in_database(place, statement)


LOSSES = [
    (emptied, "ne tient plus aucune décision"),
    (removed, "ne tient plus aucune décision"),
    (made_older, "ne tient plus que 2 décisions"),
    (made_older_then_used, "tient des décisions qui ont changé"),
    (altered, "tient des décisions qui ont changé"),
]


@pytest.mark.parametrize(("lose", "words"), LOSSES)
def test_what_is_gone_or_changed_since_a_run_is_said(
    store: DecisionStore, place: Path | str, lose: Any, words: str
) -> None:
    store.append_all(move(unit_id) for unit_id in "abc")
    mark = store.mark()
    assert store.lost_since(mark) is None
    lose(place)
    assert DecisionStore(place).lost_since(mark) == words


def test_where_every_record_of_a_run_is_gone_the_tables_tell_what_was_decided(
    tmp_path: Path,
) -> None:
    study = Study.create(tmp_path / "etude")
    effects = [
        {"decision_id": number, "action": "rename_theme", "state": "appliquée"} for number in (1, 2)
    ]
    study.write_table("decision_effects", DECISION_EFFECTS.build(effects))
    with pytest.raises(
        StudyError,
        match=r"n'est plus là ; attendu : 2 décisions, jusqu'à la n° 2 \(tables/decision_effects\)",
    ):
        study.check_decisions()
    for _ in effects:
        study.decisions.append(
            author="lise", action="rename_theme", theme_id="t", value="Se soigner"
        )
    assert study.check_decisions().n_decisions == 2


def test_what_forget_erased_is_no_loss_and_its_coming_back_is_one(
    store: DecisionStore, tmp_path: Path
) -> None:
    store.append_all(move(unit_id) for unit_id in "abc")
    before = store.mark()
    store.save_copy(tmp_path / "copie.sqlite3")
    store.erase(["c"], str, author="omar", counts={"décisions effacées": 1})
    assert store.lost_since(before) is None
    copy = DecisionStore(tmp_path / "copie.sqlite3")
    assert copy.lost_since(before) is None
    assert (
        copy.lost_since(store.mark())
        == "tient des décisions d'avant un effacement (ateliers forget)"
    )


def test_a_store_that_never_held_anything_has_lost_nothing(store: DecisionStore) -> None:
    mark = store.mark()
    assert (mark.last_id, mark.n_decisions, mark.n_erasures) == (0, 0, 0)
    store.check()
    assert store.lost_since(mark) is None
    store.append_all([move("a")])
    assert store.lost_since(mark) is None


@pytest.mark.parametrize("damage", ["cut", "overwritten", "head"])
def test_a_damaged_file_is_one_clear_line_and_never_an_empty_one(
    tmp_path: Path, damage: str
) -> None:
    path = tmp_path / "decisions.sqlite3"
    DecisionStore(path).append_all(move(f"passage {n}") for n in range(300))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    changed = {
        "cut": content[: len(content) // 2],
        "overwritten": content[:8192] + bytes(range(256)) * 16 + content[12288:],
        "head": bytes(100) + content[100:],
    }
    path.write_bytes(changed[damage])
    with pytest.raises(StudyError) as caught:
        DecisionStore(path).check()
    assert caught.value.found.startswith("decisions.sqlite3 est abîmé") and "\n" not in str(
        caught.value
    )
    assert "sauvegarde" in caught.value.do


@pytest.fixture
def bereft(small_study: Study) -> Study:
    """A study whose last run followed two decisions that are no longer there."""
    small_study.decisions.append_all([move("a"), move("b")])
    record = {
        "run_id": "20261127T030000000000Z",
        "is_done": True,
        "decisions": asdict(small_study.decisions.mark()),
    }
    small_study.write_manifest(
        record | {"fingerprint": "x", "tables": {}, "publication": "publications/x"}
    )
    for path in small_study.root.glob("decisions.sqlite3*"):
        path.unlink()
    return small_study


COMMANDS = [
    ("run", "ÉTUDE"),
    ("publish", "ÉTUDE", "--json"),
    ("status", "ÉTUDE", "--json"),
    ("review", "ÉTUDE", "--no-browser", "--port", "0"),
    ("compare", "ÉTUDE"),
    ("evaluate", "ÉTUDE", "--gold", "ÉTUDE"),
    ("train", "ÉTUDE"),
    ("serve", "ÉTUDE"),
    ("export", "ÉTUDE", "--format", "xlsx"),
    ("import", "ÉTUDE", "retour.qdpx"),
    ("backup", "ÉTUDE"),
    ("forget", "ÉTUDE", "Yves Hamon"),
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_no_command_goes_on_where_decisions_are_lost(
    bereft: Study, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(path for path in bereft.root.rglob("*") if path.name != ".lock")
    assert main([str(bereft.root) if word == "ÉTUDE" else word for word in command]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert "decisions.sqlite3 n'est plus là ; attendu : 2 décisions, jusqu'à la n° 2" in err
    assert (
        f"ateliers run {bereft.root} --accept-lost-decisions" in err and "ateliers restore" in err
    )
    assert sorted(path for path in bereft.root.rglob("*") if path.name != ".lock") == before


def test_in_words_one_goes_on_and_the_next_run_expects_what_is_left(
    bereft: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks: list[Any] = []
    monkeypatch.setattr(
        "flows.run._run_flow", lambda *given: marks.append(given[4]) or {"run_id": "x"}
    )
    asked: list[StudyError] = []
    with pytest.raises(StudyError, match="n'est plus là"):
        run_study(bereft.root, on_lost_decisions=lambda error: asked.append(error) or False)
    assert marks == [] and not can_pass(asked[0])
    run_study(bereft.root, on_lost_decisions=lambda error: True)
    assert [mark.n_decisions for mark in marks] == [0]


def test_other_decisions_in_the_place_of_lost_ones_are_a_question_too(bereft: Study) -> None:
    bereft.decisions.append_all([move("z"), move("z")])
    with pytest.raises(StudyError, match="des décisions qui ont changé"):
        Study.open(bereft.root).check_decisions()


def test_the_record_of_an_earlier_version_asks_nothing(bereft: Study) -> None:
    record = bereft.last_run()
    assert record is not None
    del record["decisions"]
    bereft.write_manifest(record)
    assert Study.open(bereft.root).check_decisions().n_decisions == 0


def test_an_older_backup_is_brought_back_whole_without_a_question_and_its_file_alone_with_one(
    small_study: Study, tmp_path: Path
) -> None:
    def record_run(run_id: str) -> None:
        record = {
            "run_id": run_id,
            "is_done": True,
            "decisions": asdict(small_study.decisions.mark()),
        }
        small_study.write_manifest(
            record | {"fingerprint": "x", "tables": {}, "publication": "publications/x"}
        )

    small_study.decisions.append_all([move("a")])
    record_run("20261127T030000000000Z")
    saved = backup_study(small_study.root, tmp_path / "hier.ateliers").path
    small_study.decisions.append_all([move("b")])
    record_run("20261128T030000000000Z")
    older = restore_study(saved, tmp_path / "hier").path
    assert Study.open(older).check_decisions().n_decisions == 1
    for path in small_study.root.glob("decisions.sqlite3*"):
        path.unlink()
    shutil.copyfile(older / "decisions.sqlite3", small_study.decisions_path)
    with pytest.raises(
        StudyError, match="ne tient plus que 1 décision ; attendu : 2 décisions, jusqu'à la n° 2"
    ):
        Study.open(small_study.root).check_decisions()
    assert Study.open(small_study.root).check_decisions(lambda _: True).n_decisions == 1


def test_what_is_decided_since_a_run_is_counted_and_a_loss_is_not_noted_away(bereft: Study) -> None:
    before = bereft.last_run()
    bereft.note_decisions()
    assert bereft.last_run() == before, "what is gone stays missed"
    assert before is not None
    bereft.write_manifest(before | {"decisions": asdict(bereft.decisions.mark())})
    bereft.decisions.append_all([move("a"), move("b"), move("c")])
    bereft.note_decisions()
    bereft.decisions_path.write_bytes(b"")
    with pytest.raises(
        StudyError, match="ne tient plus aucune décision ; attendu : 3 décisions, jusqu'à la n° 3"
    ):
        Study.open(bereft.root).check_decisions()


def test_an_open_review_takes_no_decision_on_top_of_lost_ones(
    store: DecisionStore, place: Path | str
) -> None:
    journals = Journals(store, append=store.append_all)
    assert journals.current().last_id == 0
    store.append_all(move(unit_id) for unit_id in "abc")
    assert journals.current().last_id == 3
    store.erase(["c"], str, author="omar", counts={"décisions effacées": 1})
    assert journals.current().last_id == 2
    emptied(place)
    for _ in range(2):
        with pytest.raises(StudyError, match="jusqu'à la n° 2, ne sont plus toutes là"):
            journals.current()


BEFORE_TYPES = Path(__file__).parent / "golden" / "decisions-before-types" / "decisions.sqlite3"
MARK_BEFORE_TYPES = Mark(
    19, 18, "41e505d00660504d5516b143459d1e39555cafade9dfeff2d4693618689cac1e", 1
)


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """Decisions of every kind, an erasure and a request, as the version before wrote them, when decisions had no types."""
    return Path(shutil.copyfile(BEFORE_TYPES, tmp_path / "decisions.sqlite3"))


def test_a_store_of_the_version_before_opens_as_it_is_and_goes_on(old_file: Path) -> None:
    store = DecisionStore(old_file)
    store.check()
    assert store.mark() == MARK_BEFORE_TYPES
    assert old_file.read_bytes() == BEFORE_TYPES.read_bytes(), "reading changes nothing"
    assert store.append_all([move("z")]) == [20]
    assert store.lost_since(MARK_BEFORE_TYPES) is None
    with pytest.raises(Exception, match="append-only"):
        run_in_database(old_file, "UPDATE decisions SET value = 'x'")


def test_every_kind_reads_and_writes_the_row_that_the_version_before_wrote(old_file: Path) -> None:
    table = DecisionStore(old_file).read()
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    decisions = read_decisions(table)
    assert len({decision.action for decision in decisions}) == 18
    blank = dict.fromkeys(table.columns)
    assert [blank | decision.row() for decision in decisions] == rows


def test_a_store_of_the_version_before_passes_into_a_database(
    old_file: Path, postgres_url: str
) -> None:
    assert DecisionStore(postgres_url, former=old_file).mark() == MARK_BEFORE_TYPES
