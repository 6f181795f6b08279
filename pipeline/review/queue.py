"""Which passages a person works through, in what order.

In:   a snapshot, the decisions, what the person asks for
Out:  unit_ids in order, and where one stands among them

Find passages and themes by words: accents, case and ligatures do not count, and a word finds those that it begins.

The codes of one passage as one person sees them: what the machine proposes, with that person's own decisions on top.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.http import QueryDict

from pipeline.decisions.tags import TagDecision, codes_after
from pipeline.grid.codes import Code, Grid
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Proposed, Snapshot, Unit
from pipeline.text import fold

_PHRASE = re.compile(r"[\"«“]\s*([^\"»”]+?)\s*[\"»”]|(\S+)")


class Query:
    """What was typed: words, and phrases between quotation marks; all of them must be found."""

    def __init__(self, typed: str) -> None:
        parts = [phrase or word for phrase, word in _PHRASE.findall(typed)]
        self._words = [
            word
            for part in parts
            if (word := " ".join(fold(part, keep_signs=True).split()))
            and any(letter.isalnum() for letter in word)
        ]
        self._patterns = [re.compile(r"(?<!\w)" + re.escape(word)) for word in self._words]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def weight(self, plain: str) -> int:
        """How often the words occur in a folded text; 0 where one is missing."""
        counts = [len(pattern.findall(plain)) for pattern in self._patterns]
        return sum(counts) if all(counts) else 0

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the words are in `text`, half-open."""
        letters = [fold(letter, keep_signs=True) for letter in text]
        plain = "".join(letters)
        places = [i for i, folded in enumerate(letters) for _ in folded]
        ends = [*places[1:], len(text)] if places else []
        found = [match.span() for pattern in self._patterns for match in pattern.finditer(plain)]
        return sorted(
            (places[start], max(ends[end - 1], places[end - 1] + 1))
            for start, end in found
            if end > start
        )


class Index:
    """The folded texts of a run's passages."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.run_id = snapshot.run_id
        self._plain = [
            (unit_id, fold(unit.text, keep_signs=True)) for unit_id, unit in snapshot.units.items()
        ]

    def find(self, query: Query) -> list[str]:
        """Return the passages with every word, those with most occurrences first, then in reading order."""
        if not query:
            return []
        weighed = [(query.weight(plain), unit_id) for unit_id, plain in self._plain]
        return [
            unit_id for weight, unit_id in sorted(weighed, key=lambda entry: -entry[0]) if weight
        ]


def find_themes(query: Query, themes: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the theme_id of those of `themes` (theme_id, label, description) that have every word."""
    return [
        theme_id
        for theme_id, label, description in themes
        if query and query.weight(fold(f"{label} {description}", keep_signs=True))
    ]


ACCEPTED, REJECTED, ADDED, PUT, CONSIDERED = (
    "acceptée",
    "rejetée",
    "ajoutée",
    "proposée",
    "envisagée",
)
_ASSIGNED = frozenset((ACCEPTED, ADDED, PUT))


@dataclass(frozen=True)
class Coded:
    """A code on a passage: `state` is acceptée, rejetée or ajoutée by the person, proposée by the machine, or envisagée and not put."""

    code: Code
    state: str
    score: float | None
    spans: tuple[tuple[int, int], ...]

    @property
    def is_assigned(self) -> bool:
        """Whether the passage bears it."""
        return self.state in _ASSIGNED

    @property
    def is_decided(self) -> bool:
        """Whether the person said so."""
        return self.state not in (PUT, CONSIDERED)


def codes_on(
    proposed: Sequence[Proposed], decisions: Iterable[TagDecision], grid: Grid
) -> list[Coded]:
    """Return the codes that the machine considered or the person decided on; a code that left the grid is left out."""
    machine = {(row.axis, row.code): row for row in proposed}
    put = [key for key, row in machine.items() if row.is_assigned]
    after = codes_after(decisions, put, grid.exclusive)
    coded = []
    for code in grid.by_axis:
        key = (code.axis, code.code)
        row = machine.get(key)
        if row is None and key not in after.last_words:
            continue
        is_put = row is not None and row.is_assigned
        is_judged = key in after.last_words
        if after.bears(key, is_put=is_put):
            judged = ADDED if row is None else ACCEPTED
            state = judged if is_judged else PUT
        else:
            state = REJECTED if is_judged or is_put else CONSIDERED
        score, spans = (row.score, tuple(row.spans)) if row is not None else (None, ())
        coded.append(Coded(code, state, score, spans))
    return coded


def assigned(coded: Iterable[Coded]) -> list[tuple[str, str]]:
    """Axis and code of those that the passage bears."""
    return [(entry.code.axis, entry.code.code) for entry in coded if entry.is_assigned]


TODO, MINE, ALL, SHARED = "a-decider", "decides", "tous", "a-plusieurs"
STATES = (TODO, MINE, SHARED, ALL)
DOUBT, READING = "doute", "lecture"
ORDERS = (DOUBT, READING)


@dataclass(frozen=True)
class Wanted:
    """What a person asks for: blank means any; `state` and `order` are of STATES and ORDERS."""

    workshop_id: str = ""
    table: str = ""
    question: str = ""
    code: str = ""  # axis:code
    theme_id: str = ""
    state: str = TODO
    order: str = DOUBT

    @classmethod
    def read(cls, query: QueryDict) -> "Wanted":
        """Read the address; what is unknown there counts as not asked."""
        state, order = query.get("etat", TODO), query.get("ordre", DOUBT)
        return cls(
            workshop_id=query.get("atelier", ""),
            table=query.get("table", ""),
            question=query.get("question", ""),
            code=query.get("code", ""),
            theme_id=query.get("theme", ""),
            state=state if state in STATES else TODO,
            order=order if order in ORDERS else DOUBT,
        )

    def address(self) -> str:
        """The address's query without what is not asked."""
        query = QueryDict(mutable=True)
        told = {
            "atelier": self.workshop_id,
            "table": self.table,
            "question": self.question,
            "code": self.code,
            "theme": self.theme_id,
            "etat": self.state if self.state != TODO else "",
            "ordre": self.order if self.order != DOUBT else "",
        }
        query.update({name: value for name, value in told.items() if value})
        return query.urlencode()


def passages(
    wanted: Wanted, snapshot: Snapshot, journal: Journal, grid: Grid, author: str
) -> list[str]:
    """Return the unit_ids that `author` asked for, in the order asked for."""
    mine = journal.coded_by(author, snapshot.put_on, grid.exclusive)
    found = list(snapshot.by_doubt if wanted.order == DOUBT else snapshot.units)
    if wanted.workshop_id or wanted.table or wanted.question or wanted.theme_id:
        found = [
            unit_id for unit_id in found if _was_said(snapshot.units[unit_id], wanted, snapshot)
        ]
    if wanted.state == TODO:
        found = [unit_id for unit_id in found if unit_id not in mine]
    elif wanted.state == MINE:
        found = [unit_id for unit_id in found if unit_id in mine]
    elif wanted.state == SHARED:
        others = [name for name in journal.coders if name != author]
        theirs = set().union(
            *(journal.coded_by(name, snapshot.put_on, grid.exclusive) for name in others)
        )
        found = [unit_id for unit_id in found if unit_id in mine & theirs]
    if wanted.code:
        judged = journal.judged_by(author)
        found = [
            unit_id
            for unit_id in found
            if _bears(unit_id, wanted.code, snapshot, journal, grid, author, judged)
        ]
    return found


def neighbours(unit_id: str, listed: list[str]) -> tuple[str | None, str | None]:
    """The passages before and after `unit_id` in `listed`; where it is not listed (any more), none and the first one."""
    if unit_id not in listed:
        return None, listed[0] if listed else None
    place = listed.index(unit_id)
    return listed[place - 1] if place else None, listed[place + 1] if place + 1 < len(
        listed
    ) else None


def _was_said(unit: Unit, wanted: Wanted, snapshot: Snapshot) -> bool:
    """Whether a passage was said where it is asked for, and about that theme."""
    return (
        wanted.workshop_id in ("", unit.workshop_id)
        and wanted.table in ("", str(unit.table_number or ""))
        and wanted.question in ("", unit.question)
        and wanted.theme_id in ("", snapshot.theme_of.get(unit.unit_id))
    )


def _bears(
    unit_id: str,
    code: str,
    snapshot: Snapshot,
    journal: Journal,
    grid: Grid,
    author: str,
    judged: set[str],
) -> bool:
    axis, _, name = code.partition(":")
    proposed = snapshot.proposed.get(unit_id, ())
    if unit_id not in judged:
        return any(row.is_assigned and row.axis == axis and row.code == name for row in proposed)
    coded = codes_on(proposed, journal.on_unit(unit_id, TagDecision, by=author), grid)
    return any(
        entry.is_assigned and (entry.code.axis, entry.code.code) == (axis, name) for entry in coded
    )
