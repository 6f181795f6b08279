"""Write memos as notes of a REFI-QDA project, and read any tool's notes.

In:   memos and the elements they are about; the XML of a project
Out:  Notes with their files, and references to them; FileNote
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
from lxml import etree

from pipeline.decisions import Decision
from pipeline.decisions.memos import (
    CODE,
    DOCUMENT,
    STUDY,
    THEME,
    UNIT,
    EditMemo,
    Memo,
    MemoSubject,
    NoteMemo,
    RemoveMemo,
    current_memos,
)
from pipeline.exchange.xml import guid, one_line, plain_guid, xml_text

_NAME_CHARS = 60
_AFTER_REFERENCES = frozenset({"Code", "VariableValue"})  # in the order of the schema
_IN_CODING = "Coding"
Span = tuple[int, int]


def memo_guid(memo: Memo) -> str:
    """Return a GUID that no memo of another study has."""
    return guid("memo", str(memo.memo_id), memo.author, memo.noted_at)


def user_guid(author: str) -> str:
    """Return the GUID of a person."""
    return guid("user", "personne", author)


def add_notes(
    root: Any, memos: Iterable[Memo], guids: Mapping[tuple[str, str], str]
) -> list[tuple[str, bytes]]:
    """Add the memos on what is in the project to `root`, and return the files of their texts.

    `guids` are those of codes and themes, by axis and code.
    """
    namespace = etree.QName(root).namespace
    elements = {element.get("guid"): element for element in root.iter() if element.get("guid")}
    notes, files = etree.Element(f"{{{namespace}}}Notes"), []
    for memo in memos:
        target = root if memo.subject.kind == STUDY else elements.get(_guid_of(memo, guids))
        if target is None:
            continue
        identity, first_line = memo_guid(memo), one_line(memo.text)[:_NAME_CHARS]
        note = etree.SubElement(
            notes,
            f"{{{namespace}}}Note",
            guid=identity,
            name=f"Mémo n° {memo.memo_id} : {first_line}",
            plainTextPath=f"internal://{identity}.txt",
            creatingUser=user_guid(memo.author),
        )
        for name, moment in (
            ("creationDateTime", memo.noted_at),
            ("modifiedDateTime", memo.edited_at),
        ):
            at = pd.to_datetime(moment, utc=True, errors="coerce", format="ISO8601")
            if not pd.isna(at):
                note.set(name, at.strftime("%Y-%m-%dT%H:%M:%SZ"))
        files.append((f"sources/{identity}.txt", xml_text(memo.text).encode()))
        _refer(target, identity, namespace)
    if len(notes):
        _insert_before(root, notes, {"Links", "Sets", "Graphs", "Description", "NoteRef"})
    return files


def _guid_of(memo: Memo, guids: Mapping[tuple[str, str], str]) -> str | None:
    kind, name = memo.subject
    if kind in (UNIT, DOCUMENT):
        return guid(kind, name)
    axis, _colon, code = name.partition(":")
    return guids.get((axis, code) if kind == CODE else (THEME, name))


def _refer(element: Any, identity: str, namespace: str) -> None:
    reference = etree.Element(f"{{{namespace}}}NoteRef", targetGUID=identity)
    _insert_before(element, reference, _AFTER_REFERENCES)


def _insert_before(parent: Any, child: Any, tags: Iterable[str]) -> None:
    """Put `child` before the first of `tags`, at the end where there is none."""
    names = [_tag(other) for other in parent]
    places = [names.index(tag) for tag in tags if tag in names]
    parent.insert(min(places, default=len(names)), child)


def _tag(element: Any) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


@dataclass(frozen=True)
class NoteTarget:
    """What a note is about: the project, a code, a source, or a `span` of one."""

    kind: str
    guid: str = ""
    span: Span | None = None


@dataclass(frozen=True)
class FileNote:
    """A note of a project; `user` is a GUID."""

    guid: str
    text: str
    user: str
    written_at: str
    targets: tuple[NoteTarget, ...]


def read_notes(root: Any, text_of: Callable[[Any], str | None]) -> list[FileNote]:
    """Return the notes of a project that have a text; one that nothing refers to is on it all.

    Tools tell a selection by a reference in it, or by a selection in the note.
    """
    targets: dict[str, list[NoteTarget]] = {}
    for reference in root.iter():
        if _tag(reference) == "NoteRef":
            name = plain_guid(reference.get("targetGUID"))
            targets.setdefault(name, []).extend(_targets(reference.getparent()))
    notes = []
    for element in root.iter():
        text = (text_of(element) or "").strip() if _tag(element) == "Note" else ""
        if not text:
            continue
        name = plain_guid(element.get("guid"))
        about = targets.get(name, [NoteTarget(STUDY)])
        spans = [_span(child) for child in element if _tag(child) == "PlainTextSelection"]
        if spans:
            sources = [target.guid for target in about if target.kind == DOCUMENT]
            about = [NoteTarget(UNIT, source, span) for source in sources for span in spans]
        user = element.get("creatingUser") or element.get("modifyingUser")
        moment = element.get("creationDateTime") or element.get("modifiedDateTime") or ""
        notes.append(FileNote(name, text, plain_guid(user), moment, tuple(about)))
    return notes


def _targets(element: Any) -> Iterator[NoteTarget]:
    if _tag(element) == _IN_CODING:
        element = element.getparent()
    name = plain_guid(element.get("guid"))
    if _tag(element) == "PlainTextSelection":
        yield NoteTarget(UNIT, plain_guid(element.getparent().get("guid")), _span(element))
    elif _tag(element) == "TextSource":
        yield NoteTarget(DOCUMENT, name)
    elif _tag(element) == "Code":
        yield NoteTarget(CODE, name)
    elif _tag(element) == "Project":
        yield NoteTarget(STUDY)


def _span(element: Any) -> Span:
    try:
        return int(element.get("startPosition", "")), int(element.get("endPosition", ""))
    except ValueError:
        return 0, 0


@dataclass(frozen=True)
class WrittenMemo:
    """A note whose subjects and author were found in the study."""

    note: FileNote
    subject: MemoSubject
    title: str
    author: str
    decided_at: str


def new_memos(
    written: Iterable[WrittenMemo], active: Sequence[Decision], *, why: str
) -> tuple[list[NoteMemo | EditMemo], int]:
    """Return the decisions that bring what is new of `written`, and how many bring nothing.

    `active` are the decisions taken so far.

    A memo of ours whose text is another is written again; one that was removed since stays so.
    """
    noted = current_memos(row for row in active if not isinstance(row, EditMemo | RemoveMemo))
    ours = {memo_guid(memo): number for number, memo in noted.items()}
    present = current_memos(active)
    said = {(memo.subject, memo.author, memo.text) for memo in present.values()}
    new: list[NoteMemo | EditMemo] = []
    n_known = 0
    for each in written:
        text, number = each.note.text, ours.get(each.note.guid)
        memo = present.get(number or 0)
        is_same = (each.subject, each.author, text) in said
        if is_same or (number and memo is None) or (memo and xml_text(memo.text) == text):
            n_known += 1
            continue
        said.add((each.subject, each.author, text))
        decision: NoteMemo | EditMemo = (
            NoteMemo.on(each.subject, text, title=each.title)
            if memo is None
            else EditMemo.of(memo, text)
        )
        new.append(replace(decision, author=each.author, decided_at=each.decided_at, why=why))
    return new, n_known
