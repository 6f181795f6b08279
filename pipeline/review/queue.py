"""Order a person's passages, search them, and list the codes of one."""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.http import QueryDict

from pipeline.decisions.coding import CodingTask
from pipeline.decisions.memos import FlagDecision, flagged
from pipeline.decisions.tags import TagDecision, codes_after, is_coded
from pipeline.grid.codes import Code, Grid
from pipeline.review.blind import is_hidden
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Proposed, Snapshot
from pipeline.text import fold

TODO, MINE, ALL, SHARED = "a-decider", "decides", "tous", "a-plusieurs"
FLAGGED = "drapeaux"
DRAWN = "tires"  # for the person to code, and not coded yet
STATES = (TODO, MINE, SHARED, FLAGGED, DRAWN, ALL)
DOUBT, READING = "doute", "lecture"
ORDERS = (DOUBT, READING)


@dataclass(frozen=True)
class PassageFilter:
    """A person's filters; blank means any; see STATES and ORDERS."""

    workshop_id: str = ""
    table: str = ""
    question: str = ""
    code: str = ""  # axis:code
    other_code: str = ""  # borne too
    theme_id: str = ""
    family_id: str = ""
    territory: str = ""
    zone: str = ""  # corners on the map of passages
    state: str = TODO
    order: str = DOUBT

    @classmethod
    def read(cls, query: QueryDict) -> "PassageFilter":
        """Read the address; unknown states and orders are blank."""
        state, order = query.get("etat", TODO), query.get("ordre", DOUBT)
        return cls(
            workshop_id=query.get("atelier", ""),
            table=query.get("table", ""),
            question=query.get("question", ""),
            code=query.get("code", ""),
            other_code=query.get("avec", ""),
            theme_id=query.get("theme", ""),
            family_id=query.get("famille", ""),
            territory=query.get("territoire", ""),
            zone=query.get("zone", ""),
            state=state if state in STATES else TODO,
            order=order if order in ORDERS else DOUBT,
        )

    def address(self) -> str:
        """Return the query without blanks."""
        query = QueryDict(mutable=True)
        parameters = {
            "atelier": self.workshop_id,
            "table": self.table,
            "question": self.question,
            "code": self.code,
            "avec": self.other_code,
            "theme": self.theme_id,
            "famille": self.family_id,
            "territoire": self.territory,
            "zone": self.zone,
            "etat": self.state if self.state != TODO else "",
            "ordre": self.order if self.order != DOUBT else "",
        }
        query.update({name: value for name, value in parameters.items() if value})
        return query.urlencode()


ACCEPTED, REJECTED, ADDED, PROPOSED, CONSIDERED = (
    "acceptée",
    "rejetée",
    "ajoutée",
    "proposée",
    "envisagée",
)


@dataclass(frozen=True)
class CodeState:
    """A code on a passage.

    `state`: acceptée, rejetée or ajoutée by the person, proposée by the machine, or envisagée:
    considered but not put.
    """

    code: Code
    state: str
    score: float | None
    spans: tuple[tuple[int, int], ...]

    @property
    def is_assigned(self) -> bool:
        """Whether the passage has it."""
        return self.state in (ACCEPTED, ADDED, PROPOSED)

    @property
    def is_decided(self) -> bool:
        """Whether the person decided it."""
        return self.state not in (PROPOSED, CONSIDERED)


@dataclass(frozen=True)
class CoderView:
    """The passages as one person codes them, blind to others' decisions.

    None but those `among` them are listed, where it is given.
    """

    author: str
    snapshot: Snapshot
    journal: Journal
    grid: Grid
    among: Collection[str] | None = None
    task: CodingTask = field(default_factory=CodingTask)

    def unit_ids(self, wanted: PassageFilter) -> list[str]:
        """Return the filtered passages in order."""
        snapshot, mine = self.snapshot, self._coded()
        unit_ids = list(snapshot.by_doubt if wanted.order == DOUBT else snapshot.units)
        if self.among is not None:
            unit_ids = [name for name in unit_ids if name in self.among]
        if wanted.workshop_id or wanted.territory or wanted.table or wanted.question:
            unit_ids = [name for name in unit_ids if self._matches(name, wanted)]
        if wanted.state == TODO:
            unit_ids = [name for name in unit_ids if name not in mine]
        elif wanted.state == DRAWN:
            left = self.task.drawn - mine
            unit_ids = [name for name in unit_ids if name in left]
        elif wanted.state == MINE:
            unit_ids = [name for name in unit_ids if name in mine]
        elif wanted.state == SHARED:
            others = [name for name in self.journal.coders if name != self.author]
            theirs = set().union(*map(self._coded_by, others))
            unit_ids = [name for name in unit_ids if name in mine & theirs]
        elif wanted.state == FLAGGED:
            flags = flagged(self.journal.active(FlagDecision))
            unit_ids = [name for name in unit_ids if name in flags]
        if wanted.code or wanted.other_code:
            codes, judged = (wanted.code, wanted.other_code), self.judged
            keys = {tuple(code.split(":", 1)) for code in codes if code}
            unit_ids = [name for name in unit_ids if keys <= set(self.assigned(name, judged))]
        return unit_ids

    def codes(self, unit_id: str) -> list[CodeState]:
        """Return the codes of a passage."""
        return code_states(self.proposed(unit_id), self.decisions(unit_id), self.grid)

    def hides(self, unit_id: str) -> bool:
        """Whether the person codes the passage before seeing what the machine proposes."""
        return is_hidden(self.task, unit_id, self.decisions(unit_id))

    def proposed(self, unit_id: str) -> Sequence[Proposed]:
        """Return the machine's codes that the person may see."""
        return () if self.hides(unit_id) else self.snapshot.proposed.get(unit_id, ())

    @property
    def judged(self) -> set[str]:
        """Return the passages whose codes the person decided on."""
        return self.journal.judged_by(self.author)

    def coded(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield every passage, in reading order, with axis and code of its codes."""
        judged = self.judged
        for unit_id in self.snapshot.units:
            yield unit_id, self.assigned(unit_id, judged)

    def assigned(self, unit_id: str, judged: set[str]) -> list[tuple[str, str]]:
        """Return axis and code of a passage's codes: the machine's where it is not `judged`."""
        if unit_id in judged:
            return assigned(self.codes(unit_id))
        return [] if self.task.since(unit_id) else self.snapshot.put_on(unit_id)

    def decisions(self, unit_id: str) -> list[TagDecision]:
        """Return the person's active decisions on a passage's codes."""
        return self.journal.on_unit(unit_id, TagDecision, by=self.author)

    def progress(self, unit_id: str) -> dict[str, bool]:
        """Return whether the person coded the passage, or began to."""
        own = self.decisions(unit_id)
        is_done = not is_hidden(self.task, unit_id, own) and is_coded(
            self.snapshot.put_on(unit_id), own, self.grid.exclusive
        )
        return {"is_done": is_done, "has_begun": bool(own) and not is_done}

    def _coded(self) -> set[str]:
        coded = self._coded_by(self.author)
        return {name for name in coded if not (self.task.since(name) and self.hides(name))}

    def _coded_by(self, author: str) -> set[str]:
        return self.journal.coded_by(author, self.snapshot.put_on, self.grid.exclusive)

    def _matches(self, unit_id: str, wanted: PassageFilter) -> bool:
        unit = self.snapshot.units[unit_id]
        return (
            wanted.workshop_id in ("", unit.workshop_id)
            and wanted.table in ("", str(unit.table_number or ""))
            and wanted.question in ("", unit.question)
            and wanted.territory in ("", self.snapshot.workshops[unit.workshop_id]["territory"])
        )


def neighbours(unit_id: str, unit_ids: list[str]) -> tuple[str | None, str | None]:
    """Return the passages before and after; without `unit_id`, None and the first."""
    if unit_id not in unit_ids:
        return None, unit_ids[0] if unit_ids else None
    i = unit_ids.index(unit_id)
    following = unit_ids[i + 1] if i + 1 < len(unit_ids) else None
    return unit_ids[i - 1] if i else None, following


def code_states(
    proposed: Sequence[Proposed], decisions: Iterable[TagDecision], grid: Grid
) -> list[CodeState]:
    """Return the grid's codes that the machine considered or the person judged."""
    machine = {(row.axis, row.code): row for row in proposed}
    put = [key for key, row in machine.items() if row.is_assigned]
    after = codes_after(decisions, put, grid.exclusive)
    states = []
    for code in grid.by_axis:
        key = (code.axis, code.code)
        row = machine.get(key)
        is_judged = key in after.last_words
        if row is None and not is_judged:
            continue
        is_put = row is not None and row.is_assigned
        if after.bears(key, is_put=is_put):
            judged = ADDED if row is None else ACCEPTED
            state = judged if is_judged else PROPOSED
        else:
            state = REJECTED if is_judged or is_put else CONSIDERED
        score, spans = (row.score, tuple(row.spans)) if row is not None else (None, ())
        states.append(CodeState(code, state, score, spans))
    return states


def assigned(states: Iterable[CodeState]) -> list[tuple[str, str]]:
    """Return axis and code of the passage's codes."""
    return [(entry.code.axis, entry.code.code) for entry in states if entry.is_assigned]


_PHRASE = re.compile(r"[\"«“]\s*([^\"»”]+?)\s*[\"»”]|(\S+)")


class SearchQuery:
    """Words and quoted phrases, all required.

    Accents, case and ligatures do not count; a word matches as a prefix.
    """

    def __init__(self, typed: str) -> None:
        parts = [phrase or word for phrase, word in _PHRASE.findall(typed)]
        words = [" ".join(fold(part, keep_signs=True).split()) for part in parts]
        self._patterns = [
            re.compile(r"(?<!\w)" + re.escape(word))
            for word in words
            if any(letter.isalnum() for letter in word)
        ]

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def weight(self, folded: str) -> int:
        """Return how often the words occur; 0 if one is missing."""
        counts = [len(pattern.findall(folded)) for pattern in self._patterns]
        return sum(counts) if all(counts) else 0

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the words' half-open spans."""
        letters = [fold(letter, keep_signs=True) for letter in text]
        folded = "".join(letters)
        starts = [i for i, letter in enumerate(letters) for _ in letter]
        ends = [*starts[1:], len(text)] if starts else []
        matches = [match.span() for pattern in self._patterns for match in pattern.finditer(folded)]
        return sorted(
            (starts[start], max(ends[end - 1], starts[end - 1] + 1))
            for start, end in matches
            if end > start
        )


def naming(name: str) -> str:
    """Return what to type to find the passages that have this name."""
    return '"' + " ".join(re.sub(r'["«“»”]', " ", name).split()) + '"'


class SearchIndex:
    """The passages' folded texts."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._folded = [
            (unit_id, fold(unit.text, keep_signs=True)) for unit_id, unit in snapshot.units.items()
        ]

    def count_naming(self, name: str) -> int:
        """Count the passages that `naming` this finds, quickly for a long name."""
        query, folded_name = SearchQuery(naming(name)), fold(name, keep_signs=True)
        longest = max(re.findall(r"\w+", folded_name), key=len, default="")
        return sum(longest in folded and query.weight(folded) > 0 for _, folded in self._folded)

    def find(self, query: SearchQuery) -> list[str]:
        """Return the passages with every word, most occurrences first."""
        if not query:
            return []
        weights = [(query.weight(folded), unit_id) for unit_id, folded in self._folded]
        return [
            unit_id for weight, unit_id in sorted(weights, key=lambda entry: -entry[0]) if weight
        ]


def find_themes(query: SearchQuery, themes: Sequence[tuple[str, str, str]]) -> list[str]:
    """Return the theme_id of `themes` (theme_id, label, description) with every word."""
    return [
        theme_id
        for theme_id, label, description in themes
        if query and query.weight(fold(f"{label} {description}", keep_signs=True))
    ]
