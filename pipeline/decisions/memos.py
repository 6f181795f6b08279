"""Define memos on a passage, a document, a code, a theme or the study, and flags on passages.

In:   active decisions
Out:  each memo as it was last written; the flag of each flagged passage
"""

import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

from pipeline.decisions.kinds import (
    GONE_PASSAGE,
    GONE_THEME,
    Decision,
    Names,
    PassageDecision,
    Reviewed,
    Subject,
    as_json,
    in_value,
    read_json,
    read_object,
)

UNIT, DOCUMENT, CODE, THEME, STUDY = "unit", "document", "code", "theme", "study"
SUBJECT_KINDS = (STUDY, DOCUMENT, UNIT, CODE, THEME)
_N_QUOTED = 160  # characters of a memo in a sentence
_TYPED = ("text", "title")
_WITH_COLUMNS = (UNIT, CODE, THEME)  # of DECISIONS, for the subject


class MemoSubject(NamedTuple):
    """What a memo is about: `id` is « axis:code » for a code, blank for the study."""

    kind: str
    id: str = ""

    @property
    def key(self) -> str:
        """Return « theme:t1 », as `subject_of` reads it.

        >>> MemoSubject("code", "rubrique:offre").key
        'code:rubrique:offre'
        """
        return f"{self.kind}:{self.id}" if self.id else self.kind


def subject_of(key: str) -> MemoSubject | None:
    """Return the subject that `MemoSubject.key` wrote, None for another text."""
    kind, _colon, name = key.partition(":")
    is_read = kind in SUBJECT_KINDS and bool(name) == (kind != STUDY)
    return MemoSubject(kind, name) if is_read else None


@dataclass(frozen=True)
class MemoDecision(Decision):
    """A decision on a memo; a memo on no passage, code or theme says its document in `value`."""

    group = "memos"
    awaits_run = False
    has_typed_value = True
    idle_reason = "Le mémo n'est plus là : il a été retiré, ou sa décision annulée."

    unit_id: str | None = None
    value: str | None = field(default=None, metadata=in_value())
    axis: str | None = None
    code: str | None = None
    theme_id: str | None = None

    @classmethod
    def _on(cls, subject: MemoSubject, content: Mapping[str, Any], *, why: str | None) -> Self:
        columns: dict[str, Any] = {}
        if subject.kind == UNIT:
            columns = {"unit_id": subject.id}
        elif subject.kind == THEME:
            columns = {"theme_id": subject.id}
        elif subject.kind == CODE:
            axis, _colon, code = subject.id.partition(":")
            columns = {"axis": axis, "code": code}
        elif subject.kind == DOCUMENT:
            content = {"document_id": subject.id, **content}
        filled = {name: part for name, part in content.items() if part}
        return cls(value=as_json(filled), why=why, **columns)

    @property
    def content(self) -> dict[str, Any]:
        """Return the parts of `value`."""
        return read_object(self.value)

    @property
    def subject(self) -> MemoSubject:
        """Return what the memo is about."""
        if self.unit_id:
            return MemoSubject(UNIT, self.unit_id)
        if self.theme_id:
            return MemoSubject(THEME, self.theme_id)
        if self.code:
            return MemoSubject(CODE, f"{self.axis}:{self.code}")
        document_id = _text_in(self.content, "document_id")
        return MemoSubject(DOCUMENT, document_id) if document_id else MemoSubject(STUDY)

    @property
    def title(self) -> str:
        """Return the title that the document had."""
        return _text_in(self.content, "title")

    @property
    def text(self) -> str:
        """Return what was written."""
        return _text_in(self.content, "text")

    @property
    def memo_id(self) -> int:
        """Return the number of the decision that noted the memo."""
        number = self.content.get("memo")
        return number if isinstance(number, int) else 0

    @classmethod
    def masked_value(cls, value: str, mask: Callable[[str], str]) -> str:
        content = read_json(value)
        if not isinstance(content, dict) or not content.keys() <= {"document_id", "memo", *_TYPED}:
            return mask(value)
        masked = {name: mask(str(content[name])) for name in _TYPED if name in content}
        return as_json(content | masked)

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("memo", str(self.memo_id))}

    def missing(self, reviewed: Reviewed) -> str | None:
        return self._gone(reviewed) or super().missing(reviewed)

    def _gone(self, reviewed: Reviewed) -> str | None:
        kind, name = self.subject
        if kind == UNIT and name not in reviewed.themes.unit_ids:
            return GONE_PASSAGE
        if kind == DOCUMENT and name not in reviewed.themes.document_ids:
            return "Aucun passage de ce document n'est plus dans l'étude."
        if kind == THEME and reviewed.themes.is_gone(name):
            return GONE_THEME
        codes = reviewed.grid_codes
        if kind == CODE and codes is not None and tuple(name.split(":", 1)) not in codes:
            return "La grille n'a plus ce code."
        return None

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.notes.get(("memo", str(self.memo_id))) == self.decision_id

    def words(self, names: Names, value: str | None) -> dict[str, str]:
        said = textwrap.shorten(self.text, _N_QUOTED, placeholder="…")
        return {
            "n": str(self.memo_id),
            "subject": self._named(names),
            "value": names.quoted(said),
        }

    def _named(self, names: Names) -> str:
        """Name the subject; `names` is asked for it alone."""
        kind, name = self.subject
        if kind == UNIT:
            return names.passage(name)
        if kind == THEME:
            return names.say("le thème {theme}", theme=names.theme(name))
        if kind == CODE:
            return names.say("le code {code}", code=names.code(self.code))
        if kind == DOCUMENT:
            return names.say("le document {document}", document=names.quoted(self.title or name))
        return names.say("l’étude")


def _text_in(content: Mapping[str, Any], name: str) -> str:
    value = content.get(name)
    return value.strip() if isinstance(value, str) else ""


@dataclass(frozen=True)
class NoteMemo(MemoDecision):
    """Notes a memo; on a passage, a code or a theme, `value` is its text."""

    action = "note_memo"
    template = "note un mémo sur {subject} : {value}"

    @classmethod
    def on(
        cls, subject: MemoSubject, text: str, *, title: str = "", why: str | None = None
    ) -> Self:
        """Return the decision that notes `text`; `title` is a document's."""
        note = cls._on(subject, {"title": title, "text": text}, why=why)
        return replace(note, value=text) if subject.kind in _WITH_COLUMNS else note

    @property
    def text(self) -> str:
        is_plain = self.subject.kind in _WITH_COLUMNS
        return (self.value or "").strip() if is_plain else super().text

    @property
    def memo_id(self) -> int:
        return self.decision_id

    def fault(self, reviewed: Reviewed) -> str | None:
        return None if self.text else "Le mémo est vide."


@dataclass(frozen=True)
class EditMemo(MemoDecision):
    """Writes a memo again."""

    action = "edit_memo"
    template = "récrit le mémo n° {n} sur {subject} : {value}"

    @classmethod
    def of(cls, memo: "Memo", text: str, *, why: str | None = None) -> Self:
        content = {"memo": memo.memo_id, "title": memo.title, "text": text}
        return cls._on(memo.subject, content, why=why)


@dataclass(frozen=True)
class RemoveMemo(MemoDecision):
    """Removes a memo, which the journal keeps."""

    action = "remove_memo"
    template = "retire le mémo n° {n} sur {subject}"

    @classmethod
    def of(cls, memo: "Memo", *, why: str | None = None) -> Self:
        return cls._on(memo.subject, {"memo": memo.memo_id, "title": memo.title}, why=why)


@dataclass(frozen=True)
class Memo:
    """A memo as last written; `version` is the decision that wrote it so, by `edited_by`."""

    memo_id: int
    subject: MemoSubject
    title: str
    text: str
    author: str
    noted_at: str
    version: int
    edited_by: str = ""
    edited_at: str = ""


def current_memos(active: Iterable[Decision]) -> dict[int, Memo]:
    """Return the memos that nobody removed, by number, in order."""
    memos: dict[int, Memo] = {}
    for row in active:
        if isinstance(row, NoteMemo) and row.text:
            memos[row.decision_id] = Memo(
                row.decision_id,
                row.subject,
                row.title,
                row.text,
                row.author,
                row.decided_at,
                row.decision_id,
            )
        elif isinstance(row, EditMemo) and row.text and row.memo_id in memos:
            memos[row.memo_id] = replace(
                memos[row.memo_id],
                text=row.text,
                version=row.decision_id,
                edited_by=row.author,
                edited_at=row.decided_at,
            )
        elif isinstance(row, RemoveMemo):
            memos.pop(row.memo_id, None)
    return memos


@dataclass(frozen=True)
class FlagDecision(PassageDecision):
    """A decision on the flag of a passage, which everybody shares."""

    group = "drapeaux"
    awaits_run = False
    idle_reason = "Une autre décision a changé ce drapeau."

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("flag", str(self.unit_id))}

    def holds(self, reviewed: Reviewed) -> bool:
        return reviewed.notes.get(("flag", str(self.unit_id))) == self.decision_id


@dataclass(frozen=True)
class FlagPassage(FlagDecision):
    """Flags a passage, with a word that says why or none."""

    action = "flag_passage"
    template = "met un drapeau sur {passage} : {value}"
    blank_template = "met un drapeau sur {passage}"
    has_typed_value = True

    word: str | None = field(default=None, metadata=in_value())


@dataclass(frozen=True)
class UnflagPassage(FlagDecision):
    """Removes the flag of a passage."""

    action = "unflag_passage"
    template = "retire le drapeau de {passage}"


@dataclass(frozen=True)
class SeeRemark(Decision):
    """Says that a remark on a file of the depot was read, until it says something else."""

    action = "see_remark"
    group = "depot"
    template = "a vu une remarque sur un fichier déposé"
    awaits_run = False

    remark: str = field(metadata=in_value())  # a hash of its file and words

    def applies_to(self, exclusive: Mapping[str, bool]) -> set[Subject]:
        return {("remark", self.remark)}


def flagged(active: Iterable[Decision]) -> dict[str, FlagPassage]:
    """Return the flag of each flagged passage."""
    flags: dict[str, FlagPassage] = {}
    for row in active:
        if isinstance(row, FlagDecision):
            flags.pop(str(row.unit_id), None)
        if isinstance(row, FlagPassage):
            flags[str(row.unit_id)] = row
    return flags


def last_notes(active: Iterable[Decision]) -> dict[Subject, int]:
    """Return the number of the decision that each memo and flag stands by, removals included."""
    rows = [row for row in active if isinstance(row, MemoDecision | FlagDecision)]
    last: dict[Subject, int] = {
        ("memo", str(number)): memo.version for number, memo in current_memos(rows).items()
    }
    noted = {row.decision_id for row in rows if isinstance(row, NoteMemo)}
    for row in rows:
        if isinstance(row, FlagDecision):
            last["flag", str(row.unit_id)] = row.decision_id
        elif isinstance(row, RemoveMemo) and row.memo_id in noted:
            last.setdefault(("memo", str(row.memo_id)), row.decision_id)
    return last
