"""A REFI-QDA project (.qdpx) as any tool writes it: who put which code where, on which text.

In:   a .qdpx
Out:  Project; what it holds beside codings of texts is counted, by what it is

Where selections lie in a text, however the tool that wrote them counts: with the byte order mark or not, a line end as one or two,
an emoji as one or two.
"""

import codecs
import posixpath
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from pipeline.errors import StudyError
from pipeline.exchange.xml import Archive, one_line, parse_xml, plain_guid

MARK = "\ufeff"
Span = tuple[int, int]


def plain_text(stored: str) -> str:
    """`stored` without byte order mark, its lines ended by \\n alone."""
    return stored.removeprefix(MARK).replace("\r\n", "\n").replace("\r", "\n")


def settle_spans(
    stored: str, spans: Sequence[Span], bounds: Collection[int] = ()
) -> list[Span | None]:
    """Return `spans` as offsets in `plain_text(stored)`, None for one that lies outside; `bounds` are offsets where one may be expected."""
    text = plain_text(stored)
    counts = list(_counts(stored))
    settled = [[_moved(span, count) for span in spans] for count in counts]
    scores = [sum(_fit(text, span, bounds) for span in moved if span) for moved in settled]
    return settled[scores.index(max(scores))]


def _counts(stored: str) -> Iterator[list[int]]:
    """Each way to count, as the offset in the plain text of every offset stored; the usual ones first."""
    has_mark, has_pairs, has_astral = (
        stored.startswith(MARK),
        "\r\n" in stored,
        any(letter > "\uffff" for letter in stored),
    )
    for in_units in (False, True) if has_astral else (False,):
        for with_mark in (False, True) if has_mark else (False,):
            for pair in (1, 2) if has_pairs else (1,):
                yield _count(stored.removeprefix(MARK), int(with_mark), pair, in_units)


def _count(text: str, n_before: int, pair: int, in_units: bool) -> list[int]:
    """The offset in the plain text of each offset of this count; `n_before` characters stand before it."""
    offsets = [0] * n_before
    at = 0
    for place, letter in enumerate(text):
        if letter == "\n" and text[place - 1 : place] == "\r":
            continue  # counted with its \r
        is_pair = letter == "\r" and text[place + 1 : place + 2] == "\n"
        offsets += [at] * (pair if is_pair else 2 if in_units and letter > "\uffff" else 1)
        at += 1
    return [*offsets, at]


def _moved(span: Span, count: Sequence[int]) -> Span | None:
    start, end = span
    if not 0 <= start < end < len(count):
        return None
    return (count[start], count[end]) if count[start] < count[end] else None


def _fit(text: str, span: Span, bounds: Collection[int]) -> int:
    """How well a selection begins and ends: at a bound that is expected, else where a word does."""
    start, end = span
    fits_start = not text[start].isspace() and not (
        text[start].isalnum() and text[start - 1 : start].isalnum()
    )
    fits_end = not text[end - 1].isspace() and not (
        text[end - 1].isalnum() and text[end : end + 1].isalnum()
    )
    return int(fits_start) + int(fits_end) + 2 * (start in bounds) + 2 * (end in bounds)


_EXPECTED = "un projet REFI-QDA (.qdpx)"
_NAMESPACE = "urn:QDA-XML:project:"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEFT = {
    "PictureSource": "images",
    "PDFSource": "PDF",
    "AudioSource": "enregistrements",
    "VideoSource": "vidéos",
    "Note": "notes et mémos",
    "Set": "ensembles",
    "Link": "liens",
    "Graph": "cartes",
}


@dataclass(frozen=True)
class FileCode:
    """A code of the project, by its name and description as written."""

    guid: str
    name: str
    description: str


@dataclass(frozen=True)
class Selection:
    """A code on a piece of text: `user` and `code` are GUIDs, `span` as the tool counts it, None for the whole document."""

    user: str
    code: str
    span: Span | None
    coded_at: str


@dataclass(frozen=True)
class Source:
    """A text as stored (None where the project has not got it), and the codes on it."""

    guid: str
    name: str
    stored: str | None
    selections: tuple[Selection, ...]


@dataclass(frozen=True)
class Project:
    """`users` and `codes` by GUID; `left` counts what is no coding of a text, by its French name."""

    users: Mapping[str, str]
    codes: Mapping[str, FileCode]
    sources: tuple[Source, ...]
    left: Mapping[str, int] = field(default_factory=dict)


def read_project(path: Path) -> Project:
    """Return the project in `path`.

    Raises `StudyError`, in one line, for what is no project, is damaged, or would harm.
    """
    with Archive(path, _EXPECTED) as archive:
        return _read(archive, path)


def _read(archive: Archive, path: Path) -> Project:
    named = [name for name in archive.names if name.lower().endswith(".qde")]
    if not named:
        raise StudyError(
            f"« {path.name} » ne contient aucun projet (.qde)",
            _EXPECTED,
            "exporter le projet en REFI-QDA",
        )
    name = min(named, key=lambda name: (name.count("/"), name.lower() != "project.qde", name))
    root = parse_xml(archive.read(name), f"{path.name}, {name}", _EXPECTED)
    if _tag(root) != "Project" or not str(etree.QName(root).namespace or "").startswith(_NAMESPACE):
        raise StudyError(
            f"{path.name}, {name} n'est pas un projet REFI-QDA",
            _EXPECTED,
            "exporter le projet en REFI-QDA",
        )
    users = {
        plain_guid(user.get("guid")): one_line(user.get("name") or user.get("id") or "")
        for user in _each(root, "User")
    }
    left = Counter(_LEFT[_tag(element)] for element in root.iter() if _tag(element) in _LEFT)
    sources = tuple(_source(element, archive) for element in _each(root, "TextSource"))
    return Project(
        users,
        {code.guid: code for code in map(_code, _each(root, "Code"))},
        sources,
        dict(sorted(left.items())),
    )


def _tag(element: Any) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def _each(root: Any, tag: str) -> Iterator[Any]:
    return (element for element in root.iter() if _tag(element) == tag)


def _first(element: Any, tag: str) -> Any:
    return next((child for child in element if _tag(child) == tag), None)


def _code(element: Any) -> FileCode:
    description = _first(element, "Description")
    return FileCode(
        plain_guid(element.get("guid")),
        one_line(element.get("name", "")),
        (description is not None and description.text) or "",
    )


def _source(element: Any, archive: Archive) -> Source:
    content = _first(element, "PlainTextContent")
    stored = (
        content.text or ""
        if content is not None
        else _stored(element.get("plainTextPath"), archive)
    )
    selections = [
        coding
        for child in element
        if _tag(child) == "PlainTextSelection"
        for coding in _codings(child, _span(child))
    ]
    return Source(
        plain_guid(element.get("guid")),
        one_line(element.get("name", "")),
        stored,
        (*selections, *_codings(element, None)),
    )


def _stored(path: str | None, archive: Archive) -> str | None:
    """The text of a file of the archive, by its name alone: tools disagree on the folder's capitals; a place outside is never read."""
    wanted = posixpath.basename((path or "").replace("\\", "/").split("://")[-1]).lower()
    is_text = wanted.endswith(".txt")
    found = sorted(
        name for name in archive.names if is_text and posixpath.basename(name).lower() == wanted
    )
    return _decoded(archive.read(found[0])) if found else None


def _decoded(content: bytes) -> str:
    """The text, its byte order mark kept, as offsets may count it."""
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _span(element: Any) -> Span:
    """The bounds as written; (0, 0), which is no span, where they are no numbers."""
    try:
        return int(element.get("startPosition", "")), int(element.get("endPosition", ""))
    except ValueError:
        return 0, 0


def _codings(element: Any, span: Span | None) -> Iterator[Selection]:
    for coding in element:
        if _tag(coding) == "Coding":
            reference = _first(coding, "CodeRef")
            code = plain_guid(reference.get("targetGUID")) if reference is not None else ""
            user = coding.get("creatingUser") or element.get("creatingUser")
            moment = coding.get("creationDateTime") or element.get("creationDateTime") or ""
            yield Selection(plain_guid(user), code, span, moment)
