"""People's codings in another tool's project, as decisions.

In:   Project; tables as reviewed, grid, decisions already taken
Out:  Taken

Find the units of the study that selections in another tool's copy of a document speak of.

Decisions that a file brings: those that are new to the study, and what had to be left out, by why.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from pipeline.exchange.codebook import THEME, Entry, build_codebook, identifier_in, walk
from pipeline.exchange.documents import MACHINE, named_documents
from pipeline.exchange.project_file import (
    FileCode,
    Project,
    Selection,
    Source,
    Span,
    plain_text,
    settle_spans,
)
from pipeline.exchange.xml import guid, xml_text
from pipeline.grid.codes import Grid
from pipeline.publish.report.passages import rows_of
from pipeline.standing import judgements, standing, undone_by
from pipeline.text import counted, fold

_SHARE = 0.5  # of the unit or of the selection that must lie in the other
UNKNOWN_SOURCE = "document qui n'est pas de l'étude"
NO_TEXT = "document dont le texte n'est pas dans le fichier"
WHOLE = "code posé sur un document entier"
OUTSIDE = "sélection hors de son texte"
NOT_FOUND = "sélection introuvable dans le document de l'étude, dont le texte est autre"
NO_UNIT = "sélection hors de tout passage"


@dataclass(frozen=True)
class Placed:
    """The units that a selection speaks of, or `why` it speaks of none."""

    unit_ids: tuple[str, ...]
    why: str = ""


class Placer:
    """Knows the study's documents by GUID, text and title, and their units by place."""

    def __init__(self, tables: Mapping[str, pd.DataFrame]) -> None:
        documents = named_documents(tables)
        self._texts: dict[str, str] = {row.document_id: xml_text(row.text) for row in documents}
        self._by_guid: dict[str, str] = {
            guid("document", row.document_id): row.document_id for row in documents
        }
        self._by_name: dict[str, str] = {row.name: row.document_id for row in documents}
        self._by_text: dict[str, str] = {}
        for document_id, text in self._texts.items():
            self._by_text.setdefault(text.rstrip(), document_id)
        ordered = tables["units"].sort_values(["start_char", "unit_id"])
        self._units = {key: list(rows_of(rows)) for key, rows in ordered.groupby("document_id")}

    def place(self, source: Source) -> list[Placed]:
        """One answer a selection of `source`."""
        if source.stored is None:
            return [Placed((), NO_TEXT)] * len(source.selections)
        theirs = xml_text(plain_text(source.stored))
        document_id = self._document(source, theirs)
        if document_id is None:
            return [Placed((), UNKNOWN_SOURCE)] * len(source.selections)
        ours, units = self._texts[document_id], self._units.get(document_id, [])
        is_same = theirs.rstrip() == ours.rstrip()
        bounds = (
            {bound for unit in units for bound in (int(unit.start_char), int(unit.end_char))}
            if is_same
            else set()
        )
        settled = iter(
            settle_spans(
                source.stored,
                [selection.span for selection in source.selections if selection.span],
                bounds,
            )
        )
        placed = []
        for selection in source.selections:
            if selection.span is None:
                placed.append(Placed((), WHOLE))
                continue
            span = next(settled)
            ours_too = span if span is None or is_same else _found_again(span, theirs, ours)
            placed.append(
                _placed(ours_too, ours, units)
                if ours_too
                else Placed((), NOT_FOUND if span else OUTSIDE)
            )
        return placed

    def _document(self, source: Source, theirs: str) -> str | None:
        """The document with the source's GUID and text, else with its text, else with its GUID or name alone."""
        named = self._by_guid.get(source.guid) or self._by_name.get(source.name)
        if named is not None and self._texts[named].rstrip() == theirs.rstrip():
            return named
        return self._by_text.get(theirs.rstrip()) or named


def _placed(span: Span, text: str, units: Iterable[Any]) -> Placed:
    start, end = _trimmed(span, text)
    unit_ids = tuple(
        unit.unit_id
        for unit in units
        if _overlaps(start, end, int(unit.start_char), int(unit.end_char))
    )
    return Placed(unit_ids, "" if unit_ids else NO_UNIT)


def _overlaps(start: int, end: int, unit_start: int, unit_end: int) -> bool:
    """Whether half of the unit lies in the selection, or half of the selection in the unit."""
    common = min(end, unit_end) - max(start, unit_start)
    return common > 0 and common >= _SHARE * min(end - start, unit_end - unit_start)


def _trimmed(span: Span, text: str) -> Span:
    """`span` without the blanks at its ends, unless it is all blank."""
    quote = text[span[0] : span[1]]
    if not quote.strip():
        return span
    start = span[0] + len(quote) - len(quote.lstrip())
    return start, span[0] + len(quote.rstrip())


def _found_again(span: Span, theirs: str, ours: str) -> Span | None:
    """Where the words selected stand in our text: of several places, the one nearest to theirs."""
    quote = theirs[span[0] : span[1]].strip()
    places = []
    at = ours.find(quote) if quote else -1
    while at >= 0:
        places.append(at)
        at = ours.find(quote, at + 1)
    if not places:
        return None
    best = min(places, key=lambda place: (abs(place - span[0]), place))
    return best, best + len(quote)


_UNSAID = object()
Decision = dict[
    str, Any
]  # the columns of DECISIONS that a file tells; decided_at is blank where it tells no time


@dataclass(frozen=True)
class Taken:
    """`decisions` that the study has not yet, in order; `n_known` it has; `left_out` counts the rest by reason, `lines` names them."""

    decisions: tuple[Decision, ...]
    n_known: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()

    @property
    def by_author(self) -> dict[str, int]:
        """How many new decisions each person took."""
        return dict(sorted(Counter(decision["author"] for decision in self.decisions).items()))


def take_new(
    read: Iterable[Decision], known: pd.DataFrame, tags: pd.DataFrame
) -> tuple[tuple[Decision, ...], int]:
    """Return the decisions of `read` that say something new, in the order in which they were taken, and how many do not.

    One says nothing new where its author already said the same last, or where another thing was said or undone on the same subject
    since. `tags` tell what a confirmation of a unit's codes rejects.
    """
    said = _said(known, tags)
    new, n_known = [], 0
    for decision in _in_order(read):
        subject, word, moment = (
            _subject(decision),
            _word(decision),
            _seconds(decision["decided_at"]),
        )
        last = said.get(subject)
        if last is not None and (last[0] == word or moment <= last[1]):
            n_known += 1
            continue
        said[subject] = word, moment
        new.append(decision)
    return tuple(new), n_known


def _said(known: pd.DataFrame, tags: pd.DataFrame) -> dict[tuple[Any, ...], tuple[Any, float]]:
    """What stands on each subject, `_UNSAID` where all was undone, and when it was last said or undone."""
    by, moments = (
        undone_by(known),
        dict(zip(known["decision_id"], known["decided_at"], strict=True)),
    )
    said = {
        _subject(row): (_UNSAID, _seconds(moments[by[row["decision_id"]]]))
        for row in _rows(known[known["decision_id"].isin(list(by))], tags)
    }
    for row in _rows(standing(known), tags):
        subject = _subject(row)
        before = said.get(subject, (_UNSAID, float("-inf")))
        said[subject] = _word(row), max(before[1], _seconds(row["decided_at"]))
    return said


def _rows(decisions: pd.DataFrame, tags: pd.DataFrame) -> list[dict[Any, Any]]:
    """Those on the themes and codes of units, one a subject and in order."""
    moves = decisions[decisions["action"] == "move_unit"].sort_values("decision_id")
    return [*moves.to_dict("records"), *judgements(decisions, tags).to_dict("records")]


def settled_time(written: str | None) -> str:
    """A time as a file tells it, in UTC to the second; now where it tells none, no time at all, or one to come."""
    now, found = datetime.now(UTC), _moment(written)
    return (found if found and found < now else now).replace(microsecond=0).isoformat()


def counted_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """Each reason and how often it was given, the most frequent first."""
    return dict(sorted(Counter(reasons).items(), key=lambda pair: (-pair[1], pair[0])))


def _in_order(read: Iterable[Decision]) -> Sequence[Decision]:
    return sorted(read, key=lambda decision: _seconds(decision["decided_at"]))


def _subject(row: Mapping[Any, Any]) -> tuple[Any, ...]:
    """What a decision is about: for whom, a code of a unit, the posture of a unit, or its theme."""
    if row["action"] == "move_unit":
        return row["author"], row["unit_id"], "theme"
    return row["author"], row["unit_id"], row.get("axis"), row.get("code")


def _word(row: Mapping[Any, Any]) -> Any:
    """What a decision says of its subject: the theme, or whether the code is there."""
    value = row.get("value")
    return (
        (value if isinstance(value, str) else "")
        if row["action"] == "move_unit"
        else row["action"] != "reject_tag"
    )


def _seconds(moment: Any) -> float:
    found = _moment(moment)
    return found.timestamp() if found else float("-inf")


def _moment(written: Any) -> datetime | None:
    """The time that an ISO 8601 text tells; without a zone, in UTC; None for any other text."""
    try:
        found = datetime.fromisoformat(str(written or ""))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


_WHY = "importé d'un projet REFI-QDA"
_AUTHOR_CHARS = 80
BY_MACHINE = "codages de la machine, laissés tels quels"
NO_AUTHOR = "codage sans auteur (le donner par --author)"
GROUP = "code qui n'en est pas un : une branche de l'arbre"
UNKNOWN_CODE = "code inconnu de la grille et des thèmes"
SECOND_THEME = "second thème d'une personne sur un même passage"


def take_project(
    project: Project,
    tables: Mapping[str, pd.DataFrame],
    grid: Grid,
    *,
    decisions: pd.DataFrame,
    author: str | None = None,
) -> Taken:
    """Return what people coded in `project` as decisions of theirs; `author` takes the codings that name nobody."""
    reader = _Reader(project, tables, grid, author)
    read = _with_one_theme(list(reader.decisions()), reader.reasons)
    new, n_known = take_new(read, decisions, tables["tags"])
    unknown = [
        f"code inconnu : « {name} », {counted(n, 'codage')}"
        for name, n in sorted(reader.unknown_codes.items())
    ]
    left = [f"{what} : {n}" for what, n in project.left.items()]
    return Taken(new, n_known, counted_reasons(reader.reasons), (*unknown, *left))


class _Reader:
    """Reads a project's codings one by one, and keeps why some were left out."""

    def __init__(
        self, project: Project, tables: Mapping[str, pd.DataFrame], grid: Grid, author: str | None
    ) -> None:
        self._project, self._author = project, author
        self._placer = Placer(tables)
        self._codes = _KnownCodes(build_codebook(grid, tables["themes"], tables["theme_families"]))
        tags = tables["tags"]
        proposed = tags[(tags["source"] == "machine") & tags["is_assigned"]]
        self._proposed = set(
            proposed[["unit_id", "axis", "code"]].itertuples(index=False, name=None)
        )
        self.reasons: list[str] = []
        self.unknown_codes: Counter[str] = Counter()

    def decisions(self) -> Iterator[Decision]:
        """A decision each time that a person put a code on a unit, in the order of the file."""
        for source in self._project.sources:
            for selection, placed in zip(
                source.selections, self._placer.place(source), strict=True
            ):
                coder = self._coder(selection)
                entry = self._entry(selection) if coder else None
                if coder is None or entry is None:
                    continue
                if not placed.unit_ids:
                    self.reasons.append(placed.why)
                for unit_id in placed.unit_ids:
                    yield self._decision(unit_id, entry, coder, selection.coded_at)

    def _coder(self, selection: Selection) -> str | None:
        """Who coded; None, with the reason kept, for the machine and for nobody."""
        name = self._project.users.get(selection.user, "")
        if selection.user == guid("user", MACHINE) or name.casefold().partition(" ")[0] == MACHINE:
            self.reasons.append(BY_MACHINE)
            return None
        coder = name[:_AUTHOR_CHARS] or self._author
        if not coder:
            self.reasons.append(NO_AUTHOR)
        return coder or None

    def _entry(self, selection: Selection) -> Entry | None:
        """Our code; None, with the reason kept, for a code that is not ours."""
        written = self._project.codes.get(selection.code)
        entry = self._codes.find(written) if written else None
        if entry is not None and entry.is_codable:
            return entry
        self.reasons.append(GROUP if entry else UNKNOWN_CODE)
        if entry is None:
            self.unknown_codes[written.name if written else "?"] += 1
        return None

    def _decision(self, unit_id: str, entry: Entry, coder: str, coded_at: str) -> Decision:
        decision: dict[str, Any] = {
            "author": coder,
            "unit_id": unit_id,
            "why": _WHY,
            "decided_at": settled_time(coded_at),
        }
        if entry.axis == THEME:
            return decision | {"action": "move_unit", "value": entry.code}
        is_proposed = (unit_id, entry.axis, entry.code) in self._proposed
        return decision | {
            "action": "accept_tag" if is_proposed else "add_tag",
            "axis": entry.axis,
            "code": entry.code,
        }


class _KnownCodes:
    """Our codes by GUID, by the identifier in their description and by name, since tools keep one or another of them."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        listed = list(walk(entries))
        self._by_guid = {entry.guid: entry for entry in listed}
        self._by_code = {entry.code: entry for entry in listed if entry.is_codable}
        folded = Counter(fold(entry.name) for entry in listed)
        self._by_name = {
            fold(entry.name): entry for entry in listed if folded[fold(entry.name)] == 1
        }

    def find(self, written: FileCode) -> Entry | None:
        """Our code that `written` stands for, if any."""
        return (
            self._by_guid.get(written.guid)
            or self._by_code.get(identifier_in(written.description) or "")
            or self._by_name.get(fold(written.name))
            or self._by_code.get(written.name)
        )


def _with_one_theme(read: list[Decision], reasons: list[str]) -> list[Decision]:
    """`read` with each unit in one theme at most by one person: the last one put."""
    kept: dict[tuple[str, str], int] = {}
    ordered = sorted(range(len(read)), key=lambda place: (read[place]["decided_at"], place))
    for place in ordered:
        if read[place]["action"] == "move_unit":
            key = read[place]["author"], read[place]["unit_id"]
            if key in kept and read[kept[key]]["value"] != read[place]["value"]:
                reasons.append(SECOND_THEME)
            kept[key] = place
    last = set(kept.values())
    return [
        decision
        for place, decision in enumerate(read)
        if decision["action"] != "move_unit" or place in last
    ]
