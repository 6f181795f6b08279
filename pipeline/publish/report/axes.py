"""The axes of the study's grid as a report names them, and how a theme's passages divide over those that the grid brings.

In:   grid, passages with their codes
Out:  AxisRow; lines in French, counted by tables
"""

from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from pipeline.grid import Axis, Grid
from pipeline.publish.report.passages import Passages
from pipeline.publish.report.places import Places
from pipeline.publish.text import count, plain_name, printable, sentence, texts, typography, word

_N_CODES = 4  # of an axis in a line


@dataclass(frozen=True)
class AxisRow:
    """An axis: its title, what it is called in a sentence, its definition, and what the programme knows of it."""

    axis: str
    label: str
    name: str
    definition: str
    is_exclusive: bool
    is_standard: bool


def axis_rows(grid: Grid) -> tuple[AxisRow, ...]:
    """The grid's axes, in its order."""
    return tuple(
        AxisRow(axis.axis, axis_title(axis), _name(axis), typography(printable(axis.definition)), axis.is_exclusive, axis.is_standard)
        for axis in grid.axes
    )


def axis_title(axis: Axis, section: str = "axes") -> str:
    """What heads the codes of `axis`: our word for a standard one, its own title else."""
    return word(section, axis.axis) if axis.is_standard else plain_name(axis.label)


def own_codes(passages: Passages, grid: Grid) -> pd.DataFrame:
    """One row a passage and code of an axis that the grid brings, with the passage's columns."""
    own = [axis.axis for axis in grid.own_axes]
    return passages.tags[passages.tags["axis"].isin(own)].merge(passages.rows, on="unit_id", validate="many_to_one")


def profile_lines(coded: pd.DataFrame, grid: Grid, places: Places) -> tuple[str, ...]:
    """A line an axis that the grid brings: its codes in `coded` (axis, code, unit_id, is_said, circle_id), at most tables first."""
    lines = []
    for axis in grid.own_axes:
        here = coded[coded["axis"] == axis.axis]
        counts = [_counts(here[here["code"] == code.code]) for code in grid.axis(axis.axis)]
        told = [(n_tables, n_units, code) for (n_tables, n_units), code in zip(counts, grid.axis(axis.axis), strict=True) if n_units]
        told.sort(key=lambda row: (-row[0], -row[1]))
        if told:
            codes = ", ".join(_told(n_tables, n_units, plain_name(code.label), places) for n_tables, n_units, code in told[:_N_CODES])
            lines.append(sentence("themes.profil", axe=axis_title(axis), codes=codes))
    return tuple(lines)


def names_of(axes: Collection[AxisRow]) -> list[str]:
    """What the axes are called in a sentence."""
    return [axis.name for axis in axes]


def _name(axis: Axis) -> str:
    """`axis` in a sentence: its title in small letters, unless it is an acronym."""
    if axis.axis in texts()["noms_axes"]:
        return word("noms_axes", axis.axis)
    label = axis_title(axis)
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def _counts(here: pd.DataFrame) -> tuple[int, int]:
    return here.loc[here["is_said"], "circle_id"].nunique(), here["unit_id"].nunique()


def _told(n_tables: int, n_units: int, label: str, places: Places) -> str:
    if n_tables:
        return sentence("themes.profil_tables", code=label, n=places.many(n_tables), **places.words)
    return sentence("themes.profil_passages", code=label, n=count(n_units, "passage"), **places.words)
