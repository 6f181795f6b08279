"""How present each theme and each code is in a territory against the others, and whether the material allows to say so.

Presence is a share of tables; specificity is Lafon's and log-odds are Monroe's, both on passages. Passages of one table are no
independent witnesses, so the verdict tests the specificity shrunk by the subject's design effect, and once more without any one table;
a table that says a subject out of all proportion is not heard on it. What that costs and spares is measured by
tests/benchmarks/contrasts.py (docs/decisions/0020).

In:   units, tags, theme_members, workshops; a passage without theme, rubrique, pilier or the like says nothing and is left out
Out:  contrasts   one row a theme or assigned code and territory, zeros included

Which themes territories share and which are one territory's own, and what changed where a territory met twice.
"""

import json
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from pipeline.compare.counts import Counts, count_subjects, log_odds, specificity
from pipeline.compare.verdict import judge, share_intervals
from pipeline.counting import Circles, circles_of
from pipeline.grid.codes import POSTURE
from pipeline.settings.sections import CompareSettings
from pipeline.store import Store, by_text
from pipeline.tables.results import CONTRASTS, EVOLUTIONS, THEME_REACH
from pipeline.tables.schema import REACHES, TRENDS, VERDICTS


def compare_territories(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: CompareSettings,
    exclusive: Collection[str] = (POSTURE,),
) -> pd.DataFrame:
    """Return the contrasts, sorted by subject, subject_id and territory; one territory alone gets no verdict.

    A code of an `exclusive` axis, which every passage bears, is compared too, but does not make a passage say something.
    """
    circles = circles_of(units, workshops)
    places = _places(circles, tags[~tags["axis"].isin(exclusive)], theme_members, workshops)
    subjects = subjects_of(tags, theme_members).merge(places, on="unit_id", validate="many_to_one")
    territories = sorted(set(workshops["territory"]))
    rng = np.random.default_rng(settings.seed)
    compared = []
    for kind, rows in subjects.groupby("subject"):
        counts = count_subjects(rows, places, sorted(set(rows["subject_id"])), territories)
        shares = share_intervals(
            rows, circles.n_tables, _territory_of(workshops), rng, settings.n_draws
        )
        compared.append(
            _cells(counts, shares, _tables_held(circles, workshops), settings).assign(subject=kind)
        )
    columns = [column.name for column in CONTRASTS.columns]
    return CONTRASTS.check(pd.concat(compared)[columns]) if compared else CONTRASTS.empty()


def _cells(
    counts: Counts, shares: pd.DataFrame, held: pd.Series, settings: CompareSettings
) -> pd.DataFrame:
    """One row a subject and territory, from arrays of (n_subjects, n_territories)."""
    every = pd.MultiIndex.from_product(
        [counts.subject_ids, counts.territories], names=["subject_id", "territory"]
    )
    shares = shares.reindex(every)
    n_tables = shares["n_tables"].to_numpy(dtype=np.float64).reshape(len(counts.subject_ids), -1)
    judged = judge(
        counts,
        n_tables,
        held.reindex(counts.territories).to_numpy(dtype=np.float64)[None, :],
        settings,
    )
    odds, z_score = log_odds(counts, settings.prior_units)
    exact = specificity(counts.n_units, counts.n_subject, counts.n_here, counts.n_all)
    columns = {
        "n_units": counts.n_units.astype(int),
        "specificity": exact.round(8),
        "log_odds": odds.round(8) + 0.0,
        "log_odds_z": z_score.round(8) + 0.0,
        "q_value": judged.q_value.round(6),
        "verdict": judged.verdict,
        "is_lead": judged.is_lead,
    }
    return shares.assign(**{name: values.ravel() for name, values in columns.items()}).reset_index()


def _territory_of(workshops: pd.DataFrame) -> pd.Series:
    return workshops.set_index("workshop_id")["territory"]


def _tables_held(circles: Circles, workshops: pd.DataFrame) -> pd.Series:
    return circles.n_tables.groupby(_territory_of(workshops)).sum()


def _places(
    circles: Circles, tags: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame
) -> pd.DataFrame:
    """Circle and territory of each unit that says something."""
    says = set(theme_members["unit_id"]) | set(tags.loc[tags["is_assigned"], "unit_id"])
    return circles.of_unit[circles.of_unit["unit_id"].isin(says)].merge(
        workshops[["workshop_id", "territory"]], on="workshop_id", validate="many_to_one"
    )


def subjects_of(tags: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """Each unit once for its theme and once for each assigned code, whoever assigned it: subject, subject_id, unit_id."""
    assigned = tags[tags["is_assigned"]].drop_duplicates(["unit_id", "axis", "code"])
    codes = pd.DataFrame(
        {
            "subject": "code",
            "subject_id": assigned["axis"] + ":" + assigned["code"],
            "unit_id": assigned["unit_id"],
        }
    )
    themes = pd.DataFrame(
        {
            "subject": "theme",
            "subject_id": theme_members["theme_id"],
            "unit_id": theme_members["unit_id"],
        }
    )
    return pd.concat([codes, themes], ignore_index=True)


_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS
SHARED, OWN, CONTRASTED, NOT_SHOWN, UNKNOWN = REACHES
_N_FIRST = 5
_SHARED_BY = (
    0.8  # share of territories with material where a shared theme is said at several tables
)
_ELSEWHERE = (
    0.5  # share of another territory's tables from which a theme is no longer one territory's own
)
_SEVERAL = 2


def reach_themes(
    contrasts: pd.DataFrame,
    priorities: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    min_tables: int = CompareSettings().min_tables,
) -> pd.DataFrame:
    """Return how far each theme reaches over the territories, and in which it is among the first five priorities.

    Its own: more present in one territory, and said at fewer than half the tables of each other. Shared: different nowhere, and said at
    several tables in four territories of five. Contrasted: it differs otherwise. A territory with fewer than `min_tables` is left out.
    """
    held = _reach_tables_held(contrasts)
    themes = contrasts[
        (contrasts["subject"] == "theme") & (contrasts["territory"].map(held) >= min_tables)
    ]
    first = _first_in(priorities, workshops)
    rows = []
    for theme_id in sorted(set(contrasts.loc[contrasts["subject"] == "theme", "subject_id"])):
        known = themes[themes["subject_id"] == theme_id]
        more = sorted(known.loc[known["verdict"] == _MORE, "territory"])
        ranked = [
            territory
            for territory in first.get(str(theme_id), [])
            if territory in set(known["territory"])
        ]
        rows.append(
            {
                "theme_id": theme_id,
                "reach": _reach(known, more),
                "more_in": json.dumps(more, ensure_ascii=False),
                "less_in": json.dumps(
                    sorted(known.loc[known["verdict"] == _LESS, "territory"]), ensure_ascii=False
                ),
                "said_in": json.dumps(
                    sorted(known.loc[known["n_tables"] > 0, "territory"]), ensure_ascii=False
                ),
                "first_in": json.dumps(ranked, ensure_ascii=False),
                "n_territories": len(known),
            }
        )
    return THEME_REACH.build(rows)


def _reach_tables_held(contrasts: pd.DataFrame) -> pd.Series:
    """Tables of each territory, as its shares tell them; 0 where none says any theme or code."""
    said = contrasts[contrasts["n_tables"] > 0]
    held = (said["n_tables"] / said["share"]).groupby(said["territory"]).max()
    return held.round().reindex(sorted(set(contrasts["territory"])), fill_value=0)


def _reach(known: pd.DataFrame, more: Sequence[str]) -> str:
    """Shared is told from where a theme was said, own and contrasted from verdicts, and neither only where likeness is shown."""
    if len(known) < 2:
        return UNKNOWN
    others = known[~known["territory"].isin(more)]
    if len(more) == 1 and (others["share"] < _ELSEWHERE).all():
        return OWN
    if known["verdict"].isin([_MORE, _LESS]).any():
        return CONTRASTED
    if (known["n_tables"] >= _SEVERAL).mean() >= _SHARED_BY:
        return SHARED
    return NOT_SHOWN if (known["verdict"] == _ALIKE).sum() >= _SEVERAL else UNKNOWN


def _first_in(priorities: pd.DataFrame, workshops: pd.DataFrame) -> dict[str, list[str]]:
    """Territories with a workshop where each theme is among the first five."""
    territory_of = workshops.set_index("workshop_id")["territory"]
    first = priorities[
        priorities["scope"].isin(territory_of.index) & (priorities["rank"] <= _N_FIRST)
    ]
    named = first.assign(territory=first["scope"].map(territory_of))
    return {
        str(theme_id): sorted(set(rows["territory"]))
        for theme_id, rows in named.groupby("theme_id")
    }


def follow_territories(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: CompareSettings,
    exclusive: Collection[str] = (POSTURE,),
    cache: Store | None = None,
) -> pd.DataFrame:
    """Return what changed between workshops of one territory that follow each other by date; none where every territory met once.

    The two workshops are set against each other as territories are, with the same test and the same guard.
    """
    dated = workshops.dropna(subset=["date"]).sort_values(["territory", "date", "workshop_id"])
    pairs = [
        _Pair(str(territory), str(earlier), str(later))
        for territory, held in dated.groupby("territory")
        for earlier, later in pairwise(held["workshop_id"])
    ]
    here = dict(iter(units.groupby("workshop_id")))
    workshop_of = units.set_index("unit_id")["workshop_id"]
    themed, tagged = (
        dict(iter(rows.groupby(rows["unit_id"].map(workshop_of)))) for rows in (theme_members, tags)
    )
    parts = {
        pair.later: [
            pd.concat(
                [held[name] for name in (pair.earlier, pair.later) if name in held]
                or [rows.head(0)]
            )
            for held, rows in ((here, units), (tagged, tags), (themed, theme_members))
        ]
        for pair in pairs
    }

    def compute(marks: list[str]) -> list[list[dict[str, object]]]:
        return [
            _follow(pair_of[mark], parts[pair_of[mark].later], workshops, settings, exclusive)
            for mark in marks
        ]

    pair_of = {_mark(pair, parts[pair.later], workshops): pair for pair in pairs}
    depends_on = f"{settings.model_dump_json()} {sorted(exclusive)}"
    evolutions: list[list[dict[str, object]]] = by_text(
        list(pair_of), compute, kind="evolutions", cache=cache, depends_on=depends_on
    )
    return EVOLUTIONS.build(row for rows in evolutions for row in rows)


class _Pair(NamedTuple):
    """Two workshops of a territory that follow each other."""

    territory: str
    earlier: str
    later: str


def _mark(pair: _Pair, parts: Sequence[pd.DataFrame], workshops: pd.DataFrame) -> str:
    """What tells a pair with all that was said there: the same mark, the same evolution."""
    held = workshops[workshops["workshop_id"].isin(pair)]
    return " ".join(
        [
            *pair,
            *(
                hash_pandas_object(rows, index=False).to_numpy().tobytes().hex()
                for rows in (*parts, held)
            ),
        ]
    )


def _follow(
    pair: _Pair,
    parts: Sequence[pd.DataFrame],
    workshops: pd.DataFrame,
    settings: CompareSettings,
    exclusive: Collection[str],
) -> list[dict[str, object]]:
    units, tags, theme_members = parts
    both = workshops[workshops["workshop_id"].isin(pair)].assign(
        territory=lambda rows: rows["workshop_id"]
    )
    compared = compare_territories(
        units, tags, theme_members, both, settings=settings, exclusive=exclusive
    )
    return _changes(
        pair.territory, pair.earlier, pair.later, compared[compared["subject"] == "theme"]
    )


def _changes(
    territory: str, earlier: str, later: str, compared: pd.DataFrame
) -> list[dict[str, object]]:
    before, after = (
        compared[compared["territory"] == workshop_id].set_index("subject_id").sort_index()
        for workshop_id in (earlier, later)
    )
    words = dict(zip((_MORE, _LESS, _ALIKE, _TOO_LITTLE), TRENDS, strict=True))
    return [
        {
            "territory": territory,
            "theme_id": theme_id,
            "earlier_id": earlier,
            "later_id": later,
            "share_before": _number(before.loc[theme_id, "share"]),
            "share_after": _number(after.loc[theme_id, "share"]),
            "q_value": _number(after.loc[theme_id, "q_value"]),
            "verdict": words[after.loc[theme_id, "verdict"]],
        }
        for theme_id in after.index
    ]


def _number(value: Any) -> float | None:
    """A cell as JSON knows it."""
    return None if pd.isna(value) else float(value)
