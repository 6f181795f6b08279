"""Give the address of the passages behind a bar, a cell, a dot or a pin, and count them.

A door opens the bench on the first of them, which counts as many as the door says and leads to
their list.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import ngettext
from numpy.typing import NDArray

from pipeline.decisions.tags import TagDecision
from pipeline.grid.codes import Code
from pipeline.publish.text import typography
from pipeline.review import state
from pipeline.review.agreement import Codings
from pipeline.review.blind import task_of
from pipeline.review.nearest import rank
from pipeline.review.queue import NOTHING, CoderView, PassageFacts, UnitIds
from pipeline.review.search import SearchQuery, search_index
from pipeline.review.selection import ALL, BLANK, EVERY, Selection
from pipeline.review.snapshot import Snapshot
from pipeline.review.templatetags.review import tables as tables_in_words
from pipeline.review.views import author_of

GRID = 50_000  # steps along each side of the map of passages, from the bottom left
_MAX_CORNERS = 200  # of a zone; the page sends 64 at most
Polygon = tuple[tuple[int, int], ...]  # corners on the grid


@dataclass(frozen=True)
class Door:
    """The bench at `address` has `n_units` passages; `words` say so, with what they are about."""

    address: str
    n_units: int
    words: str


def door(wanted: Selection, n_units: int, *names: str, n_tables: int | None = None) -> Door:
    """Return the door of the passages that `wanted` keeps, whoever decided on them."""
    words = ngettext("{n} passage", "{n} passages", n_units).format(n=n_units)
    if n_tables is not None:
        words += f", {tables_in_words(n_tables)}"
    about = ", ".join(name for name in names if name)
    address = f"{reverse('passages')}?{replace(wanted, state=ALL).address()}"
    return Door(address, n_units, typography(f"{words} : {about}" if about else words))


def coder_view(request: HttpRequest) -> CoderView:
    """Return the passages as the person of the request codes them."""
    snapshot, author = state.snapshot(), author_of(request)
    units_with: dict[str, Callable[[str], UnitIds]] = {
        "theme": partial(_of_theme, snapshot),
        "family": _of_family,
        "words": lambda typed: frozenset(search_index(snapshot).find(SearchQuery(typed))),
        "zone": lambda zone: frozenset(units_inside(read_polygon(zone), snapshot)),
    }
    facts = PassageFacts(
        units_with,
        rank=partial(rank, snapshot),
        disagreed=partial(_disagreed, author),
        unsigned=_unsigned,
    )
    journal = state.journal()
    task = task_of(author, journal)
    return CoderView(author, snapshot, journal, state.study().grid, facts, task)


def _of_theme(snapshot: Snapshot, theme_id: str) -> UnitIds:
    themes = state.themes()
    if theme_id == BLANK:
        return snapshot.units.keys() - themes.theme_of.keys()
    return frozenset(themes.of_theme.get(theme_id, ()))


def _of_family(family_id: str) -> UnitIds:
    rows = state.themes().themes
    return _of_themes(rows.loc[rows["parent_id"] == family_id, "theme_id"])


def _unsigned() -> UnitIds:
    """Return the passages of the themes that nobody signed off."""
    themes = state.themes()
    return _of_themes(themes.labels.keys() - themes.signed_ids)


def _of_themes(theme_ids: Iterable[str]) -> UnitIds:
    of_theme = state.themes().of_theme
    return NOTHING.union(*(of_theme.get(name, ()) for name in theme_ids))


def _disagreed(author: str) -> UnitIds:
    """Return the passages that the person and another coded otherwise, which nobody settled."""
    snapshot, grid = state.snapshot(), state.study().grid
    decisions = state.journal().active(TagDecision)
    codings = Codings.of(decisions, snapshot.units, snapshot.proposed, grid, {})
    return {
        row.unit_id
        for other in codings.people
        if other != author
        for axis in grid.axes
        for row in codings.disagreements(author, other, axis.axis)
        if row.arbitration is None
    }


def read_polygon(zone: str) -> Polygon:
    """Return the corners of « 120.340_560.80_90.70 », none of what is no polygon.

    >>> read_polygon("0.0_9.0_9.9")
    ((0, 0), (9, 0), (9, 9))
    >>> read_polygon("0.0_9.0_ailleurs")
    ()
    """
    corners = [corner.split(".") for corner in zone.split("_")[: _MAX_CORNERS + 1]]
    is_read = 3 <= len(corners) <= _MAX_CORNERS and all(
        len(corner) == 2 and all(part.isdecimal() and len(part) <= 5 for part in corner)
        for corner in corners
    )
    return tuple((int(x), int(y)) for x, y in corners) if is_read else ()


def units_inside(polygon: Polygon, snapshot: Snapshot) -> list[str]:
    """Return the passages whose dot is inside; map.js counts them by the same whole numbers."""
    unit_ids, xs, ys = grid_spots(snapshot)
    is_inside = np.zeros(len(xs), dtype=bool)
    for (x1, y1), (x2, y2) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        side = (xs - x1) * (y2 - y1) - (ys - y1) * (x2 - x1)
        is_inside ^= ((y1 > ys) != (y2 > ys)) & ((side < 0) if y2 > y1 else (side > 0))
    return [unit_ids[i] for i in np.flatnonzero(is_inside)]


@lru_cache(maxsize=4)
def grid_spots(
    snapshot: Snapshot,
) -> tuple[list[str], NDArray[np.int64], NDArray[np.int64]]:
    """Return the passages that have a dot, and where, in whole numbers from 0 to GRID."""
    rows = snapshot.tables["unit_places"]
    rows = rows[rows["unit_id"].isin(snapshot.units)]
    x, y = (
        (rows[name].to_numpy() * GRID).round().clip(0, GRID).astype(np.int64) for name in ("x", "y")
    )
    return rows["unit_id"].tolist(), x, y


def theme_doors(
    snapshot: Snapshot, labels: Mapping[str, str], n_tables: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], Door]:
    """Return the doors of each theme in each territory that says it, by both."""
    said = state.themes().theme_of.items()
    return _territory_doors(snapshot, "theme", said, lambda name: labels.get(name, ""), n_tables)


def code_doors(
    view: CoderView, n_tables: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], Door]:
    """Return the doors of each code in each territory, by « axis:code » and territory."""
    coded = [
        (unit_id, f"{axis}:{code}") for (axis, code), ids in view.by_code.items() for unit_id in ids
    ]
    return _territory_doors(
        view.snapshot,
        "code",
        coded,
        lambda key: view.grid.label_of(key.partition(":")[2]),
        n_tables,
    )


def _territory_doors(
    snapshot: Snapshot,
    attribute: str,
    said: Iterable[tuple[str, str]],
    label: Callable[[str], str],
    n_tables: Mapping[tuple[str, str], int],
) -> dict[tuple[str, str], Door]:
    """Return the doors of pairs of passage and subject, by subject and territory."""
    territory_of, units = snapshot.territory_of, snapshot.units
    counts = Counter(
        (key, territory_of[units[unit_id].workshop_id]) for unit_id, key in said if unit_id in units
    )
    return {
        (key, territory): door(
            EVERY.where(**{attribute: key, "territory": territory}),
            n,
            label(key),
            territory,
            n_tables=n_tables.get((key, territory)),
        )
        for (key, territory), n in counts.items()
    }


def code_doors_of_theme(view: CoderView, theme_id: str, label: str) -> dict[str, Door]:
    """Return the doors of a theme's passages by the code they bear, as « axis:code »."""
    judged = view.judged
    counts = Counter(
        code
        for unit_id in state.themes().of_theme.get(theme_id, ())
        for code in view.assigned(unit_id, judged)
    )
    return {
        f"{axis}:{code}": door(
            EVERY.where(theme=theme_id, code=f"{axis}:{code}"),
            n,
            view.grid.label_of(code),
            label,
        )
        for (axis, code), n in counts.items()
    }


def point_doors(snapshot: Snapshot, labels: Mapping[str, str]) -> dict[str, Door]:
    """Return the doors of each theme and of each territory, by its id or name."""
    here = _n_by_territory(snapshot)
    themes = state.themes().of_theme
    return {
        theme_id: door(EVERY.where(theme=theme_id), len(ids), labels.get(theme_id, ""))
        for theme_id, ids in themes.items()
    } | {name: door(EVERY.where(territory=name), n, name) for name, n in here.items()}


def group_doors(
    snapshot: Snapshot, groups: Iterable[tuple[str, ...]]
) -> dict[tuple[str, ...], Door]:
    """Return the doors of groups of territories, by their names."""
    here = _n_by_territory(snapshot)
    return {
        group: door(EVERY.where(territory=group), sum(here[name] for name in group), *group)
        for group in groups
    }


def _n_by_territory(snapshot: Snapshot) -> Counter[str]:
    return Counter(snapshot.territory_of[unit.workshop_id] for unit in snapshot.units.values())


def code_bars(view: CoderView) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return each axis's codes, said at most tables first, under the axis's label."""
    unit_ids, snapshot, bars = view.by_code, view.snapshot, []
    for axis in view.grid.axes:
        rows = [
            (snapshot.n_tables(ids), ids, code)
            for code in view.grid.axis(axis.axis)
            if (ids := unit_ids.get((code.axis, code.code), []))
        ]
        longest = max((n for n, _ids, _code in rows), default=0)
        rows.sort(key=lambda row: (-row[0], -len(row[1])))
        bars.append((axis.label, [_bar(code, ids, n, longest) for n, ids, code in rows]))
    return [(label, rows) for label, rows in bars if rows]


def _bar(code: Code, unit_ids: Sequence[str], n_tables: int, longest: int) -> dict[str, Any]:
    """Return a code's bar; `width` is out of 100, of the longest of its axis."""
    width = max(round(100 * n_tables / longest), 1) if n_tables else 0
    wanted = EVERY.where(code=f"{code.axis}:{code.code}")
    to = door(wanted, len(unit_ids), code.label, n_tables=n_tables)
    return {"label": code.label, "n_tables": n_tables, "width": width, "door": to}
