"""The themes and the codes of the study in numbers, and how they differ between workshops.

In:   Passages, themes, priorities, contrasts, grid
Out:  ThemeRow, Heat, printed rows
"""

import json

import pandas as pd

from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.publish.report.content import Heat, Rows, ThemeRow
from pipeline.publish.report.passages import (
    AxisRow,
    Passages,
    Tables,
    axis_rows,
    n_tables_of,
    profile_lines,
    rows_of,
)
from pipeline.publish.text import (
    number,
    plain_name,
    plain_text,
    sentence,
    stability,
    typography,
    word,
)
from pipeline.tables.schema import LEAD, VERDICTS

_N_KEYWORDS = 8
# more here, less here, perhaps: seen at a glance, in black and white too
_SIGNS = {VERDICTS[0]: "▲ ", VERDICTS[1]: "▼ ", LEAD: "△ "}


def theme_rows(tables: Tables, passages: Passages, grid: Grid) -> tuple[ThemeRow, ...]:
    """Every theme, in the order of the study's ranking; unranked ones last."""
    coded = passages.with_codes([axis.axis for axis in grid.own_axes])
    members_of, nobody = dict(iter(passages.rows.groupby("theme_id"))), passages.rows.head(0)
    families = family_labels(tables)
    rows = []
    for theme in rows_of(_ranked_themes(tables)):
        members = members_of.get(theme.theme_id, nobody)
        of_theme = coded[coded["theme_id"] == theme.theme_id]
        rows.append(
            ThemeRow(
                label=plain_name(theme.label),
                description=plain_text(theme.description),
                keywords=", ".join(map(plain_name, json.loads(theme.keywords)[:_N_KEYWORDS])),
                stability=stability(theme.stability),
                n_units=len(members),
                n_tables=n_tables_of(members),
                n_workshops=members["workshop_id"].nunique(),
                profile=profile_lines(of_theme, grid, passages.words()),
                family=families.get(theme.parent_id),
            )
        )
    return tuple(rows)


def _ranked_themes(tables: Tables) -> pd.DataFrame:
    """Themes by their rank in the study, then by passages and label."""
    ranked = tables["priorities"]
    ranks = ranked[ranked["scope"] == "study"][["theme_id", "rank"]]
    themes = tables["themes"].merge(ranks, on="theme_id", how="left", validate="one_to_one")
    keys = ["rank", "n_units", "label", "theme_id"]
    return themes.sort_values(keys, ascending=[True, False, True, True], na_position="last")


def family_rows(tables: Tables, passages: Passages) -> Rows:
    """Every family of themes, the most spoken of first, with its themes."""
    themes, rows = _ranked_themes(tables), []
    for family in rows_of(tables["theme_families"]):
        own = themes[themes["parent_id"] == family.family_id]
        members = passages.rows[passages.rows["theme_id"].isin(own["theme_id"])]
        names = " ; ".join(map(plain_name, own["label"]))
        counts = number(len(members)), number(n_tables_of(members))
        rows.append((plain_name(family.label), names, *counts))
    return tuple(rows)


def family_labels(tables: Tables) -> dict[str, str]:
    """The name of each family of themes, by family_id."""
    return {row.family_id: plain_name(row.label) for row in rows_of(tables["theme_families"])}


def trial_rows(tables: Tables) -> Rows:
    """What came of making the themes again; none where it was not measured."""
    return tuple(
        (word("essais", row.trial), number(row.mean_index, 2), typography(row.sentence))
        for row in rows_of(tables["theme_agreement"])
    )


def contrast_rows(
    tables: Tables, passages: Passages
) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The territories, in order of their first workshop, and a row a compared theme.

    A theme not said somewhere has a dash there.
    """
    territory_of = tables["workshops"].set_index("workshop_id")["territory"]
    workshops: dict[str, list[str]] = {}
    for workshop_id in passages.names:
        workshops.setdefault(territory_of[workshop_id], []).append(workshop_id)
    # mails alone are set against nobody's tables
    totals = {
        name: sum(passages.n_tables[one] for one in ids if passages.n_ranked_tables[one])
        for name, ids in workshops.items()
    }
    contrasts = tables["contrasts"][tables["contrasts"]["subject"] == "theme"]
    cells = {}
    for row in rows_of(contrasts[contrasts["territory"].isin(list(totals))]):
        total = totals[row.territory]
        n = passages.words(workshops[row.territory]).count(int(row.n_tables))
        said = sentence("territoires.cellule", n=n, total=total) if total else "–"
        verdict = typography(LEAD if row.is_lead else row.verdict)
        cell = f"{said}\n{_SIGNS.get(verdict, '')}{verdict}".strip()
        cells[row.subject_id, row.territory] = cell
    rows = [
        (plain_name(theme.label), *(cells.get((theme.theme_id, name), "–") for name in totals))
        for theme in rows_of(_ranked_themes(tables))
        if (contrasts["subject_id"] == theme.theme_id).any()
    ]
    return tuple(map(plain_name, totals)), tuple(rows)


def code_rows(passages: Passages, grid: Grid) -> dict[str, Rows]:
    """Every code of the grid by axis, in its order; one never used has zeros."""
    rows: dict[str, Rows] = {}
    for axis in (axis.axis for axis in grid.axes):
        coded = passages.with_codes([axis])
        of_axis = []
        for code in grid.axis(axis):
            members = coded[coded["code"] == code.code]
            counts = len(members), n_tables_of(members), members["workshop_id"].nunique()
            words = plain_name(code.label), plain_text(code.definition)
            of_axis.append((*words, *map(number, counts)))
        rows[axis] = tuple(of_axis)
    return rows


def heats(passages: Passages, grid: Grid) -> tuple[Heat, ...]:
    """One heat for the rubriques, unless the grid has axes of its own instead, and one for each."""
    own = [axis for axis in axis_rows(grid) if not axis.is_standard]
    axes: list[AxisRow | None] = [None] if grid.axis(RUBRIQUE) or not own else []
    return tuple(_heat(passages, grid, axis) for axis in (*axes, *own))


def _heat(passages: Passages, grid: Grid, axis: AxisRow | None) -> Heat:
    """Codes that nobody used are left out."""
    name = axis.axis if axis else RUBRIQUE
    n_units = passages.rows.groupby("workshop_id").size()
    counts = passages.with_codes([name]).groupby(["code", "workshop_id"]).size()
    used = set(counts.index.get_level_values("code"))
    codes = [code for code in grid.axis(name) if code.code in used]
    workshop_ids = [workshop_id for workshop_id in passages.names if workshop_id in n_units.index]
    shares = [
        tuple(float(counts.get((code.code, one), 0) / n_units[one]) for one in workshop_ids)
        for code in codes
    ]
    names = tuple(passages.names[workshop_id] for workshop_id in workshop_ids)
    return Heat(tuple(plain_name(code.label) for code in codes), names, tuple(shares), axis)
