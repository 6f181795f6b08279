"""Cross codes, themes and places, each cell a door to its passages; save as a sheet or drawing."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

import pandas as pd
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.http import urlencode
from django.utils.text import slugify
from django.utils.translation import gettext as _

from pipeline.counting import circles_of
from pipeline.publish.spreadsheet import Book
from pipeline.publish.text import number, typography
from pipeline.review import doors, state
from pipeline.review.crossings import (
    Cell,
    Crossing,
    Dimension,
    PassageCount,
    cross,
    drawing,
    sheets,
)
from pipeline.review.doors import Door
from pipeline.review.queue import CoderView
from pipeline.review.roles import GET, reads
from pipeline.review.selection import EVERY
from pipeline.review.sending import attached, attached_book
from pipeline.review.snapshot import Snapshot

THEMES, TERRITORIES, QUESTIONS = "themes", "territoires", "questions"


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the crossing of the two dimensions of the address."""
    rows, columns = _dimensions(request)
    crossing = _crossing(request, rows, columns)
    shown = {
        "section": "crossings",
        "choices": (("lignes", _("Lignes"), rows), ("colonnes", _("Colonnes"), columns)),
        "chosen": {"lignes": crossing.row.name, "colonnes": crossing.column.name},
        "crossing": crossing,
        "columns": [
            (crossing.column.labels[key], _total(crossing.column, key, tally))
            for key, tally in crossing.columns.items()
        ],
        "rows": [
            (
                crossing.row.labels[key],
                _total(crossing.row, key, tally),
                [_crossed(crossing, key, other) for other in crossing.columns],
            )
            for key, tally in crossing.rows.items()
        ],
        "address": urlencode({"lignes": crossing.row.name, "colonnes": crossing.column.name}),
        "is_one_code": crossing.row.name == crossing.column.name in state.study().grid.exclusive,
        "least_tables": state.study().settings.compare.min_tables,
        "why_no_theme": state.why_no_theme() if crossing.row.name == THEMES else None,
    }
    return render(request, "review/crossings.html", shown)


@reads(GET)
def download(request: HttpRequest, form: str) -> HttpResponse:
    """Send the crossing as .xlsx or .svg."""
    crossing = _crossing(request, *_dimensions(request))
    name = f"croisement-{slugify(crossing.row.name)}-{slugify(crossing.column.name)}.{form}"
    if form == "xlsx":
        return attached_book(partial(_fill, crossing), name)
    if form != "svg":
        raise Http404
    shown = drawing(crossing, _title(crossing), _about(crossing))
    answer = attached(render_to_string("review/crossing.svg", shown), name, "image/svg+xml")
    answer["Content-Security-Policy"] = "default-src 'none'"
    return answer


def _dimensions(request: HttpRequest) -> tuple[dict[str, Dimension], dict[str, Dimension]]:
    """Return what rows, then columns, may be, by name."""
    snapshot = state.snapshot()
    view = doors.coder_view(request)
    axes = _axes(view)
    themes, theme_of = state.themes().labels, state.themes().theme_of
    of_theme = {name: (theme_of[name],) for name in snapshot.units if name in theme_of}
    theme = Dimension(THEMES, _("Thèmes"), "theme", themes, of_theme)
    places = {place.name: place for place in (_territories(snapshot), _questions(snapshot))}
    subjects = ({THEMES: theme} if themes else {}) | axes
    return subjects, axes | {name: place for name, place in places.items() if place.labels}


def _axes(view: CoderView) -> dict[str, Dimension]:
    """Return the codes of each axis as the person put them."""
    coded = list(view.coded())
    return {
        axis.axis: Dimension(
            axis.axis,
            axis.label,
            "code",
            {f"{axis.axis}:{code.code}": code.label for code in view.grid.axis(axis.axis)},
            {
                unit_id: [f"{name}:{code}" for name, code in codes if name == axis.axis]
                for unit_id, codes in coded
            },
        )
        for axis in view.grid.axes
    }


def _territories(snapshot: Snapshot) -> Dimension:
    territory_of = snapshot.territory_of
    n_tables: Counter[str] = Counter()
    for workshop_id, n in _tables_held(snapshot).items():
        n_tables[territory_of[workshop_id]] += n
    of_unit = {name: (territory_of[unit.workshop_id],) for name, unit in snapshot.units.items()}
    labels = {name: name for name in sorted(set(territory_of.values()))}
    return Dimension(TERRITORIES, _("Territoires"), "territory", labels, of_unit, n_tables)


@lru_cache(maxsize=4)
def _tables_held(snapshot: Snapshot) -> dict[str, int]:
    """Return how many tables each workshop had, silent ones included."""
    held = circles_of(snapshot.tables["units"], snapshot.tables["workshops"]).n_tables
    return {str(name): int(n) for name, n in held.items()}


def _questions(snapshot: Snapshot) -> Dimension:
    of_unit = {name: (unit.question,) for name, unit in snapshot.units.items() if unit.question}
    labels = {row.question: row.label for row in state.study().grid.questions}
    tables: dict[str, set[str]] = defaultdict(set)
    for name, (question,) in of_unit.items():
        if name in snapshot.table_of:
            tables[question].add(snapshot.table_of[name])
    n_tables = {question: len(names) for question, names in tables.items()}
    asked = {name: label for name, label in labels.items() if name in n_tables}
    return Dimension(QUESTIONS, _("Questions"), "question", asked, of_unit, n_tables)


def _crossing(
    request: HttpRequest, rows: Mapping[str, Dimension], columns: Mapping[str, Dimension]
) -> Crossing:
    """Return the crossing that the address asks for, the first two axes where it asks for none."""
    if not rows:
        raise Http404
    usual = [axis.axis for axis in state.study().grid.axes[:2]]
    row = rows.get(request.GET.get("lignes", "")) or rows.get(usual[0]) or next(iter(rows.values()))
    column = columns.get(request.GET.get("colonnes", "")) or columns[usual[-1]]
    return cross(
        row,
        column,
        table_of=state.snapshot().table_of,
        to_check=state.themes().to_check if row.name == THEMES else (),
        least_tables=state.study().settings.compare.min_tables,
    )


def _total(dimension: Dimension, key: str, tally: PassageCount) -> tuple[PassageCount, Door]:
    wanted = EVERY.where(**{dimension.filter_field: key})
    return tally, doors.door(wanted, tally.n_units, dimension.labels[key], n_tables=tally.n_tables)


def _crossed(crossing: Crossing, first: str, second: str) -> dict[str, Any] | None:
    """Return a cell with its names, the list that it opens, none where it is empty, and words."""
    cell = crossing.cells[first, second]
    if cell is None:
        return None
    row, column = crossing.row, crossing.column
    names, door = (row.labels[first], column.labels[second]), None
    if cell.n_units:
        wanted = EVERY.where(**{row.filter_field: first}).and_also(**{column.filter_field: second})
        door = doors.door(wanted, cell.n_units, *names, n_tables=cell.n_tables)
    expected = ""
    if cell.expected is not None:
        expected = number(cell.expected, 1 if cell.expected < 10 else 0)
    about = typography(", ".join(names))
    words = _together(cell, expected)
    return {"cell": cell, "about": about, "door": door, "expected": expected, "words": words}


def _together(cell: Cell, expected: str) -> str:
    """Say « ensemble 14 fois, 6 attendues ; nettement plus que le hasard »."""
    if not expected:
        return ""
    words = _("ensemble {n} fois, {expected} attendues").format(n=cell.n_units, expected=expected)
    if cell.is_more:
        words += _(" ; nettement plus que le hasard")
    elif cell.is_less:
        words += _(" ; nettement moins que le hasard")
    return typography(words)


def _title(crossing: Crossing) -> str:
    return f"{crossing.row.label} × {crossing.column.label}"


def _about(crossing: Crossing) -> str:
    if crossing.is_by_place:
        return _(
            "Dans chaque case, les tables puis les passages ; la couleur suit la part des tables"
            " de la colonne où c’est dit."
        )
    return _(
        "Dans chaque case, les tables puis les passages ; la couleur suit la part des passages"
        " de la ligne ; ▲ nettement plus que le hasard, ▼ nettement moins."
    )


def _fill(crossing: Crossing, book: Book) -> None:
    words = {
        "tables": _("Tables"),
        "passages": _("Passages"),
        "share": _("Part"),
        "expected": _("Passages attendus"),
        "high": _("Tables, à vérifier comprises"),
        "list": _("Liste"),
    }
    lines = [
        f"{_title(crossing)} · {state.study().settings.etude.title}",
        _("Tel que relu par la personne qui l’enregistre, au dernier calcul."),
        _("Fichier de travail : les petits effectifs n’y sont pas masqués."),
    ]
    meanings = {
        words["tables"]: _("tables qui ont dit l’un et l’autre dans un même passage"),
        words["passages"]: _("passages qui ont l’un et l’autre"),
        words["share"]: _("part des tables de la colonne")
        if crossing.is_by_place
        else _("part des passages de la ligne"),
        words["expected"]: _(
            "passages que le hasard réunirait, chacun gardant sa fréquence ; rien sous cinq"
        ),
        words["list"]: _("les mêmes nombres, une case par ligne"),
    }
    named = sheets(crossing, words)
    legend = pd.DataFrame(
        [(name, meanings[name]) for name in named], columns=[_("Feuille"), _("Ce qu’elle dit")]
    )
    book.add_lines(_("À lire"), lines, legend)
    for name, table in named.items():
        book.add_table(name, table)
