"""What several tests need: a processed example study, made once a session, and a user without rights."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from pipeline.study import Study

NOBODY = 65534


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
