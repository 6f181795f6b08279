"""Show a selection of passages as a list, what narrows it, and search."""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from pipeline.decisions.themes import ThemeDecision
from pipeline.review import queue, state
from pipeline.review.doors import coder_view
from pipeline.review.queue import READING, CoderView, PassageFilter, SearchIndex, SearchQuery
from pipeline.review.roles import reads
from pipeline.review.snapshot import Snapshot
from pipeline.review.theme_page import by_label
from pipeline.review.views import page_of


@reads
@require_GET
def table(request: HttpRequest) -> HttpResponse:
    """Show the queue as a list, fifty passages a page."""
    wanted = PassageFilter.read(request.GET)
    view = coder_view(request, wanted)
    unit_ids = view.unit_ids(wanted)
    page = page_of(request, unit_ids)
    shown = {
        "wanted": wanted,
        "address": wanted.address(),
        "page": page,
        "rows": [_row(view, unit_id) for unit_id in page.object_list],
        "n_listed": len(unit_ids),
        "section": "passages",
    }
    return render(request, "review/passages_list.html", shown | filters(view, wanted))


def _row(view: CoderView, unit_id: str) -> dict[str, Any]:
    unit = view.snapshot.units[unit_id]
    return {
        "unit": unit,
        "workshop": view.snapshot.workshops[unit.workshop_id],
        "codes": [entry for entry in view.codes(unit_id) if entry.is_assigned],
        **view.progress(unit_id),
        "doubt": view.snapshot.queue.get(unit_id),
    }


def filters(view: CoderView, wanted: PassageFilter) -> dict[str, Any]:
    """Return what the form of filters shows."""
    snapshot, grid = view.snapshot, view.grid
    themes, units = snapshot.machine["themes"], snapshot.units.values()
    labels = dict(zip(themes["theme_id"], themes["label"].astype(str), strict=True))
    for row in state.journal_of_page().active(ThemeDecision):
        if row.theme_id in labels and row.given_name:
            labels[row.theme_id] = row.given_name
    if wanted.theme_id:
        labels.setdefault(wanted.theme_id, state.labels().get(wanted.theme_id, wanted.theme_id))
    return {
        "workshops": list(snapshot.workshops.values()),
        "tables": sorted({unit.table_number for unit in units if unit.table_number is not None}),
        "questions": grid.questions,
        "grid": grid,
        "themes": list(by_label(labels).items()),
        "kept": [
            (name, value)
            for name, value in (
                ("territoire", wanted.territory),
                ("avec", wanted.other_code),
                ("famille", wanted.family_id),
                ("zone", wanted.zone),
            )
            if value
        ],
        "chosen": _chosen(view, wanted, labels),
    }


def _chosen(
    view: CoderView, wanted: PassageFilter, labels: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """Return each filter's name and value in words, and the address without it."""
    usual, grid = PassageFilter(), view.grid
    workshop = view.snapshot.workshops.get(wanted.workshop_id, {})
    questions = {row.question: row.label for row in grid.questions}
    orders = {READING: _("ordre de lecture")}
    words = {
        "state": (_("À voir"), _STATES.get(wanted.state, "")),
        "order": (_("Ordre"), orders.get(wanted.order, "")),
        "territory": (_("Territoire"), wanted.territory),
        "workshop_id": (_("Atelier"), workshop.get("territory", wanted.workshop_id)),
        "table": (_("Table"), wanted.table),
        "question": (_("Question"), questions.get(wanted.question, wanted.question)),
        "code": (_("Code"), grid.label_of(wanted.code.partition(":")[2])),
        "other_code": (_("Avec"), grid.label_of(wanted.other_code.partition(":")[2])),
        "family_id": (_("Famille"), state.labels().get(wanted.family_id, wanted.family_id)),
        "theme_id": (_("Thème"), labels.get(wanted.theme_id, "")),
        "zone": (_("Carte"), _("la zone entourée")),
    }
    return [
        (name, str(value), replace(wanted, **{field: getattr(usual, field)}).address())
        for field, (name, value) in words.items()
        if getattr(wanted, field) != getattr(usual, field)
    ]


_STATES: Mapping[str, Any] = MappingProxyType(
    {
        queue.MINE: gettext_lazy("décidés par moi"),
        queue.SHARED: gettext_lazy("décidés à plusieurs"),
        queue.FLAGGED: gettext_lazy("avec un drapeau"),
        queue.DRAWN: gettext_lazy("tirés au sort, à coder par moi"),
        queue.ALL: gettext_lazy("tous"),
    }
)


@reads
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Show passages and themes with every word."""
    typed = request.GET.get("q", "").strip()[:200]
    query, snapshot = SearchQuery(typed), state.snapshot()
    unit_ids = search_index(snapshot).find(query)
    page = page_of(request, unit_ids)
    units = [snapshot.units[unit_id] for unit_id in page.object_list]
    columns = state.themes().themes[["theme_id", "label", "description"]]
    themes = list(columns.itertuples(index=False, name=None))
    labels = {theme_id: label for theme_id, label, _description in themes}
    shown = {
        "query": typed,
        "page": page,
        "rows": [
            {
                "unit": unit,
                "spans": query.spans(unit.text),
                "workshop": snapshot.workshops[unit.workshop_id],
            }
            for unit in units
        ],
        "n_found": len(unit_ids),
        "themes": [(name, labels[name]) for name in queue.find_themes(query, themes)],
    }
    return render(request, "review/search.html", shown)


@lru_cache(maxsize=1)
def search_index(snapshot: Snapshot) -> SearchIndex:
    """Return what searches in the passages of the run."""
    return SearchIndex(snapshot)
