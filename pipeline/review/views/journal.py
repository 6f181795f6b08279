"""Show, undo and export decisions."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from flows.codebook import undo_edit
from flows.learning import undo_use
from pipeline.decisions import Decision, last_words, taken_again
from pipeline.decisions.codebook import EditCode, EditPart
from pipeline.decisions.following import moved_to
from pipeline.decisions.kinds import GROUPS, PassageDecision, Undo
from pipeline.decisions.machine import UseMachine
from pipeline.decisions.tags import TagDecision
from pipeline.errors import StudyError
from pipeline.review import state
from pipeline.review.blind import blind_coding
from pipeline.review.roles import GET, POST, Role, decides, reads, role_of
from pipeline.review.views import author_of, page_of, reason_of, record, request_id_of, return_url
from pipeline.tables.material import DECISIONS
from pipeline.text import without_formula

_COLUMNS = tuple(column.name for column in DECISIONS.columns)
_GROUPS_ON_THEMES = ("themes", "besoins")


@dataclass(frozen=True)
class _HiddenDecision(PassageDecision):
    """A decision on a passage that the reader has not coded yet."""

    action = "caché"
    template = "décide d’un passage que vous n’avez pas encore codé"


@dataclass(frozen=True)
class _HiddenThemeDecision(Decision):
    """A decision on a theme, for who codes without seeing the machine."""

    action = "caché"
    template = "décide d’un thème ; vous codez sans voir la machine"


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the decisions, the newest first, fifty a page."""
    journal = state.journal()
    author, kind = request.GET.get("auteur", ""), request.GET.get("quoi", "")
    rows = journal.newest_first()
    authors = sorted({row.author for row in rows})
    if author:
        rows = [row for row in rows if row.author == author]
    if kind in GROUPS:
        rows = [row for row in rows if row.group == kind]
    page = page_of(request, rows)
    filters = (("auteur", author), ("quoi", kind))
    shown = {
        "section": "journal",
        "rows": _rows(request, page.object_list),
        "page": page,
        "n_decisions": len(rows),
        "authors": authors,
        "author": author,
        "kind": kind,
        "kinds": {group: _(label) for group, label in GROUPS.items()},
        "address": "&".join(f"{name}={value}" for name, value in filters if value),
    }
    return render(request, "review/journal.html", shown)


def _rows(request: HttpRequest, decisions: Iterable[Decision]) -> list[dict[str, Any]]:
    journal, author = state.journal(), author_of(request)
    is_administrator = role_of(request.user) >= Role.ADMINISTRATOR
    effects = state.snapshot().tables["decision_effects"]
    reasons = effects["reason"].astype(object).where(effects["reason"].notna(), None)
    outcomes = zip(effects["state"], reasons, strict=True)
    effect_of = dict(zip(effects["decision_id"].astype(int), outcomes, strict=True))
    rows = []
    for decision in _visible(request, decisions):
        is_undone = journal.is_undone(decision.decision_id)
        rows.append(
            {
                "decision": decision,
                "sentence": state.sentence(decision),
                "is_undone": is_undone,
                "effect": effect_of.get(decision.decision_id),
                "near": _near(decision),
                "can_undo": not is_undone
                and _can_undo(decision, author, is_administrator=is_administrator),
            }
        )
    return rows


def _near(decision: Decision) -> dict[str, Any] | None:
    """Return what a decision would be on the passage nearest to its own, which is gone."""
    snapshot, journal = state.snapshot(), state.journal_of_page()
    passage, unit_id = snapshot.near_passages.get(decision.decision_id, ("", ""))
    is_hidden = isinstance(decision, _HiddenDecision)
    if is_hidden or unit_id not in snapshot.units or journal.is_undone(decision.decision_id):
        return None
    text = snapshot.units[unit_id].text
    moved = moved_to(decision, unit_id, text)
    exclusive = {axis.axis: axis.is_exclusive for axis in state.study().grid.axes}
    last = last_words(journal.on_unit(unit_id, PassageDecision), exclusive)
    if moved is None or taken_again(moved, last, exclusive):
        return None
    return {"moved": moved, "before": passage, "now": text}


@decides(POST)
def take_again(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Take a decision again on the passage nearest to its own, which is gone."""
    journal = state.journal()
    shown = list(_visible(request, [journal[decision_id]] if decision_id in journal else []))
    if not (shown and (near := _near(shown[0]))):
        messages.warning(request, _("Cette décision n’est plus à reprendre."))
    else:
        moved = replace(near["moved"], decision_id=0, decided_at="", author="")
        (number,) = record(request, moved)
        told = _("La décision n° {n} est reprise sur le passage proche : n° {number}.")
        messages.success(request, told.format(n=decision_id, number=number))
    return HttpResponseRedirect(return_url(request, reverse("journal")))


@decides(POST)
def undo(request: HttpRequest, decision_id: int) -> HttpResponse:
    """Undo a decision by a new one; analysts undo their own, administrators anybody's."""
    journal, author = state.journal(), author_of(request)
    if decision_id not in journal:
        raise Http404
    is_administrator = role_of(request.user) >= Role.ADMINISTRATOR
    if not _can_undo(journal[decision_id], author, is_administrator=is_administrator):
        error = _(
            "Seule la personne qui a décidé, ou l’administration, peut annuler la décision n° {n}."
        )
        messages.error(request, error.format(n=decision_id))
    elif journal.is_undone(decision_id):
        messages.warning(request, _("La décision n° {n} était déjà annulée.").format(n=decision_id))
    else:
        _undo(request, journal[decision_id])
    return HttpResponseRedirect(return_url(request, reverse("journal")))


def _can_undo(decision: Decision, author: str, *, is_administrator: bool) -> bool:
    """Whether the person may; only administrators change the grid.

    The grid and the machine are redone in their own pages.
    """
    journal = state.journal_of_page()
    target = decision.target if isinstance(decision, Undo) else 0
    if target in journal and isinstance(journal[target], EditCode | EditPart | UseMachine):
        return False
    is_own = decision.author == author and not isinstance(decision, EditCode | EditPart)
    return is_own or is_administrator


def _undo(request: HttpRequest, decision: Decision) -> None:
    """Undo `decision`; a change of the grid or machine is taken back in its file too."""
    author, number = author_of(request), decision.decision_id
    why, request_id = reason_of(request), request_id_of(request)
    try:
        if isinstance(decision, EditCode | EditPart):
            undo_edit(state.study(), decision, author=author, request_id=request_id, why=why)
        elif isinstance(decision, UseMachine):
            undo_use(state.study(), decision, author=author, request_id=request_id, why=why)
        else:
            undoings = [replace(row, why=why) for row in state.journal().undoing(decision)]
            state.journal().add(undoings, author=author, request_id=request_id)
    except StudyError as error:
        said = _("La décision n° {n} n’est pas annulée : {found} ; {do}.")
        messages.error(request, said.format(n=number, found=error.found, do=error.do))
    else:
        messages.success(request, _("La décision n° {n} est annulée.").format(n=number))


@reads(GET)
def export(request: HttpRequest) -> HttpResponse:
    """Send all decisions as .csv, in order."""
    journal, buffer = state.journal(), io.StringIO()
    writer = csv.writer(buffer, delimiter=";", lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    stored = list(journal.store.read_rows())
    decisions = [journal[cells[0]] for cells in stored]
    for cells, decision, shown in zip(stored, decisions, _visible(request, decisions), strict=True):
        row = dict(zip(_COLUMNS, cells, strict=True)) if shown is decision else shown.row()
        writer.writerow([without_formula(row.get(name)) for name in _COLUMNS])
    response = HttpResponse("\ufeff" + buffer.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="journal.csv"'
    return response


def _visible(request: HttpRequest, decisions: Iterable[Decision]) -> list[Decision]:
    """Hide others' codes from analysts on passages that they have not coded.

    From who codes without seeing the machine, hide what others decided of themes too.
    """
    author = author_of(request)
    is_blind = blind_coding(author) is not None
    hides_codes = is_blind or role_of(request.user) == Role.ANALYST
    put_on, exclusive = state.snapshot().put_on, state.study().grid.exclusive
    coded = state.journal_of_page().coded_by(author, put_on, exclusive)
    rows: list[Decision] = []
    for row in decisions:
        told: dict[str, Any] = {
            "decision_id": row.decision_id,
            "decided_at": row.decided_at,
            "author": row.author,
        }
        if row.author == author:
            rows.append(row)
        elif hides_codes and isinstance(row, TagDecision) and row.unit_id not in coded:
            rows.append(_HiddenDecision(row.unit_id, **told))
        elif is_blind and (getattr(row, "theme_id", None) or row.group in _GROUPS_ON_THEMES):
            rows.append(_HiddenThemeDecision(**told))
        else:
            rows.append(row)
    return rows
