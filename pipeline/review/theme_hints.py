"""What the machine and a language model propose for themes and nobody answered yet: mergers, names, descriptions.

In:   the themes of now, a snapshot, the journal
Out:  one row a proposal
"""

import json
from dataclasses import dataclass

from pipeline.review.journal import Journal
from pipeline.review.live import Themes
from pipeline.review.snapshot import Snapshot

_ANSWERS = {"nom": "rename_theme", "description": "describe_theme"}


@dataclass(frozen=True)
class Merger:
    """Two themes that may be one: `other_id` would join `theme_id`; `by_model` where a language model says so, with its words."""

    theme_id: str
    other_id: str
    sentence: str
    by_model: bool
    quotes: tuple[tuple[str, str], ...] = ()  # unit_id, words


@dataclass(frozen=True)
class Wording:
    """A name or a description that a language model proposes; `subject` is nom or description."""

    theme_id: str
    subject: str
    value: str
    quotes: tuple[tuple[str, str], ...]


def mergers(now: Themes, snapshot: Snapshot, journal: Journal) -> list[Merger]:
    """Return the mergers whose two themes are left and that nobody refused, the machine's first; a pair that both propose comes once."""
    answered = {frozenset((str(row.theme_id), str(row.value))) for row in journal.standing(frozenset(("keep_apart",)))}
    found: dict[frozenset[str], Merger] = {}
    for row in (*_of_machine(snapshot), *_of_model(snapshot)):
        pair = frozenset((row.theme_id, row.other_id))
        if len(pair) == 2 and pair <= now.labels.keys() and pair not in answered:
            found.setdefault(pair, row)
    return list(found.values())


def wordings(now: Themes, snapshot: Snapshot, journal: Journal, *, theme_id: str | None = None) -> list[Wording]:
    """Return the names and descriptions proposed for themes that are left, or for one, and that nobody named or described since."""
    answered = {(str(row.theme_id), row.action) for row in journal.standing(frozenset(_ANSWERS.values()))}
    rows = snapshot.tables["theme_proposals"]
    listed = rows[rows["subject"].isin(list(_ANSWERS)) & (rows["theme_id"].isin(list(now.labels)))]
    return [
        Wording(str(name), str(subject), str(value), _quotes(str(quotes)))
        for name, subject, value, quotes in zip(listed["theme_id"], listed["subject"], listed["value"], listed["quotes"], strict=True)
        if (name, _ANSWERS[str(subject)]) not in answered and theme_id in (None, name)
    ]


def _of_machine(snapshot: Snapshot) -> list[Merger]:
    rows = snapshot.tables["merge_proposals"]
    listed = zip(rows["theme_id"], rows["other_theme_id"], rows["sentence"], strict=True)
    return [Merger(str(theme_id), str(other), str(sentence), by_model=False) for theme_id, other, sentence in listed]


def _of_model(snapshot: Snapshot) -> list[Merger]:
    rows = snapshot.tables["theme_proposals"]
    rows = rows[rows["subject"] == "réunion"]
    listed = zip(rows["theme_id"], rows["value"], rows["reason"].fillna(""), rows["quotes"], strict=True)
    return [
        Merger(str(value), str(name), str(reason), by_model=True, quotes=_quotes(str(quotes))) for name, value, reason, quotes in listed
    ]


def _quotes(text: str) -> tuple[tuple[str, str], ...]:
    return tuple((str(unit_id), str(words)) for unit_id, words in json.loads(text))
