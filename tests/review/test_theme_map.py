"""The map of passages: which are drawn, as what, and that the list has them all."""

import pandas as pd
import pytest

from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_map import COLOURS, N_DRAWN, WIDTH, MapFilter, draw_map

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
        (MapFilter(), {"f-1": 40, "f-2": 20, "": 20}),
        (MapFilter(workshop_id="w-1"), {"f-1": 20, "f-2": 10, "": 10}),
        (MapFilter(family_id="f-1"), {"t-1": 20, "t-2": 20}),
        (MapFilter(theme_id="t-3"), {"t-3": 20}),
        (MapFilter(family_id="f-2", workshop_id="w-2"), {"t-3": 10}),
    ],
)
def test_passages_are_grouped_by_family_or_by_theme_within_one(
    wanted: MapFilter, groups: dict[str, int]
) -> None:
    drawn = draw_map(wanted, *_study(80), _FAMILIES)
    assert {group.key: group.n for group in drawn.groups} == groups
    assert {mark.unit_id for group in drawn.groups for mark in group.marks} == {
        unit.unit_id for unit in drawn.units
    }
    assert len({(group.colour, group.shape) for group in drawn.groups}) == len(groups)


def test_without_families_themes_are_told_apart() -> None:
    assert [group.key for group in draw_map(MapFilter(), *_study(80), {}).groups] == [
        "t-1",
        "t-2",
        "t-3",
        "",
    ]


def test_marks_stay_within_the_picture() -> None:
    drawn = draw_map(MapFilter(), *_study(80), _FAMILIES)
    for mark in (mark for group in drawn.groups for mark in group.marks):
        assert 0 <= float(mark.x) <= WIDTH and 0 <= float(mark.y) <= drawn.height


def test_of_many_passages_the_same_sample_is_drawn_and_all_are_listed() -> None:
    first, again = (draw_map(MapFilter(), *_study(2 * N_DRAWN), _FAMILIES) for _ in range(2))
    assert first == again
    assert sum(len(group.marks) for group in first.groups) == first.n_drawn == N_DRAWN
    assert len(first.units) == sum(group.n for group in first.groups) == 2 * N_DRAWN


def test_every_colour_stands_out_from_white() -> None:
    drawn = draw_map(MapFilter(), *_study(80), {f"f-{n}": f"Famille {n}" for n in range(1, 9)})
    for colour in {*(group.colour for group in drawn.groups), *COLOURS}:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [
            value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
            for value in channels
        ]
        luminance = sum(
            weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True)
        )
        assert 1.05 / (luminance + 0.05) >= 4.5, colour


def test_nothing_wished_for_is_an_empty_map() -> None:
    assert draw_map(MapFilter(workshop_id="w-9"), *_study(8), _FAMILIES).groups == ()
