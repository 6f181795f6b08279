"""Show the priorities by weights that anybody may try."""

from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from flows.typed_texts import typed_without_names
from pipeline.decisions import Decision
from pipeline.decisions.kinds import SaveWeighting, UseWeighting
from pipeline.publish.text import french_date, joined, percent, quoted
from pipeline.rank import unread_criteria
from pipeline.rank.criteria import CRITERIA
from pipeline.rank.order import rank_tallies
from pipeline.review import state, weightings
from pipeline.review.bounds import too_long
from pipeline.review.roles import GET, POST, decides, reads
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.views import is_fragment, reason_of, record
from pipeline.review.weightings import Points, WeightingChoice
from pipeline.settings.sections import RankSettings

_STUDY = "study"
_N_CHARS = 60  # of a name


@reads(GET, POST)
def listing(request: HttpRequest) -> HttpResponse:
    """Rank by the weights sent, without storing them."""
    shown = _page(request.POST if request.method == "POST" else request.GET)
    is_part = is_fragment(request)
    template = "review/priorities_ranking.html" if is_part else "review/priorities.html"
    return render(request, template, shown)


@reads(GET)
def compare(request: HttpRequest) -> HttpResponse:
    """Compare weightings side by side with the first."""
    scope, choices = _scope(request.GET), _choices()
    by_name = {choice.weighting.name: choice for choice in choices}
    chosen = [by_name[name] for name in dict.fromkeys(request.GET.getlist("p")) if name in by_name]
    tallies = weightings.current_tallies(scope)
    shown: dict[str, Any] = {
        "section": "priorities",
        "why_no_theme": state.why_no_theme(),
        "scope": scope,
        "scopes": _scopes(),
        "choices": choices,
        "chosen": chosen,
        "is_counting": tallies is None,
    }
    if tallies is not None and len(chosen) > 1:
        tables = [
            rank_tallies(tallies.value, choice.weighting.weights, _settings()) for choice in chosen
        ]
        shown |= {
            "rows": weightings.compare_rankings(tables),
            "labels": state.labels(),
            "common": [
                (choice, *weightings.n_common(tables[0], table))
                for choice, table in zip(chosen[1:], tables[1:], strict=True)
            ],
        }
    return render(request, "review/priorities_compared.html", shown)


@decides(POST)
def save(request: HttpRequest) -> HttpResponse:
    """Save the weights; replace others of the same name on demand."""
    typed = request.POST.get("nom", "").strip()
    if len(typed) > _N_CHARS:
        return too_long(request, len(typed), _N_CHARS, "nom")
    name = typed_without_names(state.study(), typed)  # as it is stored
    shown = _page(request.POST)
    weights = weightings.weights_of(shown["points"])
    saved = next((choice for choice in shown["choices"] if choice.weighting.name == name), None)
    is_taken = bool(name and saved and saved.points != shown["points"])
    taken = saved if is_taken and not request.POST.get("remplacer") else None
    if weights is None or shown["faults"] or not name or taken:
        shown |= {"name": name, "taken": taken}
        return render(request, "review/priorities.html", shown, status=409)
    decision = SaveWeighting.named(name, weights.model_dump())
    record(request, decision)
    messages.success(request, _("La pondération {name} est enregistrée.").format(name=quoted(name)))
    return redirect(_address(shown["scope"], name))


@decides(POST)
def use(request: HttpRequest) -> HttpResponse:
    """Rank by a saved weighting from now on, or by that of etude.toml (blank name)."""
    name = request.POST.get("ponderation", "")
    if name not in {choice.weighting.name for choice in _choices()}:
        raise Http404
    decision = UseWeighting(name or None, why=reason_of(request))
    record(request, decision)
    said = _("L’étude se classe de nouveau par les poids d’etude.toml.")
    if name:
        said = _("L’étude se classe par la pondération {name}.").format(name=quoted(name))
    messages.success(request, said + " " + _("Le rapport suivra au prochain calcul."))
    return redirect(_address(_scope(request.POST), name))


def _page(sent: QueryDict) -> dict[str, Any]:
    scope, choices = _scope(sent), _choices()
    in_use = next(choice for choice in choices if choice.is_in_use)
    asked = [choice for choice in choices if choice.weighting.name == sent.get("ponderation")]
    chosen = asked[0] if asked else in_use
    points, faults = weightings.read_points(sent, chosen.points)
    shown = {
        "section": "priorities",
        "why_no_theme": state.why_no_theme(),
        "scope": scope,
        "scopes": _scopes(),
        "choices": choices,
        "chosen": chosen,
        "in_use": in_use,
        "points": points,
        "faults": faults,
        "sliders": _sliders(points, faults),
        "is_changed": points != chosen.points,
        "why_blank": unread_criteria(state.study().grid),
    }
    return shown | _ranking(scope, points, chosen, in_use)


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


def _ranking(
    scope: str, points: Points, chosen: WeightingChoice, in_use: WeightingChoice
) -> dict[str, Any]:
    weights = chosen.weighting.weights if points == chosen.points else weightings.weights_of(points)
    if weights is None:
        return {"rows": [], "has_no_weight": True}
    tallies = weightings.current_tallies(scope)
    if tallies is None:
        return {"rows": [], "is_counting": True}
    snapshot = state.snapshot()
    last, notes, checks, late = (
        snapshot.tables[name].loc[lambda rows: rows["scope"] == scope]
        for name in ("priorities", "priority_notes", "rank_checks", "late_effects")
    )
    now, usual = (
        rank_tallies(tallies.value, each, _settings())
        for each in (weights, in_use.weighting.weights)
    )
    ranked = weightings.rank_themes(now, usual, last, notes, _changed(snapshot, state.themes()))
    labels, themes = state.labels(), snapshot.tables["themes"]
    last_labels = dict(zip(themes["theme_id"], themes["label"], strict=True))
    late_sentences = dict(zip(late["theme_id"], late["sentence"], strict=True))
    rows = [
        _row(theme, len(ranked), labels, last_labels)
        | {"late": late_sentences.get(theme["theme_id"])}
        for theme in ranked
    ]
    return {
        "is_stale": not tallies.is_current,
        "weights_summary": _summary(weights.model_dump()),
        "rows": rows,
        "first_themes": joined([row["label"] for row in rows[:3]]),
        "checks": list(checks["sentence"]),
    }


@lru_cache(maxsize=1)
def _changed(snapshot: Snapshot, now: Themes) -> frozenset[str]:
    """Return the themes that gained or lost passages since the run."""
    return weightings.changed_themes(snapshot.tables["theme_members"], now.members)


def _row(
    theme: dict[Any, Any], n_themes: int, labels: dict[str, str], last_labels: dict[str, str]
) -> dict[str, Any]:
    label = labels.get(theme["theme_id"], theme["theme_id"])
    last_label = last_labels.get(theme["theme_id"], label)
    low, high, at = (
        _percent_along(theme[name], n_themes) for name in ("rank_low", "rank_high", "rank")
    )
    return {
        "ranked": theme,
        "label": label,
        "former_label": last_label if last_label != label else None,
        "to_usual": weightings.rank_change(theme["usual_rank"], theme["rank"]),
        "to_last": weightings.rank_change(theme["last_rank"], theme["usual_rank"]),
        "bar": {"x": low, "width": max(high - low, 1), "at": at},
    }


def _percent_along(rank: int, n_themes: int) -> int:
    """The first rank is at 3 % of the line, the last at 97 %."""
    return 3 + round(94 * (rank - 1) / max(n_themes - 1, 1))


def _summary(weights: dict[str, float]) -> str:
    """« Tables 25 %, Rapporteurs 20 % »: the largest first, without zeros."""
    total = sum(weights.values())
    ordered = sorted(weights.items(), key=lambda entry: -entry[1])
    return ", ".join(
        f"{CRITERIA[f'c_{name}'].label} {percent(value / total)}"
        for name, value in ordered
        if value
    )


def _choices() -> list[WeightingChoice]:
    return weightings.weighting_choices(state.journal().active(Decision), _settings())


def _settings() -> RankSettings:
    return state.study().settings.rank


def _scopes() -> list[tuple[str, str]]:
    snapshot = state.snapshot()
    ranked = set(snapshot.tables["priorities"]["scope"])
    workshops = [
        (name, ", ".join(filter(None, (str(row["territory"]), french_date(row["date"])))))
        for name, row in snapshot.workshops.items()
        if name in ranked
    ]
    return [(_STUDY, _("Toute l’étude")), *workshops]


def _scope(sent: QueryDict) -> str:
    asked = sent.get("atelier", _STUDY)
    return asked if asked in dict(_scopes()) else _STUDY


def _address(scope: str, name: str) -> str:
    return f"{reverse('priorities')}?{urlencode({'atelier': scope, 'ponderation': name})}"
