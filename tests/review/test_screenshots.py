"""A picture of each page for docs/images/relecture/, taken only where ATELIERS_SCREENSHOTS names a folder (`make screenshots`)."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from pipeline.study import Study
from support.decisions import confirmation
from support.review_pages import OPEN_PAGES, PAGES, address
from support.review_server import Served

_FOLDER = os.environ.get("ATELIERS_SCREENSHOTS", "")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(not _FOLDER, reason="ATELIERS_SCREENSHOTS ne nomme aucun dossier"),
]
_WIDTH, _HEIGHT, _MAX_BYTES, _N_COLOURS = 1280, 860, 150_000, 64
_MORE = {
    "themes-carte": "themes/carte",
    "themes-propositions": "themes/propositions",
    "theme-separer": "themes/{theme}/separer",
    "accord-desaccords": "accord/desaccords?premier=alix&second=bilal&axe=posture&code=tous",
}
_DRAWN = {
    "territoires-plans": ".tree svg",
    "territoires-cartes": ".territory[data-ready]",
    "themes-carte": "#carte[data-ready]",
}


@pytest.fixture(scope="module")
def page(served: Served, browser: Browser) -> Page:
    """Chantal's page of a study that Alix, Bilal and she have worked on for a while."""
    _work(served.study)
    return served.open(
        browser, "chantal", viewport={"width": _WIDTH, "height": _HEIGHT}, reduced_motion="reduce"
    )


def _work(study: Study) -> None:
    """Forty passages confirmed by two people who differ on some, a theme rejected and taken back, another renamed."""
    tags = study.read_machine_table("tags")
    assigned = (
        tags[tags["is_assigned"]]
        .groupby("unit_id")[["axis", "code"]]
        .apply(lambda rows: sorted(map(tuple, rows.to_numpy())))
    )
    unit_ids = study.read_table("review_queue").sort_values("place")["unit_id"].iloc[20:60]
    said = [(who, name, assigned.get(name, [])) for name in unit_ids for who in ("alix", "bilal")]
    said = [
        (who, name, codes[n % 2 :] if n % 7 == 1 else codes)
        for n, (who, name, codes) in enumerate(said)
    ]
    rows = [
        {"author": who, "action": "confirm_unit", "unit_id": name, "value": confirmation(codes)}
        for who, name, codes in said
    ]
    themes = study.read_machine_table("themes").sort_values("n_tables", ascending=False)
    rejected = themes["theme_id"].iloc[1]
    rows.append(
        {
            "author": "chantal",
            "action": "reject_theme",
            "theme_id": rejected,
            "why": "Deux sujets mêlés.",
        }
    )
    (*_, number) = study.decisions.append_all(rows)
    rows = [{"author": "chantal", "action": "undo", "value": str(number)}]
    for theme_id in themes.loc[themes["label"].str.contains("ubvention"), "theme_id"].head(1):
        name = "Subventions et trésorerie"
        rows.append(
            {
                "author": "bilal",
                "action": "rename_theme",
                "theme_id": theme_id,
                "value": name,
                "why": "Les mots des tables.",
            }
        )
    study.decisions.append_all(rows)


@pytest.mark.parametrize("name", sorted({*PAGES, *OPEN_PAGES, *_MORE}))
def test_a_picture_of_each_page_is_small(
    page: Page, served: Served, browser: Browser, name: str
) -> None:
    if name in OPEN_PAGES:
        page = served.open(browser, None, viewport={"width": _WIDTH, "height": _HEIGHT})
    theme_id = (
        served.study.read_machine_table("themes").sort_values("n_tables")["theme_id"].iloc[-1]
    )
    page.goto(
        served.url(_MORE[name].format(theme=theme_id)) if name in _MORE else address(name, served)
    )
    if name in _DRAWN:
        expect(page.locator(_DRAWN[name]).first).to_be_visible(timeout=60_000)
    page.wait_for_function(
        "() => [...document.images].every(image => image.complete && image.naturalWidth)"
    )
    folder = Path(_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    picture = (
        Image.open(io.BytesIO(page.screenshot()))
        .convert("RGB")
        .quantize(_N_COLOURS, dither=Image.Dither.NONE)
    )
    picture.save(folder / f"{name}.png", optimize=True)
    assert picture.width == _WIDTH
    assert (folder / f"{name}.png").stat().st_size < _MAX_BYTES
