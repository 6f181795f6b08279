"""Decide who codes without seeing the machine, and draw passages for two people to code."""

from collections import defaultdict
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pipeline.decisions.coding import (
    DrawSample,
    HideMachine,
    ShowMachine,
    draw_passages,
)
from pipeline.publish.text import joined
from pipeline.review import state
from pipeline.review.agreement import Codings
from pipeline.review.blind import task_of
from pipeline.review.bounds import whole
from pipeline.review.roles import POST, Role, deciders, decides, role_of
from pipeline.review.views import author_of, record

_N_USUAL, _N_MOST = 30, 500  # passages a draw


def tasks(request: HttpRequest, codings: Codings) -> dict[str, Any]:
    """Return who codes without seeing the machine, and how far each draw is coded."""
    author, journal = author_of(request), state.journal()
    is_administrator = role_of(request.user) >= Role.ADMINISTRATOR
    coders = deciders()
    return {
        "deciders": [
            {
                "name": name,
                "is_hidden": bool(task_of(name, journal).all_hidden_since),
                "may_change": is_administrator or name == author,
            }
            for name in coders
        ],
        "draws": [
            {
                "draw": row,
                "coders": [
                    (name, len(codings.coded.get(name, set()) & set(row.unit_ids)))
                    for name in row.coders
                ],
                "n": len(row.unit_ids),
                "agreed": codings.agreed_on(row.unit_ids, *row.coders[:2])
                if len(row.coders) > 1
                else (0, []),
                "is_mine": author in row.coders,
                "may_undo": is_administrator or row.author == author,
            }
            for row in reversed(journal.active(DrawSample))
        ],
        "may_draw_for_others": is_administrator,
        "n_usual": _N_USUAL,
        "n_most": _N_MOST,
        "author": author,
    }


@decides(POST)
def sight(request: HttpRequest) -> HttpResponse:
    """Hide what the machine proposes from a coder, or show it again."""
    name, command = request.POST.get("codeur", ""), request.POST.get("geste", "")
    if name not in deciders() or command not in ("cacher", "montrer"):
        raise Http404
    _require_own(request, name)
    is_hidden = bool(task_of(name, state.journal()).all_hidden_since)
    said = _("{name} voit de nouveau ce que la machine propose.")
    if command == "cacher":
        said = _("{name} code désormais sans voir ce que la machine propose.")
    if is_hidden != (command == "cacher"):
        record(request, HideMachine(name) if command == "cacher" else ShowMachine(name))
    messages.success(request, said.format(name=name))
    return redirect("agreement")


@decides(POST)
def draw(request: HttpRequest) -> HttpResponse:
    """Draw passages that neither of two coders has begun, over all workshops."""
    coders = sorted({request.POST.get("premier", ""), request.POST.get("second", "")})
    n = whole(request.POST.get("n", ""), _N_MOST)
    if not set(coders) <= set(deciders()):
        raise Http404
    _require_own(request, *coders)
    if len(coders) < 2 or not n:
        error = _("Choisissez deux personnes différentes, et de 1 à {most} passages.")
        messages.error(request, error.format(most=_N_MOST))
        return redirect("agreement")
    unit_ids = draw_passages(_untouched(coders), n)
    if not unit_ids:
        messages.error(request, _("Plus aucun passage que ces deux personnes n’aient commencé."))
        return redirect("agreement")
    record(request, DrawSample.of(coders, unit_ids, is_blind=request.POST.get("aveugle") == "oui"))
    said = ngettext(
        "{n} passage est tiré pour {coders}. Chaque personne le trouve dans ses passages.",
        "{n} passages sont tirés pour {coders}. Chaque personne les trouve dans ses passages.",
        len(unit_ids),
    )
    messages.success(request, said.format(n=len(unit_ids), coders=joined(coders)))
    return redirect("agreement")


def _untouched(coders: list[str]) -> dict[str, list[str]]:
    """Return by workshop the passages that nobody of `coders` judged, and no draw holds."""
    snapshot, journal = state.snapshot(), state.journal()
    taken = {name for row in journal.active(DrawSample) for name in row.unit_ids}
    taken.update(*(journal.judged_by(coder) for coder in coders))
    unit_ids: dict[str, list[str]] = defaultdict(list)
    for unit in snapshot.units.values():
        if unit.unit_id not in taken:
            unit_ids[unit.workshop_id].append(unit.unit_id)
    return unit_ids


def _require_own(request: HttpRequest, *names: str) -> None:
    """Let people decide of themselves, and administrators of everybody."""
    if role_of(request.user) < Role.ADMINISTRATOR and author_of(request) not in names:
        raise PermissionDenied
