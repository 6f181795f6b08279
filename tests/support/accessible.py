"""What axe-core finds against WCAG 2.2 A and AA on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def faults(page: Page) -> list[str]:
    """Each rule that the page breaks, with the first element that breaks it."""
    found = (
        Axe()
        .run(page, options={"runOnly": {"type": "tag", "values": _TAGS}})
        .response["violations"]
    )
    return [
        f"{rule['id']} ({len(rule['nodes'])}): {rule['nodes'][0]['html'][:200]}" for rule in found
    ]
