"""Show the agreement of coders, and arbitrate between people."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from pipeline.agreement import MACHINE, WHOLE_AXIS, Codes
from pipeline.decisions.tags import TagDecision
from pipeline.publish.text import quoted
from pipeline.review import agreement, state
from pipeline.review.agreement import (
    AgreementFigures,
    AgreementRow,
    Codings,
    Disagreement,
    coder_label,
)
from pipeline.review.blind import blind_coding
from pipeline.review.desks import desk
from pipeline.review.doors import coder_view
from pipeline.review.journal import Journal
from pipeline.review.roles import GET, POST, Role, decides, reads, role_of
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Counted
from pipeline.review.views import author_of, page_of, reason_of, record
from pipeline.review.views.coding import tasks

OPEN, EVERY = "ouverts", "tous"
_N_DISAGREEMENTS = 20  # passages a page
_N_AROUND = 1  # on each side, in the document


class _Asked(NamedTuple):
    first: str
    second: str
    axis: str
    code: str

    def address(self, **more: str) -> str:
        asked = {"premier": self.first, "second": self.second, "axe": self.axis, "code": self.code}
        return urlencode(asked | more)


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """Show every pair by axis, the chosen one also by code."""
    figures, codings = _figures(), _codings()
    rows, open_units = figures.value if figures is not None else AgreementFigures([], {})
    coder = request.GET.get("avec", "")
    pair = (request.GET.get("premier", ""), request.GET.get("second", ""))
    of_pair = [row for row in rows if (row.first, row.second) == pair]
    listed = of_pair or [
        row for row in rows if row.is_whole and (not coder or coder in (row.first, row.second))
    ]
    visible = _visible(request, codings)
    shown = {
        "section": "agreement",
        "is_counting": figures is None,
        "is_stale": figures is not None and not figures.is_current,
        "coders": list(dict.fromkeys(name for row in rows for name in (row.first, row.second))),
        "coder": coder,
        "pair": pair if of_pair else None,
        "rows": [
            _row(row, open_units.get((row.first, row.second, row.axis, row.code), set()), visible)
            for row in listed
        ],
        "n_people": len(codings.people),
        "min_units": agreement.MIN_UNITS,
    }
    return render(request, "review/agreement.html", shown | tasks(request, codings))


def _row(
    row: AgreementRow, open_units: AbstractSet[str], visible: set[str] | None
) -> dict[str, Any]:
    n_agreed, n_put = row.agreed(state.study().grid.exclusive)
    return {
        "row": row,
        "n_agreed": n_agreed,
        "n_put": n_put,
        "width": round(100 * n_agreed / n_put) if n_put else 0,
        "first": coder_label(row.first),
        "second": coder_label(row.second),
        "axis": next(axis.label for axis in state.study().grid.axes if axis.axis == row.axis),
        "address": _Asked(row.first, row.second, row.axis, row.code).address(),
        "n_apart": row.n_first + row.n_second - 2 * row.n_both,
        "n_open": len(open_units if visible is None else open_units & visible),
    }


@reads(GET)
def disagreements(request: HttpRequest) -> HttpResponse:
    """Show two coders' disagreements on passages that the person coded."""
    codings = _codings()
    asked, visible = _asked(request.GET, codings), _visible(request, codings)
    is_between_people = {asked.first, asked.second} <= set(codings.people)
    wanted = request.GET.get("etat", OPEN if is_between_people else EVERY)
    by_unit: dict[str, list[Disagreement]] = {}
    hidden = set()
    for row in codings.disagreements(*asked):
        if visible is not None and row.unit_id not in visible:
            hidden.add(row.unit_id)
        elif wanted != OPEN or row.arbitration is None:
            by_unit.setdefault(row.unit_id, []).append(row)
    page = page_of(request, list(by_unit), _N_DISAGREEMENTS)
    grid = state.study().grid
    shown = {
        "section": "agreement",
        "asked": asked,
        "address": asked.address(etat=wanted),
        "wanted": wanted,
        "is_between_people": is_between_people,
        "page": page,
        "passages": [
            _passage(unit_id, by_unit[unit_id], asked, codings)
            | {"following": _following(list(page.object_list), unit_id)}
            for unit_id in page.object_list
        ],
        "n_passages": len(by_unit),
        "n_hidden": len(hidden),
        "axis": next((axis for axis in grid.axes if axis.axis == asked.axis), None),
    }
    return render(request, "review/disagreements.html", shown)


def _passage(
    unit_id: str, rows: list[Disagreement], asked: _Asked, codings: Codings
) -> dict[str, Any]:
    snapshot, grid = state.snapshot(), state.study().grid
    unit = snapshot.units[unit_id]
    sides = [
        {
            "coder": coder_label(coder),
            "name": coder,
            "codes": [
                code
                for code in grid.axis(asked.axis)
                if (code.axis, code.code) in codings.codes(coder, unit_id)
            ],
        }
        for coder in (asked.first, asked.second)
    ]
    is_exclusive = asked.axis in grid.exclusive  # one of the axis's codes is chosen
    siblings = snapshot.of_document[unit.document_id]
    i = siblings.index(unit_id)
    listed = codings.on_unit(unit_id, *asked[:3]) if is_exclusive else rows
    left = [row for row in listed if row.arbitration is None]
    return {
        "unit": unit,
        "workshop": snapshot.workshops[unit.workshop_id],
        "before": [snapshot.units[name] for name in siblings[max(i - _N_AROUND, 0) : i]],
        "after": [snapshot.units[name] for name in siblings[i + 1 : i + 1 + _N_AROUND]],
        "disagreements": listed,
        "choices": _choices(left, asked, is_exclusive=is_exclusive),
        "one_by_one": left if len(left) > 1 and not is_exclusive else [],
        "sides": sides,
        "is_open": any(row.arbitration is None for row in rows),
    }


def _choices(
    left: list[Disagreement], asked: _Asked, *, is_exclusive: bool
) -> list[tuple[str, str, str]]:
    """Return two commands, as the first and as the second coded: command, verb, name.

    One code is put or not, one of the two codes of an exclusive axis is kept, several are followed.
    """
    if not left:
        return []
    if len(left) == 1 or is_exclusive:
        by_side = {row.is_by_first: row for row in left}
        sides = []
        for is_first in (True, False):
            row = by_side.get(is_first)
            verb = _("Retenir") if is_exclusive else _("Mettre")
            if row is None:
                row, verb = left[0], _("Ne pas mettre")
            command = "oter" if is_first not in by_side else "mettre"
            label = quoted(state.study().grid.label_of(row.code))
            sides.append((f"{command}={row.code}", f"{verb} {label}"))
    else:
        sides = [(f"suivre={name}", _("Suivre")) for name in asked[:2]]
    return [
        (command, words, coder_label(name))
        for (command, words), name in zip(sides, asked[:2], strict=True)
    ]


def _following(unit_ids: Sequence[str], unit_id: str) -> str:
    """Return the passage to go to once this one is settled."""
    i = unit_ids.index(unit_id)
    return next(iter([*unit_ids[i + 1 : i + 2], *unit_ids[max(i - 1, 0) : i]]), "")


@decides(POST)
def arbitrate(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Settle a passage, code by code or as one of two people coded it."""
    codings = _codings()
    asked, visible = _asked(request.POST, codings), _visible(request, codings)
    if visible is not None and unit_id not in visible:
        raise PermissionDenied
    between = (asked.first, asked.second)
    if not all(name in codings.people and unit_id in codings.units_of(name) for name in between):
        raise Http404
    wanted = _wanted(request.POST.get("geste", ""), codings.on_unit(unit_id, *asked[:3]), asked)
    settled = [row.arbitration for row, _is_put in wanted if row.arbitration is not None]
    if settled and settled[0].author != author_of(request):
        warning = _(
            "{who} a déjà arbitré ce désaccord (décision n° {n}) ; "
            "votre choix n’est pas enregistré."
        )
        messages.warning(request, warning.format(who=settled[0].author, n=settled[0].decision_id))
    elif not settled:
        proposed = {(row.axis, row.code) for row in state.snapshot().proposed.get(unit_id, ())}
        decisions = [
            agreement.arbitrate(
                row,
                is_put=is_put,
                is_proposed=(row.axis, row.code) in proposed,
                between=between,
                why=reason_of(request),
            )
            for row, is_put in wanted
        ]
        record(request, *decisions)
        messages.success(request, _("Désaccord arbitré : il quitte la liste et reste au journal."))
    following = request.POST.get("suite", "")
    anchor = f"#d-{following}" if following in state.snapshot().units else ""
    return HttpResponseRedirect(f"{reverse('disagreements')}?{asked.address()}{anchor}")


def _wanted(
    command: str, rows: list[Disagreement], asked: _Asked
) -> list[tuple[Disagreement, bool]]:
    """Return the codes to settle, and whether to put each; `Http404` for none."""
    verb, _equals, name = command.partition("=")
    wanted: list[tuple[Disagreement, bool]] = []
    if verb == "suivre" and name in (asked.first, asked.second):
        left = [row for row in rows if row.arbitration is None] or rows
        wanted = [(row, row.is_by_first == (name == asked.first)) for row in left]
    elif verb in ("mettre", "oter"):
        wanted = [(row, verb == "mettre") for row in rows if row.code == name]
    if not wanted:
        raise Http404
    return wanted


def _figures() -> Counted[AgreementFigures] | None:
    snapshot, journal = state.snapshot(), state.journal()
    return desk().agreement_figures.get(
        snapshot.run_id, journal.last_on_tags_id, lambda: _measure(snapshot, journal)
    )


def _measure(snapshot: Snapshot, journal: Journal) -> AgreementFigures:
    grid, decisions = state.study().grid, journal.active(TagDecision)
    codings = agreement.all_codings(
        snapshot.machine["tags"], snapshot.units, decisions, grid, _second_codes(snapshot)
    )
    rows = desk().agreement_cache.rows(codings, grid)
    return AgreementFigures(rows, _codings().open_units())


def _codings() -> Codings:
    snapshot, decisions = state.snapshot(), state.journal().active(TagDecision)
    second = _second_codes(snapshot)
    return Codings.of(decisions, snapshot.units, snapshot.proposed, state.study().grid, second)


@lru_cache(maxsize=1)
def _second_codes(snapshot: Snapshot) -> dict[str, dict[str, Codes]]:
    model = state.study().settings.language_model.model
    return agreement.second_codes(snapshot.tables["second_tags"], model)


def _visible(request: HttpRequest, codings: Codings) -> set[str] | None:
    """Return the passages where others' and the machine's codes may show; None for all."""
    author = author_of(request)
    is_blind = blind_coding(author) is not None
    if role_of(request.user) >= Role.ADMINISTRATOR and not is_blind:
        return None
    unit_ids = set(codings.units_of(author))
    if not is_blind:
        return unit_ids
    hides = coder_view(request).hides
    return {unit_id for unit_id in unit_ids if not hides(unit_id)}


def _asked(sent: QueryDict, codings: Codings) -> _Asked:
    """Raises `Http404` for unknown coders, axis or code."""
    axis_codes = state.study().grid.axis(sent.get("axe", ""))
    asked = _Asked(
        sent.get("premier", ""),
        sent.get("second", ""),
        sent.get("axe", ""),
        sent.get("code", WHOLE_AXIS),
    )
    coders = {*codings.people, MACHINE, *codings.second}
    is_code = asked.code == WHOLE_AXIS or asked.code in {code.code for code in axis_codes}
    if not {asked.first, asked.second} <= coders or not axis_codes or not is_code:
        raise Http404
    return asked
