"""The tables of a study's last run, held in memory for every page and indexed by passage.

In:   a study that was run
Out:  Snapshot, the same object until a later run has ended
"""

import json
import sys
import threading
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from pipeline.decisions import TO_REVIEW
from pipeline.errors import StudyError
from pipeline.study import Study
from pipeline.tables import TABLES

_LEFT_OUT = frozenset(
    ("blocks", "lexical_classes", "lexical_members", "evolutions")
)  # no page shows them
_UNIT = (
    "unit_id",
    "document_id",
    "workshop_id",
    "unit_order",
    "text",
    "table_number",
    "question",
    "channel",
    "speaker",
)


class Unit(NamedTuple):
    """A passage as pages need it; what is unknown is None."""

    unit_id: str
    document_id: str
    workshop_id: str
    unit_order: int
    text: str
    table_number: int | None
    question: str | None
    channel: str
    speaker: str | None


class Proposed(NamedTuple):
    """A code that the machine considered for a passage: `is_assigned` where it put it, `evidence` half-open in the passage's text."""

    axis: str
    code: str
    score: float
    is_assigned: bool
    evidence: str  # JSON, read only where it is shown

    @property
    def spans(self) -> list[tuple[int, int]]:
        """The words that weighed."""
        return [(int(start), int(end)) for start, end in json.loads(self.evidence)]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """One run: its tables by name, as reviewed then, and what the machine proposed before decisions (`machine`)."""

    run_id: str
    tables: dict[str, pd.DataFrame]
    machine: dict[str, pd.DataFrame]

    @cached_property
    def units(self) -> dict[str, Unit]:
        """Every passage by id, in reading order: workshop, document, place in it."""
        rows = self.tables["units"].sort_values(["workshop_id", "document_id", "unit_order"])[
            list(_UNIT)
        ]
        columns = [_shared(rows[name]) for name in _UNIT]
        return {row[0]: Unit(*row) for row in zip(*columns, strict=True)}

    @cached_property
    def theme_names(self) -> dict[str, str]:
        """Names of themes and families as the machine gave them."""
        named = (
            (self.machine["themes"], "theme_id"),
            (self.machine["theme_families"], "family_id"),
        )
        return {
            name: label
            for table, key in named
            for name, label in zip(table[key].tolist(), table["label"].tolist(), strict=True)
        }

    @cached_property
    def to_review(self) -> dict[int, str]:
        """Why each decision awaits a review, its theme having become another, by number."""
        rows = self.tables["decision_effects"]
        rows = rows[rows["state"] == TO_REVIEW]
        return dict(zip(rows["decision_id"].tolist(), rows["reason"].tolist(), strict=True))

    @cached_property
    def unit_places(self) -> pd.DataFrame:
        """Every passage with where it was said, as decisions on themes are replayed over it: no text, and names as plain objects."""
        names = ["unit_id", "document_id", "workshop_id"]
        rows = self.tables["units"][[*names, "unit_order", "table_number"]]
        return rows.astype(dict.fromkeys(names, object))

    @cached_property
    def proposed(self) -> dict[str, tuple[Proposed, ...]]:
        """The machine's codes of each passage, the surest first."""
        rows = self.machine["tags"].sort_values(
            ["unit_id", "score", "axis", "code"], ascending=[True, False, True, True]
        )
        found: dict[str, list[Proposed]] = defaultdict(list)
        columns = [
            _shared(rows[name])
            for name in ("unit_id", "axis", "code", "score", "is_assigned", "evidence")
        ]
        for unit_id, *rest in zip(*columns, strict=True):
            found[unit_id].append(Proposed(*rest))
        return {unit_id: tuple(codes) for unit_id, codes in found.items()}

    def put_on(self, unit_id: str) -> list[tuple[str, str]]:
        """Axis and code of what the machine put on a passage."""
        return [(row.axis, row.code) for row in self.proposed.get(unit_id, ()) if row.is_assigned]

    @cached_property
    def assigned(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Axis and code of what each passage bears, as reviewed at the last run."""
        rows = self.tables["tags"]
        rows = rows[rows["is_assigned"].astype(bool)].drop_duplicates(["unit_id", "axis", "code"])
        found: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for unit_id, *code in zip(
            *(rows[name].tolist() for name in ("unit_id", "axis", "code")), strict=True
        ):
            found[unit_id].append((sys.intern(code[0]), sys.intern(code[1])))
        return {unit_id: tuple(codes) for unit_id, codes in found.items()}

    @cached_property
    def spots(self) -> dict[str, tuple[float, float]]:
        """Where each passage lies on the map, 0..1 from left to right and from bottom to top."""
        rows = self.tables["unit_places"]
        return {
            str(name): (x, y)
            for name, x, y in zip(
                *(rows[name].tolist() for name in ("unit_id", "x", "y")), strict=True
            )
        }

    @cached_property
    def of_document(self) -> dict[str, tuple[str, ...]]:
        """The passages of each document, in reading order."""
        found: dict[str, list[str]] = defaultdict(list)
        for unit in self.units.values():
            found[unit.document_id].append(unit.unit_id)
        return {document_id: tuple(unit_ids) for document_id, unit_ids in found.items()}

    @cached_property
    def queue(self) -> dict[str, tuple[int, str, float]]:
        """Place in the order of review, its reason and the errors expected, by passage that nobody had coded when it was made."""
        rows = self.tables["review_queue"]
        listed = zip(
            rows["unit_id"], rows["place"], rows["reason"], rows["n_expected_errors"], strict=True
        )
        return {
            unit_id: (int(place), str(reason), float(errors))
            for unit_id, place, reason, errors in listed
        }

    @cached_property
    def by_doubt(self) -> tuple[str, ...]:
        """Every passage, in the order of review; those coded before it was made come last, in reading order."""
        last = len(self.queue) + 1
        return tuple(
            sorted(
                self.units,
                key=lambda unit_id: self.queue[unit_id][0] if unit_id in self.queue else last,
            )
        )

    @cached_property
    def workshops(self) -> dict[str, dict[str, Any]]:
        """Each workshop's row by id, in order of date and territory."""
        rows = self.tables["workshops"].sort_values(["territory", "date", "workshop_id"])
        blank = rows.astype(object).where(rows.notna(), None)
        return {
            str(row["workshop_id"]): {str(name): cell for name, cell in row.items()}
            for row in blank.to_dict("records")
        }

    @cached_property
    def titles(self) -> dict[str, str]:
        """Title of each document, its path where it has none."""
        rows = self.tables["documents"]
        listed = zip(rows["document_id"], rows["title"].fillna(""), rows["path"], strict=True)
        return {str(document_id): str(title or path) for document_id, title, path in listed}

    @cached_property
    def theme_of(self) -> dict[str, str]:
        """The machine's theme of each passage that has one."""
        members = self.machine["theme_members"]
        return dict(zip(members["unit_id"], members["theme_id"], strict=True))


def _shared(cells: pd.Series) -> list[Any]:
    """The cells as a list, None where blank, in which equal ones are one object."""
    seen: dict[Any, Any] = {}
    return [
        None if cell is pd.NA or cell != cell else seen.setdefault(cell, cell)
        for cell in cells.tolist()
    ]


class Snapshots:
    """The last run of `study`, read again when a later one has ended; safe among threads."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self._held: Snapshot | None = None
        self._seen = ""

    def current(self) -> Snapshot:
        """Return the last run that ended, or the one before while another is being written.

        Raises `StudyError` for a study that was never run.
        """
        newest = max((path.name for path in self._study.runs.glob("*.json")), default="")
        if self._held is not None and newest == self._seen:
            return self._held
        with self._lock:
            if self._held is None or newest != self._seen:
                self._held, self._seen = self._read(), newest
            return self._held

    def _read(self) -> Snapshot:
        last = self._study.last_run()
        if last is None:
            raise StudyError(
                "l'étude n'a encore jamais été traitée",
                "des tables à relire",
                f"ateliers run {self._study.root}",
            )
        if self._held is not None and (
            last["run_id"] == self._held.run_id or not self._study.tables_match(last["tables"])
        ):
            return self._held
        machine = {
            name: self._study.read_machine_table(name)
            for name in ("tags", "themes", "theme_families", "theme_members")
        }
        tables = {name: self._study.read_table(name) for name in TABLES if name not in _LEFT_OUT}
        return Snapshot(last["run_id"], tables, machine)
