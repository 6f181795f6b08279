"""The codes of one passage as one person sees them: what the machine proposes, with that person's own decisions on top.

What others decided is not in here: a person codes without seeing it, and is shown it after.

In:   the machine's codes of a passage, decisions on it in order
Out:  one `Coded` a code, in the grid's order
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.grid import Code, Grid
from pipeline.review.journal import Decision
from pipeline.review.snapshot import Proposed
from pipeline.standing import CONFIRM, confirmed_codes

ACCEPTED, REJECTED, ADDED, PUT, CONSIDERED = "acceptée", "rejetée", "ajoutée", "proposée", "envisagée"
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


def codes_on(proposed: Sequence[Proposed], decisions: Iterable[Decision], grid: Grid) -> list[Coded]:
    """Return the codes that the machine considered or the person decided on; a code that left the grid is left out."""
    known = {(code.axis, code.code): code for code in grid.by_axis}
    machine = {(row.axis, row.code): row for row in proposed if (row.axis, row.code) in known}
    states = {key: PUT if row.is_assigned else CONSIDERED for key, row in machine.items()}
    for decision in decisions:
        _apply(decision, states, machine.keys(), grid.exclusive)
    return [
        Coded(code, states[key], machine[key].score if key in machine else None, tuple(machine[key].spans) if key in machine else ())
        for key, code in known.items()
        if key in states
    ]


def assigned(coded: Iterable[Coded]) -> list[tuple[str, str]]:
    """Axis and code of those that the passage bears."""
    return [(entry.code.axis, entry.code.code) for entry in coded if entry.is_assigned]


def _apply(decision: Decision, states: dict[tuple[str, str], str], machine: Iterable[tuple[str, str]], exclusive: frozenset[str]) -> None:
    if decision.action == CONFIRM:
        kept = set(confirmed_codes(decision.value) or ())
        for key in [*states, *kept]:
            states[key] = (ACCEPTED if key in machine else ADDED) if key in kept else _without(states.get(key))
        return
    key = (str(decision.axis), str(decision.code))
    if decision.action == "reject_tag":
        states[key] = REJECTED
        return
    if decision.action not in ("accept_tag", "add_tag"):
        return
    if key[0] in exclusive:
        for other in [name for name in states if name[0] == key[0] and states[name] in _ASSIGNED]:
            states[other] = REJECTED
    states[key] = ACCEPTED if key in machine else ADDED


def _without(state: str | None) -> str:
    """A code that a confirmation leaves out: rejected where it stood, else as it was."""
    return CONSIDERED if state in (CONSIDERED, None) else REJECTED
