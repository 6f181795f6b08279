"""No page has the browser complain: no error of a script, nothing that the content security policy refuses, no file missing."""

import pytest
from playwright.sync_api import Browser, ConsoleMessage

from support.review_pages import OPEN_PAGES, PAGES, address
from support.review_server import Served

_MORE = ("themes/carte", "themes/propositions", "themes/sans-theme", "themes/reunir")


@pytest.mark.slow
@pytest.mark.browser
def test_no_page_has_an_error_in_the_console(served: Served, browser: Browser) -> None:
    errors: dict[str, list[str]] = {}
    page = served.open(browser, "chantal", "compte")

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            errors.setdefault(page.url.removeprefix(served.address), []).append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: errors.setdefault(page.url, []).append(str(error)))
    run_id = served.study.last_run()["run_id"]
    published = [
        served.url(f"publier/{run_id}/fichiers/{path.relative_to(folder).as_posix()}")
        for folder in [served.study.root / "publications" / run_id]
        for path in sorted(folder.rglob("*.html"))
    ]
    assert published
    pages = [address(name, served) for name in (*PAGES, *OPEN_PAGES)]
    for path in [*pages, *map(served.url, _MORE), *published]:
        page.goto(path)
        page.wait_for_load_state("networkidle")
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        page.wait_for_load_state("networkidle")
    page.goto(served.url("passages"))
    for key in ("v", "u", "d", "m", "?"):  # decide, undo, flag, note, help
        page.keyboard.press(key)
        page.wait_for_load_state("networkidle")
    assert errors == {}
