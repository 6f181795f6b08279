"""A browser for the session, and one study under review for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from pipeline.study import Study
from tests.review.serving import Served, copy_study, make_accounts, serving

CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A real headless Chromium."""
    if not CHROMIUM.is_file():
        pytest.skip("needs chromium")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    with sync_playwright() as session:
        chromium = session.chromium.launch(executable_path=str(CHROMIUM), args=[*arguments, "--disable-component-update", "--disable-sync"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def served(demo_study: Study, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The example study, served with accounts of every role; a file's tests share it and its journal."""
    study = copy_study(demo_study, tmp_path_factory.mktemp("review") / "etude")
    make_accounts(study.root)
    with serving(study) as server:
        yield server
