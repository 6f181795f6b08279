"""Enter in a field decides nothing: a decision has its own button, or its own key."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.review_server import Served

TEMPLATES = Path(__file__).parents[2] / "pipeline/review/templates/review"
FORM = re.compile(
    r"<form\b[^>]*method=\"post\"[^>]*action=\"(?P<action>(?:{%.*?%}|[^\"])*)\".*?>(?P<content>.*?)</form>",
    re.DOTALL,
)
DECIDING = re.compile(r"'(?:decide|arbitrate|theme_decide|set_aside_decide)'|{{ (?:to|action) }}")
_ENTER = 'input:not([type="hidden"]):not([type="range"])'  # fields in which Enter submits a form
_PAGES = {
    "passages": "passages",
    "liste": "passages?etat=tous&ordre=lecture",
    "themes": "themes",
    "theme": "themes/{theme}",
    "separer": "themes/{theme}/separer",
    "sans-theme": "themes/sans-theme",
    "propositions": "themes/propositions",
    "priorites": "priorites",
    "resultats": "resultats",
    "journal": "journal",
}


@pytest.mark.parametrize("path", sorted(TEMPLATES.glob("*.html")), ids=lambda path: path.name)
def test_a_form_that_decides_has_no_default_button(path: Path) -> None:
    html = path.read_text(encoding="utf-8")
    forms = [found for found in FORM.finditer(html) if DECIDING.search(found["action"])]
    first = re.compile(
        r"\s*(?:{% url [^%]*%})?{% include \"review/(?:no_default_button|theme_form)\.html\""
    )
    assert [found["action"] for found in forms if not first.match(found["content"])] == []
    if path.name in (
        "bench_codes.html",
        "disagreements.html",
        "theme_edit.html",
        "theme_members.html",
        "theme_split.html",
    ):
        assert forms


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize("name", _PAGES)
def test_enter_in_a_field_decides_nothing(served: Served, browser: Browser, name: str) -> None:
    theme = served.study.read_machine_table("themes")["theme_id"].min()
    page = served.open(browser, "alix", _PAGES[name].format(theme=theme))
    page.evaluate(
        "for (const shown of document.querySelectorAll('main details')) shown.open = true"
    )
    for choice in page.locator("main form[method=post] select:visible").all():
        choice.select_option(index=1)
    for box in page.locator("main form[method=post] [name=passage]").all()[:2]:
        box.check()
    before = len(served.decisions())
    fields = page.locator(
        f"main form[method=post] :is({_ENTER}):visible, main :is({_ENTER})[form]:visible"
    )
    n_fields = fields.count()
    for number in sorted({*range(min(n_fields, 8)), *range(max(n_fields - 4, 0), n_fields)}):
        field = fields.nth(number)
        if field.get_attribute("type") not in ("checkbox", "number", "radio"):
            field.fill("on en a parlé à deux tables")
        field.press("Enter")
        page.wait_for_timeout(200)  # what is sent arrives
        page.evaluate(
            "for (const shown of document.querySelectorAll('main details')) shown.open = true"
        )
    assert len(served.decisions()) == before
    assert n_fields or name in ("propositions", "resultats", "journal")
