"""Who put which code on which unit: the machine's proposals that stand, and each person's own.

In:   tags of the machine and as reviewed, theme_members, units, decisions, grid
Out:  Coding, one a coder, unit and code
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

import pandas as pd

from pipeline.exchange.codebook import THEME
from pipeline.grid import Grid
from pipeline.publish.report.passages import rows_of
from pipeline.standing import judgements, standing

MACHINE = "automate"  # the user who stands for the machine, followed by a version
ADDING = ("accept_tag", "add_tag")
_KEY = ["unit_id", "axis", "code"]


@dataclass(frozen=True, order=True)
class Coding:
    """A code on a unit; `author` is empty for the machine, `decided_at` for what nobody decided; `axis` may be `theme`."""

    unit_id: str
    author: str
    axis: str
    code: str
    decided_at: str = ""


def gather_codings(
    tables: Mapping[str, pd.DataFrame], grid: Grid, *, decisions: pd.DataFrame, machine_tags: pd.DataFrame | None = None
) -> list[Coding]:
    """Return every coding of a unit and code that still exist, in order of unit, coder and code.

    `tables` are as reviewed. Without `machine_tags`, what the machine proposed before review, its rows in `tables` stand for them.
    """
    units, known = set(tables["units"]["unit_id"]), {(code.axis, code.code) for code in grid.codes}
    proposed = machine_tags if machine_tags is not None and len(machine_tags) else tables["tags"]
    on_tags = [*_machine_tags(tables["tags"], machine_tags), *_persons_tags(judgements(decisions, proposed), grid.exclusive)]
    codings = [coding for coding in on_tags if coding.unit_id in units and (coding.axis, coding.code) in known]
    return sorted([*codings, *_on_themes(tables, standing(decisions))])


def _machine_tags(reviewed: pd.DataFrame, proposed: pd.DataFrame | None) -> Iterator[Coding]:
    """What the machine put by itself and nobody took away."""
    standing = reviewed[(reviewed["source"] == "machine") & reviewed["is_assigned"]]
    if proposed is not None and len(proposed):
        standing = standing.merge(proposed.loc[proposed["is_assigned"], _KEY], on=_KEY, validate="one_to_one")
    for unit_id, axis, code in standing[_KEY].itertuples(index=False, name=None):
        yield Coding(unit_id, "", axis, code)


def _persons_tags(judged: pd.DataFrame, exclusive: Collection[str]) -> Iterator[Coding]:
    """Each author's last word on each code of a unit, where it is for it; of an `exclusive` axis, the last one alone."""
    last = judged.drop_duplicates(["author", *_KEY], keep="last")
    adding = last[last["action"].isin(ADDING)]
    is_exclusive = adding["axis"].isin(exclusive)
    for rows in (adding[~is_exclusive], adding[is_exclusive].drop_duplicates(["author", "unit_id", "axis"], keep="last")):
        for row in rows_of(rows):
            yield Coding(str(row.unit_id), str(row.author), str(row.axis), str(row.code), str(row.decided_at))


def _on_themes(tables: Mapping[str, pd.DataFrame], decisions: pd.DataFrame) -> Iterator[Coding]:
    """The theme of each unit, by the person who last put it there, else by the machine."""
    themes = set(tables["themes"]["theme_id"])
    moved = decisions[decisions["action"] == "move_unit"].sort_values("decision_id").drop_duplicates("unit_id", keep="last")
    by_person = {str(row.unit_id): row for row in rows_of(moved)}
    for unit_id, theme_id in tables["theme_members"][["unit_id", "theme_id"]].itertuples(index=False, name=None):
        if theme_id in themes:
            row = by_person.get(unit_id)
            by_whom = (str(row.author), str(row.decided_at)) if row is not None and row.value == theme_id else ("", "")
            yield Coding(unit_id, by_whom[0], THEME, theme_id, by_whom[1])
