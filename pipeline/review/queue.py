"""Select and order the passages of one person, and list the codes of one passage."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import lru_cache

from pipeline.decisions.coding import CodingTask
from pipeline.decisions.spans import spans_by_code
from pipeline.decisions.tags import TagDecision, codes_after, is_coded
from pipeline.grid.codes import Code, Grid
from pipeline.review.blind import is_hidden
from pipeline.review.journal import Journal
from pipeline.review.notes import flags_now
from pipeline.review.selection import (
    ALL_OF,
    ANY_OF,
    BLANK,
    DISAGREED,
    DOUBT,
    DRAWN,
    FLAGGED,
    MINE,
    NEAREST,
    NONE_OF,
    SHARED,
    TODO,
    UNSIGNED,
    Selection,
    is_day,
)
from pipeline.review.snapshot import Proposed, Snapshot, Unit

UnitIds = AbstractSet[str]
NOTHING: frozenset[str] = frozenset()

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
class PassageFacts:
    """What selections ask that is neither in the tables of the run nor in the journal.

    `units_with` gives the passages of a theme, a family, a zone or some words; `rank` orders
    passages by a search; `disagreed` gives those where the person and another differ.
    """

    units_with: Mapping[str, Callable[[str], UnitIds]]
    rank: Callable[[Selection, Sequence[str]], list[str]]
    disagreed: Callable[[], UnitIds]
    unsigned: Callable[[], UnitIds]


@dataclass(frozen=True)
class CoderView:
    """The passages as one person codes them, blind to others' decisions."""

    author: str
    snapshot: Snapshot
    journal: Journal
    grid: Grid
    facts: PassageFacts | None = None
    task: CodingTask = field(default_factory=CodingTask)

    def unit_ids(self, wanted: Selection) -> list[str]:
        """Return the selected passages in order."""
        snapshot = self.snapshot
        among = self._of_state(wanted.state)
        for required in self._required(wanted):
            among = among & required
        for attribute, value, how in wanted.conditions:
            if how == NONE_OF:
                among = among - self.units_with(attribute, value)
        ordered = snapshot.by_doubt if wanted.order == DOUBT else snapshot.units
        unit_ids = [name for name in ordered if name in among]
        if not wanted.is_search or self.facts is None:
            return unit_ids
        ranked = self.facts.rank(wanted, unit_ids)
        found = set(ranked)
        in_order = [name for name in unit_ids if name in found]
        return ranked if wanted.order == NEAREST else in_order

    def units_with(self, attribute: str, value: str) -> UnitIds:
        """Return the passages with a value of an attribute; none for an unknown value."""
        if attribute == "code":
            return self._of_code(value)
        if self.facts is not None and attribute in self.facts.units_with:
            return self.facts.units_with[attribute](value)
        return units_by_value(self.snapshot, attribute).get(value, NOTHING)

    def _of_state(self, wanted: str) -> UnitIds:
        every = self.snapshot.units.keys()
        if wanted == FLAGGED:
            return every & flags_now(self.journal, self.snapshot).keys()
        if self.facts is not None and wanted in (DISAGREED, UNSIGNED):
            return self.facts.disagreed() if wanted == DISAGREED else self.facts.unsigned()
        if wanted not in (TODO, DRAWN, MINE, SHARED):
            return every
        mine = self._coded()
        if wanted == TODO:
            return every - mine
        if wanted == DRAWN:
            return (every & self.task.drawn) - mine
        if wanted == MINE:
            return mine & every
        others = [name for name in self.journal.coders if name != self.author]
        return mine & every & set().union(*map(self._coded_by, others))

    def _required(self, wanted: Selection) -> Iterator[UnitIds]:
        """Yield the sets that a passage must all be in."""
        either: dict[str, list[UnitIds]] = defaultdict(list)
        for attribute, value, how in wanted.conditions:
            axis = value.partition(":")[0] if attribute == "code" else ""
            if how == ANY_OF:
                either[f"{attribute} {axis}"].append(self.units_with(attribute, value))
            elif how == ALL_OF:
                yield self.units_with(attribute, value)
        for sets in either.values():
            yield NOTHING.union(*sets)
        if wanted.first_day or wanted.last_day:
            yield units_between(self.snapshot, wanted.first_day, wanted.last_day)

    def _of_code(self, value: str) -> UnitIds:
        """Return the passages that bear « axis:code » for the person; any axis if none is told."""
        axis, colon, code = value.rpartition(":")

        def is_asked(key: tuple[str, str]) -> bool:
            return key == (axis, code) or (not colon and key[1] == code)

        judged = self.judged & self.snapshot.units.keys()
        of_machine = units_by_code(self.snapshot)
        put = NOTHING.union(*(of_machine[key] for key in of_machine if is_asked(key))) - judged
        hidden = {name for name in put if self.task.since(name)}
        own = {name for name in judged if any(map(is_asked, self.assigned(name, judged)))}
        return (put - hidden) | own

    @property
    def by_code(self) -> dict[tuple[str, str], list[str]]:
        """Return the passages that bear each code for the person, in reading order."""
        unit_ids: dict[tuple[str, str], list[str]] = defaultdict(list)
        for unit_id, codes in self.coded():
            for code in codes:
                unit_ids[code].append(unit_id)
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
        judged, lineage = self.journal.judged_by(self.author), self.journal.lineage
        return judged.union(*(lineage.ends(name) for name in judged if name in lineage))

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


@lru_cache(maxsize=32)
def units_by_value(snapshot: Snapshot, attribute: str) -> dict[str, frozenset[str]]:
    """Return the passages by value of what the tables of the run say of each."""
    value_of = _VALUES[attribute](snapshot)
    unit_ids: dict[str, set[str]] = defaultdict(set)
    for unit in snapshot.units.values():
        unit_ids[value_of(unit) or BLANK].add(unit.unit_id)
    return {value: frozenset(names) for value, names in unit_ids.items()}


@lru_cache(maxsize=2)
def units_by_code(snapshot: Snapshot) -> dict[tuple[str, str], frozenset[str]]:
    """Return the passages that bear each code for the machine."""
    unit_ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for unit_id in snapshot.units:
        for key in snapshot.put_on(unit_id):
            unit_ids[key].add(unit_id)
    return {key: frozenset(names) for key, names in unit_ids.items()}


def units_between(snapshot: Snapshot, first_day: str, last_day: str) -> frozenset[str]:
    """Return the passages of workshops held from a day to another, blank for no bound.

    A bound that is no date holds for none.
    """
    if not all(is_day(day) for day in (first_day, last_day) if day):
        return NOTHING
    days = {name: str(row["date"] or "") for name, row in snapshot.workshops.items()}
    of_workshop = units_by_value(snapshot, "workshop")
    within = (name for name, day in days.items() if day and first_day <= day <= (last_day or "9"))
    return NOTHING.union(*(of_workshop.get(name, NOTHING) for name in within))


def _actor_type(snapshot: Snapshot) -> Callable[[Unit], str | None]:
    people = snapshot.tables["attendance"].dropna(subset=["structure_type"])
    type_of = dict(zip(people["participant_id"], people["structure_type"], strict=True))
    return lambda unit: type_of.get(unit.speaker or "")


_ValueOf = Callable[[Snapshot], Callable[[Unit], str | None]]
_VALUES: Mapping[str, _ValueOf] = {
    "territory": lambda snapshot: lambda unit: snapshot.territory_of[unit.workshop_id],
    "workshop": lambda _snapshot: lambda unit: unit.workshop_id,
    "table": lambda _snapshot: lambda unit: str(unit.table_number or ""),
    "question": lambda _snapshot: lambda unit: unit.question,
    "channel": lambda _snapshot: lambda unit: unit.channel,
    "speaker": lambda _snapshot: lambda unit: unit.speaker,
    "actor": _actor_type,
}


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
    decisions = list(decisions)
    machine = {(row.axis, row.code): row for row in proposed}
    chosen = spans_by_code(decisions)  # words that the person coded
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
        states.append(CodeState(code, state, score, tuple(chosen.get(key, spans))))
    return states


def assigned(states: Iterable[CodeState]) -> list[tuple[str, str]]:
    """Return axis and code of the passage's codes."""
    return [(entry.code.axis, entry.code.code) for entry in states if entry.is_assigned]
