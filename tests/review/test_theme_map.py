"""How the map of passages groups them, and tells the groups apart."""

import re
from pathlib import Path

import pandas as pd
import pytest

from pipeline.review.selection import EVERY, Selection
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_map import N_HUES, draw_map

STYLES = Path(__file__).parents[2] / "pipeline/review/static/review"
_FAMILIES = {"f-1": "Se déplacer", "f-2": "Se loger"}


def _study(n_units: int) -> tuple[Themes, Snapshot]:
    """`n_units` passages by turns in t-1, t-2 (family f-1), t-3 (f-2) and no theme, of two workshops."""
    numbers = range(n_units)
    units = pd.DataFrame(
        {
            "unit_id": [f"u-{n:05}" for n in numbers],
            "document_id": "d-1",
            "workshop_id": ["w-1" if n % 8 < 4 else "w-2" for n in numbers],
            "unit_order": list(numbers),
            "text": [f"Passage {n}" for n in numbers],
            "table_number": 1,
            "question": "q1",
            "channel": "notes",
            "speaker": None,
        }
    )
    places = pd.DataFrame(
        {
            "unit_id": units["unit_id"],
            "x": [n / n_units for n in numbers],
            "y": [n % 7 / 14 for n in numbers],
        }
    )
    themes = pd.DataFrame(
        {
            "theme_id": ["t-1", "t-2", "t-3"],
            "label": ["Bus", "Vélo", "Loyers"],
            "parent_id": ["f-1", "f-1", "f-2"],
        }
    )
    themed = [n for n in numbers if n % 4 < 3]
    members = pd.DataFrame(
        {
            "unit_id": [f"u-{n:05}" for n in themed],
            "theme_id": [f"t-{n % 4 + 1}" for n in themed],
            "strength": 1.0,
            "probability": 1.0,
            "is_counted": True,
        }
    )
    return Themes(themes, pd.DataFrame(), members, 0), Snapshot(
        "r", {"units": units, "unit_places": places}, {}
    )


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        (EVERY, {"f-1": 40, "f-2": 20, "": 20}),
        (EVERY.where(workshop="w-1"), {"f-1": 20, "f-2": 10, "": 10}),
        (EVERY.where(family="f-1"), {"t-1": 20, "t-2": 20}),
        (EVERY.where(theme="t-3"), {"t-3": 20}),
        (EVERY.where(family="f-2", workshop="w-2"), {"t-3": 10}),
    ],
)
def test_passages_are_grouped_by_family_or_by_theme_within_one(
    wanted: Selection, groups: dict[str, int]
) -> None:
    drawn = draw_map(wanted, *_study(80), _FAMILIES)
    assert {group["key"]: group["n"] for group in drawn.groups} == groups
    assert len(drawn.units) == sum(groups.values())
    assert len({(group["hue"], group["shape"]) for group in drawn.groups}) == len(groups)


def test_without_families_themes_are_told_apart() -> None:
    assert [group["key"] for group in draw_map(EVERY, *_study(80), {}).groups] == [
        "t-1",
        "t-2",
        "t-3",
        "",
    ]


def test_fifty_six_groups_are_told_apart_by_hue_and_shape() -> None:
    now, snapshot = _study(56 * 4)
    labels = {f"t-{n}": f"Thème {n}" for n in range(1, 57)}
    now = Themes(
        pd.DataFrame({"theme_id": list(labels), "label": list(labels.values()), "parent_id": None}),
        pd.DataFrame(),
        now.members.assign(theme_id=[f"t-{1 + n % 56}" for n in range(len(now.members))]),
        0,
    )
    groups = draw_map(EVERY, now, snapshot, {}).groups[:-1]
    assert len({(group["hue"], group["shape"]) for group in groups}) == 56
    assert {group["hue"] for group in groups} == set(range(1, N_HUES + 1))


@pytest.mark.parametrize("i", [0, 1], ids=["light", "dark"])
def test_every_hue_stands_out_from_the_page(i: int) -> None:
    css = (STYLES / "review.css").read_text(encoding="utf-8")
    pairs = dict(re.findall(r"--([\w-]+): light-dark\((.+?)\);", css))
    card, *hues = (
        pairs[name].split(", ")[i] for name in ("card", *(f"hue-{n}" for n in range(1, N_HUES + 1)))
    )
    card = "#ffffff" if card == "#fff" else card
    for hue in hues:
        light, dark = sorted((_luminance(card), _luminance(hue)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, hue


def _luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    ]
    return sum(
        weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
    )


def test_nothing_wished_for_is_an_empty_map() -> None:
    assert draw_map(EVERY.where(workshop="w-9"), *_study(8), _FAMILIES).groups == []
