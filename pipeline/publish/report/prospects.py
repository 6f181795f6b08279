"""What could be done, and what support structures need: passages of two rubriques of the grid, counted by tables.

In:   Passages, themes, grid
Out:  Prospect: opportunities by theme, support needs by type
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.grid import RUBRIQUE, Grid
from pipeline.publish.report.content import Prospect, Quote
from pipeline.publish.report.passages import Passages, Tables, rows_of
from pipeline.publish.text import capitalised, plain_name, typography, word
from pipeline.words import groups_in, word_groups

_OPPORTUNITY, _SUPPORT = "opportunites", "accompagnement"
_LEXICON = "accompagnement"
_QUOTE_WORDS = 4  # a shorter passage is quoted only where nothing longer is left


def opportunities(tables: Tables, passages: Passages, grid: Grid) -> tuple[Prospect, ...]:
    """One row a theme in which something to create or to extend is said, those of most tables first, what is in no theme last."""
    labels = {row.theme_id: plain_name(row.label) for row in rows_of(tables["themes"])}
    said = _tagged(passages, grid, _OPPORTUNITY)
    return _rows(
        passages, said, {unit_id: [labels.get(theme, "")] for unit_id, theme in said[["unit_id", "theme_id"]].itertuples(index=False)}
    )


def support_needs(passages: Passages, grid: Grid) -> tuple[Prospect, ...]:
    """One row a type of support that passages ask for or miss, by their words; it may tell several, the unknown come last."""
    said = _tagged(passages, grid, _SUPPORT)
    known = tuple(word_groups(_LEXICON))
    kinds = {
        unit_id: [capitalised(typography(kind)) for kind in sorted(groups_in(text, _LEXICON), key=known.index)] or [""]
        for unit_id, text in zip(said["unit_id"], said["text"], strict=True)
    }
    return _rows(passages, said, kinds)


def _tagged(passages: Passages, grid: Grid, code: str) -> pd.DataFrame:
    """The passages that carry a rubrique; none where the grid has no such one."""
    if code not in {known.code for known in grid.axis(RUBRIQUE)}:
        return passages.rows.head(0)
    tags = passages.tags
    return passages.rows[passages.rows["unit_id"].isin(tags.loc[(tags["axis"] == RUBRIQUE) & (tags["code"] == code), "unit_id"])]


def _rows(passages: Passages, said: pd.DataFrame, names: Mapping[str, Sequence[str]]) -> tuple[Prospect, ...]:
    named = said.assign(name=said["unit_id"].map(names)).explode("name")
    rows = []
    for name, here in named.groupby("name", sort=True):
        ordered = here.assign(is_short=here["text"].str.count(r"\S+") < _QUOTE_WORDS, strength=here["strength"].fillna(0.0))
        ordered = ordered.assign(n_names=here["unit_id"].map(names).map(len))  # what tells one thing tells it best
        ordered = ordered.sort_values(["is_short", "n_names", "is_said", "strength", "unit_id"], ascending=[True, True, False, False, True])
        first = ordered.iloc[0]
        quote = Quote(first["text"], f"{passages.names[first['workshop_id']]}, {first['where']}")
        n_tables = here.loc[here["is_said"], "circle_id"].nunique()
        rows.append((not name, Prospect(str(name) or word("prospects", "autres"), n_tables, here["unit_id"].nunique(), quote)))
    ordered_rows = sorted(rows, key=lambda row: (row[0], -row[1].n_tables, -row[1].n_units, row[1].name))
    return tuple(row for _, row in ordered_rows)
