"""What the machine did, what people decided, and how far they agree.

In:   tags, decision_effects, agreement, grid
Out:  Reviewing
"""

import pandas as pd

from pipeline.agreement import MACHINE, WHOLE_AXIS
from pipeline.grid import Grid
from pipeline.publish.report.axes import axis_title
from pipeline.publish.report.content import Agreement, Reviewing
from pipeline.publish.report.passages import Tables, rows_of
from pipeline.publish.text import plain_name, word

_OF_TAGS = ("accept_tag", "reject_tag", "add_tag", "confirm_unit", "undo")
_KEY = ["unit_id", "axis", "code"]


def reviewing(tables: Tables, grid: Grid) -> Reviewing:
    """Count the machine's tags, those that people confirmed, added or refused, and their decisions on themes that hold."""
    tags = tables["tags"]
    machine, people = tags[tags["source"] == "machine"], tags[tags["source"] == "person"]
    proposed = pd.MultiIndex.from_frame(machine.loc[machine["is_assigned"], _KEY])
    put, refused = people[people["is_assigned"]], people[~people["is_assigned"]]
    is_known = pd.MultiIndex.from_frame(put[_KEY]).isin(proposed)
    effects = tables["decision_effects"]
    held = effects[(effects["state"] == "appliquée") & ~effects["action"].isin(_OF_TAGS)]
    return Reviewing(len(proposed), int(is_known.sum()), int((~is_known).sum()), len(refused), len(held), _agreements(tables, grid))


def _agreements(tables: Tables, grid: Grid) -> tuple[Agreement, ...]:
    """One row two coders and axis; people bear numbers."""
    titles = {axis.axis: axis_title(axis) for axis in grid.axes}
    whole = tables["agreement"][tables["agreement"]["code"] == WHOLE_AXIS]
    return tuple(
        Agreement(_coder(row.first_coder), _coder(row.second_coder), titles[row.axis], int(row.n_units), row.f1, row.f1_low, row.f1_high)
        for row in rows_of(whole)
        if row.axis in titles and row.f1 == row.f1
    )


def _coder(name: str) -> str:
    return word("relectures", "machine") if name == MACHINE else plain_name(name)
