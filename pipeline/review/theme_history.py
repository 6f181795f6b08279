"""List the decisions on themes and their passages."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from pipeline.decisions import Decision
from pipeline.decisions.kinds import Undo
from pipeline.decisions.themes import MakeFamily, MoveTheme, MoveUnit, ThemeDecision
from pipeline.publish.text import quoted
from pipeline.review import state
from pipeline.review.journal import Journal

_N_RECENT = 200  # decisions behind a person's latest entries


@dataclass(frozen=True)
class HistoryEntry:
    """Decisions taken at once; `to_review` says why they do not apply."""

    decisions: tuple[Decision, ...]
    sentence: str
    is_undone: bool
    to_review: str = ""

    @property
    def first(self) -> Decision:
        """Return the decision that says who and when."""
        return self.decisions[0]

    @property
    def numbers(self) -> str:
        """Return the decisions' numbers for a form."""
        return ",".join(str(row.decision_id) for row in self.decisions)


def decisions_on(subjects: Collection[str], journal: Journal) -> list[Decision]:
    """Return the decisions on `subjects` and their undoings, in order."""
    return [journal[number] for number in journal.touching(subjects)]


def decisions_since(
    last_id: int, subjects: Collection[str], journal: Journal, *, author: str
) -> list[Decision]:
    """Return others' decisions on `subjects` after `last_id`."""
    rows = decisions_on(subjects, journal)
    return [row for row in rows if row.decision_id > last_id and row.author != author]


def latest_entries(author: str, journal: Journal, *, n_entries: int) -> list[HistoryEntry]:
    """Return the author's last entries, not undone."""
    mine = [row for row in journal.active(ThemeDecision) if row.author == author]
    return history_entries(mine[-_N_RECENT:], journal)[:n_entries]


def history_entries(rows: Iterable[Decision], journal: Journal) -> list[HistoryEntry]:
    """Return the newest first; passages or themes moved together are one entry."""
    groups: list[list[Decision]] = []
    for row in rows:
        if groups and _is_same_move(groups[-1][-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    awaited = state.snapshot().to_review
    return [
        HistoryEntry(
            tuple(group),
            sentence_of(group, journal),
            all(journal.is_undone(row.decision_id) for row in group),
            next((awaited[row.decision_id] for row in group if row.decision_id in awaited), ""),
        )
        for group in reversed(groups)
    ]


def _is_same_move(before: Decision, row: Decision) -> bool:
    if isinstance(row, MoveTheme) and isinstance(before, MoveTheme | MakeFamily):
        into = before.theme_id if isinstance(before, MakeFamily) else before.family_id
        return (row.family_id, row.author, row.decided_at, row.decision_id) == (
            into,
            before.author,
            before.decided_at,
            before.decision_id + 1,
        )
    if not isinstance(row, MoveUnit) or not isinstance(before, MoveUnit):
        return False
    same = replace(before, decision_id=before.decision_id + 1, unit_id=row.unit_id, why=row.why)
    return row == same


def sentence_of(group: Sequence[Decision], journal: Journal) -> str:
    """Say what decisions taken at once do."""
    first = group[0]
    if len(group) > 1 and isinstance(first, MoveUnit):
        into_id = first.into_id or ""
        sentence = _("met {n} passages dans {other}") if into_id else _("met {n} passages de côté")
        return sentence.format(n=len(group), other=quoted(state.labels().get(into_id, into_id)))
    if len(group) > 1 and isinstance(first, MakeFamily):
        n = len(group) - 1
        sentence = ngettext("{told}, de {n} thème", "{told}, de {n} thèmes", n)
        return sentence.format(n=n, told=state.sentence(first))
    if len(group) > 1 and isinstance(first, MoveTheme):
        family_id = first.family_id or ""
        sentence = _("met {n} thèmes hors de toute famille")
        if family_id:
            sentence = _("met {n} thèmes dans la famille {other}")
        other = quoted(state.labels().get(family_id, family_id))
        return sentence.format(n=len(group), other=other)
    if isinstance(first, Undo) and first.target in journal:
        return _("annule : {told}").format(told=state.sentence(journal[first.target]))
    return state.sentence(first)
