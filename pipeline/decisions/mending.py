"""Cut, join and correct passages from the next run on.

In:   units as the machine cut them, documents; active decisions
Out:  units as people mended them
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.decisions.kinds import (
    GONE_PASSAGE,
    Decision,
    Names,
    PassageDecision,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_object,
)
from pipeline.decisions.lineage import Lineage
from pipeline.decisions.spans import find_words
from pipeline.tables.material import UNITS
from pipeline.tables.schema import CHANNELS, QUESTIONS

_N_QUOTED = 60  # characters after a cut, to find it again
MAX_TABLE = 999
TABLE, QUESTION, SPEAKER, CHANNEL = "table_number", "question", "speaker", "channel"
FIELDS = {TABLE: "la table", QUESTION: "la question", SPEAKER: "qui parle", CHANNEL: "le canal"}
NOT_YET = "Pas encore appliquée : elle le sera au prochain calcul, si son passage y est encore."


@dataclass(frozen=True)
class Mending(PassageDecision):
    """A decision on what a passage is, applied when the text is next cut into passages."""

    group = "decoupage"
    idle_reason = NOT_YET

    content: Mapping[str, Any] = field(metadata=in_value(read_object, as_json))

    def missing(self, reviewed: Reviewed) -> str | None:
        return self.fault(reviewed)

    def mend(self, units: "_Units") -> None:
        """Change the passages, or nothing where it no longer fits."""
        raise NotImplementedError

    def _number(self, name: str) -> int:
        number = self.content.get(name)
        return number if isinstance(number, int) and number > 0 else 0

    def _quoted(self, name: str) -> str:
        return str(self.content.get(name) or "")


@dataclass(frozen=True)
class SplitPassage(Mending):
    """Cuts a passage in two, before the character `at` of its text."""

    action = "split_passage"
    template = "coupe {passage} avant {value}"
    has_typed_value = True  # a name in the quoted words may be known only later
    typed_parts = ("after",)

    @classmethod
    def of(cls, unit_id: str, text: str, at: int) -> "SplitPassage | None":
        """Return the cut at a character; None where a side would say nothing."""
        at = min(max(at, 0), len(text))
        at += len(text[at:]) - len(text[at:].lstrip())
        if not all(any(map(str.isalnum, side)) for side in (text[:at], text[at:])):
            return None
        return cls(unit_id, {"at": at, "after": text[at : at + _N_QUOTED]})

    @property
    def at(self) -> int:
        return self._number("at")

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("bounds", str(self.unit_id), str(self.at))}

    def extend(self, lineage: Lineage) -> tuple[str, str, str, int] | None:
        return lineage.cut(self.unit_id, self.at) if self.unit_id and self.at else None

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.unit_id and self.at else "La décision ne dit pas où couper."

    def holds(self, reviewed: Reviewed) -> bool:
        before, after = (
            reviewed.lineage.place(str(self.unit_id), at)[0] for at in (self.at - 1, self.at)
        )
        return before != after and {before, after} <= reviewed.themes.unit_ids

    def mend(self, units: "_Units") -> None:
        whole, at = units.lineage.place(str(self.unit_id), self.at)
        unit = units.unit(whole)
        found = self._cut_in(unit["text"], at) if unit else None
        if unit is None or not found or not unit["text"][:found].strip():
            return
        parts = self.extend(units.lineage)
        if parts is None:
            return
        _whole, left, right, _at = parts
        start = unit["start_char"]
        length = len(unit["text"][:found].rstrip())
        units.put(
            [unit],
            units.part(unit, left, start, start + length),
            units.part(unit, right, start + found, unit["end_char"]) | {"n_votes": None},
        )

    def _cut_in(self, text: str, at: int) -> int | None:
        """Return where the words after the cut begin; a part may end before the last of them."""
        after = self._quoted("after")
        if after and text[at:] and after.startswith(text[at : at + len(after)]):
            return at
        span = find_words(text, after, at)
        return None if span is None else span[0]

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"value": names.quoted(self._quoted("after"))}


@dataclass(frozen=True)
class JoinPassages(Mending):
    """Joins a passage to the next one of its document, `other`."""

    action = "join_passages"
    template = "joint {passage} à {other}"

    @classmethod
    def of(cls, unit_id: str, other_id: str, shift: int) -> "JoinPassages":
        """Return the join; the other passage begins `shift` characters after the first's start."""
        return cls(unit_id, {"other": other_id, "shift": shift})

    @property
    def other_id(self) -> str:
        return self._quoted("other")

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("bounds", str(self.unit_id), "end"), ("bounds", self.other_id, "start")}

    def extend(self, lineage: Lineage) -> tuple[str, str, str] | None:
        shift = self._number("shift")
        if not (self.unit_id and self.other_id and shift):
            return None
        return lineage.join(self.unit_id, self.other_id, shift)

    def fault(self, reviewed: Reviewed) -> str | None:
        is_read = self.unit_id and self.other_id and self._number("shift")
        return None if is_read else "La décision ne dit pas quels passages joindre."

    def holds(self, reviewed: Reviewed) -> bool:
        first, _at = reviewed.lineage.place(str(self.unit_id), self._number("shift") - 1)
        second, _at = reviewed.lineage.place(self.other_id, 0)
        return first == second and first in reviewed.themes.unit_ids

    def mend(self, units: "_Units") -> None:
        first_id, _at = units.lineage.place(str(self.unit_id), self._number("shift") - 1)
        second_id, _at = units.lineage.place(self.other_id, 0)
        first, second = units.unit(first_id), units.unit(second_id)
        if first is None or second is None or not units.are_neighbours(first, second):
            return
        joined = self.extend(units.lineage)
        if joined is None:
            return
        both = units.part(first, joined[2], first["start_char"], second["end_char"])
        blank = {name: second[name] for name in FIELDS if pd.isna(first[name])}
        votes = [unit["n_votes"] for unit in (first, second) if not pd.isna(unit["n_votes"])]
        units.put([first, second], both | blank | {"n_votes": sum(votes) if votes else None})

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        return super().words(names, value) | {"other": names.passage(self.other_id)}


@dataclass(frozen=True)
class CorrectPassage(Mending):
    """Says the table, question, speaker or channel of a passage; a blank value is unknown."""

    action = "correct_passage"
    group = "corrections"
    template = "corrige {field} de {passage} : {value}"
    has_typed_value = True  # who speaks
    typed_parts = ("value",)

    @classmethod
    def of(cls, unit_id: str, name: str, value: str | int | None) -> "CorrectPassage":
        """Return the correction of one of FIELDS."""
        return cls(unit_id, {"field": name, "value": value})

    @property
    def name(self) -> str:
        return self._quoted("field")

    @property
    def value(self) -> Any:
        return self.content.get("value")

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("correction", str(self.unit_id), self.name)}

    def fault(self, reviewed: Reviewed) -> str | None:
        return super().fault(reviewed) or correction_fault(self.name, self.value)

    def missing(self, reviewed: Reviewed) -> str | None:
        ends = reviewed.lineage.ends(str(self.unit_id))
        if reviewed.themes.unit_ids.isdisjoint(ends):
            return GONE_PASSAGE
        return super().missing(reviewed)

    def holds(self, reviewed: Reviewed) -> bool:
        ends = reviewed.lineage.ends(str(self.unit_id))
        rows = [reviewed.units[end] for end in ends if end in reviewed.units]
        return bool(rows) and all(_as_cell(row.get(self.name)) == self.value for row in rows)

    def mend(self, units: "_Units") -> None:
        if correction_fault(self.name, self.value):
            return
        told = {self.name: self.value}
        if self.name == QUESTION:
            told["proposed_question"] = None  # what headings propose where nothing is known
        for unit_id in units.lineage.ends(str(self.unit_id)):
            unit = units.unit(unit_id)
            if unit is not None:
                units.put([unit], unit | told)

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        told = names.say("inconnu") if self.value is None else names.quoted(str(self.value))
        what = names.say(FIELDS.get(self.name, self.name))
        return super().words(names, value) | {"field": what, "value": told}


def _as_cell(cell: Any) -> Any:
    if cell is None or pd.isna(cell):
        return None
    return cell if isinstance(cell, str) else int(cell)


def correction_fault(name: str, value: object) -> str | None:
    """Say in French why a passage's field cannot have this value, if so."""
    if name == TABLE:
        is_table = isinstance(value, int) and not isinstance(value, bool)
        if value is None or (is_table and 1 <= value <= MAX_TABLE):  # type: ignore[operator]
            return None
        return f"Une table est un nombre de 1 à {MAX_TABLE}, ou inconnue."
    if name == QUESTION:
        is_known = value is None or value in QUESTIONS
        return None if is_known else "La question n'est pas de celles que l'étude connaît."
    if name == CHANNEL:
        return None if value in CHANNELS else "Le canal n'est pas de ceux que l'étude connaît."
    if name == SPEAKER:
        is_text = value is None or (isinstance(value, str) and bool(value.strip()))
        return None if is_text else "La décision ne dit pas qui parle."
    return "La décision ne dit pas quoi corriger."


class _Units:
    """The units of some documents while people's decisions change them."""

    def __init__(self, units: pd.DataFrame, documents: pd.DataFrame) -> None:
        self.lineage, self.is_changed = Lineage(), False
        self._texts = dict(zip(documents["document_id"], documents["text"], strict=True))
        rows: list[dict[Any, Any]] = units.to_dict("records")
        self._by_id = {str(row["unit_id"]): row for row in rows}
        self._by_document: dict[str, list[str]] = {}
        for row in rows:
            self._by_document.setdefault(row["document_id"], []).append(row["unit_id"])

    def unit(self, unit_id: str) -> dict[Any, Any] | None:
        return self._by_id.get(unit_id)

    def part(self, unit: Mapping[Any, Any], unit_id: str, start: int, end: int) -> dict[Any, Any]:
        """Return the passage of these characters of the document."""
        text = self._texts[unit["document_id"]][start:end]
        return {**unit, "unit_id": unit_id, "start_char": start, "end_char": end, "text": text}

    def put(self, olds: Sequence[Mapping[Any, Any]], *news: dict[Any, Any]) -> None:
        """Put passages in the place of others that follow each other."""
        self.is_changed = True
        listed = self._by_document[olds[0]["document_id"]]
        i = listed.index(olds[0]["unit_id"])
        listed[i : i + len(olds)] = [new["unit_id"] for new in news]
        for old in olds:
            del self._by_id[old["unit_id"]]
        self._by_id |= {new["unit_id"]: new for new in news}

    def are_neighbours(self, first: Mapping[Any, Any], second: Mapping[Any, Any]) -> bool:
        """Whether no passage, heading or other text is between two passages of a document."""
        if first["document_id"] != second["document_id"]:
            return False
        listed = self._by_document[first["document_id"]]
        i = listed.index(first["unit_id"])
        between = self._texts[first["document_id"]][first["end_char"] : second["start_char"]]
        return listed[i + 1 : i + 2] == [second["unit_id"]] and not says_something(between)

    def table(self) -> pd.DataFrame:
        return UNITS.build(
            self._by_id[unit_id] | {"unit_order": order}
            for unit_ids in self._by_document.values()
            for order, unit_id in enumerate(unit_ids)
        )


def says_something(between: str) -> bool:
    """Whether a letter or digit is between two passages, not only bullets and blanks."""
    return any(map(str.isalnum, between))


def mend_units(
    units: pd.DataFrame, documents: pd.DataFrame, active: Iterable[Decision]
) -> pd.DataFrame:
    """Return `units` as people cut, joined and corrected them, in the order of decision.

    What no longer fits changes nothing, and its decision says so (`decision_effects`).
    """
    mendings = [row for row in active if isinstance(row, Mending)]
    if not mendings or units.empty:
        return units
    mended = _Units(units, documents)
    for row in mendings:
        row.mend(mended)
    return mended.table() if mended.is_changed else units


def mending_marks(active: Iterable[Decision]) -> list[str]:
    """Return what a cut into passages depends on: the decisions that mend them, in order."""
    rows = [row.row() for row in active if isinstance(row, Mending)]
    return [as_json([row["action"], row.get("unit_id"), row.get("value")]) for row in rows]
