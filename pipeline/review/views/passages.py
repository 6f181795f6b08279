"""Show the queue of passages, one passage with its codes, and search."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from pipeline.decisions.kinds import Undo
from pipeline.decisions.tags import (
    AcceptTag,
    AddTag,
    ConfirmUnit,
    RejectTag,
    TagDecision,
    is_coded,
    put_code,
)
from pipeline.decisions.themes import ThemeDecision
from pipeline.publish.text import joined, quoted
from pipeline.review import queue, state
from pipeline.review.doors import coder_view
from pipeline.review.queue import (
    READING,
    CoderView,
    CodeState,
    PassageFilter,
    SearchIndex,
    SearchQuery,
)
from pipeline.review.roles import decides, reads
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.theme_page import by_label
from pipeline.review.views import is_fragment, page_of, reason_of, request_id_of

_N_AROUND = 2  # on each side, in the document
_N_NEXT = 12
_N_KEYS = 9


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Show the filtered queue, and one passage."""
    wanted = PassageFilter.read(request.GET)
    view = coder_view(request, wanted)
    unit_ids = view.unit_ids(wanted)
    unit_id = request.GET.get("passage") or next(iter(unit_ids), None)
    bench = _bench(view, wanted, unit_ids, unit_id)
    if is_fragment(request):
        return render(request, "review/bench.html", bench)
    return render(request, "review/passages.html", bench | _filters(view, wanted))


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
    return render(request, "review/passages_list.html", shown | _filters(view, wanted))


@decides
@require_POST
def decide(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Append a decision; once validated, show the next passage."""
    wanted = PassageFilter.read(request.GET)
    view = coder_view(request, wanted)
    _unit(view.snapshot, unit_id)
    author, journal = view.author, view.journal
    command, _equals, key = request.POST.get("geste", "").partition("=")
    unit_ids = view.unit_ids(wanted)
    next_id: str | None = unit_id
    if command == "annuler":
        last = journal.last_on_tags(author)
        if last is not None:
            undoing = Undo(last.decision_id)
            journal.add([undoing], author=author, request_id=request_id_of(request))
            next_id = str(last.unit_id)
        announcement = _announcement(last, is_undone=True)
    else:
        decision = _decision(view, command, key or request.POST.get("code", ""), unit_id)
        decision = replace(decision, why=reason_of(request))
        journal.add([decision], author=author, request_id=request_id_of(request))
        announcement = _announcement(decision)
    if command == "valider":
        following = queue.neighbours(unit_id, unit_ids)[1]
        if wanted.state == queue.TODO:
            unit_ids = [name for name in unit_ids if name != unit_id]
        next_id = following or next(iter(unit_ids), None)
    else:
        unit_ids = view.unit_ids(wanted)
    if is_fragment(request):
        bench = _bench(view, wanted, unit_ids, next_id)
        return render(request, "review/bench.html", bench | {"announcement": announcement})
    messages.success(request, announcement)
    parts = (wanted.address(), f"passage={next_id}" if next_id else "")
    return HttpResponseRedirect(f"{reverse('passages')}?{'&'.join(filter(None, parts))}")


def _decision(view: CoderView, command: str, key: str, unit_id: str) -> TagDecision:
    """Raises `Http404` for an unknown command or code."""
    if command == "valider":
        return ConfirmUnit(unit_id, tuple(queue.assigned(view.codes(unit_id))))
    axis, _colon, code = key.partition(":")
    if (axis, code) not in {(entry.axis, entry.code) for entry in view.grid.by_axis}:
        raise Http404
    if command == "rejeter":
        return RejectTag(unit_id, axis, code)
    if command != "accepter":
        raise Http404
    proposed = {(row.axis, row.code) for row in view.snapshot.proposed.get(unit_id, ())}
    return put_code(unit_id, (axis, code), is_proposed=(axis, code) in proposed)


def _announcement(decision: TagDecision | None, *, is_undone: bool = False) -> str:
    """Tell people who do not see the page change."""
    if decision is None:
        return _("Rien à annuler.")
    label = state.study().grid.label_of
    if isinstance(decision, ConfirmUnit):
        codes = joined([quoted(label(code)) for _axis, code in decision.codes or ()])
        sentence = _("passage validé, sans étiquette")
        if codes:
            sentence = _("passage validé : {codes}").format(codes=codes)
    else:
        sentences: dict[type[TagDecision], str] = {
            AcceptTag: _("{label} : acceptée"),
            AddTag: _("{label} : ajoutée"),
            RejectTag: _("{label} : rejetée"),
        }
        ((_axis, code), _stays) = decision.code_words(())[0]
        sentence = sentences[type(decision)].format(label=quoted(label(code)))
    if is_undone:
        sentence = _("annulé : {said}").format(said=sentence)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _bench(
    view: CoderView, wanted: PassageFilter, unit_ids: list[str], unit_id: str | None
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "wanted": wanted,
        "address": wanted.address(),
        "n_listed": len(unit_ids),
        "section": "passages",
        "request_id": uuid.uuid4().hex,
    }
    if unit_id is None:
        return shown | {"unit": None}
    snapshot, journal = view.snapshot, view.journal
    unit, codes, progress = _unit(snapshot, unit_id), view.codes(unit_id), _progress(view, unit_id)
    previous_id, next_id = queue.neighbours(unit_id, unit_ids)
    i = unit_ids.index(unit_id) if unit_id in unit_ids else 0
    siblings = snapshot.of_document[unit.document_id]
    j = siblings.index(unit_id)
    decisions = journal.on_unit(unit_id, TagDecision) if progress["is_done"] else []
    return shown | {
        "unit": unit,
        "workshop": snapshot.workshops[unit.workshop_id],
        "title": snapshot.titles[unit.document_id],
        "axes": _codes_by_axis(codes),
        "spans": sorted({span for entry in codes if entry.is_assigned for span in entry.spans}),
        "others_codes": _other_codes(codes),
        "before": [snapshot.units[name] for name in siblings[max(j - _N_AROUND, 0) : j]],
        "after": [snapshot.units[name] for name in siblings[j + 1 : j + 1 + _N_AROUND]],
        "previous_id": previous_id,
        "next_id": next_id,
        "place": i + 1 if unit_id in unit_ids else None,
        "upcoming": [snapshot.units[name] for name in unit_ids[i : i + _N_NEXT]],
        "doubt": snapshot.queue.get(unit_id),
        **progress,
        "others": [row for row in decisions if row.author != view.author],
        "grid": view.grid,
        "can_undo": journal.last_on_tags(view.author) is not None,
        "theme_id": snapshot.theme_of.get(unit_id),
    }


def _progress(view: CoderView, unit_id: str) -> dict[str, bool]:
    own = view.decisions(unit_id)
    is_done = is_coded(view.snapshot.put_on(unit_id), own, view.grid.exclusive)
    return {"is_done": is_done, "has_begun": bool(own) and not is_done}


def _codes_by_axis(codes: list[CodeState]) -> list[dict[str, Any]]:
    """Number the codes over all axes for the keys 1 to 9."""
    rows = [
        {"coded": entry, "key": number if number <= _N_KEYS else "", "number": number}
        for number, entry in enumerate(codes, start=1)
    ]
    return [
        {
            "axis": axis,
            "codes": [
                row for row, entry in zip(rows, codes, strict=True) if entry.code.axis == axis.axis
            ],
        }
        for axis in state.study().grid.axes
    ]


def _other_codes(codes: list[CodeState]) -> list[dict[str, Any]]:
    """Return the grid's codes that can be added, by axis."""
    shown = {(entry.code.axis, entry.code.code) for entry in codes}
    grid = state.study().grid
    return [
        {
            "axis": axis,
            "codes": [code for code in grid.axis(axis.axis) if (code.axis, code.code) not in shown],
        }
        for axis in grid.axes
    ]


def _row(view: CoderView, unit_id: str) -> dict[str, Any]:
    unit = view.snapshot.units[unit_id]
    return {
        "unit": unit,
        "workshop": view.snapshot.workshops[unit.workshop_id],
        "codes": [entry for entry in view.codes(unit_id) if entry.is_assigned],
        **_progress(view, unit_id),
        "doubt": view.snapshot.queue.get(unit_id),
    }


def _filters(view: CoderView, wanted: PassageFilter) -> dict[str, Any]:
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
        queue.ALL: gettext_lazy("tous"),
    }
)


def _unit(snapshot: Snapshot, unit_id: str) -> Unit:
    """Raises `Http404` for a passage unknown to the last run."""
    if unit_id not in snapshot.units:
        raise Http404
    return snapshot.units[unit_id]


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
