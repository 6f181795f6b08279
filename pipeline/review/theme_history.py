"""What was decided on a theme, a family or a passage's place, undone or not: to tell it, take it back, and notice what came meanwhile.

In:   the journal
Out:  decisions by what they touch; Deeds, what one person did at once
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.translation import gettext as _

from pipeline.decisions import split_id
from pipeline.decisions.on_themes import split_units
from pipeline.publish.text import quoted
from pipeline.review import live, state, telling
from pipeline.review.journal import TAG_ACTIONS, Decision, Journal
from pipeline.standing import UNDO, number_in

_ON_TWO = frozenset(("merge_theme", "keep_apart", "move_unit", "move_theme"))  # value is a theme, or a family


@dataclass(frozen=True)
class Deed:
    """What one person did at once: one decision, or passages moved together; `is_undone` where none of them stands."""

    decisions: tuple[Decision, ...]
    told: str
    is_undone: bool
    to_review: str = ""  # why it is not applied until somebody decides again

    @property
    def first(self) -> Decision:
        """The decision that says who and when."""
        return self.decisions[0]

    @property
    def numbers(self) -> str:
        """The decisions' numbers, as a form sends them."""
        return ",".join(str(row.decision_id) for row in self.decisions)


def touched(row: Decision) -> set[str]:
    """The themes, families and passages that a decision touches; blank ones left out."""
    found = {row.theme_id, row.unit_id, row.value if row.action in _ON_TWO else None}
    if row.action == "split_theme":
        units = split_units(row.value)
        found |= {split_id(units), *units}
    return {name for name in found if name}


def on(subjects: Collection[str], journal: Journal) -> list[Decision]:
    """Return the decisions that touch one of `subjects`, and the undoings of such, in order."""
    index = _index(journal, journal.last_on_themes)
    numbers = {number for name in subjects for number in index.get(name, ())}
    return [journal[number] for number in sorted(numbers)]


def since(seen: int, subjects: Collection[str], journal: Journal, *, author: str) -> list[Decision]:
    """Return what others than `author` decided on `subjects` after decision `seen`."""
    return [row for row in on(subjects, journal) if row.decision_id > seen and row.author != author]


def deeds(rows: Iterable[Decision], journal: Journal) -> list[Deed]:
    """Return what `rows` did, the newest first; passages moved together are one deed."""
    groups: list[list[Decision]] = []
    for row in rows:
        if groups and _is_one(groups[-1][-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return [_deed(group, journal) for group in reversed(groups)]


def latest_of(author: str, journal: Journal, *, n_deeds: int) -> list[Deed]:
    """Return the last deeds of `author` on themes that stand."""
    mine = [row for row in journal.standing(telling.KINDS["themes"].actions) if row.author == author]
    return deeds(mine[-200:], journal)[:n_deeds]


def _deed(group: Sequence[Decision], journal: Journal) -> Deed:
    told = telling.decision(group[0])
    if len(group) > 1:
        other = quoted(live.labels().get(group[0].value or "", group[0].value or ""))
        told = _("met {n} passages dans {other}") if group[0].value else _("met {n} passages de côté")
        told = told.format(n=len(group), other=other)
    if group[0].action == UNDO:
        undone = number_in(group[0].value)
        told = _("annule : {told}").format(told=telling.decision(journal[undone])) if undone in journal else told
    awaited = state.snapshot().to_review
    to_review = next((awaited[row.decision_id] for row in group if row.decision_id in awaited), "")
    return Deed(tuple(group), told, all(journal.is_undone(row.decision_id) for row in group), to_review)


def _is_one(before: Decision, row: Decision) -> bool:
    is_next = row.decision_id == before.decision_id + 1 and row.action == before.action == "move_unit"
    return is_next and (row.author, row.decided_at, row.theme_id, row.value) == (
        before.author,
        before.decided_at,
        before.theme_id,
        before.value,
    )


@lru_cache(maxsize=1)
def _index(journal: Journal, last_on_themes: int) -> dict[str, list[int]]:
    """Numbers of the decisions by what they touch, up to `last_on_themes`."""
    found: dict[str, list[int]] = defaultdict(list)
    for row in reversed(journal.newest_first()):
        if row.action in TAG_ACTIONS:
            continue
        target = number_in(row.value) if row.action == UNDO else row.decision_id
        if target in journal and journal[target].action not in TAG_ACTIONS:
            for name in touched(journal[target]):
                found[name].append(row.decision_id)
    return dict(found)
