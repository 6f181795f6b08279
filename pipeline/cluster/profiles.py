"""What a theme is made of, once reviewed: its postures and rubriques, three central passages and one that says the opposite.

In:   units, tags, themes, theme_members, as reviewed
Out:  theme_profiles   one row a theme and code
      theme_quotes     at most four rows a theme
"""

import json
from typing import Any

import pandas as pd

from pipeline.cluster.quotes import choose_quotes
from pipeline.tables import THEME_PROFILES, THEME_QUOTES

N_CENTRAL = 3
_OPPOSED = {
    "difficulte": ("force",),
    "demande": ("force",),
    "force": ("difficulte", "demande"),
    "proposition": ("difficulte",),
}


def profile_themes(units: pd.DataFrame, tags: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """Return how many units and tables of each theme carry each code that occurs there, most frequent first on each axis."""
    assigned = tags[tags["is_assigned"].astype(bool)].drop_duplicates(["unit_id", "axis", "code"])
    said = (
        assigned[["unit_id", "axis", "code"]]
        .merge(theme_members[["unit_id", "theme_id"]], on="unit_id", validate="many_to_one")
        .merge(units[["unit_id", "workshop_id", "table_number"]], on="unit_id", validate="many_to_one")
    )
    key = ["theme_id", "axis", "code"]
    tables = said[said["table_number"].notna()].drop_duplicates([*key, "workshop_id", "table_number"]).groupby(key).size()
    counts = said.groupby(key).size().rename("n_units").to_frame()
    counts["n_tables"] = tables.reindex(counts.index, fill_value=0)
    rows = counts.reset_index()
    held = rows["theme_id"].map(theme_members["theme_id"].value_counts()).astype("float64")  # of a study without any theme too
    rows["share"] = (rows["n_units"] / held).round(6)
    return THEME_PROFILES.check(rows.sort_values(["theme_id", "axis", "n_units", "code"], ascending=[True, True, False, True]))


def quote_themes(units: pd.DataFrame, tags: pd.DataFrame, themes: pd.DataFrame, theme_members: pd.DataFrame) -> pd.DataFrame:
    """Return the first quotes of each theme, then its most central passage of a posture opposed to most of the theme's."""
    postures = tags[(tags["axis"] == "posture") & tags["is_assigned"].astype(bool)].sort_values(["unit_id", "source", "code"])
    posture_of = postures.drop_duplicates("unit_id", keep="last").set_index("unit_id")["code"]
    members = theme_members.merge(units, on="unit_id", validate="one_to_one")
    members["posture"] = members["unit_id"].map(posture_of)
    by_theme = {str(name): rows for name, rows in members.groupby("theme_id")}
    rows: list[dict[str, Any]] = []
    for theme in themes.itertuples(index=False):
        central = json.loads(str(theme.quotes))[:N_CENTRAL]
        told = [(unit_id, "centrale") for unit_id in central]
        told += [(unit_id, "contraire") for unit_id in _opposed(by_theme[str(theme.theme_id)], central)]
        for place, (unit_id, role) in enumerate(told, start=1):
            row = {"theme_id": theme.theme_id, "unit_id": unit_id, "quote_order": place, "role": role}
            rows.append(row | {"posture": posture_of.get(unit_id)})
    return THEME_QUOTES.build(rows)


def _opposed(members: pd.DataFrame, central: list[str]) -> list[str]:
    """The most central member whose posture is opposed to the theme's most frequent one, if there is any."""
    counts = members["posture"].value_counts()
    if counts.empty:
        return []
    usual = sorted(counts.index, key=lambda code: (-int(counts[code]), str(code)))[0]
    opposed = members[members["posture"].isin(_OPPOSED.get(str(usual), ())) & ~members["unit_id"].isin(central)]
    return choose_quotes(opposed, 1)
