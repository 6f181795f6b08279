"""Say how far each theme reaches: shared by the territories, one territory's own, or neither.

In:   units, theme_members, contrasts, priorities, workshops
Out:  theme_reach   one row a theme

A theme said in one territory alone rests on tables, there and elsewhere (docs/decisions/0020).
"""

import json
from dataclasses import dataclass

import pandas as pd
from scipy.stats import hypergeom

from pipeline.counting import Circles, Noun, circles_of, counted_members, noun_of
from pipeline.settings.sections import CompareSettings
from pipeline.tables.results import THEME_REACH
from pipeline.tables.schema import REACHES, VERDICTS

_MORE, _LESS, _ALIKE, _TOO_LITTLE = VERDICTS
SHARED, OWN, CONTRASTED, NOT_SHOWN, UNKNOWN = REACHES
_N_FIRST = 5
# Share of territories where a shared theme is said at several tables.
_SHARED_BY = 0.8
_SEVERAL = 2
_FEWEST_OWN = 3  # tables that say a theme in the territory whose own it is
_MOST_CHANCE = 0.1  # of as many of its tables in that territory, were they dealt at random


@dataclass(frozen=True)
class SaidAlone:
    """A theme that counted passages say in one territory alone.

    `n_tables` of the `n_here` of that territory say it, none of the `n_elsewhere` that left notes;
    `n_to_check` of the latter have passages left to check.
    """

    territory: str
    n_tables: int
    n_here: int
    n_elsewhere: int
    n_to_check: int

    @property
    def chance(self) -> float:
        """The chance, 0..1, of as many tables here if those that say the theme fell anywhere.

        The tables to check are taken to say it: 3 of 6 and none of 12, 0.02; none of 6, 0.09.

        >>> round(SaidAlone("Roubaix", 3, 6, 12, 0).chance, 4)
        0.0245
        """
        n_said = self.n_tables + self.n_to_check
        n_all = self.n_here + self.n_elsewhere
        return float(hypergeom.sf(self.n_tables - 1, n_all, n_said, self.n_here))

    def rests_on(self, noun: Noun) -> str:
        """Return « dit à 4 tables sur 7, à aucune des 11 tables ailleurs »."""
        said = f"dit {noun.at} {self.n_tables} {noun.several} sur {self.n_here}"
        none = noun.none.split()[0]
        silent = f"{noun.at} {none} des {self.n_elsewhere} {noun.several} ailleurs"
        if not self.n_to_check:
            return f"{said}, {silent}"
        remain = "reste" if self.n_to_check == 1 else "restent"
        return f"{said}, {silent}, dont {self.n_to_check} {remain} à vérifier"


def reach_themes(
    units: pd.DataFrame,
    theme_members: pd.DataFrame,
    contrasts: pd.DataFrame,
    priorities: pd.DataFrame,
    workshops: pd.DataFrame,
    *,
    min_tables: int = CompareSettings().min_tables,
) -> pd.DataFrame:
    """Return how far each theme reaches, and where it is among the first five priorities.

    Own: said in one territory alone, at three tables or more, which chance would seldom do.
    Shared: different nowhere, and at several tables in four territories of five. A territory with
    fewer than `min_tables` tables is left out.
    """
    themes = contrasts[contrasts["subject"] == "theme"]
    has_material = themes["territory"].map(_n_tables_by_territory(contrasts)) >= min_tables
    circles = circles_of(units, workshops)
    alone_of = said_alone(theme_members, circles, workshops, min_tables)
    at_tables = circles.of_unit.loc[circles.of_unit["is_table"], "workshop_id"]
    noun = noun_of(at_tables.map(circles.kinds))
    first_in = _first_in(priorities, workshops)
    rows = []
    for theme_id in sorted(set(themes["subject_id"])):
        cells = themes[has_material & (themes["subject_id"] == theme_id)]
        alone = alone_of.get(str(theme_id))
        territories = {
            "more_in": sorted(cells.loc[cells["verdict"] == _MORE, "territory"]),
            "less_in": sorted(cells.loc[cells["verdict"] == _LESS, "territory"]),
            "said_in": sorted(cells.loc[cells["n_tables"] > 0, "territory"]),
            "first_in": sorted(first_in.get(str(theme_id), set()) & set(cells["territory"])),
        }
        rows.append(
            {
                "theme_id": theme_id,
                "reach": _reach(cells, alone),
                "n_territories": len(cells),
                "only_in": alone.territory if alone else None,
                "chance": round(alone.chance, 6) if alone else None,
                "rests_on": alone.rests_on(noun) if alone else None,
            }
            | {
                column: json.dumps(names, ensure_ascii=False)
                for column, names in territories.items()
            }
        )
    return THEME_REACH.build(rows)


def said_alone(
    theme_members: pd.DataFrame, circles: Circles, workshops: pd.DataFrame, min_tables: int
) -> dict[str, SaidAlone]:
    """Map theme_id to where alone it was said, at three tables or more.

    A counted mail, call or summary elsewhere says it too. Elsewhere has `min_tables` tables or more
    with notes: silence without notes is none.
    """
    territory_of = workshops.set_index("workshop_id")["territory"]
    at_tables = circles.of_unit[circles.of_unit["is_table"]]
    n_noted = at_tables.groupby("territory")["circle_id"].nunique()
    n_held = circles.n_tables.groupby(territory_of).sum()
    said = theme_members.merge(circles.of_unit, on="unit_id", validate="many_to_one")
    counted = counted_members(said)
    n_territories = counted.groupby("theme_id")["territory"].nunique()
    only_in = counted[counted["theme_id"].map(n_territories) == 1].drop_duplicates("theme_id")
    only_in_of = only_in.set_index("theme_id")["territory"]
    n_tables = _n_circles(counted[counted["is_said"]])
    is_elsewhere = said["territory"] != said["theme_id"].map(only_in_of)
    n_to_check = _n_circles(said[said["is_table"] & ~said["is_counted"] & is_elsewhere])
    found = {
        str(theme_id): SaidAlone(
            territory=str(territory),
            n_tables=int(n_tables.get(theme_id, 0)),
            n_here=int(n_held[territory]),
            n_elsewhere=int(n_noted.drop(territory, errors="ignore").sum()),
            n_to_check=int(n_to_check.get(theme_id, 0)),
        )
        for theme_id, territory in only_in_of.items()
    }
    return {
        theme_id: alone
        for theme_id, alone in found.items()
        if alone.n_tables >= _FEWEST_OWN and alone.n_elsewhere >= min_tables
    }


def _n_circles(said: pd.DataFrame) -> pd.Series:
    return said.groupby("theme_id")["circle_id"].nunique()


def _n_tables_by_territory(contrasts: pd.DataFrame) -> pd.Series:
    said = contrasts[contrasts["n_tables"] > 0]
    n_tables = (said["n_tables"] / said["share"]).groupby(said["territory"]).max()
    return n_tables.round().reindex(sorted(set(contrasts["territory"])), fill_value=0)


def _reach(cells: pd.DataFrame, alone: SaidAlone | None) -> str:
    if alone and alone.chance <= _MOST_CHANCE:
        return OWN
    if len(cells) < 2:
        return UNKNOWN
    if cells["verdict"].isin([_MORE, _LESS]).any():
        return CONTRASTED
    if (cells["n_tables"] >= _SEVERAL).mean() >= _SHARED_BY:
        return SHARED
    return NOT_SHOWN if (cells["verdict"] == _ALIKE).sum() >= _SEVERAL else UNKNOWN


def _first_in(priorities: pd.DataFrame, workshops: pd.DataFrame) -> dict[str, set[str]]:
    first = priorities[priorities["rank"] <= _N_FIRST].merge(
        workshops[["workshop_id", "territory"]],
        left_on="scope",
        right_on="workshop_id",
        validate="many_to_one",
    )
    return {str(theme_id): set(rows["territory"]) for theme_id, rows in first.groupby("theme_id")}
