"""A study from its files to its report in a real browser, without a terminal: what the chargée de mission does the day after a workshop."""

import re
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from pipeline.study import Study
from support.dropped import drop
from support.review_server import PASSWORD
from support.web_server import web

pytestmark = [pytest.mark.browser, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
_RUN_MS = 900_000  # a first run on a busy machine


def test_from_files_to_report_without_a_terminal(
    browser: Browser, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    started = time.monotonic()
    with web(tmp_path) as (_address, first_access):
        page = browser.new_context(locale="fr-FR", accept_downloads=True).new_page()
        page.set_default_timeout(60_000)
        _make_first_account(page, first_access)
        _make_study(page, "Hauts-de-France")
        study = Study.open(next(tmp_path.glob("*/etude.toml")).parent)
        workshops = sorted((ROOT / "data" / "demo").glob("* 2026-*"))
        _drop_workshops(page, workshops)
        _settle_a_doubtful_name(page, study)
        _run(page)
        assert len(study.read_table("workshops")) == len(workshops) == 3
        _validate_ten(page, study)
        _rename_first_priority(page, "Se déplacer sans voiture")
        _publish(page)
        report, slides = _download(page, tmp_path)
    record_property("seconds", round(time.monotonic() - started))
    words = zipfile.ZipFile(report).read("word/document.xml").decode()
    assert "Se déplacer sans voiture" in words
    assert "Hauts-de-France" in words
    assert any("slide1.xml" in name for name in zipfile.ZipFile(slides).namelist())


def _make_first_account(page: Page, address: str) -> None:
    page.goto(address)
    page.fill("[name=username]", "claire")
    page.fill("[name=new_password1]", PASSWORD)
    page.fill("[name=new_password2]", PASSWORD)
    page.locator("main form button").click()


def _make_study(page: Page, title: str) -> None:
    page.get_by_role("button", name="Créer une étude").click()
    page.fill("[name=title]", title)
    page.get_by_role("button", name="Créer l’étude").click()
    expect(page.locator("h1")).to_have_text(title)


def _drop_workshops(page: Page, folders: list[Path]) -> None:
    page.get_by_role("link", name=re.compile("Déposer")).first.click()
    drop(page, ".drop", *folders)
    expect(page.locator("#annonce")).to_contain_text("Tout est arrivé", timeout=_RUN_MS)
    for folder in folders:
        expect(page.locator(f'[data-folder="{folder.name}"]')).to_be_visible()
    # what each file was taken for comes before any run
    expect(page.locator("main")).to_contain_text("liste de présence", timeout=_RUN_MS)


def _settle_a_doubtful_name(page: Page, study: Study) -> None:
    button = page.locator(".doubts form button")
    expect(button.first).to_be_visible(timeout=_RUN_MS)
    n_decided = page.locator(".doubts .settled").count()
    button.first.click()
    expect(page.locator(".doubts .settled")).to_have_count(n_decided + 1)
    assert study.last_run() is None


def _run(page: Page) -> None:
    page.get_by_role("link", name=re.compile("Traiter")).first.click()
    page.locator("#traiter").click()
    expect(page.locator(".phase.running")).to_be_visible()
    expect(page.locator("#traitement progress").first).to_be_visible()
    page.goto("about:blank")  # the run goes on without its page
    page.go_back()
    expect(page.locator("#traitement")).to_contain_text("Terminé.", timeout=_RUN_MS)


def _validate_ten(page: Page, study: Study) -> None:
    page.get_by_role("link", name=re.compile("Relire")).first.click()
    page.wait_for_load_state()  # keys work once the scripts are there
    for n in range(10):
        shown = page.locator(".said").get_attribute("data-unit")
        page.keyboard.press("v")
        expect(page.locator(".said")).not_to_have_attribute("data-unit", str(shown))
        assert study.decisions_state() >= n + 1
    expect(page.get_by_role("link", name=re.compile("10 passages relus"))).to_have_count(0)
    page.reload()
    expect(page.locator(".steps")).to_contain_text("10 passages relus sur 30")


def _rename_first_priority(page: Page, name: str) -> None:
    page.locator(".study a").last.click()
    page.locator(".first a").first.click()
    page.fill("#nom", name)
    page.get_by_role("button", name="Renommer").click()
    expect(page.locator("h1")).to_contain_text(name)


def _publish(page: Page) -> None:
    page.get_by_role("link", name=re.compile("Publier")).first.click()
    expect(page.locator("#changements")).to_contain_text("décisions attendent")
    page.get_by_role("button", name="Publier", exact=True).click()
    expect(page.locator("#publication")).to_contain_text("Publication en cours")
    expect(page.locator("#publication")).not_to_contain_text("en cours", timeout=_RUN_MS)
    page.reload()
    expect(page.locator("#fichiers + p, .state").first).to_contain_text("par claire")


def _download(page: Page, folder: Path) -> list[Path]:
    found = []
    for name in (re.compile(r"rapport\.docx"), re.compile(r"\.pptx")):
        with page.expect_download() as told:
            page.get_by_role("link", name=name).first.click()
        found.append(folder / told.value.suggested_filename)
        told.value.save_as(found[-1])
    return found
