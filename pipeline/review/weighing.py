"""Weights as people set them by hand, those they saved, and the rankings that these give, told and set side by side.

In:   what a form sends, decisions on weightings, tallies
Out:  points of 0..100 by criterion; Choice, one a weighting; Ranked and Compared, one a theme

What the priorities are ranked by, counted on the themes and codes as they stand now.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
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
from pipeline.rank.order import Tallies, rank_tallies, tally_themes
from pipeline.review import state
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import BackgroundCounts, Counted
from pipeline.settings.sections import RankSettings, RankWeights

MOST = 100.0
N_FIRST = 5
_DECIMALS = 1
Points = dict[str, float]  # by criterion, without its `c_`


@dataclass(frozen=True)
class Choice:
    """A weighting that can be chosen: blank `name`, those of etude.toml."""

    weighting: Weighting
    points: Points
    is_in_use: bool

    @property
    def told(self) -> str:
        """« Tables 25, Rapporteurs 20 »: criteria that weigh something, in the order of the settings."""
        return ", ".join(
            f"{CRITERIA[f'c_{name}'].label} {number(value)}"
            for name, value in self.points.items()
            if value
        )


@dataclass(frozen=True)
class Criterion:
    """One criterion of a theme: `value` 0..1; `sentence` of the last run, None where it is not true any more, `before` the value then."""

    name: str
    label: str
    value: float
    sentence: str | None
    before: float | None


@dataclass(frozen=True)
class Ranked:
    """A theme's place: by the weights shown, by those in use (`usual_rank`) and at the last run (`last_rank`, None where it had none)."""

    theme_id: str
    rank: int
    rank_low: int
    rank_high: int
    score: float
    p_top5: float
    usual_rank: int
    last_rank: int | None
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Place:
    """A theme's place by one weighting, and in words how it stands to its place by the first."""

    rank: int
    rank_low: int
    rank_high: int
    told: str


@dataclass(frozen=True)
class Compared:
    """A theme and its places, one a weighting."""

    theme_id: str
    places: tuple[Place, ...]


def points_of(weights: RankWeights) -> Points:
    """`weights` as points of 0..100, in proportion; those up to 1 are taken as shares."""
    given = weights.model_dump()
    most = max(given.values())
    unit = 1.0 if 1 / MOST <= most <= 1 else MOST if 1 < most <= MOST else most
    return {name: round(MOST * value / unit, _DECIMALS) for name, value in given.items()}


def read_points(sent: Mapping[str, str], base: Points) -> tuple[Points, dict[str, str]]:
    """Return the points that a form sends, those of `base` where it sends none or nonsense, and what is wrong, by criterion."""
    points, faults = dict(base), {}
    for name in base:
        if name not in sent:
            continue
        found = _number(sent[name])
        if found is None:
            expected = _("un nombre de 0 à 100, par exemple 25")
            faults[name] = _("Trouvé : {found}. Attendu : {expected}.").format(
                found=quoted(sent[name][:20]), expected=expected
            )
        else:
            points[name] = round(found, _DECIMALS)
    return points, faults


def weights_of(points: Points) -> RankWeights | None:
    """The weights of `points`, shares of 100; None where all are 0, which ranks nothing."""
    return (
        RankWeights(**{name: value / MOST for name, value in points.items()})
        if any(points.values())
        else None
    )


def choices(decisions: Sequence[Decision], settings: RankSettings) -> list[Choice]:
    """Return the weightings, that of etude.toml first, then as saved, by name; `decisions` are the active ones."""
    used = weights_in_use(decisions, settings)
    listed = [
        Weighting("", settings.weights),
        *sorted(saved_weightings(decisions).values(), key=lambda entry: entry.name.casefold()),
    ]
    return [Choice(entry, points_of(entry.weights), entry.name == used.name) for entry in listed]


def priorities(
    tallies: Tallies, scope: str, weights: RankWeights, settings: RankSettings
) -> pd.DataFrame:
    """The priorities of `scope` by `weights`; none where no theme was heard there."""
    heard = [name for name in tallies.theme_ids if name == scope]
    own = Tallies(
        {name: tallies.theme_ids[name] for name in heard},
        {name: tallies.shares[name] for name in heard},
    )
    return rank_tallies(own, weights, settings)


def ranked(
    now: pd.DataFrame,
    usual: pd.DataFrame,
    last: pd.DataFrame,
    notes: pd.DataFrame,
    changed: Iterable[str],
) -> list[Ranked]:
    """Return the themes of one scope, best first.

    All are rows of that scope: `now` and `usual` by the weights shown and in use, `last` and `notes` of the last run. A sentence of that
    run is given where its value still holds and the theme is not among `changed`, those that gained or lost passages.
    """
    usual_ranks, last_ranks = ranks(usual), ranks(last)
    pairs = zip(notes["theme_id"], notes["subject"], strict=True)
    told = dict(zip(pairs, zip(notes["value"], notes["sentence"], strict=True), strict=True))
    others = frozenset(changed)
    return [_ranked(row, usual_ranks, last_ranks, told, others) for row in now.to_dict("records")]


def changed_themes(before: pd.DataFrame, after: pd.DataFrame) -> set[str]:
    """The themes whose passages are not the same in both tables of theme_members."""
    old, new = (
        dict(zip(table["unit_id"], table["theme_id"], strict=True)) for table in (before, after)
    )
    moved_units = [
        unit_id for unit_id in old.keys() | new.keys() if old.get(unit_id) != new.get(unit_id)
    ]
    return {
        theme_id
        for unit_id in moved_units
        for theme_id in (old.get(unit_id), new.get(unit_id))
        if theme_id
    }


def compared(tables: Sequence[pd.DataFrame]) -> list[Compared]:
    """Return each theme's places by every weighting, in the order of the first; `tables` are the priorities of one scope."""
    rows = [{str(row.theme_id): row for row in table.itertuples(index=False)} for table in tables]
    return [
        Compared(theme_id, tuple(_place(by[theme_id], first) for by in rows))
        for theme_id, first in rows[0].items()
    ]


def ranks(priorities: pd.DataFrame) -> dict[str, int]:
    """Rank of each theme of one scope."""
    return dict(
        zip(priorities["theme_id"].astype(str), priorities["rank"].astype(int), strict=True)
    )


def moved(before: int | None, after: int) -> str:
    """How a rank changed, in words."""
    if before is None:
        return _("nouveau")
    if before == after:
        return _("même rang")
    said = (
        _("monte de {n} (du {before} au {after})")
        if after < before
        else _("descend de {n} (du {before} au {after})")
    )
    return said.format(n=abs(after - before), before=ordinal(before), after=ordinal(after))


def n_common(first: pd.DataFrame, other: pd.DataFrame) -> tuple[int, int]:
    """How many of the first five of one ranking are among the first five of the other, and of how many."""
    n_first = min(N_FIRST, len(first))
    return len(set(first["theme_id"].head(n_first)) & set(other["theme_id"].head(n_first))), n_first


def _ranked(
    row: dict[Any, Any],
    usual_ranks: Mapping[str, int],
    last_ranks: Mapping[str, int],
    told: Mapping[Any, tuple[float, str]],
    changed: Collection[str],
) -> Ranked:
    theme_id = str(row["theme_id"])
    is_changed = theme_id in changed
    criteria = tuple(
        _criterion(name, float(row[name]), told.get((theme_id, name)), is_changed=is_changed)
        for name in CRITERIA
    )
    rank, low, high = (int(row[name]) for name in ("rank", "rank_low", "rank_high"))
    chances = float(row["score"]), float(row["p_top5"])
    return Ranked(
        theme_id,
        rank,
        low,
        high,
        *chances,
        usual_ranks[theme_id],
        last_ranks.get(theme_id),
        criteria,
    )


def _place(row: Any, first: Any) -> Place:
    told = "" if row is first else moved(int(first.rank), int(row.rank))
    if row.rank_low > first.rank_high or row.rank_high < first.rank_low:
        told = _("{told}, intervalles disjoints").format(told=told)
    return Place(int(row.rank), int(row.rank_low), int(row.rank_high), told)


def _criterion(
    name: str, value: float, told: tuple[float, str] | None, *, is_changed: bool
) -> Criterion:
    before, sentence = told if told is not None else (None, None)
    is_same = before is not None and math.isclose(before, value, abs_tol=1e-6)
    return Criterion(
        name,
        CRITERIA[name].label,
        value,
        sentence if is_same and not is_changed else None,
        None if is_same else before,
    )


def _number(text: str) -> float | None:
    """A number of 0..100, French comma or not; None for any other text."""
    try:
        found = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return found if 0 <= found <= MOST else None


_N_SCOPES = 6

_kept: BackgroundCounts[Tallies] = BackgroundCounts(_N_SCOPES)


def last_counted(journal: Journal) -> int:
    """Number of the last decision that a ranking depends on beside its weights; 0 where there is none."""
    return max(journal.last_on_tags_id, journal.last_on_themes_id)


def tallies(scope: str) -> Counted[Tallies] | None:
    """Return the tallies of `scope`, of now or of moments ago; None while they are first counted."""
    snapshot, journal = state.snapshot(), state.journal()
    key = last_counted(journal)
    return _kept.get((snapshot.run_id, scope), key, lambda: _counted(snapshot, journal, scope))


def reviewed_tags(
    snapshot: Snapshot, decisions: Sequence[Decision], axes: Sequence[Axis]
) -> pd.DataFrame:
    """The machine's codes with active `decisions` on top; only passages that somebody judged are gone through again."""
    tags, units = snapshot.machine["tags"], snapshot.units.keys()
    is_judged = tags["unit_id"].isin(list(judged_units(decisions)))
    exclusive = {axis.axis: axis.is_exclusive for axis in axes}
    reviewed = review_tags(tags[is_judged], units, decisions, exclusive)
    return pd.concat([tags[~is_judged], reviewed], ignore_index=True)


def _counted(snapshot: Snapshot, journal: Journal, scope: str) -> Tallies:
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
