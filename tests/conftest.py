"""What several tests need: a processed example study, made once a session, and a user without rights."""

import itertools
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pipeline.study import Study
from support.once import made_once
from support.studies import new_small_study

NOBODY = 65534
_IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
_numbers = itertools.count(1)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Leave what needs the processed example study or the built guide to CI and `make test-all`: they take long to make."""
    if {"demo_study", "site"} & set(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.slow)


@pytest.hookimpl(trylast=True)  # once the tests that are not asked for are gone
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have one worker process the example study while the others do what needs none: test_flows.py first, its other users last.

    Of each kind, files of many tests come before short ones, so that workers end together.
    """
    if not _IS_WORKER:
        return
    n_tests = Counter(item.path for item in items)
    users = {item.path for item in items if "demo_study" in getattr(item, "fixturenames", ())}

    def place(item: pytest.Item) -> tuple[bool, bool, int, str]:
        return (
            item.path.name != "test_flows.py",
            item.path in users,
            -n_tests[item.path],
            str(item.path),
        )

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def _prefect_home(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Tests leave the Prefect records of whoever runs them alone."""
    os.environ.pop("PREFECT_API_URL", None)
    os.environ["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))


@pytest.fixture(scope="session", autouse=True)
def _no_ready_process() -> None:
    """Servers of tests process little, and would each hold a gigabyte."""
    os.environ["ATELIERS_READY_PROCESS"] = "0"


@pytest.fixture(scope="session", autouse=True)
def _light_encoder() -> None:
    """Tests of the strong encoder ask for it: it takes four times as long, and most tests are about something else."""
    os.environ["ATELIERS_STRONG_ENCODER"] = "0"


@pytest.fixture(scope="session")
def demo_study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The example study, processed once for all the processes of a session, each of which has a copy; tests leave it as it is."""
    from flows.run import run_study
    from pipeline.cli import copy_demo

    base = tmp_path_factory.getbasetemp()
    processed = made_once(
        (base.parent if _IS_WORKER else base) / "etude",
        lambda folder: run_study(copy_demo(folder).root),
    )
    return Study.open(Path(shutil.copytree(processed, tmp_path_factory.mktemp("demo") / "etude")))


@pytest.fixture(scope="session", autouse=True)
def _own_decisions() -> None:
    """Tests never write to the database of whoever runs them."""
    os.environ.pop("ATELIERS_DATABASE_URL", None)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The address of a PostgreSQL server started for these tests, to end with a database's name; skipped where none is installed."""
    pytest.importorskip("psycopg", reason="psycopg n'est pas installé (extra postgres)")
    from support.postgres_server import binary, running_server

    if not binary("initdb"):
        pytest.skip("aucun serveur PostgreSQL sur cette machine (apt-get install postgresql)")
    with running_server() as server:
        yield server.address


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The address of an empty database."""
    from support.postgres_server import drop_database, make_database

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
    return new_small_study(tmp_path / "etude")
