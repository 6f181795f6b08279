"""Crossings: what a cell counts and what chance would give; in a browser, cells open what they say and are saved."""

import io
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from pipeline.review.crossings import (
    Cell,
    Crossing,
    Dimension,
    PassageCount,
    cross,
    expected_counts,
)
from support.accessible import faults
from support.review_client import client
from support.review_server import Served

TABLE_OF = {f"u{n}": f"t{(n + 1) // 2}" for n in range(1, 9)}  # two passages a table; u9 by mail


def _dimension(name: str, keys: str, *of_units: str, n_tables: dict[str, int] | None = None) -> Dimension:  # fmt: skip
    """A dimension of one-letter keys: « ab » is a passage with both."""
    keys_of = {f"u{n}": list(borne) for n, borne in enumerate(of_units, start=1)}
    labels = {key: key.upper() for key in keys}
    return Dimension(name, name, "code", labels, keys_of, n_tables or {})


def _figures(crossing: Crossing) -> dict[str, tuple[int, int]]:
    return {
        first + second: (cell.n_tables, cell.n_units)
        for (first, second), cell in crossing.cells.items()
        if cell is not None and cell.n_units
    }


@pytest.mark.parametrize(
    ("codes", "figures"),
    [
        (["a", "a", "b"], {"ax": (1, 2), "bx": (1, 1)}),
        (["ab", "", "a"], {"ax": (2, 2), "bx": (1, 1)}),  # a passage of two codes is in two cells
        ([""] * 8 + ["a"], {"ax": (0, 1)}),  # a mail is a passage, not a table
        ([""] * 9, {}),
    ],
)
def test_a_cell_counts_tables_and_passages(codes: list[str], figures: dict[str, tuple[int, int]]) -> None:  # fmt: skip
    rows, columns = _dimension("rubrique", "ab", *codes), _dimension("posture", "x", *"xxxxxxxxx")
    assert _figures(cross(rows, columns, table_of=TABLE_OF)) == figures


def test_what_is_to_be_checked_counts_for_the_higher_number_of_tables_only() -> None:
    rows, columns = _dimension("themes", "a", *"aaa"), _dimension("posture", "x", *"xxx")
    crossing = cross(rows, columns, table_of=TABLE_OF, to_check={"u3"})
    cell = crossing.cells["a", "x"]
    assert cell is not None
    assert (cell.n_units, cell.n_tables, cell.n_tables_high) == (3, 1, 2)
    assert crossing.rows == {"a": PassageCount(3, 1, 2)}


def test_codes_of_one_axis_cross_each_other_and_never_themselves() -> None:
    both = _dimension("rubrique", "abc", "ab", "ab", "bc", "a")
    crossing = cross(both, both, table_of=TABLE_OF)
    assert _figures(crossing) == {"ab": (1, 2), "ba": (1, 2), "bc": (1, 1), "cb": (1, 1)}
    assert crossing.cells["a", "a"] is None


@pytest.mark.parametrize(
    ("n_tables", "share"),
    [({"x": 8}, 0.25), ({"x": 2}, None), ({}, 0.75)],  # silent tables count; too few; no place
)
def test_a_share_is_of_the_tables_of_a_place_or_of_the_rows_passages(
    n_tables: dict[str, int], share: float | None
) -> None:
    rows = _dimension("rubrique", "a", *"aaaa")
    columns = _dimension("territoires", "x", *"xxx", n_tables=n_tables)
    cell = cross(rows, columns, table_of=TABLE_OF, least_tables=3).cells["a", "x"]
    assert cell is not None and cell.share == share


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        ([[10, 10], [20, 60]], [[6, 14], [24, 56]]),
        ([[0, 4, 4], [4, 0, 4], [4, 4, 0]], [[0, 4, 4], [4, 0, 4], [4, 4, 0]]),  # the diagonal
        ([[0, 0], [0, 0]], [[0, 0], [0, 0]]),
    ],
)
def test_chance_keeps_the_margins(observed: list[list[int]], expected: list[list[int]]) -> None:
    counts = np.array(observed, dtype=float)
    is_possible = ~np.eye(len(counts), dtype=bool) if len(counts) == 3 else counts >= 0
    assert np.allclose(expected_counts(counts, is_possible), expected)


def test_a_link_is_told_where_it_is_clear_and_counts_are_not_small() -> None:
    codes = ["ax"] * 30 + ["by"] * 30 + ["cx"] * 3 + ["cy"]
    rows = _dimension("rubrique", "abc", *(word[0] for word in codes))
    columns = _dimension("posture", "xy", *(word[1] for word in codes))
    tables = {f"u{n}": f"t{n}" for n in range(1, 65)}
    cells = cross(rows, columns, table_of=tables).cells
    told = {
        first + second: (cell.is_more, cell.is_less)
        for (first, second), cell in cells.items()
        if cell is not None and cell.expected is not None
    }
    assert told == {"ax": (True, False), "ay": (False, True), "bx": (False, True), "by": (True, False)}  # fmt: skip
    one_table = cross(rows, columns, table_of=dict.fromkeys(tables, "t")).cells["a", "x"]
    assert one_table is not None and not one_table.is_more  # one table that repeats itself


@pytest.mark.parametrize(
    ("cell", "level"),
    [(Cell(3, 1, 1, share=0.05), 1), (Cell(3, 1, 1, share=1.0), 5), (Cell(0, 0, 0, share=0.0), 0), (Cell(3, 1, 1), 0)],
)  # fmt: skip
def test_the_shade_follows_the_share(cell: Cell, level: int) -> None:
    assert cell.level == level


PATHS = (
    "croisements?lignes=rubrique&colonnes=rubrique",
    "croisements?lignes=rubrique&colonnes=posture",
    "croisements?lignes=themes&colonnes=rubrique",
    "croisements?lignes=posture&colonnes=territoires",
    "croisements?lignes=themes&colonnes=questions",
)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_a_cell_opens_as_many_passages_as_it_says(
    served: Served, browser: Browser, path: str
) -> None:
    page = served.open(browser, "denis", path)
    doors = page.locator(".crossing .door").all()
    told = [
        (str(door.get_attribute("href")), str(door.get_attribute("title")), door.inner_text())
        for door in doors[:: max(len(doors) // 4, 1)]
    ]
    assert told
    for address, title, shown in told:
        numbers = [re.search(r"(\d+) passage", words) for words in (title, shown)]
        assert numbers[0] and numbers[1] and numbers[0][1] == numbers[1][1]
        page.goto(f"{served.address}{address}")
        listed = re.compile(rf"^{numbers[0][1]} passage")
        expect(page.locator("#a-suivre", has_text=listed)).to_be_visible()


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS[1:3])
def test_the_sheet_and_the_picture_hold_the_figures_of_the_page(
    served: Served, browser: Browser, path: str
) -> None:
    from python_calamine import CalamineWorkbook

    page = served.open(browser, "denis", path)
    cells = page.locator(".crossing tbody td:not(.total)").all()
    shown = [
        (int(tables), int(found[1]) if (found := re.search(r"(\d+) passage", cell.inner_text())) else 0)
        for cell in cells
        if (tables := cell.get_attribute("data-sort")) is not None
    ]  # fmt: skip
    session, query = client(served, "denis"), path.partition("?")[2]
    book = CalamineWorkbook.from_filelike(
        io.BytesIO(session.get(f"/croisements/croisement.xlsx?{query}").content)
    )
    tables, passages = (
        book.get_sheet_by_name(name).to_python()[1:] for name in ("Tables", "Passages")
    )
    saved = [
        (int(n_tables), int(n_units))
        for row, other in zip(tables, passages, strict=True)
        for n_tables, n_units in zip(row[1:], other[1:], strict=True)
    ]
    assert saved == shown
    picture = session.get(f"/croisements/croisement.svg?{query}")
    assert "attachment" in picture.headers["Content-Disposition"]
    root = ElementTree.fromstring(picture.text)
    texts = root.iter("{http://www.w3.org/2000/svg}text")
    drawn: dict[str, list[int]] = {"tables": [], "passages": []}
    for text in texts:
        if text.get("class") in drawn:
            drawn[str(text.get("class"))].append(int(str(text.text).split()[0]))
    assert list(zip(drawn["tables"], drawn["passages"], strict=True)) == [
        figures for figures in shown if figures[1]
    ]


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1300, 390])
def test_crossings_are_accessible_and_fit(served: Served, browser: Browser, width: int) -> None:
    for path in PATHS[:4:3]:
        page = served.open(browser, "denis", path, viewport={"width": width, "height": 900})
        assert faults(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
