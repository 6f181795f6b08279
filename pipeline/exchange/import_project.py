"""Read people's codings in another tool's project as decisions.

In:   CodingProject; tables as reviewed, grid, decisions already taken
Out:  Taken: the new decisions, and what was left out, by reason
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from pipeline.decisions import Decision, active_decisions, read_decisions
from pipeline.decisions.following import follow_passages
from pipeline.decisions.kinds import undone_by
from pipeline.decisions.memos import CODE, DOCUMENT, UNIT, MemoSubject
from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.decisions.tags import put_code, words_in_order
from pipeline.decisions.themes import MoveUnit, ThemeDecision
from pipeline.exchange.codebook import (
    THEME,
    CodebookEntry,
    axis_colours,
    build_codebook,
    identifier_in,
    walk,
)
from pipeline.exchange.colours import Recolouring, changed_colours
from pipeline.exchange.documents import MACHINE, named_documents
from pipeline.exchange.memos import NoteTarget, WrittenMemo, new_memos
from pipeline.exchange.project import (
    CodingProject,
    FileCode,
    Span,
    TextSelection,
    TextSource,
    plain_text,
    settle_spans,
)
from pipeline.exchange.xml import guid, xml_text
from pipeline.grid.codes import COLOUR, Grid
from pipeline.publish.report.passages import Tables
from pipeline.tables.columns import rows_of
from pipeline.text import counted, fold

_WHY = "importé d'un projet REFI-QDA"
_AUTHOR_CHARS = 80
BY_MACHINE = "codages de la machine, laissés tels quels"
NO_MEMO_AUTHOR = "mémo sans auteur (le donner par --author)"
NO_AUTHOR = "codage sans auteur (le donner par --author)"
GROUP = "code qui n'en est pas un : une branche de l'arbre"
NO_COLOUR_AUTHOR = "couleur changée sans auteur (le donner par --author)"
OF_OTHERS = "décision d'une autre personne : l'administration peut la reprendre"
COLOURS = "couleur de code changée : l'administration peut la reprendre"
UNKNOWN_CODE = "code inconnu de la grille et des thèmes"
SECOND_THEME = "second thème d'une personne sur un même passage"


def take_project(
    project: CodingProject,
    tables: Tables,
    grid: Grid,
    *,
    decisions: pd.DataFrame,
    author: str | None = None,
) -> "Taken":
    """Return people's codings, memos and colours; `author` gets those that nobody signed."""
    reader = _ProjectReader(project, tables, grid, author)
    read = _with_one_theme(list(reader.decisions()), reader.reasons)
    new, n_known = take_new(read, decisions, tables["tags"], tables["units"])
    active = follow_passages(active_decisions(read_decisions(decisions)), tables["units"]).active
    memos, n_known_memos, n_unsigned = new_memos(list(reader.memos()), active, why=_WHY)
    reader.reasons += [NO_MEMO_AUTHOR] * n_unsigned
    unknown = [
        f"code inconnu : « {name} », {counted(n, 'codage')}"
        for name, n in sorted(reader.unknown_codes.items())
    ]
    left = [f"{what} : {n}" for what, n in project.left.items()]
    colours = reader.colours(read_decisions(decisions))
    coders = {decision.author for decision in read}
    by = author or (coders.pop() if len(coders) == 1 else "")
    reader.reasons += [] if by else [NO_COLOUR_AUTHOR] * len(colours)
    return Taken(
        (*new, *memos),
        n_known + n_known_memos,
        counted_reasons(reader.reasons),
        (*unknown, *left),
        Recolouring(by, colours if by else {}),
    )


class _ProjectReader:
    def __init__(
        self, project: CodingProject, tables: Tables, grid: Grid, author: str | None
    ) -> None:
        self._project, self._author = project, author
        self._finder = _PassageFinder(tables)
        codebook = build_codebook(grid, tables["themes"], tables["theme_families"])
        self._codes = _KnownCodes(codebook, grid)
        self._axis_colours = axis_colours(grid).values()
        self._proposed = proposed_codes(tables["tags"])
        self.reasons: list[str] = []
        self.unknown_codes: Counter[str] = Counter()

    def decisions(self) -> Iterator[Decision]:
        for source in self._project.sources:
            for selection, match in zip(source.selections, self._finder.find(source), strict=True):
                coder = self._coder(selection)
                entry = self._entry(selection) if coder else None
                if coder is None or entry is None:
                    continue
                if not match.unit_ids:
                    self.reasons.append(match.why)
                for unit_id in match.unit_ids:
                    quote = match.quotes.get(unit_id)
                    yield self._decision(unit_id, quote, entry, coder, selection.coded_at)

    def _coder(self, selection: TextSelection) -> str | None:
        name = self._project.users.get(selection.user, "")
        if self._is_machine(selection.user):
            self.reasons.append(BY_MACHINE)
            return None
        coder = name[:_AUTHOR_CHARS] or self._author
        if not coder:
            self.reasons.append(NO_AUTHOR)
        return coder or None

    def _is_machine(self, user: str) -> bool:
        name = self._project.users.get(user, "")
        return user == guid("user", MACHINE) or name.casefold().partition(" ")[0] == MACHINE

    def memos(self) -> Iterator[WrittenMemo]:
        """Yield the notes whose subjects are known, once a subject."""
        for note in self._project.notes:
            name = self._project.users.get(note.user, "")
            is_machine = self._is_machine(note.user)
            author = ("" if is_machine else name[:_AUTHOR_CHARS]) or self._author or ""
            for subject in dict.fromkeys(filter(None, map(self._subject, note.targets))):
                title = self._finder.names.get(subject.id, "")
                at = settled_time(note.written_at)
                yield WrittenMemo(note, subject, title, author, at)

    def colours(self, decisions: Iterable[Decision]) -> dict[str, str]:
        """Return the new colours of codes of the grid, by code."""
        pairs = [
            (entry, written.colour.lower())
            for written in self._project.codes.values()
            if COLOUR.fullmatch(written.colour) and (entry := self._codes.find(written))
            if entry.is_codable and entry.axis != THEME
        ]
        return changed_colours(pairs, self._axis_colours, decisions)

    def _subject(self, target: NoteTarget) -> MemoSubject | None:
        if target.kind == CODE:
            written = self._project.codes.get(target.guid)
            entry = self._codes.find(written) if written else None
            if entry is None or not entry.is_codable:
                self.reasons.append(GROUP if entry else UNKNOWN_CODE)
                return None
            if entry.axis == THEME:
                return MemoSubject(THEME, entry.code)
            return MemoSubject(CODE, f"{entry.axis}:{entry.code}")
        if target.kind not in (DOCUMENT, UNIT):
            return MemoSubject(target.kind)
        source = next((row for row in self._project.sources if row.guid == target.guid), None)
        if source is None:
            self.reasons.append(UNKNOWN_SOURCE)
            return None
        if target.kind == DOCUMENT:
            document_id = self._finder.document_of(source)
            if document_id is None:
                self.reasons.append(UNKNOWN_SOURCE)
            return MemoSubject(DOCUMENT, document_id) if document_id else None
        selected = replace(source, selections=(TextSelection("", "", target.span, ""),))
        (match,) = self._finder.find(selected)
        if not match.unit_ids:
            self.reasons.append(match.why)
            return None
        return MemoSubject(UNIT, match.unit_ids[0])

    def _entry(self, selection: TextSelection) -> CodebookEntry | None:
        written = self._project.codes.get(selection.code)
        entry = self._codes.find(written) if written else None
        if entry is not None and entry.is_codable:
            return entry
        self.reasons.append(GROUP if entry else UNKNOWN_CODE)
        if entry is None:
            self.unknown_codes[written.name if written else "?"] += 1
        return None

    def _decision(
        self, unit_id: str, quote: Quote | None, entry: CodebookEntry, coder: str, coded_at: str
    ) -> Decision:
        if entry.axis == THEME:
            decision: Decision = MoveUnit(unit_id, None, entry.code)
        elif quote is not None:
            decision = CodeSpan(unit_id, entry.axis, entry.code, quote)
        else:
            is_proposed = (unit_id, entry.axis, entry.code) in self._proposed
            decision = put_code(unit_id, (entry.axis, entry.code), is_proposed=is_proposed)
        return replace(decision, author=coder, why=_WHY, decided_at=settled_time(coded_at))


def proposed_codes(tags: pd.DataFrame) -> set[tuple[str, str, str]]:
    """Return the machine's (unit_id, axis, code)."""
    proposed = tags[(tags["source"] == "machine") & tags["is_assigned"]]
    return set(proposed[["unit_id", "axis", "code"]].itertuples(index=False, name=None))


class _KnownCodes:
    """Our codes by GUID, identifier and name: tools keep one or another."""

    def __init__(self, entries: tuple[CodebookEntry, ...], grid: Grid) -> None:
        every = list(walk(entries))
        self._by_guid = {entry.guid: entry for entry in every}
        self._by_code = {entry.code: entry for entry in every if entry.is_codable}
        for (_axis, former), code in grid.present_codes.items():
            self._by_code.setdefault(former, self._by_code[code])
        n_by_name = Counter(fold(entry.name) for entry in every)
        self._by_name = {
            fold(entry.name): entry for entry in every if n_by_name[fold(entry.name)] == 1
        }

    def find(self, written: FileCode) -> CodebookEntry | None:
        return (
            self._by_guid.get(written.guid)
            or self._by_code.get(identifier_in(written.description) or "")
            or self._by_name.get(fold(written.name))
            or self._by_code.get(written.name)
        )


def _with_one_theme(read: list[Decision], reasons: list[str]) -> list[Decision]:
    """Keep the last theme a person gave a unit."""
    last: dict[tuple[str, str | None], MoveUnit] = {}
    for decision in sorted(read, key=lambda decision: decision.decided_at):
        if isinstance(decision, MoveUnit):
            key = decision.author, decision.unit_id
            if key in last and last[key].into_id != decision.into_id:
                reasons.append(SECOND_THEME)
            last[key] = decision
    kept = {id(decision) for decision in last.values()}
    return [row for row in read if not isinstance(row, MoveUnit) or id(row) in kept]


_SHARE = 0.5  # overlap, of the unit or of the selection
UNKNOWN_SOURCE = "document qui n'est pas de l'étude"
NO_TEXT = "document dont le texte n'est pas dans le fichier"
WHOLE = "code posé sur un document entier"
OUTSIDE = "sélection hors de son texte"
NOT_FOUND = "sélection introuvable dans le document de l'étude, dont le texte est autre"
NO_UNIT = "sélection hors de tout passage"


@dataclass(frozen=True)
class SelectedUnits:
    """The units of a selection, or `why` there is none; `quotes` of those selected in part."""

    unit_ids: tuple[str, ...]
    why: str = ""
    quotes: Mapping[str, Quote] = field(default_factory=dict)


class _PassageFinder:
    def __init__(self, tables: Tables) -> None:
        documents = named_documents(tables)
        self._texts: dict[str, str] = {row.document_id: xml_text(row.text) for row in documents}
        self._by_guid = {guid("document", name): name for name in self._texts}
        self._by_name: dict[str, str] = {row.name: row.document_id for row in documents}
        self.names: dict[str, str] = {row.document_id: row.name for row in documents}
        self._by_text: dict[str, str] = {}
        for document_id, text in self._texts.items():
            self._by_text.setdefault(text.rstrip(), document_id)
        ordered = tables["units"].sort_values(["start_char", "unit_id"])
        self._units = {key: list(rows_of(rows)) for key, rows in ordered.groupby("document_id")}

    def find(self, source: TextSource) -> list[SelectedUnits]:
        if source.stored is None:
            return [SelectedUnits((), NO_TEXT)] * len(source.selections)
        theirs = xml_text(plain_text(source.stored))
        document_id = self._document(source, theirs)
        if document_id is None:
            return [SelectedUnits((), UNKNOWN_SOURCE)] * len(source.selections)
        ours, units = self._texts[document_id], self._units.get(document_id, [])
        is_same = theirs.rstrip() == ours.rstrip()
        bounds: set[int] = set()
        if is_same:
            for unit in units:
                bounds |= {int(unit.start_char), int(unit.end_char)}
        spans = [selection.span for selection in source.selections if selection.span]
        settled = iter(settle_spans(source.stored, spans, bounds))
        answers = []
        for selection in source.selections:
            if selection.span is None:
                answers.append(SelectedUnits((), WHOLE))
                continue
            span = next(settled)
            our_span = span if span is None or is_same else _span_of_quote(span, theirs, ours)
            if our_span is None:
                answers.append(SelectedUnits((), NOT_FOUND if span else OUTSIDE))
            else:
                answers.append(_selected(our_span, ours, units))
        return answers

    def document_of(self, source: TextSource) -> str | None:
        """Return the study's document that `source` is, None for another."""
        if source.stored is None:
            return self._by_guid.get(source.guid) or self._by_name.get(source.name)
        return self._document(source, xml_text(plain_text(source.stored)))

    def _document(self, source: TextSource, theirs: str) -> str | None:
        """Look for the GUID with the text, then the text, then the GUID or name."""
        named = self._by_guid.get(source.guid) or self._by_name.get(source.name)
        if named is not None and self._texts[named].rstrip() == theirs.rstrip():
            return named
        return self._by_text.get(theirs.rstrip()) or named


def _span_of_quote(span: Span, theirs: str, ours: str) -> Span | None:
    """Find the selected words in our text, at the place nearest to theirs."""
    quote = theirs[span[0] : span[1]].strip()
    starts = [match.start() for match in re.finditer(f"(?={re.escape(quote)})", ours)]
    if not quote or not starts:
        return None
    nearest = min(starts, key=lambda start: (abs(start - span[0]), start))
    return nearest, nearest + len(quote)


def _selected(span: Span, text: str, units: Iterable[Any]) -> SelectedUnits:
    """Return the units that overlap the selection by half of either.

    Blanks at the ends do not count, unless it is all blank.
    """
    start, end = span
    quote = text[start:end]
    if quote.strip():
        start, end = start + len(quote) - len(quote.lstrip()), start + len(quote.rstrip())
    unit_ids: list[str] = []
    quotes: dict[str, Quote] = {}
    for unit in units:
        unit_start, unit_end = int(unit.start_char), int(unit.end_char)
        common = min(end, unit_end) - max(start, unit_start)
        if common > 0 and common >= _SHARE * min(end - start, unit_end - unit_start):
            unit_ids.append(unit.unit_id)
            part = Quote.of(unit.text, start - unit_start, end - unit_start)
            said = xml_text(unit.text)
            if part and (said[: part.start].strip() or said[part.end :].strip()):
                quotes[unit.unit_id] = part
    return SelectedUnits(tuple(unit_ids), "" if unit_ids else NO_UNIT, quotes)


@dataclass(frozen=True)
class Taken:
    """New `decisions` in order, and `n_known` already taken.

    `left_out` counts the rest by reason, `lines` names them.
    """

    decisions: tuple[Decision, ...]
    n_known: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    lines: tuple[str, ...] = ()
    recolouring: Recolouring = field(default_factory=Recolouring)

    def of(self, author: str) -> "Taken":
        """Return what `author` decided; the rest is left out, colours too."""
        own = tuple(decision for decision in self.decisions if decision.author == author)
        n_others = len(self.decisions) - len(own)
        left = {OF_OTHERS: n_others, COLOURS: len(self.recolouring.colours)}
        left_out = dict(self.left_out) | {reason: n for reason, n in left.items() if n}
        return replace(self, decisions=own, left_out=left_out, recolouring=Recolouring())

    @property
    def by_author(self) -> dict[str, int]:
        """New decisions by person."""
        return dict(sorted(Counter(decision.author for decision in self.decisions).items()))


_Subject = tuple[str, ...]
_Word = str | bool | None  # a theme, "" for none, or whether a code is there


def take_new(
    read: Iterable[Decision],
    known: pd.DataFrame,
    tags: pd.DataFrame,
    units: pd.DataFrame,
) -> tuple[tuple[Decision, ...], int]:
    """Return the decisions that say something new, oldest first, and how many do not.

    A decision is not new where its author said the same last, or where its subject changed since.
    `tags` tell what confirming a unit rejects; `units`, which passages were cut or joined since.
    """
    last = _last_words(read_decisions(known), tags, units)
    new, n_known = [], 0
    for decision in sorted(read, key=lambda decision: _seconds(decision.decided_at)):
        ((_decision, subject, word),) = _words([decision], tags)
        moment = _seconds(decision.decided_at)
        before = last.get(subject)
        whole = last.get(subject[:4], (word, moment))
        is_removed = whole[0] != word and moment <= whole[1]  # the code, since these words had it
        if is_removed or (before is not None and (before[0] == word or moment <= before[1])):
            n_known += 1
            continue
        last[subject] = word, moment
        new.append(decision)
    return tuple(new), n_known


def _last_words(
    decisions: Sequence[Decision], tags: pd.DataFrame, units: pd.DataFrame
) -> dict[_Subject, tuple[_Word, float]]:
    by = undone_by(decisions)
    moments = {row.decision_id: _seconds(row.decided_at) for row in decisions}
    undone = [row for row in decisions if row.decision_id in by]
    last: dict[_Subject, tuple[_Word, float]] = {
        subject: (None, moments[by[row.decision_id]])
        for row, subject, _word in _words(undone, tags)
    }
    active = follow_passages(active_decisions(decisions), units).active
    for row, subject, word in _words(active, tags):
        for about in {subject, subject[:4]}:  # coded words say that the whole passage has the code
            _before, moment = last.get(about, (None, float("-inf")))
            last[about] = word, max(moment, moments[row.decision_id])
    return last


def _words(
    decisions: Sequence[Decision], tags: pd.DataFrame
) -> Iterator[tuple[Decision, _Subject, _Word]]:
    for row in decisions:
        placements = row.placements() if isinstance(row, ThemeDecision) else {}
        for unit_id, into_id in placements.items():
            yield row, (row.author, unit_id, THEME), into_id or ""
    for tagged, code, stays in words_in_order(decisions, tags):
        on_words = isinstance(tagged, CodeSpan) and tagged.quote is not None
        place = map(str, tagged.quote[:2]) if on_words else ()  # type: ignore[attr-defined]
        yield tagged, (tagged.author, str(tagged.unit_id), *code, *place), stays


def settled_time(written: str | None) -> str:
    """Return `written` in UTC to the second; now where it is missing or in the future."""
    now, found = datetime.now(UTC), _moment(written)
    return (found if found and found < now else now).replace(microsecond=0).isoformat()


def counted_reasons(reasons: Iterable[str]) -> dict[str, int]:
    """Count each reason, most frequent first."""
    return dict(sorted(Counter(reasons).items(), key=lambda pair: (-pair[1], pair[0])))


def _seconds(moment: Any) -> float:
    found = _moment(moment)
    return found.timestamp() if found else float("-inf")


def _moment(written: Any) -> datetime | None:
    """Read ISO 8601, in UTC without a zone; None for another text."""
    try:
        found = datetime.fromisoformat(str(written or ""))
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
