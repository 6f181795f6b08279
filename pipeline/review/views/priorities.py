"""The priorities: ranked by weights that anybody may try, that analysts save under a name, compare, and choose for the study."""

import uuid
from functools import lru_cache
from typing import Any

import pandas as pd
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from flows.typed_texts import typed_without_names
from pipeline.decisions import Decision
from pipeline.decisions.kinds import SaveWeighting, UseWeighting
from pipeline.publish.text import french_date, joined, percent, quoted
from pipeline.rank import unread_criteria
from pipeline.rank.criteria import CRITERIA
from pipeline.review import state, weighing
from pipeline.review import views as asking
from pipeline.review import weighing as tallying
from pipeline.review.bounds import too_long
from pipeline.review.roles import decides, reads
from pipeline.review.weighing import Choice, Points, Ranked
from pipeline.settings.sections import RankSettings

_STUDY = "study"
_N_CHARS = 60  # of a weighting's name


@reads
@require_http_methods(["GET", "POST"])
def listing(request: HttpRequest) -> HttpResponse:
    """The ranking of the study or of a workshop by the weights sent; what is sent by POST is only shown, nothing is kept of it."""
    shown = _page(request, request.POST if request.method == "POST" else request.GET)
    is_fragment = request.headers.get("HX-Request") == "true"
    return render(
        request,
        "review/priorities_ranking.html" if is_fragment else "review/priorities.html",
        shown,
    )


@reads
@require_GET
def compare(request: HttpRequest) -> HttpResponse:
    """Two weightings or more side by side, ranks and intervals in one table; the first is what the others are held against."""
    scope, listed = _scope(request.GET), _choices()
    by_name = {choice.weighting.name: choice for choice in listed}
    chosen = [by_name[name] for name in dict.fromkeys(request.GET.getlist("p")) if name in by_name]
    shown: dict[str, Any] = {
        "section": "priorities",
        "scope": scope,
        "scopes": _scopes(),
        "choices": listed,
        "chosen": chosen,
    }
    held = tallying.tallies(scope)
    if held is not None and len(chosen) > 1:
        tables = [
            weighing.priorities(held.value, scope, choice.weighting.weights, _settings())
            for choice in chosen
        ]
        shown |= {
            "rows": weighing.compared(tables),
            "labels": state.labels(),
            "common": [
                (choice, *weighing.n_common(tables[0], table))
                for choice, table in zip(chosen[1:], tables[1:], strict=True)
            ],
        }
    return render(request, "review/priorities_compared.html", shown | {"is_counting": held is None})


@decides
@require_POST
def save(request: HttpRequest) -> HttpResponse:
    """Save the weights sent under a name; one that somebody else's weights bear is only taken over when asked to."""
    typed, scope = request.POST.get("nom", "").strip(), _scope(request.POST)
    if len(typed) > _N_CHARS:
        return too_long(request, len(typed), _N_CHARS, "nom")
    name = typed_without_names(state.study(), typed)  # as it is kept, so that it is found again
    shown = _page(request, request.POST)
    weights = weighing.weights_of(shown["points"])
    before = next(
        (choice for choice in shown["choices"] if name and choice.weighting.name == name), None
    )
    is_taken = (
        before is not None
        and before.points != shown["points"]
        and not request.POST.get("remplacer")
    )
    if weights is None or shown["faults"] or not name or is_taken:
        return render(
            request,
            "review/priorities.html",
            shown | {"name": name, "taken": before if is_taken else None},
            status=409,
        )
    decision = SaveWeighting.named(name, weights.model_dump())
    state.journal().add(
        [decision], author=asking.author(request), request_id=asking.request_id(request)
    )
    messages.success(request, _("La pondération {name} est enregistrée.").format(name=quoted(name)))
    return redirect(_address(scope, name))


@decides
@require_POST
def use(request: HttpRequest) -> HttpResponse:
    """Rank the study by a saved weighting from now on, or by the weights of etude.toml where the name is blank."""
    name = request.POST.get("ponderation", "")
    if name not in {choice.weighting.name for choice in _choices()}:
        raise Http404
    decision = UseWeighting(name or None, why=request.POST.get("why", "").strip() or None)
    state.journal().add(
        [decision], author=asking.author(request), request_id=asking.request_id(request)
    )
    told = (
        _("L’étude se classe par la pondération {name}.")
        if name
        else _("L’étude se classe de nouveau par les poids d’etude.toml.")
    )
    messages.success(
        request, told.format(name=quoted(name)) + " " + _("Le rapport suivra au prochain calcul.")
    )
    return redirect(_address(_scope(request.POST), name))


def _page(request: HttpRequest, sent: QueryDict) -> dict[str, Any]:
    """Everything that the page shows."""
    scope, listed = _scope(sent), _choices()
    in_use = next(choice for choice in listed if choice.is_in_use)
    chosen = next(
        (choice for choice in listed if choice.weighting.name == sent.get("ponderation")), in_use
    )
    points, faults = weighing.read_points(sent, chosen.points)
    shown = {
        "section": "priorities",
        "scope": scope,
        "scopes": _scopes(),
        "choices": listed,
        "chosen": chosen,
        "in_use": in_use,
        "points": points,
        "faults": faults,
        "sliders": _sliders(points, faults),
        "is_changed": points != chosen.points,
        "request_id": uuid.uuid4().hex,
        "why_blank": unread_criteria(state.study().grid),
    }
    return shown | _ranking(scope, points, chosen, in_use)


def _ranking(scope: str, points: Points, chosen: Choice, in_use: Choice) -> dict[str, Any]:
    """The themes in order, or why there are none."""
    weights = chosen.weighting.weights if points == chosen.points else weighing.weights_of(points)
    if weights is None:
        return {"rows": [], "has_no_weight": True}
    held = tallying.tallies(scope)
    if held is None:
        return {"rows": [], "is_counting": True}
    settings, snapshot = _settings(), state.snapshot()
    tables = {
        name: _of_scope(snapshot.tables[name], scope)
        for name in ("priorities", "priority_notes", "rank_checks", "late_effects")
    }
    shown, usual = (
        weighing.priorities(held.value, scope, each, settings)
        for each in (weights, in_use.weighting.weights)
    )
    changed = _changed(snapshot.run_id, state.themes().last_id)
    rows = weighing.ranked(shown, usual, tables["priorities"], tables["priority_notes"], changed)
    last_labels = dict(
        zip(snapshot.tables["themes"]["theme_id"], snapshot.tables["themes"]["label"], strict=True)
    )
    labels, late = state.labels(), tables["late_effects"]
    late_told = dict(zip(late["theme_id"], late["sentence"], strict=True))
    return {
        "is_stale": not held.is_current,
        "weights_told": _weights_told(weights.model_dump()),
        "rows": [_row(row, len(rows), labels, last_labels, late_told) for row in rows],
        "first_told": joined([labels.get(row.theme_id, row.theme_id) for row in rows[:3]]),
        "checks": list(tables["rank_checks"]["sentence"]),
        "run_id": snapshot.run_id,
    }


@lru_cache(maxsize=1)
def _changed(run_id: str, last_id: int) -> frozenset[str]:
    """The themes that gained or lost passages since the run `run_id`, by decisions up to `last_id`."""
    return frozenset(
        weighing.changed_themes(state.snapshot().tables["theme_members"], state.themes().members)
    )


def _row(
    row: Ranked,
    n_themes: int,
    labels: dict[str, str],
    last_labels: dict[str, str],
    late: dict[str, str],
) -> dict[str, Any]:
    label = labels.get(row.theme_id, row.theme_id)
    before = last_labels.get(row.theme_id)
    lowest, highest, at = (
        _percent_along(rank, n_themes) for rank in (row.rank_low, row.rank_high, row.rank)
    )
    return {
        "ranked": row,
        "label": label,
        "former_label": before if before is not None and before != label else None,
        "to_usual": weighing.moved(row.usual_rank, row.rank),
        "to_last": weighing.moved(row.last_rank, row.usual_rank),
        "late": late.get(row.theme_id),
        "bar": {"x": lowest, "width": max(highest - lowest, 1), "at": at},
    }


def _percent_along(rank: int, n_themes: int) -> int:
    """Where a rank lies on a line of 100, the first at 3 and the last at 97."""
    return 3 + round(94 * (rank - 1) / max(n_themes - 1, 1))


def _sliders(points: Points, faults: dict[str, str]) -> list[dict[str, str]]:
    return [
        {
            "name": name,
            "label": CRITERIA[f"c_{name}"].label,
            "explanation": CRITERIA[f"c_{name}"].explanation,
            "value": f"{value:g}",
            "fault": faults.get(name, ""),
        }
        for name, value in points.items()
    ]


def _weights_told(weights: dict[str, float]) -> str:
    """« Tables 25 %, Rapporteurs 20 % »: the largest first, without those that weigh nothing."""
    total = sum(weights.values())
    listed = sorted(
        ((value, name) for name, value in weights.items() if value), key=lambda pair: -pair[0]
    )
    return ", ".join(
        f"{CRITERIA[f'c_{name}'].label} {percent(value / total)}" for value, name in listed
    )


def _choices() -> list[Choice]:
    return weighing.choices(state.journal().active(Decision), _settings())


def _settings() -> RankSettings:
    return state.study().settings.rank


def _scopes() -> list[tuple[str, str]]:
    """The study, then each workshop that the last run ranked themes for."""
    snapshot = state.snapshot()
    known = set(snapshot.tables["priorities"]["scope"])
    named = [
        (
            name,
            ", ".join(part for part in (str(row["territory"]), french_date(row["date"])) if part),
        )
        for name, row in snapshot.workshops.items()
        if name in known
    ]
    return [(_STUDY, _("Toute l’étude")), *named]


def _scope(sent: QueryDict) -> str:
    """The scope asked for; the study where it is none."""
    asked = sent.get("atelier", _STUDY)
    return asked if asked in dict(_scopes()) else _STUDY


def _of_scope(table: pd.DataFrame, scope: str) -> pd.DataFrame:
    return table[table["scope"] == scope]


def _address(scope: str, name: str) -> str:
    query = QueryDict(mutable=True)
    query.update({"atelier": scope, "ponderation": name})
    return f"{reverse('priorities')}?{query.urlencode()}"
