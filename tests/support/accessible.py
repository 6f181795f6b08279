"""What axe-core finds against WCAG 2.2 A and AA on a page."""

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_OPTIONS = {"runOnly": {"type": "tag", "values": _TAGS}, "resultTypes": ["violations"]}


def faults(page: Page, **options: object) -> list[str]:
    """Each rule that the page breaks, with the first element that breaks it; `options` are axe's."""
    found = Axe().run(page, options={**_OPTIONS, **options}).response["violations"]
    return [
        f"{rule['id']} ({len(rule['nodes'])}): {rule['nodes'][0]['html'][:200]}" for rule in found
    ]


def faults_in_the_dark(page: Page) -> list[str]:
    """What only colours change, with those of a dark screen; the page is not loaded again."""
    page.emulate_media(color_scheme="dark")
    found = faults(page, runOnly={"type": "rule", "values": ["color-contrast"]})
    page.emulate_media(color_scheme="light")
    return found


_LARGE, _ZOOMED = (1920, 1080, 1), (640, 400, 2)  # width, height, pixels of the screen for one


def faults_at_other_sizes(page: Page) -> list[str]:
    """What axe finds, or what scrolls sideways, on a large screen and at 200 % of 1280 pixels; the page is not loaded again."""
    found = []
    screen = page.context.new_cdp_session(page)
    for width, height, scale in (_LARGE, _ZOOMED):
        metrics = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False}
        screen.send("Emulation.setDeviceMetricsOverride", metrics)
        rules = {"color-contrast": {"enabled": (width, height, scale) != _LARGE}}  # as at 1280
        found += [f"{width} px: {fault}" for fault in faults(page, rules=rules)]
        if (needed := page.evaluate("document.documentElement.scrollWidth")) > width:
            found.append(f"{width} px: scrolls sideways to {needed}")
    screen.send("Emulation.clearDeviceMetricsOverride")
    screen.detach()
    return found
