"""What several tests need: a processed example study, made once a session, and a user without rights."""

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pipeline.study import Study

NOBODY = 65534
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests leave the Prefect records of whoever runs them alone."""
    os.environ.pop("PREFECT_API_URL", None)
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))


@pytest.fixture(scope="session")
def demo_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The example study, processed once; tests read it and leave it as it is."""
    from flows.run import run_study
    from pipeline.demo import copy_demo

    study = copy_demo(tmp_path_factory.mktemp("demo") / "etude")
    run_study(study.root)
    return study


@pytest.fixture(scope="session", autouse=True)
def _own_decisions() -> None:
    """Tests never write to the database of whoever runs them."""
    os.environ.pop("ATELIERS_DATABASE_URL", None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server started for these tests, to end with a database's name; skipped where none is installed."""
    pytest.importorskip("psycopg", reason="psycopg n'est pas installé (extra postgres)")
    from postgres_server import binary, running_server

    if not binary("initdb"):
        pytest.skip("aucun serveur PostgreSQL sur cette machine (apt-get install postgresql)")
    with running_server() as server:
        yield server.address


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty database."""
    from postgres_server import drop_database, make_database

    name = f"essai{next(_numbers)}"
    yield make_database(postgres_server, name)
    drop_database(postgres_server, name)


@pytest.fixture
def without_rights() -> Callable[[], AbstractContextManager[None]]:
    """A block in which this process may not write what it does not own, even where tests run as root."""

    @contextmanager
    def block() -> Iterator[None]:
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)

    return block


@pytest.fixture
def small_study(tmp_path: Path) -> Study:
    """A study with two tables of one workshop, never run."""
    study = Study.create(tmp_path / "etude")
    folder = study.depot / "Pays de Retz 2026-10-01"
    folder.mkdir()
    (folder / "Table 1.txt").write_text("Q1\n- plus de médecin à Machecoul\n- les loyers montent sur la côte\n", encoding="utf-8")
    (folder / "Table 2.txt").write_text("Q2\n- la recyclerie de Legé emploie douze personnes\n", encoding="utf-8")
    return study
