"""Read and save weights set by hand, and compare their rankings."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from django.utils.translation import gettext as _

from pipeline.decisions import Decision
from pipeline.decisions.kinds import (
    Weighting,
    saved_weightings,
    weights_in_use,
)
from pipeline.decisions.replay import review_tags
from pipeline.decisions.tags import TagDecision, judged_units
from pipeline.grid.codes import Axis
from pipeline.publish.text import number, ordinal, quoted
from pipeline.rank.criteria import CRITERIA
from pipeline.rank.order import Tallies, placed_behind, tally_themes
from pipeline.review import state
from pipeline.review.desks import desk
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Counted
from pipeline.settings.sections import RankSettings, RankWeights

MAX_POINTS = 100.0
N_FIRST = 5
_DECIMALS = 1
Points = dict[str, float]  # by criterion, without its `c_`


@dataclass(frozen=True)
class WeightingChoice:
    """A weighting to choose; blank is etude.toml's."""

    weighting: Weighting
    points: Points
    is_in_use: bool

    @property
    def summary(self) -> str:
        """« Tables 25, Rapporteurs 20 »: criteria with a weight, in the settings' order."""
        return ", ".join(
            f"{CRITERIA[f'c_{name}'].label} {number(value)}"
            for name, value in self.points.items()
            if value
        )


def points_of(weights: RankWeights) -> Points:
    """Return `weights` as points of 0..100; those up to 1 are shares."""
    values = weights.model_dump()
    most = max(values.values())
    unit = MAX_POINTS if 1 < most <= MAX_POINTS else most
    if 1 / MAX_POINTS <= most <= 1:
        unit = 1.0
    return {name: round(MAX_POINTS * value / unit, _DECIMALS) for name, value in values.items()}


def read_points(sent: Mapping[str, str], base: Points) -> tuple[Points, dict[str, str]]:
    """Return a form's points and their faults, by criterion; `base` where invalid."""
    points, faults = dict(base), {}
    for name in base:
        if name not in sent:
            continue
        value = _number(sent[name])
        if value is None:
            expected = _("un nombre de 0 à 100, par exemple 25")
            faults[name] = _("Trouvé : {found}. Attendu : {expected}.").format(
                found=quoted(sent[name][:20]), expected=expected
            )
        else:
            points[name] = round(value, _DECIMALS)
    return points, faults


def _number(text: str) -> float | None:
    """Return a number of 0..100, with a French comma or a point."""
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return value if 0 <= value <= MAX_POINTS else None


def weights_of(points: Points) -> RankWeights | None:
    """Return the weights; None if all points are 0."""
    if not any(points.values()):
        return None
    return RankWeights(**{name: value / MAX_POINTS for name, value in points.items()})


def weighting_choices(
    decisions: Sequence[Decision], settings: RankSettings
) -> list[WeightingChoice]:
    """Return etude.toml's weighting, then those saved, by name."""
    used = weights_in_use(decisions, settings)
    saved = sorted(saved_weightings(decisions).values(), key=lambda entry: entry.name.casefold())
    return [
        WeightingChoice(entry, points_of(entry.weights), entry.name == used.name)
        for entry in (Weighting("", settings.weights), *saved)
    ]


def rank_themes(
    now: pd.DataFrame,
    usual: pd.DataFrame,
    last: pd.DataFrame,
    notes: pd.DataFrame,
    changed: Collection[str],
) -> list[dict[Any, Any]]:
    """Return the rows `now` of the themes of one scope, best first, with what is shown beside.

    `now` and `usual` are rows by the weights shown and in use, `last` and `notes` of the last run.
    Each criterion, 0..1, has the last run's sentence if its value is the same and the theme not
    `changed`, else the value before. A theme `is_behind` if it comes after one of lower score.
    """
    usual_ranks, last_ranks = _ranks(usual), _ranks(last)
    cells = notes[["theme_id", "subject", "value", "sentence"]].itertuples(index=False, name=None)
    note_of = {(theme_id, subject): note for theme_id, subject, *note in cells}
    ranked = []
    behind = placed_behind(now["score"].astype(float))
    for row, is_behind in zip(now.to_dict("records"), behind, strict=True):
        theme_id = str(row["theme_id"])
        criteria = [
            _criterion(
                name,
                float(row[name]),
                *note_of.get((theme_id, name), (None, None)),
                is_changed=theme_id in changed,
            )
            for name in CRITERIA
        ]
        beside: dict[Any, Any] = {
            "usual_rank": usual_ranks[theme_id],
            "last_rank": last_ranks.get(theme_id),
            "criteria": criteria,
            "is_behind": is_behind,
        }
        ranked.append(row | beside)
    return ranked


def _ranks(priorities: pd.DataFrame) -> dict[str, int]:
    theme_ids, ranks = priorities["theme_id"].astype(str), priorities["rank"].astype(int)
    return dict(zip(theme_ids, ranks, strict=True))


def _criterion(
    name: str, value: float, before: float | None, sentence: str | None, *, is_changed: bool
) -> dict[str, Any]:
    is_same = before is not None and math.isclose(before, value, abs_tol=1e-6)
    return {
        "label": CRITERIA[name].label,
        "value": value,
        "sentence": sentence if is_same and not is_changed else None,
        "before": None if is_same else before,
    }


def changed_themes(before: pd.DataFrame, after: pd.DataFrame) -> frozenset[str]:
    """Return the themes whose passages differ in two tables of theme_members."""
    old, new = (
        dict(zip(table["unit_id"], table["theme_id"], strict=True)) for table in (before, after)
    )
    moved_units = [name for name in old.keys() | new.keys() if old.get(name) != new.get(name)]
    theme_ids = {themes.get(name) for name in moved_units for themes in (old, new)}
    return frozenset(theme_id for theme_id in theme_ids if theme_id)


def compare_rankings(tables: Sequence[pd.DataFrame]) -> dict[str, list[dict[str, Any]]]:
    """Return each theme's rows of `tables`, one per weighting, in the order of the first.

    `change` says in French how its rank differs from the first's.
    """
    by_theme = [
        {str(row.theme_id): row for row in table.itertuples(index=False)} for table in tables
    ]
    return {
        theme_id: [_compared(rows[theme_id], first) for rows in by_theme]
        for theme_id, first in by_theme[0].items()
    }


def _compared(row: Any, first: Any) -> dict[str, Any]:
    change = "" if row is first else rank_change(int(first.rank), int(row.rank))
    if row.rank_low > first.rank_high or row.rank_high < first.rank_low:
        change = _("{told}, intervalles disjoints").format(told=change)
    return {**row._asdict(), "change": change}


def rank_change(before: int | None, after: int) -> str:
    """Say in French how a rank changed."""
    if before is None:
        return _("nouveau")
    if before == after:
        return _("même rang")
    told = _("descend de {n} (du {before} au {after})")
    if after < before:
        told = _("monte de {n} (du {before} au {after})")
    return told.format(n=abs(after - before), before=ordinal(before), after=ordinal(after))


def n_common(first: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int]:
    """Return how many of one ranking's first five are in the other's, and of how many."""
    n_first = min(N_FIRST, len(first))
    return len(set(first["theme_id"].head(n_first)) & set(other["theme_id"].head(n_first))), n_first


def current_tallies(scope: str) -> Counted[Tallies] | None:
    """Return the tallies of `scope`, maybe moments old; None during the first count."""
    snapshot, journal = state.snapshot(), state.journal()
    last_id = max(journal.last_on_tags_id, journal.last_on_themes_id)
    return desk().tallies.get(
        (snapshot.run_id, scope), last_id, lambda: _count(snapshot, journal, scope)
    )


def _count(snapshot: Snapshot, journal: Journal, scope: str) -> Tallies:
    now, tables = state.themes(), snapshot.tables
    return tally_themes(
        tables["units"],
        reviewed_tags(snapshot, journal.active(TagDecision), state.study().grid.axes),
        now.themes,
        now.members,
        tables["workshops"],
        tables["attendance"],
        settings=state.study().settings.rank,
        scopes=(scope,),
    )


def reviewed_tags(
    snapshot: Snapshot, decisions: Sequence[Decision], axes: Sequence[Axis]
) -> pd.DataFrame:
    """Return the machine's codes with `decisions` applied."""
    tags, units = snapshot.machine["tags"], snapshot.units.keys()
    is_judged = tags["unit_id"].isin(list(judged_units(decisions)))
    exclusive = {axis.axis: axis.is_exclusive for axis in axes}
    reviewed = review_tags(tags[is_judged], units, decisions, exclusive)
    return pd.concat([tags[~is_judged], reviewed], ignore_index=True)
