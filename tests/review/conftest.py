"""A browser and one study under review for each file of tests, on SQLite and on PostgreSQL."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from pipeline.study import Study
from support.review_server import Served, copy_study, serving

expect.set_options(timeout=20_000)  # beside a busy suite; nothing waits longer than it must
CHROMIUM = Path("/usr/bin/chromium")
_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of a served study on SQLite; where a module says so, on PostgreSQL too, with the slow ones (test_postgres.py is quick).

    A module says ON_BOTH_DATABASES where it tests what is written and in which order; how a page looks depends on no database.
    """
    if "database" in metafunc.fixturenames:
        on_both = getattr(metafunc.module, "ON_BOTH_DATABASES", False)
        shared = pytest.param("postgresql", marks=pytest.mark.slow)
        databases = ["sqlite", shared] if on_both else ["sqlite"]
        metafunc.parametrize("database", databases, indirect=True, scope="module")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real headless Chromium, closed with the file's last test: its event loop would stand in the way of tests that start one."""
    if not CHROMIUM.is_file():
        pytest.skip("needs chromium")
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
    ]
    with sync_playwright() as session:
        chromium = session.chromium.launch(
            executable_path=str(CHROMIUM),
            args=[*arguments, "--disable-component-update", "--disable-sync"],
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> Iterator[Callable[[], str]]:
    """Gives the address of one more empty database; a blank one where accounts and decisions are files of the study."""
    if request.param == "sqlite":
        yield str
        return
    server, names = request.getfixturevalue("postgres_server"), []
    from support.postgres_server import drop_database, make_database

    def make() -> str:
        names.append(f"relecture{next(_numbers)}")
        return make_database(server, names[-1])

    yield make
    for name in names:
        drop_database(server, name)


@pytest.fixture(scope="module")
def new_study(
    demo_study: Study, database: Callable[[], str], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Study]:
    """Gives copies of the processed example study, each with a database of its own and the keys of [review] asked for."""
    return lambda **review: copy_study(
        demo_study, tmp_path_factory.mktemp("review") / "etude", **review, database=database()
    )


@pytest.fixture(scope="module")
def served(new_study: Callable[..., Study]) -> Iterator[Served]:
    """The example study, served with accounts of every role; a file's tests share it and its journal."""
    with serving(new_study()) as server:
        yield server
