"""Files and folders dropped on a page as a person drops them."""

from pathlib import Path

from playwright.sync_api import Page


def drop(page: Page, selector: str, *paths: Path) -> None:
    """Drop files and folders of this machine, as a person would."""
    page.wait_for_load_state()  # what is dropped before the scripts are there is lost
    box = page.locator(selector).first.bounding_box()
    assert box is not None
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        where = {"x": box["x"] + 40, "y": box["y"] + 20}
        session.send("Input.dispatchDragEvent", {"type": kind, "data": data, **where})
