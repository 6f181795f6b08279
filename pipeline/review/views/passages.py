"""The passages: a queue, one passage in its document with its codes, and what is decided on it.

Search over passages and themes.
"""

import uuid
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
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
from pipeline.decisions.themes import RenameTheme
from pipeline.publish.text import joined, quoted
from pipeline.review import queue, state
from pipeline.review.journal import Journal
from pipeline.review.queue import (
    Coded,
    Index,
    Query,
    Wanted,
    assigned,
    codes_on,
    find_themes,
)
from pipeline.review.roles import decides, reads
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.text import fold

_AROUND = 2  # passages shown on each side, in the document
_N_NEXT = 12
_N_LISTED = 50


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """The queue with its filters, and the passage asked for or the first one."""
    wanted, snapshot, journal = Wanted.read(request.GET), state.snapshot(), state.journal()
    listed = queue.passages(wanted, snapshot, journal, state.study().grid, _author(request))
    unit_id = request.GET.get("passage") or (listed[0] if listed else None)
    bench = _bench(request, wanted, snapshot, journal, listed, unit_id)
    if _is_fragment(request):
        return render(request, "review/bench.html", bench)
    return render(request, "review/passages.html", bench | _filters(snapshot))


@reads
@require_GET
def table(request: HttpRequest) -> HttpResponse:
    """The same queue as a list, fifty passages a page."""
    wanted, snapshot, journal = Wanted.read(request.GET), state.snapshot(), state.journal()
    listed = queue.passages(wanted, snapshot, journal, state.study().grid, _author(request))
    page = Paginator(listed, _N_LISTED).get_page(request.GET.get("page"))
    rows = [
        _row(snapshot.units[unit_id], snapshot, journal, _author(request))
        for unit_id in page.object_list
    ]
    shown = {
        "wanted": wanted,
        "address": wanted.address(),
        "page": page,
        "rows": rows,
        "n_listed": len(listed),
        "section": "passages",
    }
    return render(request, "review/passages_list.html", shown | _filters(snapshot))


@reads
@require_GET
def document(request: HttpRequest, unit_id: str) -> HttpResponse:
    """The whole document of a passage, passage by passage."""
    snapshot = state.snapshot()
    unit = _unit(snapshot, unit_id)
    units = [snapshot.units[name] for name in snapshot.of_document[unit.document_id]]
    shown = {
        "unit": unit,
        "units": units,
        "title": snapshot.titles[unit.document_id],
        "workshop": snapshot.workshops[unit.workshop_id],
    }
    return render(request, "review/document.html", shown)


@decides
@require_POST
def decide(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Append what was decided on a passage, and show the next one where it is done with."""
    wanted, snapshot, journal = Wanted.read(request.GET), state.snapshot(), state.journal()
    unit, author, grid = _unit(snapshot, unit_id), _author(request), state.study().grid
    gesture, _equals, rest = request.POST.get("geste", "").partition("=")
    before = queue.passages(wanted, snapshot, journal, grid, author)
    target: str | None = unit.unit_id
    if gesture == "annuler":
        row = _undo(request, journal, author)
        target = str(row.unit_id) if row is not None else target
        told = _told(row, is_undone=True) if row is not None else _("Rien à annuler.")
    else:
        coded = codes_on(
            snapshot.proposed.get(unit_id, ()),
            journal.on_unit(unit_id, TagDecision, by=author),
            grid,
        )
        key = rest or request.POST.get("code", "")
        decision = _decision(gesture, key, unit_id, coded, snapshot)
        decision = replace(decision, why=request.POST.get("why", "").strip() or None)
        journal.add([decision], author=author, request_id=_request_id(request))
        told = _told(decision)
    listed = (
        queue.passages(wanted, snapshot, journal, grid, author)
        if gesture != "valider"
        else _left(before, unit_id, wanted)
    )
    if gesture == "valider":
        target = queue.neighbours(unit_id, before)[1] or (listed[0] if listed else None)
    if _is_fragment(request):
        bench = _bench(request, wanted, snapshot, journal, listed, target)
        return render(request, "review/bench.html", bench | {"announcement": told})
    messages.success(request, told)
    query = "&".join(
        part for part in (wanted.address(), f"passage={target}" if target else "") if part
    )
    return HttpResponseRedirect(f"{reverse('passages')}?{query}")


def _left(before: list[str], unit_id: str, wanted: Wanted) -> list[str]:
    """The queue once `unit_id` was confirmed: of those left to decide, it is none any more."""
    return [name for name in before if name != unit_id] if wanted.state == queue.TODO else before


def _decision(
    gesture: str, key: str, unit_id: str, coded: list[Coded], snapshot: Snapshot
) -> TagDecision:
    """The decision that a gesture means. Raises `Http404` for a gesture or a code that does not exist."""
    if gesture == "valider":
        return ConfirmUnit(unit_id, tuple(assigned(coded)))
    axis, _colon, code = key.partition(":")
    if (axis, code) not in {(entry.axis, entry.code) for entry in state.study().grid.by_axis}:
        raise Http404
    is_proposed = any(
        (row.axis, row.code) == (axis, code) for row in snapshot.proposed.get(unit_id, ())
    )
    if gesture == "rejeter":
        return RejectTag(unit_id, axis, code)
    if gesture != "accepter":
        raise Http404
    return put_code(unit_id, (axis, code), is_proposed=is_proposed)


def _told(decision: TagDecision, *, is_undone: bool = False) -> str:
    """What was just decided, in one sentence, for who does not see the page change."""
    label = state.study().grid.label_of
    if isinstance(decision, ConfirmUnit):
        codes = joined([quoted(label(code)) for _axis, code in decision.codes or ()])
        said = (
            _("passage validé : {codes}").format(codes=codes)
            if codes
            else _("passage validé, sans étiquette")
        )
    else:
        verbs: dict[type[TagDecision], str] = {
            AcceptTag: _("{label} : acceptée"),
            AddTag: _("{label} : ajoutée"),
            RejectTag: _("{label} : rejetée"),
        }
        ((_axis, code), _stays) = decision.code_words(())[0]
        said = verbs[type(decision)].format(label=quoted(label(code)))
    told = _("annulé : {said}").format(said=said) if is_undone else said
    return f"{told[:1].upper()}{told[1:]}."


def _undo(request: HttpRequest, journal: Journal, author: str) -> TagDecision | None:
    """Undo the last decision of `author` on a passage, and return it; None where there is none."""
    last = journal.last_on_tags(author)
    if last is None:
        return None
    journal.add([Undo(last.decision_id)], author=author, request_id=_request_id(request))
    return last


def _bench(
    request: HttpRequest,
    wanted: Wanted,
    snapshot: Snapshot,
    journal: Journal,
    listed: list[str],
    unit_id: str | None,
) -> dict[str, Any]:
    """Everything that the workbench shows of one passage; nothing but the count where there is none."""
    shown: dict[str, Any] = {
        "wanted": wanted,
        "address": wanted.address(),
        "n_listed": len(listed),
        "section": "passages",
        "request_id": uuid.uuid4().hex,
    }
    if unit_id is None:
        return shown | {"unit": None}
    author, grid = _author(request), state.study().grid
    unit = _unit(snapshot, unit_id)
    own = journal.on_unit(unit_id, TagDecision, by=author)
    is_done, has_begun = _progress(unit_id, own, snapshot)
    coded = codes_on(snapshot.proposed.get(unit_id, ()), own, grid)
    before, following = queue.neighbours(unit_id, listed)
    place = listed.index(unit_id) if unit_id in listed else 0
    siblings = snapshot.of_document[unit.document_id]
    at = siblings.index(unit_id)
    every = journal.on_unit(unit_id, TagDecision) if is_done else []
    others = [row for row in every if row.author != author]
    return shown | {
        "unit": unit,
        "workshop": snapshot.workshops[unit.workshop_id],
        "title": snapshot.titles[unit.document_id],
        "axes": _by_axis(coded),
        "spans": sorted({span for entry in coded if entry.is_assigned for span in entry.spans}),
        "others_codes": _codes_left(coded),
        "before": [snapshot.units[name] for name in siblings[max(at - _AROUND, 0) : at]],
        "after": [snapshot.units[name] for name in siblings[at + 1 : at + 1 + _AROUND]],
        "previous_id": before,
        "next_id": following,
        "place": place + 1 if unit_id in listed else None,
        "upcoming": [snapshot.units[name] for name in listed[place : place + _N_NEXT]],
        "doubt": snapshot.queue.get(unit_id),
        "is_done": is_done,
        "has_begun": has_begun,
        "others": others,
        "grid": grid,
        "can_undo": journal.last_on_tags(author) is not None,
        "theme_id": snapshot.theme_of.get(unit_id),
    }


def _progress(unit_id: str, own: list[TagDecision], snapshot: Snapshot) -> tuple[bool, bool]:
    """Whether a person who took the decisions `own` on a passage coded it whole, and whether he or she began to."""
    is_done = is_coded(snapshot.put_on(unit_id), own, state.study().grid.exclusive)
    return is_done, not is_done and bool(own)


def _by_axis(coded: list[Coded]) -> list[dict[str, Any]]:
    """The codes by axis of the grid, numbered over all axes for the keys 1 to 9."""
    keys = {
        (entry.code.axis, entry.code.code): number
        for number, entry in enumerate(coded, start=1)
        if number <= 9
    }
    return [
        {
            "axis": axis,
            "codes": [
                {
                    "coded": entry,
                    "key": keys.get((entry.code.axis, entry.code.code), ""),
                    "number": number,
                }
                for number, entry in enumerate(coded, start=1)
                if entry.code.axis == axis.axis
            ],
        }
        for axis in state.study().grid.axes
    ]


def _codes_left(coded: list[Coded]) -> list[dict[str, Any]]:
    """The grid's codes that the passage has no row for, by axis: what can be added."""
    shown = {(entry.code.axis, entry.code.code) for entry in coded}
    grid = state.study().grid
    return [
        {
            "axis": axis,
            "codes": [code for code in grid.axis(axis.axis) if (code.axis, code.code) not in shown],
        }
        for axis in grid.axes
    ]


def _row(unit: Unit, snapshot: Snapshot, journal: Journal, author: str) -> dict[str, Any]:
    own = journal.on_unit(unit.unit_id, TagDecision, by=author)
    coded = codes_on(snapshot.proposed.get(unit.unit_id, ()), own, state.study().grid)
    is_done, has_begun = _progress(unit.unit_id, own, snapshot)
    return {
        "unit": unit,
        "workshop": snapshot.workshops[unit.workshop_id],
        "codes": [entry for entry in coded if entry.is_assigned],
        "is_done": is_done,
        "has_begun": has_begun,
        "doubt": snapshot.queue.get(unit.unit_id),
    }


def _filters(snapshot: Snapshot) -> dict[str, Any]:
    """What can be asked for."""
    tables = sorted(
        {unit.table_number for unit in snapshot.units.values() if unit.table_number is not None}
    )
    names = dict(
        zip(
            snapshot.machine["themes"]["theme_id"], snapshot.machine["themes"]["label"], strict=True
        )
    )
    renamed = {
        row.theme_id: row.name
        for row in state.journal_of_page().active(RenameTheme)
        if row.theme_id in names and row.name
    }
    themes = sorted(
        (names | renamed).items(), key=lambda entry: fold(str(entry[1]), keep_signs=True)
    )
    return {
        "workshops": list(snapshot.workshops.values()),
        "tables": tables,
        "questions": state.study().grid.questions,
        "grid": state.study().grid,
        "themes": themes,
    }


def _unit(snapshot: Snapshot, unit_id: str) -> Unit:
    """Raises `Http404` for a passage that the last run does not have."""
    if unit_id not in snapshot.units:
        raise Http404
    return snapshot.units[unit_id]


def _author(request: HttpRequest) -> str:
    return str(request.user.get_username())


def _request_id(request: HttpRequest) -> str:
    return request.POST.get("request_id") or uuid.uuid4().hex


def _is_fragment(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


@reads
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Passages and themes that hold every word asked for."""
    typed = request.GET.get("q", "").strip()[:200]
    query, snapshot = Query(typed), state.snapshot()
    found = _index(snapshot.run_id).find(query)
    page = Paginator(found, _N_LISTED).get_page(request.GET.get("page"))
    rows = []
    for unit_id in page.object_list:
        unit = snapshot.units[unit_id]
        rows.append(
            {
                "unit": unit,
                "spans": query.spans(unit.text),
                "workshop": snapshot.workshops[unit.workshop_id],
            }
        )
    themes = state.themes().themes
    listed = list(themes[["theme_id", "label", "description"]].itertuples(index=False, name=None))
    labels = {theme_id: label for theme_id, label, _ in listed}
    matching = [(theme_id, labels[theme_id]) for theme_id in find_themes(query, listed)]
    shown = {"query": typed, "page": page, "rows": rows, "n_found": len(found), "themes": matching}
    return render(request, "review/search.html", shown)


@lru_cache(maxsize=1)
def _index(run_id: str) -> Index:
    return Index(state.snapshot())
