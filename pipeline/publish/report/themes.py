"""The themes and the codes of the study in numbers, and how they differ from a workshop or a territory to another.

In:   Passages, themes, priorities, contrasts, grid
Out:  ThemeRow, FamilyRow, Trial, ContrastRow, CodeRow, Heat
"""

import json
from typing import Any

import pandas as pd

from pipeline.grid.codes import RUBRIQUE, Grid
from pipeline.publish.report.content import CodeRow, ContrastRow, FamilyRow, Heat, ThemeRow, Trial
from pipeline.publish.report.passages import (
    AxisRow,
    Passages,
    Places,
    Tables,
    axis_rows,
    own_codes,
    profile_lines,
    rows_of,
)
from pipeline.publish.text import plain_name, printable, sentence, stability, typography, word
from pipeline.tables.schema import LEAD

_N_KEYWORDS = 8


def theme_rows(tables: Tables, passages: Passages, grid: Grid) -> tuple[ThemeRow, ...]:
    """Every theme, in the order of the study's ranking; unranked ones last."""
    coded = own_codes(passages, grid)
    profiles = {
        theme_id: profile_lines(rows, grid, passages.places(passages.names))
        for theme_id, rows in coded.groupby("theme_id")
    }
    counted = passages.rows.groupby("theme_id").agg(
        n_units=("unit_id", "size"), n_workshops=("workshop_id", "nunique")
    )
    said = passages.rows[passages.rows["is_said"]].groupby("theme_id")["circle_id"].nunique()
    families = family_labels(tables)
    return tuple(
        ThemeRow(
            label=plain_name(theme.label),
            description=typography(printable(theme.description)),
            keywords=", ".join(
                plain_name(keyword) for keyword in json.loads(theme.keywords)[:_N_KEYWORDS]
            ),
            kind=word("natures", theme.kind),
            stability=stability(theme.stability),
            n_units=int(counted["n_units"].get(theme.theme_id, 0)),
            n_tables=int(said.get(theme.theme_id, 0)),
            n_workshops=int(counted["n_workshops"].get(theme.theme_id, 0)),
            profile=profiles.get(theme.theme_id, ()),
            family=families.get(theme.parent_id),
        )
        for theme in rows_of(_in_order(tables))
    )


def family_rows(tables: Tables, passages: Passages) -> tuple[FamilyRow, ...]:
    """Every family of themes, the most spoken of first."""
    themes = _in_order(tables)
    labels = family_labels(tables)
    family_of = dict(zip(themes["theme_id"], themes["parent_id"], strict=True))
    placed = passages.rows.assign(family_id=passages.rows["theme_id"].map(family_of))
    said = placed[placed["is_said"]].groupby("family_id")["circle_id"].nunique()
    return tuple(
        FamilyRow(
            label=labels[family.family_id],
            themes=tuple(
                plain_name(label)
                for label in themes.loc[themes["parent_id"] == family.family_id, "label"]
            ),
            n_units=int((placed["family_id"] == family.family_id).sum()),
            n_tables=int(said.get(family.family_id, 0)),
        )
        for family in rows_of(tables["theme_families"])
    )


def family_labels(tables: Tables) -> dict[str, str]:
    """The name of each family of themes, by family_id."""
    return {row.family_id: plain_name(row.label) for row in rows_of(tables["theme_families"])}


def trials(tables: Tables) -> tuple[Trial, ...]:
    """What came of making the themes again; none where it was not measured."""
    return tuple(
        Trial(word("essais", row.trial), row.mean_index, typography(row.sentence))
        for row in rows_of(tables["theme_agreement"])
    )


def contrast_rows(
    tables: Tables, passages: Passages
) -> tuple[tuple[str, ...], tuple[ContrastRow, ...]]:
    """The territories, in order of their first workshop, and a row a compared theme; a theme not said somewhere has 0 tables there."""
    territory_of = tables["workshops"].set_index("workshop_id")["territory"]
    held: dict[str, int] = {}
    for workshop_id in passages.names:
        spoken = (
            passages.n_tables[workshop_id] if passages.n_held[workshop_id] else 0
        )  # mails alone are set against nobody's tables
        held[territory_of[workshop_id]] = held.get(territory_of[workshop_id], 0) + spoken
    places = {
        name: passages.places([one for one in passages.names if territory_of[one] == name])
        for name in held
    }
    contrasts = tables["contrasts"][tables["contrasts"]["subject"] == "theme"]
    found = {(row.subject_id, row.territory): row for row in rows_of(contrasts)}
    rows = [
        ContrastRow(
            plain_name(theme.label),
            tuple(
                _cell(found.get((theme.theme_id, name)), n, places[name])
                for name, n in held.items()
            ),
        )
        for theme in rows_of(_in_order(tables))
        if (contrasts["subject_id"] == theme.theme_id).any()
    ]
    return tuple(plain_name(name) for name in held), tuple(rows)


def code_rows(passages: Passages, grid: Grid) -> tuple[CodeRow, ...]:
    """Every code of the grid, in its order; one never used has zeros."""
    rows = []
    for axis in (axis.axis for axis in grid.axes):
        coded = passages.with_codes(axis)
        for code in grid.axis(axis):
            here = coded[coded["code"] == code.code]
            n_tables = here.loc[here["is_said"], "circle_id"].nunique()
            words = plain_name(code.label), typography(printable(code.definition))
            rows.append(CodeRow(axis, *words, len(here), n_tables, here["workshop_id"].nunique()))
    return tuple(rows)


def heats(passages: Passages, grid: Grid) -> tuple[Heat, ...]:
    """One heat for the rubriques, unless the grid has axes of its own instead, and one for each of these."""
    rubriques = (
        (_heat(passages, grid, RUBRIQUE, None),) if grid.axis(RUBRIQUE) or not grid.own_axes else ()
    )
    own = (
        _heat(passages, grid, axis.axis, axis) for axis in axis_rows(grid) if not axis.is_standard
    )
    return (*rubriques, *own)


def _heat(passages: Passages, grid: Grid, name: str, axis: AxisRow | None) -> Heat:
    """Share of each workshop's passages that carry each code of an axis; codes nobody used are left out."""
    n_units = passages.rows.groupby("workshop_id").size()
    counts = passages.with_codes(name).groupby(["code", "workshop_id"]).size()
    codes = [code for code in grid.axis(name) if code.code in counts.index.get_level_values("code")]
    workshops = [workshop_id for workshop_id in passages.names if workshop_id in n_units.index]
    shares = [
        tuple(
            float(counts.get((code.code, workshop_id), 0) / n_units[workshop_id])
            for workshop_id in workshops
        )
        for code in codes
    ]
    names = tuple(passages.names[workshop_id] for workshop_id in workshops)
    return Heat(tuple(plain_name(code.label) for code in codes), names, tuple(shares), axis)


def _in_order(tables: Tables) -> pd.DataFrame:
    """Themes by their rank in the study, then by passages and label."""
    ranked = tables["priorities"]
    ranks = ranked[ranked["scope"] == "study"][["theme_id", "rank"]]
    themes = tables["themes"].merge(ranks, on="theme_id", how="left", validate="one_to_one")
    return themes.sort_values(
        ["rank", "n_units", "label", "theme_id"],
        ascending=[True, False, True, True],
        na_position="last",
    )


def verdict_of(contrast: Any) -> str:
    """The verdict in words, or that the cell is a lead."""
    return typography(LEAD) if contrast.is_lead else typography(contrast.verdict)


def _cell(contrast: Any, n_held: int, places: Places) -> tuple[str, str]:
    if contrast is None:
        return "", ""
    if not n_held:
        return "–", verdict_of(contrast)
    return sentence(
        "territoires.cellule", n=places.many(int(contrast.n_tables)), total=n_held
    ), verdict_of(contrast)
