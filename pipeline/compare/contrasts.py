"""How present each theme and each code is in a territory against the others, and whether the material allows to say so.

Presence is a share of tables; specificity is Lafon's, on passages. Passages of one table are no independent witnesses, so the
verdict tests the specificity shrunk by the subject's design effect: on the example study, with tables shuffled between territories,
a theme was found "plus présent ici" or "moins présent" in 4 % of 200 shuffles, against 57 % with the plain specificity (10 % allowed).

In:   units, tags, theme_members, workshops; a passage without theme, rubrique or pilier says nothing and is left out
Out:  contrasts   one row a theme or assigned code and territory, zeros included
"""

import numpy as np
import pandas as pd

from pipeline.compare.presence import share_intervals
from pipeline.compare.specificity import design_effect, specificity
from pipeline.compare.verdict import verdicts
from pipeline.counting import Circles, circles_of
from pipeline.settings import CompareSettings
from pipeline.tables import CONTRASTS


def compare_territories(
    units: pd.DataFrame, tags: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame, *, settings: CompareSettings
) -> pd.DataFrame:
    """Return the contrasts, sorted by subject, subject_id and territory; one territory alone gets no verdict."""
    circles = circles_of(units, workshops)
    places = _places(circles, tags, theme_members, workshops)
    subjects = _subjects(tags, theme_members).merge(places, on="unit_id", validate="many_to_one")
    territories = sorted(set(workshops["territory"]))
    tables_held = circles.n_tables.groupby(_territory_of(workshops)).sum().rename("n_tables_held")
    rng = np.random.default_rng(settings.seed)
    compared = []
    for kind, rows in subjects.groupby("subject"):
        cells = _counted(rows, places, territories)
        cells = cells.join(design_effect(rows, places), on="subject_id").join(tables_held, on="territory")
        cells = cells.join(share_intervals(rows, circles.n_tables, _territory_of(workshops), rng, settings.n_draws))
        cells["specificity"] = specificity(cells["n_units"], cells["n_subject"], cells["n_here"], cells["n_all"])
        cells["verdict"] = verdicts(cells, settings)
        compared.append(cells.reset_index().assign(subject=kind))
    columns = [column.name for column in CONTRASTS.columns]
    return CONTRASTS.check(pd.concat(compared)[columns]) if compared else CONTRASTS.empty()


def _territory_of(workshops: pd.DataFrame) -> pd.Series:
    return workshops.set_index("workshop_id")["territory"]


def _places(circles: Circles, tags: pd.DataFrame, theme_members: pd.DataFrame, workshops: pd.DataFrame) -> pd.DataFrame:
    """Circle and territory of each unit that says something."""
    says = set(theme_members["unit_id"]) | set(tags.loc[tags["is_assigned"] & (tags["axis"] != "posture"), "unit_id"])
    return circles.of_unit[circles.of_unit["unit_id"].isin(says)].merge(
        workshops[["workshop_id", "territory"]], on="workshop_id", validate="many_to_one"
    )


def _subjects(tags: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """Each unit once for its theme and once for each assigned code, whoever assigned it."""
    assigned = tags[tags["is_assigned"]].drop_duplicates(["unit_id", "axis", "code"])
    codes = pd.DataFrame({"subject": "code", "subject_id": assigned["axis"] + ":" + assigned["code"], "unit_id": assigned["unit_id"]})
    themes = pd.DataFrame({"subject": "theme", "subject_id": theme_members["theme_id"], "unit_id": theme_members["unit_id"]})
    return pd.concat([codes, themes], ignore_index=True)


def _counted(rows: pd.DataFrame, places: pd.DataFrame, territories: list[str]) -> pd.DataFrame:
    """Passages of each subject here, everywhere, and of all subjects here and everywhere, by subject_id and territory."""
    every = pd.MultiIndex.from_product([sorted(set(rows["subject_id"])), territories], names=["subject_id", "territory"])
    cells = rows.groupby(["subject_id", "territory"]).size().reindex(every, fill_value=0).to_frame("n_units")
    here = places.groupby("territory").size().reindex(territories, fill_value=0).rename("n_here")
    cells["n_subject"] = cells.groupby("subject_id")["n_units"].transform("sum")
    cells = cells.join(here, on="territory")
    cells["n_all"] = len(places)
    return cells
