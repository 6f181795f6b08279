"""Show the queue of passages, and one passage with its codes."""

import uuid
from dataclasses import replace
from typing import Any

from django.contrib import messages
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
    put_code,
)
from pipeline.publish.text import joined, quoted
from pipeline.review import queue, state
from pipeline.review.doors import coder_view
from pipeline.review.queue import (
    CoderView,
    CodeState,
    PassageFilter,
)
from pipeline.review.roles import decides, reads
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.views import is_fragment, reason_of, request_id_of
from pipeline.review.views.memos import notes_of
from pipeline.review.views.selections import filters

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
    bench = _bench(view, wanted, unit_ids, unit_id) | notes_of(request, unit_id)
    if is_fragment(request):
        return render(request, "review/bench.html", bench)
    return render(request, "review/passages.html", bench | filters(view, wanted))


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
        bench = _bench(view, wanted, unit_ids, next_id) | notes_of(request, next_id)
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
    unit, codes, progress = _unit(snapshot, unit_id), view.codes(unit_id), view.progress(unit_id)
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


def _unit(snapshot: Snapshot, unit_id: str) -> Unit:
    """Raises `Http404` for a passage unknown to the last run."""
    if unit_id not in snapshot.units:
        raise Http404
    return snapshot.units[unit_id]
