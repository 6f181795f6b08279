"""The application in English where ATELIERS_LANG asks for it, and in typographic French otherwise."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from pipeline.review.apps import TypographicFrench
from pipeline.study import Study
from support.review_client import client
from support.review_server import Served, copy_study, serving

REVIEW = Path(__file__).parents[2] / "pipeline" / "review"
TRANSLATED = r"{% blocktranslate.*?{% endblocktranslate %}"
NOT_TOLD = re.compile(rf"{TRANSLATED}|{{#.*?#}}|{{%.*?%}}|{{{{.*?}}}}", re.DOTALL)


@pytest.mark.parametrize(
    "path", sorted((REVIEW / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_words_on_pages_have_curly_apostrophes(path: Path) -> None:
    told = re.findall(r'{% translate "([^"]*)"', path.read_text(encoding="utf-8"))
    assert [words for words in told if re.search(r"\w'\w", words)] == []


@pytest.mark.parametrize(
    "path", sorted((REVIEW / "templates").rglob("*.html")), ids=lambda path: path.name
)
def test_no_line_of_a_page_can_begin_with_a_colon(path: Path) -> None:
    told = NOT_TOLD.sub("…", path.read_text(encoding="utf-8"))
    assert re.findall(r".{,30}(?: [:;?!»%](?![a-z-])|« ).{,20}", told) == []


@pytest.mark.parametrize(
    ("n", "message", "told"),
    [
        (None, "Tout est écrit : {n} fois !", "Tout est écrit\xa0: {n} fois\u202f!"),
        (None, "page %(n)s, « %(name)s »", "page %(n)s, «\xa0%(name)s\xa0»"),
        (0, "%(n)s passage : %(name)s", "%(n)s passage\xa0: %(name)s"),
        (1, "%(n)s passage : %(name)s", "%(n)s passage\xa0: %(name)s"),
        (2, "%(n)s passage : %(name)s", "%(n)s passages\xa0: %(name)s"),
    ],
)
def test_french_words_have_their_spaces_and_plurals(n: int | None, message: str, told: str) -> None:
    french, plural = TypographicFrench(), message.replace("ge ", "ges ")
    assert (french.gettext(message) if n is None else french.ngettext(message, plural, n)) == told


def test_a_page_has_the_spaces_of_french(served: Served) -> None:
    page = client(served, "alix").get("/passages").text
    assert "Aller au bouton «\xa0Valider\xa0»" in page
    assert "Touches\xa0:\u202f?" in page


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
