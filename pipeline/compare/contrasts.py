"""Compare each theme and code of a territory with the others, and list what changed over time.

In:   units, tags, theme_members, workshops
Out:  contrasts     one row a theme or assigned code and territory, zeros included
      evolutions    what changed where a territory met twice

Presence is a share of tables; specificity (Lafon) and log-odds (Monroe) count passages
(docs/decisions/0020; cost and benefit: tests/benchmarks/contrasts.py).
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.util import hash_pandas_object

from pipeline.compare.counts import Counts, count_subjects, log_odds, specificity
from pipeline.compare.verdict import judge, share_intervals
from pipeline.counting import circles_of, counted_members
from pipeline.grid.codes import POSTURE
from pipeline.settings.sections import CompareSettings
from pipeline.store import Store, by_text
from pipeline.tables.columns import is_among
from pipeline.tables.results import CONTRASTS, EVOLUTIONS
from pipeline.tables.schema import TRENDS, VERDICTS


def compare_territories(
    units: pd.DataFrame,
    tags: pd.DataFrame,
    theme_members: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    settings: CompareSettings,
    exclusive: Collection[str] = (POSTURE,),
    kinds: Collection[str] = ("code", "theme"),
) -> pd.DataFrame:
    """Return the contrasts by subject, subject_id and territory; one territory gets no verdict.

    Subjects are those of `kinds`, each compared with its own alone.

    A theme is said where a counted passage says it; the others only keep from saying "alike".
    Passages without theme or code are left out; codes of an `exclusive` axis do not count, as every
    passage has one, but are compared.
    """
    circles = circles_of(units, workshops)
    coded = tags.loc[tags["is_assigned"] & ~tags["axis"].isin(exclusive), "unit_id"]
    says = {*counted_members(theme_members)["unit_id"].tolist(), *coded.tolist()}
    circle_of_unit = circles.of_unit[is_among(circles.of_unit["unit_id"], says)]
    subjects = subjects_of(tags, theme_members)
    subjects = subjects[subjects["subject"].isin(kinds)]
    subjects = subjects.merge(circles.of_unit, on="unit_id", validate="many_to_one")
    counted = subjects[subjects["is_counted"] & is_among(subjects["unit_id"], says)]
    to_check = subjects[~subjects["is_counted"]]
    territory_of = workshops.set_index("workshop_id")["territory"]
    n_held = circles.n_tables.groupby(territory_of).sum()
    rng = np.random.default_rng(settings.seed)
    compared = []
    for kind, rows in counted.groupby("subject"):
        subject_ids = sorted(set(rows["subject_id"]))
        counts = count_subjects(rows, circle_of_unit, subject_ids, sorted(set(territory_of)))
        shares = share_intervals(rows, circles.n_tables, territory_of, rng, settings.n_draws)
        n_high = _n_tables(pd.concat([rows, to_check[to_check["subject"] == kind]]))
        compared.append(_cells(counts, shares, n_held, n_high, settings).assign(subject=kind))
    columns = [column.name for column in CONTRASTS.columns]
    return CONTRASTS.check(pd.concat(compared)[columns]) if compared else CONTRASTS.empty()


def _n_tables(rows: pd.DataFrame) -> pd.Series:
    tables = rows[rows["is_said"]].drop_duplicates(["subject_id", "circle_id"])
    return tables.groupby(["subject_id", "territory"]).size()


def _cells(
    counts: Counts,
    shares: pd.DataFrame,
    n_held: pd.Series,
    n_high: pd.Series,
    settings: CompareSettings,
) -> pd.DataFrame:
    every = pd.MultiIndex.from_product(
        [counts.subject_ids, counts.territories], names=["subject_id", "territory"]
    )
    shares = shares.reindex(every)
    n_tables, high = (
        numbers.to_numpy(dtype=np.float64).reshape(len(counts.subject_ids), -1)
        for numbers in (shares["n_tables"], n_high.reindex(every, fill_value=0))
    )
    held = n_held.reindex(counts.territories).to_numpy(dtype=np.float64)[None, :]
    judged = judge(counts, n_tables, held, settings, n_high=high)
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


def subjects_of(tags: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """Return subject, subject_id, unit_id and is_counted of each unit's theme and codes."""
    assigned = tags[tags["is_assigned"]].drop_duplicates(["unit_id", "axis", "code"])
    codes = pd.DataFrame(
        {
            "subject": "code",
            "subject_id": assigned["axis"] + ":" + assigned["code"],
            "unit_id": assigned["unit_id"],
            "is_counted": True,
        }
    )
    themes = pd.DataFrame(
        {
            "subject": "theme",
            "subject_id": theme_members["theme_id"],
            "unit_id": theme_members["unit_id"],
            "is_counted": theme_members["is_counted"].astype(bool),
        }
    )
    return pd.concat([codes, themes], ignore_index=True)


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
    """Return what changed between successive workshops of one territory, by the same test."""
    dated = workshops.dropna(subset=["date"]).sort_values(["territory", "date", "workshop_id"])
    pairs = [
        _Pair(str(territory), str(earlier), str(later))
        for territory, rows in dated.groupby("territory")
        for earlier, later in pairwise(rows["workshop_id"])
    ]
    workshop_of = units.set_index("unit_id")["workshop_id"]
    # what does not count here must not make a known pair another one
    assigned = tags.loc[tags["is_assigned"], ["unit_id", "axis", "code", "is_assigned"]]
    members = theme_members[["unit_id", "theme_id", "is_counted"]].sort_values("unit_id")
    by_workshop = [
        (rows, dict(iter(rows.groupby(rows["unit_id"].map(workshop_of)))))
        for rows in (units, assigned, members)
    ]
    tables_of: dict[str, list[pd.DataFrame]] = {}
    pair_of: dict[str, _Pair] = {}
    for pair in pairs:
        tables = [_rows_of_pair(pair, rows, parts) for rows, parts in by_workshop]
        fingerprint = _fingerprint(pair, tables, workshops)
        pair_of[fingerprint], tables_of[fingerprint] = pair, tables

    def compute(fingerprints: list[str]) -> list[list[dict[str, object]]]:
        return [
            _changes(pair_of[one], tables_of[one], workshops, settings, exclusive)
            for one in fingerprints
        ]

    depends_on = f"{settings.model_dump_json()} {sorted(exclusive)}"
    changes: list[list[dict[str, object]]] = by_text(
        list(pair_of), compute, kind="evolutions", cache=cache, depends_on=depends_on
    )
    return EVOLUTIONS.build(row for rows in changes for row in rows)


class _Pair(NamedTuple):
    territory: str
    earlier: str
    later: str


def _rows_of_pair(
    pair: _Pair, rows: pd.DataFrame, by_workshop: Mapping[str, pd.DataFrame]
) -> pd.DataFrame:
    parts = [by_workshop[name] for name in (pair.earlier, pair.later) if name in by_workshop]
    return pd.concat(parts or [rows.head(0)])


def _fingerprint(pair: _Pair, tables: Sequence[pd.DataFrame], workshops: pd.DataFrame) -> str:
    both = workshops[workshops["workshop_id"].isin(pair)]
    hashes = (
        hash_pandas_object(rows, index=False).to_numpy().tobytes().hex() for rows in (*tables, both)
    )
    return " ".join([*pair, *hashes])


def _changes(
    pair: _Pair,
    tables: Sequence[pd.DataFrame],
    workshops: pd.DataFrame,
    settings: CompareSettings,
    exclusive: Collection[str],
) -> list[dict[str, object]]:
    units, tags, theme_members = tables
    both = workshops[workshops["workshop_id"].isin(pair)].assign(
        territory=lambda rows: rows["workshop_id"]
    )
    themes = compare_territories(
        units,
        tags,
        theme_members,
        both,
        settings=settings.model_copy(update={"n_draws": 1}),  # no interval is told
        exclusive=exclusive,
        kinds=("theme",),
    )
    before, after = (
        themes[themes["territory"] == workshop_id].set_index("subject_id").sort_index()
        for workshop_id in (pair.earlier, pair.later)
    )
    trends = dict(zip(VERDICTS, TRENDS, strict=True))
    return [
        {
            "territory": pair.territory,
            "theme_id": theme_id,
            "earlier_id": pair.earlier,
            "later_id": pair.later,
            "share_before": _number(before.loc[theme_id, "share"]),
            "share_after": _number(after.loc[theme_id, "share"]),
            "q_value": _number(after.loc[theme_id, "q_value"]),
            "verdict": trends[after.loc[theme_id, "verdict"]],
        }
        for theme_id in after.index
    ]


def _number(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
