"""How present each theme and each code is in a territory against the others, and whether the material allows to say so.

Presence is a share of tables; specificity is Lafon's and log-odds are Monroe's, both on passages. Passages of one table are no
independent witnesses, so the verdict tests the specificity shrunk by the subject's design effect, and once more without any one table;
a table that says a subject out of all proportion is not heard on it. What that costs and spares is measured by
tests/benchmarks/contrasts.py (docs/decisions/0020).

In:   units, tags, theme_members, workshops; a passage without theme, rubrique, pilier or the like says nothing and is left out
Out:  contrasts   one row a theme or assigned code and territory, zeros included
"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from pipeline.compare.counts import Counts, count_subjects
from pipeline.compare.presence import share_intervals
from pipeline.compare.specificity import log_odds, specificity
from pipeline.compare.verdict import judge
from pipeline.counting import Circles, circles_of
from pipeline.grid import POSTURE
from pipeline.settings import CompareSettings
from pipeline.tables import CONTRASTS


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
        shares = share_intervals(rows, circles.n_tables, _territory_of(workshops), rng, settings.n_draws)
        compared.append(_cells(counts, shares, _tables_held(circles, workshops), settings).assign(subject=kind))
    columns = [column.name for column in CONTRASTS.columns]
    return CONTRASTS.check(pd.concat(compared)[columns]) if compared else CONTRASTS.empty()


def _cells(counts: Counts, shares: pd.DataFrame, held: pd.Series, settings: CompareSettings) -> pd.DataFrame:
    """One row a subject and territory, from arrays of (n_subjects, n_territories)."""
    every = pd.MultiIndex.from_product([counts.subject_ids, counts.territories], names=["subject_id", "territory"])
    shares = shares.reindex(every)
    n_tables = shares["n_tables"].to_numpy(dtype=np.float64).reshape(len(counts.subject_ids), -1)
    judged = judge(counts, n_tables, held.reindex(counts.territories).to_numpy(dtype=np.float64)[None, :], settings)
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


def _places(circles: Circles, tags: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame) -> pd.DataFrame:
    """Circle and territory of each unit that says something."""
    says = set(theme_members["unit_id"]) | set(tags.loc[tags["is_assigned"], "unit_id"])
    return circles.of_unit[circles.of_unit["unit_id"].isin(says)].merge(
        workshops[["workshop_id", "territory"]], on="workshop_id", validate="many_to_one"
    )


def subjects_of(tags: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """Each unit once for its theme and once for each assigned code, whoever assigned it: subject, subject_id, unit_id."""
    assigned = tags[tags["is_assigned"]].drop_duplicates(["unit_id", "axis", "code"])
    codes = pd.DataFrame({"subject": "code", "subject_id": assigned["axis"] + ":" + assigned["code"], "unit_id": assigned["unit_id"]})
    themes = pd.DataFrame({"subject": "theme", "subject_id": theme_members["theme_id"], "unit_id": theme_members["unit_id"]})
    return pd.concat([codes, themes], ignore_index=True)
