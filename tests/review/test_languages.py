"""The application in English where ATELIERS_LANG asks for it, and in typographic French otherwise."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pipeline.study import Study
from support.review_server import copy_study, serving

REVIEW = Path(__file__).parents[2] / "pipeline" / "review"


@pytest.mark.parametrize(
    "path", sorted((REVIEW / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_words_on_pages_have_curly_apostrophes(path: Path) -> None:
    told = re.findall(r'{% translate "([^"]*)"', path.read_text(encoding="utf-8"))
    assert [words for words in told if re.search(r"\w'\w", words)] == []


@pytest.mark.slow
@pytest.mark.browser
def test_pages_speak_english_where_asked(
    demo_study: Study, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> None:
    study = copy_study(demo_study, tmp_path_factory.mktemp("english") / "study")
    with serving(study, environment={"ATELIERS_LANG": "en"}) as served:
        page = served.open(browser, "alix")
        assert page.get_attribute("html", "lang") == "en"
        expect(page.get_by_role("button", name="Confirm the passage")).to_be_visible()
        page.goto(served.url("territoires"))
        expect(page.locator("h1")).to_have_text("Territories")
