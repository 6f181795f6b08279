"""Which passages a person works through, in what order.

In:   a snapshot, the decisions, what the person asks for
Out:  unit_ids in order, and where one stands among them
"""

from dataclasses import dataclass

from django.http import QueryDict

from pipeline.grid import Grid
from pipeline.review.codes import codes_on
from pipeline.review.journal import Journal
from pipeline.review.snapshot import Snapshot, Unit

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


def passages(wanted: Wanted, snapshot: Snapshot, journal: Journal, grid: Grid, author: str) -> list[str]:
    """Return the unit_ids that `author` asked for, in the order asked for."""
    mine = journal.coded_by(author, snapshot.put_on, grid.exclusive)
    found = list(snapshot.by_doubt if wanted.order == DOUBT else snapshot.units)
    if wanted.workshop_id or wanted.table or wanted.question or wanted.theme_id:
        found = [unit_id for unit_id in found if _was_said(snapshot.units[unit_id], wanted, snapshot)]
    if wanted.state == TODO:
        found = [unit_id for unit_id in found if unit_id not in mine]
    elif wanted.state == MINE:
        found = [unit_id for unit_id in found if unit_id in mine]
    elif wanted.state == SHARED:
        others = [name for name in journal.coders if name != author]
        theirs = set().union(*(journal.coded_by(name, snapshot.put_on, grid.exclusive) for name in others))
        found = [unit_id for unit_id in found if unit_id in mine & theirs]
    if wanted.code:
        judged = journal.judged_by(author)
        found = [unit_id for unit_id in found if _bears(unit_id, wanted.code, snapshot, journal, grid, author, judged)]
    return found


def neighbours(unit_id: str, listed: list[str]) -> tuple[str | None, str | None]:
    """The passages before and after `unit_id` in `listed`; where it is not listed (any more), none and the first one."""
    if unit_id not in listed:
        return None, listed[0] if listed else None
    place = listed.index(unit_id)
    return listed[place - 1] if place else None, listed[place + 1] if place + 1 < len(listed) else None


def _was_said(unit: Unit, wanted: Wanted, snapshot: Snapshot) -> bool:
    """Whether a passage was said where it is asked for, and about that theme."""
    return (
        wanted.workshop_id in ("", unit.workshop_id)
        and wanted.table in ("", str(unit.table_number or ""))
        and wanted.question in ("", unit.question)
        and wanted.theme_id in ("", snapshot.theme_of.get(unit.unit_id))
    )


def _bears(unit_id: str, code: str, snapshot: Snapshot, journal: Journal, grid: Grid, author: str, judged: set[str]) -> bool:
    axis, _, name = code.partition(":")
    proposed = snapshot.proposed.get(unit_id, ())
    if unit_id not in judged:
        return any(row.is_assigned and row.axis == axis and row.code == name for row in proposed)
    coded = codes_on(proposed, journal.on_unit(unit_id, by=author), grid)
    return any(entry.is_assigned and (entry.code.axis, entry.code.code) == (axis, name) for entry in coded)
