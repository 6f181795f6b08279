"""The agreement of people with one another and with the machine, the passages on which they disagree, and who settles what."""

import uuid
from functools import lru_cache
from typing import Any, NamedTuple

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pipeline.agreement import MACHINE, WHOLE_AXIS, Codes
from pipeline.decisions.tags import TagDecision
from pipeline.review import agreeing, state
from pipeline.review import views as asking
from pipeline.review.agreeing import Codings, Measured, Row, Split, verdict
from pipeline.review.journal import Journal
from pipeline.review.roles import Role, decides, reads, role_of
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import BackgroundCounts, Counted

OPEN, EVERY = "ouverts", "tous"
_N_LISTED = 20
_kept: BackgroundCounts["_Figures"] = BackgroundCounts()
_measured = Measured()


class _Figures(NamedTuple):
    """The agreement of every two coders, and the passages that two people have left to settle."""

    rows: list[Row]
    open_units: dict[tuple[str, str, str, str], frozenset[str]]


class _Asked(NamedTuple):
    """Two coders and what of theirs is asked for."""

    first: str
    second: str
    axis: str
    code: str

    def address(self, **more: str) -> str:
        """The address's query."""
        query = QueryDict(mutable=True)
        query.update(
            {"premier": self.first, "second": self.second, "axe": self.axis, "code": self.code}
            | more
        )
        return query.urlencode()


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Every two coders by axis; with two of them asked for, these by code."""
    held, codings = _figures(), _codings()
    coder, pair = (
        request.GET.get("avec", ""),
        (request.GET.get("premier", ""), request.GET.get("second", "")),
    )
    rows = held.value.rows if held is not None else []
    coders = list(dict.fromkeys(name for row in rows for name in (row.first, row.second)))
    own = [row for row in rows if (row.first, row.second) == pair]
    listed = own or [
        row for row in rows if row.is_whole and (not coder or coder in (row.first, row.second))
    ]
    visible, left = _visible(request, codings), held.value.open_units if held is not None else {}
    shown = {
        "section": "agreement",
        "is_counting": held is None,
        "is_stale": held is not None and not held.is_current,
        "coders": coders,
        "coder": coder,
        "pair": pair if own else None,
        "rows": [
            _row(row, left.get((row.first, row.second, row.axis, row.code), frozenset()), visible)
            for row in listed
        ],
        "n_people": len(codings.people),
        "min_units": agreeing.MIN_UNITS,
    }
    return render(request, "review/agreement.html", shown)


@reads
@require_GET
def disagreements(request: HttpRequest) -> HttpResponse:
    """The passages on which two coders disagree, those left to settle first asked for; of them, those that the person has judged."""
    codings, asked = _codings(), _asked(request.GET)
    visible = _visible(request, codings)
    is_between_people = {asked.first, asked.second} <= set(codings.people)
    wanted = request.GET.get("etat", OPEN if is_between_people else EVERY)
    found = codings.splits(*asked)
    seen = [split for split in found if visible is None or split.unit_id in visible]
    left = [split for split in seen if wanted != OPEN or split.settled_by is None]
    by_unit: dict[str, list[Split]] = {}
    for split in left:
        by_unit.setdefault(split.unit_id, []).append(split)
    page = Paginator(list(by_unit), _N_LISTED).get_page(request.GET.get("page"))
    shown = {
        "section": "agreement",
        "asked": asked,
        "address": asked.address(etat=wanted),
        "wanted": wanted,
        "is_between_people": is_between_people,
        "page": page,
        "passages": [
            _passage(unit_id, by_unit[unit_id], asked, codings) for unit_id in page.object_list
        ],
        "n_passages": len(by_unit),
        "n_hidden": len({split.unit_id for split in found} - {split.unit_id for split in seen}),
        "axis": next((axis for axis in state.study().grid.axes if axis.axis == asked.axis), None),
        "is_exclusive": asked.axis in state.study().grid.exclusive,
    }
    return render(request, "review/disagreements.html", shown)


@decides
@require_POST
def arbitrate(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Settle what two people disagree on over a passage: by code, or after one of them for the whole axis."""
    codings, asked = _codings(), _asked(request.POST)
    visible = _visible(request, codings)
    if visible is not None and unit_id not in visible:
        raise PermissionDenied
    if not all(
        name in codings.people and unit_id in codings.units_of(name)
        for name in (asked.first, asked.second)
    ):
        raise Http404
    author, why = asking.author(request), request.POST.get("why", "").strip()
    splits = codings.on_unit(unit_id, asked.first, asked.second, asked.axis)
    wanted = _wanted(request.POST.get("geste", ""), splits, asked)
    settled = [split.settled_by for split, _is_put in wanted if split.settled_by is not None]
    if not why:
        messages.error(request, _("Dites pourquoi : l’arbitrage n’est pas enregistré sans motif."))
    elif settled:
        told = _(
            "{who} a déjà arbitré ce désaccord (décision n° {n}) ; votre choix n’est pas enregistré."
        )
        if settled[0].author != author:
            messages.warning(request, told.format(who=settled[0].author, n=settled[0].decision_id))
    else:
        between = (asked.first, asked.second)
        proposed = {(row.axis, row.code) for row in state.snapshot().proposed.get(unit_id, ())}
        rows = [
            verdict(
                split,
                is_put=is_put,
                is_proposed=(split.axis, split.code) in proposed,
                between=between,
                why=why,
            )
            for split, is_put in wanted
        ]
        state.journal().add(rows, author=author, request_id=asking.request_id(request))
        messages.success(request, _("Désaccord arbitré : il quitte la liste et reste au journal."))
    return HttpResponseRedirect(f"{reverse('disagreements')}?{asked.address()}")


def _wanted(gesture: str, splits: list[Split], asked: _Asked) -> list[tuple[Split, bool]]:
    """The codes that a gesture is about, and whether each is to be put. Raises `Http404` for one that means nothing here."""
    verb, _equals, name = gesture.partition("=")
    if verb == "suivre" and name in (asked.first, asked.second):
        left = [split for split in splits if split.settled_by is None] or splits
        found = [(split, split.is_by_first == (name == asked.first)) for split in left]
    else:
        found = [
            (split, verb == "mettre")
            for split in splits
            if split.code == name and verb in ("mettre", "oter")
        ]
    if not found:
        raise Http404
    return found


def _row(row: Row, left: frozenset[str], visible: set[str] | None) -> dict[str, Any]:
    return {
        "row": row,
        "first": agreeing.coder_label(row.first),
        "second": agreeing.coder_label(row.second),
        "axis": next(axis.label for axis in state.study().grid.axes if axis.axis == row.axis),
        "address": _Asked(row.first, row.second, row.axis, row.code).address(),
        "n_apart": row.n_first + row.n_second - 2 * row.n_both,
        "n_open": len(left if visible is None else left & visible),
    }


def _passage(unit_id: str, splits: list[Split], asked: _Asked, codings: Codings) -> dict[str, Any]:
    snapshot = state.snapshot()
    unit = snapshot.units[unit_id]
    sides = [
        {
            "coder": agreeing.coder_label(coder),
            "name": coder,
            "codes": [
                code
                for code in state.study().grid.axis(asked.axis)
                if (code.axis, code.code) in codings.codes(coder, unit_id)
            ],
        }
        for coder in (asked.first, asked.second)
    ]
    return {
        "unit": unit,
        "workshop": snapshot.workshops[unit.workshop_id],
        "splits": codings.on_unit(unit_id, *asked[:3])
        if asked.axis in codings.grid.exclusive
        else splits,  # one of all its codes
        "sides": sides,
        "is_open": any(split.settled_by is None for split in splits),
        "request_id": uuid.uuid4().hex,
    }


def _figures() -> Counted[_Figures] | None:
    """The agreement of every two coders, on what was decided until now or moments ago."""
    snapshot, journal = state.snapshot(), state.journal()
    key = journal.last_on_tags_id
    return _kept.get(snapshot.run_id, key, lambda: _measure(snapshot, journal))


def _measure(snapshot: Snapshot, journal: Journal) -> _Figures:
    grid, on_tags = state.study().grid, journal.active(TagDecision)
    codings = agreeing.codings(
        snapshot.machine["tags"], snapshot.units, on_tags, grid, _second(snapshot.run_id)
    )
    return _Figures(_measured.rows(codings, grid), _codings().open_units())


def _codings() -> Codings:
    snapshot = state.snapshot()
    decisions = state.journal().active(TagDecision)
    return Codings.of(
        decisions, snapshot.units, snapshot.proposed, state.study().grid, _second(snapshot.run_id)
    )


@lru_cache(maxsize=1)
def _second(run_id: str) -> dict[str, dict[str, Codes]]:
    """What the second coder of the last run put on the passages that it coded."""
    return agreeing.second_codes(
        state.snapshot().tables["second_tags"], state.study().settings.language_model.model
    )


def _visible(request: HttpRequest, codings: Codings) -> set[str] | None:
    """The passages of which the person may see what others put: those that he or she coded; None for all, as administrators see."""
    if role_of(request.user) >= Role.ADMINISTRATOR:
        return None
    return set(codings.units_of(asking.author(request)))


def _asked(sent: QueryDict) -> _Asked:
    """Raises `Http404` for coders or an axis that do not exist."""
    codings, grid = _codings(), state.study().grid
    asked = _Asked(
        sent.get("premier", ""),
        sent.get("second", ""),
        sent.get("axe", ""),
        sent.get("code", WHOLE_AXIS),
    )
    known = {*codings.people, MACHINE, *codings.second}
    is_known = asked.code == WHOLE_AXIS or any(
        code.code == asked.code for code in grid.axis(asked.axis)
    )
    if not {asked.first, asked.second} <= known or not grid.axis(asked.axis) or not is_known:
        raise Http404
    return asked
