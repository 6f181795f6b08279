"""What the priorities are ranked by, counted on the themes and codes as they stand now.

In:   the last run, every decision since
Out:  Tallies of one scope, kept until a decision on passages or themes has come
"""

from collections.abc import Sequence

import pandas as pd

from pipeline.decisions import apply_decisions
from pipeline.grid import Axis
from pipeline.rank import Tallies, tally_themes
from pipeline.review import live, state
from pipeline.review.journal import TAG_ACTIONS, Journal
from pipeline.review.keeping import Held, Kept
from pipeline.review.snapshot import Snapshot
from pipeline.standing import UNDO, judged_units

WEIGHTING_ACTIONS = frozenset(("save_weighting", "use_weighting"))
_N_SCOPES = 6

_kept: Kept[Tallies] = Kept(_N_SCOPES)


def last_counted(journal: Journal) -> int:
    """Number of the last decision that a ranking depends on beside its weights; 0 where there is none."""
    return next((row.decision_id for row in journal.newest_first() if row.action not in WEIGHTING_ACTIONS), 0)


def tallies(scope: str) -> Held[Tallies] | None:
    """Return the tallies of `scope`, of now or of moments ago; None while they are first counted."""
    snapshot, journal = state.snapshot(), state.journal()
    key = last_counted(journal)
    return _kept.get((snapshot.run_id, scope), key, lambda: _counted(snapshot, journal, scope))


def reviewed_tags(snapshot: Snapshot, decisions: pd.DataFrame, axes: Sequence[Axis]) -> pd.DataFrame:
    """The machine's codes with all of `decisions` on top; only passages that somebody judged are gone through again."""
    on_tags = decisions[decisions["action"].isin([*TAG_ACTIONS, UNDO])]
    tags, units = snapshot.machine["tags"], snapshot.tables["units"]
    is_judged = tags["unit_id"].isin(list(judged_units(on_tags)))
    blank = {name: snapshot.machine[name].iloc[:0] for name in ("themes", "theme_families", "theme_members")}
    reviewed = apply_decisions({"units": units, "tags": tags[is_judged], **blank}, on_tags, axes=axes)
    return pd.concat([tags[~is_judged], reviewed["tags"]], ignore_index=True)


def _counted(snapshot: Snapshot, journal: Journal, scope: str) -> Tallies:
    now, tables = live.themes(), snapshot.tables
    return tally_themes(
        tables["units"],
        reviewed_tags(snapshot, journal.store.read(), state.study().grid.axes),
        now.themes,
        now.members,
        tables["workshops"],
        tables["attendance"],
        settings=state.study().settings.rank,
        scopes=(scope,),
    )
