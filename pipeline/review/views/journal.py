"""The journal: every decision, who, when, what, why and what became of it; undone by a new decision; exported."""

import csv
import io
import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pipeline.decisions import Decision
from pipeline.decisions.kinds import GROUPS, PassageDecision, Undo
from pipeline.decisions.tags import TagDecision
from pipeline.review import state
from pipeline.review import views as asking
from pipeline.review.journal import Journal
from pipeline.review.roles import Role, decides, reads, role_of
from pipeline.tables.material import DECISIONS

_N_LISTED = 50
_COLUMNS = tuple(column.name for column in DECISIONS.columns)


@dataclass(frozen=True)
class _HiddenDecision(PassageDecision):
    """A decision on a passage that the reader has yet to code."""

    action = "caché"
    template = "décide d’un passage que vous n’avez pas encore codé"


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Decisions, the newest first, fifty a page."""
    journal, author, kind = (
        state.journal(),
        request.GET.get("auteur", ""),
        request.GET.get("quoi", ""),
    )
    rows = journal.newest_first()
    authors = sorted({row.author for row in rows})
    if author:
        rows = [row for row in rows if row.author == author]
    if kind in GROUPS:
        rows = [row for row in rows if row.group == kind]
    page = Paginator(rows, _N_LISTED).get_page(request.GET.get("page"))
    effects = _effects()
    coded = _coded(request, journal)
    shown = [_told(_seen(row, request, coded), request, effects) for row in page.object_list]
    address = "&".join(
        f"{name}={value}" for name, value in (("auteur", author), ("quoi", kind)) if value
    )
    return render(
        request,
        "review/journal.html",
        {
            "section": "journal",
            "rows": shown,
            "page": page,
            "n_decisions": len(rows),
            "authors": authors,
            "author": author,
            "kind": kind,
            "kinds": {group: _(label) for group, label in GROUPS.items()},
            "address": address,
        },
    )


@decides
@require_POST
def undo(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Take a decision back by a new one; analysts take back their own, administrators anybody's."""
    journal, author = state.journal(), str(request.user.get_username())
    if decision_id not in journal:
        raise Http404
    row = journal[decision_id]
    if row.author != author and role_of(request.user) < Role.ADMINISTRATOR:
        messages.error(
            request,
            _(
                "Seule la personne qui a décidé, ou l’administration, peut annuler la décision n° {n}."
            ).format(n=decision_id),
        )
    elif journal.is_undone(decision_id):
        messages.warning(request, _("La décision n° {n} était déjà annulée.").format(n=decision_id))
    else:
        why = request.POST.get("why", "").strip() or None
        request_id = request.POST.get("request_id") or uuid.uuid4().hex
        journal.add([Undo(decision_id, why=why)], author=author, request_id=request_id)
        messages.success(request, _("La décision n° {n} est annulée.").format(n=decision_id))
    return HttpResponseRedirect(asking.back(request, reverse("journal")))


@reads
@require_GET
def export(request: HttpRequest) -> HttpResponse:
    """All decisions as .csv, in order."""
    journal, buffer = state.journal(), io.StringIO()
    coded = _coded(request, journal)
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for cells in journal.store.read_rows():
        decision = journal[cells[0]]
        shown = _seen(decision, request, coded)
        row = dict(zip(_COLUMNS, cells, strict=True)) if shown is decision else shown.row()
        writer.writerow([_cell(row.get(name)) for name in _COLUMNS])
    answer = HttpResponse("\ufeff" + buffer.getvalue(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="journal.csv"'
    return answer


def _coded(request: HttpRequest, journal: Journal) -> set[str]:
    """The passages that the person has coded: what others put on those is no secret any more."""
    return journal.coded_by(
        asking.author(request), state.snapshot().put_on, state.study().grid.exclusive
    )


def _seen(row: Decision, request: HttpRequest, coded: set[str]) -> Decision:
    """`row` as the person may see it: an analyst codes a passage without knowing what others put on it."""
    is_blind = role_of(request.user) == Role.ANALYST and row.author != request.user.get_username()
    if is_blind and isinstance(row, TagDecision) and row.unit_id not in coded:
        number, at = row.decision_id, row.decided_at
        return _HiddenDecision(row.unit_id, decision_id=number, decided_at=at, author=row.author)
    return row


def _told(
    row: Decision, request: HttpRequest, effects: dict[int, tuple[str, str | None]]
) -> dict[str, Any]:
    journal = state.journal()
    is_undone = journal.is_undone(row.decision_id)
    is_mine = row.author == request.user.get_username()
    return {
        "decision": row,
        "told": state.sentence(row),
        "is_undone": is_undone,
        "effect": effects.get(row.decision_id),
        "can_undo": not is_undone and (is_mine or role_of(request.user) >= Role.ADMINISTRATOR),
        "request_id": uuid.uuid4().hex,
    }


def _effects() -> dict[int, tuple[str, str | None]]:
    """What became of each decision at the last run."""
    rows = state.snapshot().tables["decision_effects"]
    reasons = rows["reason"].astype(object).where(rows["reason"].notna(), None)
    return {
        int(number): (told, reason)
        for number, told, reason in zip(rows["decision_id"], rows["state"], reasons, strict=True)
    }


def _cell(value: object) -> str:
    """A value as a spreadsheet may open it: what looks like a formula is text."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
