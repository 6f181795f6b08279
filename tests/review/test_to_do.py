"""What is said of where a study stands follows what is dropped, run and read, without reloading; no remark stays for ever."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from pipeline.study import Study
from support.dropped import drop
from support.review_client import client, token, without_no_break
from support.review_server import Served, serving

WORKSHOP = "Caudry 2026-05-04"
NOTES = "Table 1\n- Il n’y a plus de bus le soir\n- Le foyer rural a fermé en avril\n"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(Study.create(tmp_path_factory.mktemp("a-faire") / "etude")) as server:
        yield server


def read_ahead(session: httpx.Client) -> None:
    """Wait until the files of the depot are read."""
    end = time.monotonic() + 120
    while session.get("/depot/etat").json()["is_reading"] and time.monotonic() < end:
        time.sleep(0.5)


def words(session: httpx.Client, path: str) -> str:
    page = re.sub(r"<[^>]+>", " ", session.get(path).text)
    return " ".join(without_no_break(page).split())


@pytest.mark.slow
@pytest.mark.browser
def test_what_is_dropped_shows_everywhere_on_the_page_without_reloading(
    served: Served, browser: Browser, tmp_path: Path
) -> None:
    folder = tmp_path / WORKSHOP
    folder.mkdir()
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    (tmp_path / "suite.txt").write_text(NOTES, encoding="utf-8")
    page = served.open(browser, "alix", "depot")
    expect(page.locator("main")).to_contain_text("Rien n’est encore déposé")
    expect(page.locator("#etapes")).to_contain_text("aucun fichier encore")
    drop(page, ".drop", folder)
    expect(page.locator("#ateliers")).to_contain_text("notes.txt")
    expect(page.locator("main")).not_to_contain_text("Rien n’est encore déposé")
    expect(page.locator("#etapes")).to_contain_text("1 fichier")
    button = page.get_by_role("button", name="Ajouter des fichiers")
    with page.expect_file_chooser() as chooser:
        button.click()  # and the focus stays on it
    chooser.value.set_files(tmp_path / "suite.txt")
    expect(page.locator("#ateliers")).to_contain_text("suite.txt")
    expect(page.locator("#etapes")).to_contain_text("2 fichiers")
    expect(page.locator("#ateliers")).to_contain_text("tout est lu", timeout=120_000)
    page.locator("#ateliers summary", has_text="notes.txt").click()
    page.locator("#ateliers details[open] [name=tables]").first.fill("7")
    (served.study.depot / WORKSHOP / "trois.txt").write_text(NOTES, encoding="utf-8")
    expect(page.locator("#etapes")).to_contain_text("3 fichiers")
    expect(page.locator("#ateliers details[open] [name=tables]").first).to_have_value("7")


@pytest.mark.slow
@pytest.mark.browser
def test_after_a_run_the_header_says_so_without_reloading(served: Served, browser: Browser) -> None:
    page = served.open(browser, "alix", "traiter")
    expect(page.locator("#etapes")).to_contain_text("jamais traitée")
    page.locator("#traiter").click()
    expect(page.locator("#traitement")).to_contain_text("Terminé.", timeout=240_000)
    expect(page.locator("#etapes")).not_to_contain_text("jamais traitée")


@pytest.mark.slow
def test_a_remark_on_a_file_is_seen_once_and_leaves_what_is_to_be_done(served: Served) -> None:
    folder = served.study.depot / WORKSHOP
    folder.mkdir(exist_ok=True)
    (folder / "notes.txt").write_text(NOTES, encoding="utf-8")
    (folder / "plan.xyz").write_bytes(b"\x00\x01\x02")
    session = client(served, "alix", follow_redirects=True)
    session.get("/depot")
    read_ahead(session)
    assert "À faire ensuite : Déposer 1 fichier non lu" in words(session, "/")
    assert "Aussi à faire : Traiter" in words(session, "/"), "a remark hides no other step"
    remark = re.search(r'name="remarque" value="(\w+)"', session.get("/depot").text)
    assert remark is not None
    data = {"csrfmiddlewaretoken": token(session), "atelier": WORKSHOP, "remarque": remark[1]}
    assert session.post("/depot/vu", data=data | {"remarque": "0"}).status_code == 404
    assert "Vu par alix" in without_no_break(session.post("/depot/vu", data=data).text)
    assert "À faire ensuite : Traiter" in words(session, "/")
    number = int(served.decisions()["decision_id"].max())
    session.post(f"/journal/{number}/annuler", data={"csrfmiddlewaretoken": token(session)})
    assert "À faire ensuite : Déposer 1 fichier non lu" in words(session, "/")
    denis = client(served, "denis")
    data["csrfmiddlewaretoken"] = token(denis)
    assert denis.post("/depot/vu", data=data).status_code == 403
