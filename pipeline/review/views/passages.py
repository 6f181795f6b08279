"""Show the queue of passages, and one passage with its codes."""

from dataclasses import replace

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from pipeline.decisions.tags import ConfirmUnit, RejectTag, TagDecision, put_code
from pipeline.review import queue
from pipeline.review.bench import announcement, bench, codebook, goto, lines_read
from pipeline.review.bounds import whole
from pipeline.review.doors import coder_view
from pipeline.review.journal import BenchDecision
from pipeline.review.queue import CoderView
from pipeline.review.reading import N_AROUND, document_part
from pipeline.review.roles import GET, POST, decides, reads
from pipeline.review.selection import DRAWN, TODO, Selection
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.review.views import is_fragment, reason_of, record
from pipeline.review.views.memos import notes_of
from pipeline.review.views.selections import filters


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the filtered queue, and one passage."""
    wanted = Selection.read(request.GET)
    view = coder_view(request)
    unit_ids = view.unit_ids(wanted)
    unit_id = request.GET.get("passage") or next(iter(unit_ids), None)
    if unit_id is not None:
        _unit(view.snapshot, unit_id)
    shown = bench(view, wanted, unit_ids, unit_id) | notes_of(request, unit_id)
    if is_fragment(request):
        return render(request, "review/bench.html", shown)
    whole = shown | {"book": codebook(view)} | filters(view, wanted)
    return render(request, "review/passages.html", whole)


@reads(GET)
def more_of_document(request: HttpRequest, document_id: str) -> HttpResponse:
    """Show more lines of a document that is too long to be shown whole."""
    wanted = Selection.read(request.GET)
    view = coder_view(request)
    if document_id not in view.snapshot.of_document:
        raise Http404
    first, last = (whole(request.GET.get(name, "")) for name in ("de", "a"))
    if first is None or last is None:
        raise Http404
    end = min(last, first + 2 * N_AROUND)
    part = document_part(view.snapshot, document_id, first, end, view.grid)
    shown = {
        "part": part,
        "lines": lines_read(view, part, None, goto(wanted)),
        "address": wanted.address(),
        "goes": request.GET.get("vers", ""),
    }
    return render(request, "review/bench_lines.html", shown)


@decides(POST)
def decide(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Append a decision; once validated, show the next passage."""
    wanted = Selection.read(request.GET)
    view = coder_view(request)
    _unit(view.snapshot, unit_id)
    command, _equals, key = request.POST.get("geste", "").partition("=")
    unit_ids = view.unit_ids(wanted)
    next_id: str | None = unit_id
    if command == "annuler":
        last = _to_undo(view, key)
        if last is not None:
            record(request, *view.journal.undoing(last))
            if last.unit_id in view.snapshot.units:
                next_id = last.unit_id
        said = announcement(last, is_undone=True)
    else:
        decision = _decision(view, command, key or request.POST.get("code", ""), unit_id)
        decision = replace(decision, why=reason_of(request))
        record(request, decision)
        said = announcement(decision)
    if command == "valider":
        following = queue.neighbours(unit_id, unit_ids)[1]
        if wanted.state in (TODO, DRAWN):
            unit_ids = [name for name in unit_ids if name != unit_id]
        next_id = following or next(iter(unit_ids), None)
    else:
        unit_ids = view.unit_ids(wanted)
    return answer(request, view, wanted, unit_ids, next_id, said)


def answer(
    request: HttpRequest,
    view: CoderView,
    wanted: Selection,
    unit_ids: list[str],
    unit_id: str | None,
    said: str,
) -> HttpResponse:
    """Show the bench after a decision, at the passage `unit_id`, and say what was done."""
    if is_fragment(request):
        shown = bench(view, wanted, unit_ids, unit_id) | notes_of(request, unit_id)
        return render(request, "review/bench.html", shown | {"announcement": said})
    messages.success(request, said)
    parts = (wanted.address(), f"passage={unit_id}" if unit_id else "")
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
    proposed = {(row.axis, row.code) for row in view.proposed(unit_id)}
    return put_code(unit_id, (axis, code), is_proposed=(axis, code) in proposed)


def _to_undo(view: CoderView, number: str) -> BenchDecision | None:
    """Return the person's decision that the button named; their last one where it named none."""
    journal = view.journal
    if not number:
        return journal.last_on_bench(view.author)
    decision = journal.get(whole(number))
    if not isinstance(decision, BenchDecision) or decision.author != view.author:
        return None
    return None if journal.is_undone(decision.decision_id) else decision


def _unit(snapshot: Snapshot, unit_id: str) -> Unit:
    """Raises `Http404` for a passage unknown to the last run."""
    if unit_id not in snapshot.units:
        raise Http404
    return snapshot.units[unit_id]
