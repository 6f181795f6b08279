"""The application on PostgreSQL: accounts and decisions in one database, and a database that goes away and comes back."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipeline.decision_store import DecisionStore
from pipeline.study import Study
from support.review_client import client, token, validate
from support.review_server import ACCOUNTS, PASSWORD, Served, copy_study, make_accounts, serving

psycopg = pytest.importorskip("psycopg")


@pytest.fixture
def served(demo_study: Study, tmp_path: Path, postgres_url: str) -> Iterator[Served]:
    """The example study, whose etude.toml names no database: its address is in the environment."""
    study, environment = (
        copy_study(demo_study, tmp_path / "etude"),
        {"ATELIERS_DATABASE_URL": postgres_url},
    )
    with serving(study, environment=environment) as server:
        yield server


def ask(address: str, question: str) -> set[str]:
    """The first column of an answer."""
    with psycopg.connect(address) as connection:
        return {str(row[0]) for row in connection.execute(question.encode())}


def test_accounts_and_decisions_share_the_database_of_the_environment(
    served: Served, postgres_url: str
) -> None:
    session, unit_id = client(served, "alix"), served.study.read_table("units")["unit_id"].min()
    assert validate(session, unit_id, token(session), "une fois") == 200
    assert ask(postgres_url, "SELECT author FROM decisions") == {"alix"}
    assert ask(postgres_url, "SELECT username FROM auth_user") == set(ACCOUNTS)
    assert not served.study.decisions_path.exists()
    assert [path.name for path in (served.study.root / ".review").iterdir()] == ["secret_key"]


@pytest.mark.slow
def test_connections_are_few_however_many_people_there_are(
    served: Served, postgres_url: str
) -> None:
    sessions = [client(served, name) for name in (*ACCOUNTS, *ACCOUNTS) if name != "denis"]

    def read(number: int) -> int:
        return sessions[number % len(sessions)].get("/journal").status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(read, range(60))) == {200}
    open_now = ask(
        postgres_url,
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert len(open_now) <= 20, (
        "a connection of accounts and one of decisions for each of eight threads, and those just being closed"
    )


@pytest.fixture
def demo_on(demo_study: Study, tmp_path: Path) -> Callable[[str], Study]:
    """Gives a copy of the example study whose accounts and decisions are at an address."""
    return lambda address: copy_study(demo_study, tmp_path / "etude", database=address)


@pytest.mark.slow
def test_a_database_that_goes_away_is_told_and_once_it_is_back_nothing_is_lost(
    demo_on: Callable[[str], Study],
) -> None:
    from support.postgres_server import make_database, running_server

    with running_server(synchronous_commit="on") as server:
        study = demo_on(make_database(server.address, "etude"))
        with serving(study) as served:
            session, unit_ids = (
                client(served, "alix"),
                sorted(study.read_table("units")["unit_id"])[:4],
            )
            token_ = token(session)
            assert [validate(session, unit_id, token_, unit_id) for unit_id in unit_ids[:2]] == [
                200,
                200,
            ]
            server.cut()
            assert validate(session, unit_ids[2], token_, unit_ids[2]) == 503
            told = session.get("/passages")
            assert told.status_code == 503 and "La base de données ne répond pas" in told.text
            assert client(served).get("connexion").status_code == 200
            server.start()
            assert [validate(session, unit_id, token_, unit_id) for unit_id in unit_ids] == [
                200
            ] * 4
            assert list(study.decisions.read()["unit_id"]) == unit_ids


@pytest.mark.slow
def test_a_database_that_fails_under_the_decision_alone_is_told_the_same_way(
    served: Served, postgres_url: str
) -> None:
    session, unit_id = client(served, "alix"), served.study.read_table("units")["unit_id"].min()
    token_ = token(session)
    assert validate(session, unit_id, token_, "avant") == 200
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE requests RENAME TO requests_ailleurs")
    answer = session.post(
        f"/passages/{unit_id}/decider",
        data={"geste": "valider", "csrfmiddlewaretoken": token_, "request_id": "pendant"},
    )
    assert answer.status_code == 503 and "PostgreSQL" in answer.text and PASSWORD not in answer.text


def test_a_database_out_of_reach_stops_the_command_with_one_line(
    demo_on: Callable[[str], Study],
) -> None:
    study = demo_on("postgresql://alix@127.0.0.1:1/etude")
    command = [sys.executable, "-m", "pipeline.cli", "review", str(study.root), "--no-browser"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1 and "une base PostgreSQL joignable" in told.stderr


def test_the_database_follows_an_address_of_libpqs_own_form(
    demo_study: Study, tmp_path: Path, postgres_url: str
) -> None:
    given = psycopg.conninfo.conninfo_to_dict(postgres_url)
    study, environment = (
        copy_study(demo_study, tmp_path / "etude"),
        {"ATELIERS_DATABASE_URL": psycopg.conninfo.make_conninfo(**given)},
    )
    make_accounts(study.root, ACCOUNTS, environment)
    assert ask(postgres_url, "SELECT username FROM auth_user") == set(ACCOUNTS)
    assert DecisionStore(environment["ATELIERS_DATABASE_URL"]).last_id() == 0
