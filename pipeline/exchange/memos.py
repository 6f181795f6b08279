"""Write memos as notes of a REFI-QDA project, and read any tool's notes.

In:   memos and the elements they are about; the XML of a project
Out:  Notes with their files, and references to them; FileNote

The description of a document or selection says its memos too: some tools show no other note there.
"""

import re
from collections import defaultdict
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
_ON = {UNIT: ", passage de", DOCUMENT: ", document", CODE: ", code", THEME: ", thème"}
_NUMBERED = re.compile(r"Mémo n° (\d+)\b")  # as `_note_name` begins
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
    described: defaultdict[str, list[Memo]] = defaultdict(list)
    for memo in memos:
        about = "" if memo.subject.kind == STUDY else _guid_of(memo, guids) or "?"
        target = elements.get(about) if about else root
        if target is None:
            continue
        if memo.subject.kind in (DOCUMENT, UNIT):
            described[about].append(memo)
        identity = memo_guid(memo)
        note = etree.SubElement(
            notes,
            f"{{{namespace}}}Note",
            guid=identity,
            name=_note_name(memo, target),
            plainTextPath=f"internal://{identity}.txt",
            creatingUser=user_guid(memo.author),
        )
        moments = {"creationDateTime": memo.noted_at, "modifiedDateTime": memo.edited_at}
        for name, moment in moments.items():
            if written_at := to_second(moment):
                note.set(name, written_at)
        files.append((f"sources/{identity}.txt", xml_text(memo.text).encode()))
        reference = etree.Element(f"{{{namespace}}}NoteRef", targetGUID=identity)
        _insert_before(target, reference, _AFTER_REFERENCES)
    for about, its_memos in described.items():
        description = etree.Element(f"{{{namespace}}}Description")
        description.text = xml_text("\n\n".join(f"{row.author} : {row.text}" for row in its_memos))
        elements[about].insert(0, description)
    if len(notes):
        _insert_before(root, notes, {"Links", "Sets", "Graphs", "Description", "NoteRef"})
    return files


def _note_name(memo: Memo, target: Any) -> str:
    """Return a name that says what the memo is about, for tools that list notes apart."""
    element = target.getparent() if memo.subject.kind == UNIT else target
    name = f"{_ON[memo.subject.kind]} « {element.get('name')} »" if memo.subject.kind in _ON else ""
    return f"Mémo n° {memo.memo_id}{name} : {_first_line(memo.text)}"


def _first_line(text: str) -> str:
    return one_line(text)[:_NAME_CHARS]


def to_second(moment: str) -> str:
    """Return a moment in UTC, "" for another text."""
    at = pd.to_datetime(moment, utc=True, errors="coerce", format="ISO8601")
    return "" if pd.isna(at) else str(at.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _guid_of(memo: Memo, guids: Mapping[tuple[str, str], str]) -> str | None:
    kind, name = memo.subject
    if kind in (UNIT, DOCUMENT):
        return guid(kind, name)
    axis, _colon, code = name.partition(":")
    return guids.get((axis, code) if kind == CODE else (THEME, name))


def _insert_before(parent: Any, child: Any, tags: Iterable[str]) -> None:
    """Put `child` before the first of `tags`, at the end where there is none."""
    names = [tag_of(other) for other in parent]
    places = [names.index(tag) for tag in tags if tag in names]
    parent.insert(min(places, default=len(names)), child)


def tag_of(element: Any) -> str:
    """Return an element's name without its namespace, "" for a comment."""
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


@dataclass(frozen=True)
class NoteTarget:
    """What a note is about: the project, a code, a source, or a `span` of one."""

    kind: str
    guid: str = ""
    span: Span | None = None


@dataclass(frozen=True)
class FileNote:
    """A note of a project; `user` is a GUID.

    One that is the description of its target has no GUID.
    """

    guid: str
    text: str
    user: str
    written_at: str
    targets: tuple[NoteTarget, ...]
    name: str = ""


def read_notes(root: Any, text_of: Callable[[Any], str]) -> list[FileNote]:
    """Return the notes of a project that have a text, descriptions of documents and selections.

    One that nothing refers to is on it all. Tools tell a selection by a reference in it, or by a
    selection in the note.
    """
    targets: dict[str, list[NoteTarget]] = {}
    for reference in root.iter("{*}NoteRef"):
        name = plain_guid(reference.get("targetGUID"))
        targets.setdefault(name, []).extend(_targets(reference.getparent()))
    notes = []
    for element in root.iter():
        text = text_of(element).strip() if tag_of(element) == "Note" else ""
        if text:
            name = plain_guid(element.get("guid"))
            about = targets.get(name, [])
            spans = [*map(span_of, element.iterchildren("{*}PlainTextSelection"))]
            if spans:
                sources = [target.guid for target in about if target.kind == DOCUMENT]
                about = [NoteTarget(UNIT, source, span) for source in sources for span in spans]
            notes.append(_note(element, text, about or [NoteTarget(STUDY)], name))
        elif tag_of(element) == "Description" and (element.text or "").strip():
            parent = element.getparent()
            about = [target for target in _targets(parent) if target.kind in (DOCUMENT, UNIT)]
            if about:
                notes.append(_note(parent, element.text.strip(), about, ""))
    return notes


def _note(element: Any, text: str, about: Iterable[NoteTarget], name: str) -> FileNote:
    user = element.get("creatingUser") or element.get("modifyingUser")
    moment = element.get("creationDateTime") or element.get("modifiedDateTime") or ""
    return FileNote(name, text, plain_guid(user), moment, tuple(about), element.get("name") or "")


def _targets(element: Any) -> Iterator[NoteTarget]:
    if tag_of(element) == _IN_CODING:
        element = element.getparent()
    name = plain_guid(element.get("guid"))
    if tag_of(element) == "PlainTextSelection":
        yield NoteTarget(UNIT, plain_guid(element.getparent().get("guid")), span_of(element))
    elif tag_of(element) == "TextSource":
        yield NoteTarget(DOCUMENT, name)
    elif tag_of(element) == "Code":
        yield NoteTarget(CODE, name)
    elif tag_of(element) == "Project":
        yield NoteTarget(STUDY)


def span_of(element: Any) -> Span:
    """Return where a selection begins and ends, (0, 0) where it does not say."""
    try:
        return int(element.get("startPosition", "")), int(element.get("endPosition", ""))
    except ValueError:
        return 0, 0


@dataclass(frozen=True)
class WrittenMemo:
    """A note whose subject was found in the study; nobody signed one without `author`."""

    note: FileNote
    subject: MemoSubject
    title: str
    author: str
    decided_at: str


def new_memos(
    written: Iterable[WrittenMemo], active: Sequence[Decision], *, why: str
) -> tuple[list[NoteMemo | EditMemo], int, int]:
    """Return the decisions that bring what is new of `written`, and how many bring nothing.

    The last number is of new ones that nobody signed. `active` are the decisions taken so far. A
    memo of ours whose text is another is written again; one that was removed since stays so.
    """
    history = _History(active)
    new: list[NoteMemo | EditMemo] = []
    n_known = n_unsigned = 0
    for each in sorted(written, key=lambda each: not each.note.guid):  # descriptions last
        number = history.number_of(each.note)
        memo = history.present.get(number or 0)
        text = each.note.text if each.note.guid else history.without_known(each)
        said = each.subject, each.author, text
        is_removed = number is not None and memo is None
        history.texts[each.subject].append(text)
        if not text or is_removed or said in history.said or (memo and memo.text == text):
            n_known += bool(each.note.guid)  # a description only repeats
        elif not each.author:
            n_unsigned += 1
        else:
            history.said.add(said)
            decision: NoteMemo | EditMemo = (
                NoteMemo.on(each.subject, text, title=each.title)
                if memo is None
                else EditMemo.of(memo, text)
            )
            new.append(replace(decision, author=each.author, decided_at=each.decided_at, why=why))
    return new, n_known, n_unsigned


class _History:
    """The memos of a study, as they are and as they ever were, with texts as files hold them."""

    def __init__(self, active: Sequence[Decision]) -> None:
        noted = current_memos(row for row in active if not isinstance(row, EditMemo | RemoveMemo))
        self._noted = noted
        self._by_guid = {memo_guid(memo): number for number, memo in noted.items()}
        self.present = {
            number: replace(memo, text=xml_text(memo.text))
            for number, memo in current_memos(active).items()
        }
        self.said = {(memo.subject, memo.author, memo.text) for memo in self.present.values()}
        self.texts: defaultdict[MemoSubject, list[str]] = defaultdict(list)
        for row in active:
            if isinstance(row, NoteMemo | EditMemo) and row.text:
                self.texts[row.subject].append(xml_text(row.text))

    def number_of(self, note: FileNote) -> int | None:
        """Return the memo that `note` was: by its GUID, else by its name and date or first line."""
        number = self._by_guid.get(note.guid)
        named = _NUMBERED.match(note.name) if note.guid and number is None else None
        memo = self._noted.get(int(named[1])) if named else None
        if memo is None:
            return number
        is_same = to_second(note.written_at) == to_second(memo.noted_at)
        is_same = is_same or note.name.endswith(f" : {_first_line(memo.text)}")
        return memo.memo_id if is_same else None

    def without_known(self, written: WrittenMemo) -> str:
        """Return what a description says that no memo on its subject ever said.

        A memo stands there alone or after its author's name.
        """
        rest = written.note.text
        texts = sorted(filter(None, self.texts[written.subject]), key=len, reverse=True)
        if texts:
            said = "|".join(map(re.escape, texts))
            rest = re.sub(rf"\A(?:(?:[^\n]{{1,80}} : )?(?:{said})\s*(?:\n|\Z)\s*)+", "", rest)
        return rest.strip()
