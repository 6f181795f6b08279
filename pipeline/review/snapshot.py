"""Hold the tables of a study's last run in memory, indexed by passage."""

import json
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pandas as pd

from pipeline.counting import with_circles
from pipeline.decisions import TO_REVIEW
from pipeline.errors import StudyError
from pipeline.study import Study
from pipeline.tables import TABLES

_NOT_SHOWN = frozenset(("blocks", "lexical_classes", "lexical_members", "evolutions"))
_MACHINE = ("tags", "themes", "theme_families", "theme_members")


class Unit(NamedTuple):
    """A passage; None where unknown."""

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
    """A code considered by the machine, put if `is_assigned`."""

    axis: str
    code: str
    score: float
    is_assigned: bool
    evidence: str  # JSON of spans, parsed only when shown

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Return the half-open spans of the words that led to it."""
        return [(int(start), int(end)) for start, end in json.loads(self.evidence)]


@dataclass(frozen=True, eq=False)
class Snapshot:
    """A run: its reviewed tables, and the machine's proposals."""

    run_id: str
    tables: dict[str, pd.DataFrame]
    machine: dict[str, pd.DataFrame]

    @cached_property
    def units(self) -> dict[str, Unit]:
        """Return every passage by id, in reading order."""
        rows = self.tables["units"].sort_values(["workshop_id", "document_id", "unit_order"])
        columns = [_shared(rows[name]) for name in Unit._fields]
        return {row[0]: Unit(*row) for row in zip(*columns, strict=True)}

    @cached_property
    def circles(self) -> pd.DataFrame:
        """Return the units, with their circles, on which decisions on themes are replayed."""
        names = ["unit_id", "document_id", "workshop_id"]
        told = ["unit_order", "table_number", "question", "channel", "speaker"]
        rows = with_circles(self.tables["units"][[*names, *told]], self.tables.get("workshops"))
        return rows.astype(dict.fromkeys([*names, "circle_id"], object))

    @cached_property
    def table_of(self) -> dict[str, str]:
        """Return the circle that counts as a table, by passage said at one."""
        said = self.circles[self.circles["is_said"]]
        return _by_key(said["unit_id"], said["circle_id"])

    @cached_property
    def n_heard(self) -> Counter[str]:
        """Return at how many tables, or in how many documents, each workshop said something."""
        said = self.circles[self.circles["is_said"]].drop_duplicates("circle_id")
        return Counter(said["workshop_id"].tolist())

    @cached_property
    def counts_documents(self) -> bool:
        """Whether documents are counted instead of tables, as no notes name one."""
        said = self.circles[self.circles["is_said"]]
        return len(said) > 0 and not said["table_number"].notna().any()

    def n_tables(self, unit_ids: Iterable[str]) -> int:
        """Count the tables, or documents, where passages were said."""
        return len({self.table_of[name] for name in unit_ids if name in self.table_of})

    @cached_property
    def of_document(self) -> dict[str, tuple[str, ...]]:
        """Return each document's passages, in reading order."""
        unit_ids: dict[str, list[str]] = defaultdict(list)
        for unit in self.units.values():
            unit_ids[unit.document_id].append(unit.unit_id)
        return {document_id: tuple(listed) for document_id, listed in unit_ids.items()}

    @cached_property
    def texts(self) -> dict[str, str]:
        """Return each document's text."""
        rows = self.tables["documents"]
        return _by_key(rows["document_id"], rows["text"])

    @cached_property
    def ledger_of(self) -> dict[str, Any]:
        """Return where the rows of each document are in the ledger, in reading order."""
        rows = self.tables["ledger"]
        positions = rows.reset_index(drop=True).groupby("document_id").indices
        starts = rows["start_char"].to_numpy()
        return {str(name): where[starts[where].argsort()] for name, where in positions.items()}

    @cached_property
    def n_passages_of(self) -> Counter[tuple[str, str]]:
        """Count the passages of each axis and code, as reviewed."""
        return Counter(code for codes in self.assigned.values() for code in codes)

    @cached_property
    def titles(self) -> dict[str, str]:
        """Return each document's title or path."""
        rows = self.tables["documents"]
        titles = rows["title"].fillna("")
        return _by_key(rows["document_id"], titles.where(titles != "", rows["path"]))

    @cached_property
    def workshops(self) -> dict[str, dict[str, Any]]:
        """Return each workshop's row, by territory and date."""
        rows = self.tables["workshops"].sort_values(["territory", "date", "workshop_id"])
        blank = rows.astype(object).where(rows.notna(), None)
        return {str(row["workshop_id"]): row for row in blank.to_dict("records")}  # type: ignore[misc]

    @cached_property
    def territory_of(self) -> dict[str, str]:
        """Return each workshop's territory."""
        return {name: str(row["territory"]) for name, row in self.workshops.items()}

    @cached_property
    def spots(self) -> dict[str, tuple[float, float]]:
        """Return (x, y) on the map, 0..1, from the bottom left."""
        rows = self.tables["unit_places"]
        return _by_key(rows["unit_id"], zip(rows["x"].tolist(), rows["y"].tolist(), strict=True))

    @cached_property
    def proposed(self) -> dict[str, tuple[Proposed, ...]]:
        """Return the machine's codes by passage, the surest first."""
        order, ascending = ["unit_id", "score", "axis", "code"], [True, False, True, True]
        rows = self.machine["tags"].sort_values(order, ascending=ascending)
        codes: dict[str, list[Proposed]] = defaultdict(list)
        columns = [_shared(rows[name]) for name in ("unit_id", *Proposed._fields)]
        for unit_id, *cells in zip(*columns, strict=True):
            codes[unit_id].append(Proposed(*cells))
        return {unit_id: tuple(listed) for unit_id, listed in codes.items()}

    def put_on(self, unit_id: str) -> list[tuple[str, str]]:
        """Return the machine's codes on a passage."""
        return [(row.axis, row.code) for row in self.proposed.get(unit_id, ()) if row.is_assigned]

    @cached_property
    def assigned(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Return the reviewed codes by passage."""
        rows = self.tables["tags"]
        rows = rows[rows["is_assigned"].astype(bool)].drop_duplicates(["unit_id", "axis", "code"])
        codes: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for unit_id, axis, code in zip(rows["unit_id"], rows["axis"], rows["code"], strict=True):
            codes[unit_id].append((sys.intern(axis), sys.intern(code)))
        return {unit_id: tuple(listed) for unit_id, listed in codes.items()}

    @cached_property
    def queue(self) -> dict[str, tuple[int, str, float]]:
        """Return rank, reason and expected errors of uncoded passages."""
        rows = self.tables["review_queue"]
        columns = (rows[name].tolist() for name in ("place", "reason", "n_expected_errors"))
        return _by_key(rows["unit_id"], zip(*columns, strict=True))

    @cached_property
    def by_doubt(self) -> tuple[str, ...]:
        """Return the passages in order of review, then the coded ones."""
        last = (len(self.queue) + 1, "", 0.0)
        return tuple(sorted(self.units, key=lambda unit_id: self.queue.get(unit_id, last)[0]))

    @cached_property
    def theme_names(self) -> dict[str, str]:
        """Return the machine's names of themes and families."""
        themes, families = self.machine["themes"], self.machine["theme_families"]
        return _by_key(themes["theme_id"], themes["label"]) | _by_key(
            families["family_id"], families["label"]
        )

    @cached_property
    def near_passages(self) -> dict[int, tuple[str, str]]:
        """Return what the passage of a decision said, and the nearest now that it is gone."""
        rows = self.tables["decision_effects"].dropna(subset=["near_unit_id"])
        pairs = list(zip(rows["passage"], rows["near_unit_id"], strict=True))
        return _by_key(rows["decision_id"], pairs)

    @cached_property
    def to_review(self) -> dict[int, str]:
        """Return why decisions on changed themes await a review."""
        rows = self.tables["decision_effects"]
        rows = rows[rows["state"] == TO_REVIEW]
        return _by_key(rows["decision_id"], rows["reason"])


def _by_key(keys: pd.Series, values: Any) -> dict[Any, Any]:
    return dict(zip(keys.tolist(), values, strict=True))


def _shared(cells: pd.Series) -> list[Any]:
    """Return equal cells as one object, None if blank."""
    first: dict[Any, Any] = {}
    return [
        None if cell is pd.NA or cell != cell else first.setdefault(cell, cell)
        for cell in cells.tolist()
    ]


class Snapshots:
    """The study's last run, kept up to date; thread-safe."""

    def __init__(self, study: Study) -> None:
        self._study, self._lock = study, threading.Lock()
        self._snapshot: Snapshot | None = None
        # the last record checked, and the renamed codes
        self._newest: tuple[str, dict[tuple[str, str], str]] = "", {}

    def current(self) -> Snapshot:
        """Return the last run that ended, even while another is being written.

        Raises `StudyError` without any run.
        """
        record = max((path.name for path in self._study.runs.glob("*.json")), default="")
        newest = record, self._study.present_codes()
        if self._snapshot is not None and newest == self._newest:
            return self._snapshot
        with self._lock:
            if self._snapshot is None or newest != self._newest:
                is_renamed = newest[1] != self._newest[1]
                self._snapshot = self._read(self._snapshot, is_renamed=is_renamed)
                self._newest = newest
            return self._snapshot

    def _read(self, before: Snapshot | None, *, is_renamed: bool) -> Snapshot:
        last = self._study.last_run()
        if last is None:
            raise StudyError(
                "l'étude n'a encore jamais été traitée",
                "des tables à relire",
                "déposer ses fichiers, puis la traiter : pages Déposer et Traiter",
            )
        is_same = before is not None and last["run_id"] == before.run_id and not is_renamed
        if before is not None and (is_same or not self._study.tables_match(last["tables"])):
            return before
        machine = {name: self._study.read_machine_table(name) for name in _MACHINE}
        tables = {name: self._study.read_table(name) for name in TABLES if name not in _NOT_SHOWN}
        return Snapshot(last["run_id"], tables, machine)
