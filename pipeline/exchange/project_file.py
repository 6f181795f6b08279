"""A REFI-QDA project (.qdpx) as any tool writes it: who put which code where, on which text.

In:   a .qdpx
Out:  Project; what it holds beside codings of texts is counted, by what it is
"""

import codecs
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lxml import etree

from pipeline.errors import StudyError
from pipeline.exchange.archive import Archive
from pipeline.exchange.guids import plain_guid
from pipeline.exchange.offsets import Span
from pipeline.exchange.xml_text import one_line, parse_xml

_EXPECTED = "un projet REFI-QDA (.qdpx)"
_NAMESPACE = "urn:QDA-XML:project:"
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
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
        raise StudyError(f"« {path.name} » ne contient aucun projet (.qde)", _EXPECTED, "exporter le projet en REFI-QDA")
    name = min(named, key=lambda name: (name.count("/"), name.lower() != "project.qde", name))
    root = parse_xml(archive.read(name), f"{path.name}, {name}", _EXPECTED)
    if _tag(root) != "Project" or not str(etree.QName(root).namespace or "").startswith(_NAMESPACE):
        raise StudyError(f"{path.name}, {name} n'est pas un projet REFI-QDA", _EXPECTED, "exporter le projet en REFI-QDA")
    users = {plain_guid(user.get("guid")): one_line(user.get("name") or user.get("id") or "") for user in _each(root, "User")}
    left = Counter(_LEFT[_tag(element)] for element in root.iter() if _tag(element) in _LEFT)
    sources = tuple(_source(element, archive) for element in _each(root, "TextSource"))
    return Project(users, {code.guid: code for code in map(_code, _each(root, "Code"))}, sources, dict(sorted(left.items())))


def _tag(element: Any) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def _each(root: Any, tag: str) -> Iterator[Any]:
    return (element for element in root.iter() if _tag(element) == tag)


def _first(element: Any, tag: str) -> Any:
    return next((child for child in element if _tag(child) == tag), None)


def _code(element: Any) -> FileCode:
    description = _first(element, "Description")
    return FileCode(
        plain_guid(element.get("guid")), one_line(element.get("name", "")), (description is not None and description.text) or ""
    )


def _source(element: Any, archive: Archive) -> Source:
    content = _first(element, "PlainTextContent")
    stored = content.text or "" if content is not None else _stored(element.get("plainTextPath"), archive)
    selections = [coding for child in element if _tag(child) == "PlainTextSelection" for coding in _codings(child, _span(child))]
    return Source(plain_guid(element.get("guid")), one_line(element.get("name", "")), stored, (*selections, *_codings(element, None)))


def _stored(path: str | None, archive: Archive) -> str | None:
    """The text of a file of the archive, by its name alone: tools disagree on the folder's capitals; a place outside is never read."""
    wanted = posixpath.basename((path or "").replace("\\", "/").split("://")[-1]).lower()
    is_text = wanted.endswith(".txt")
    found = sorted(name for name in archive.names if is_text and posixpath.basename(name).lower() == wanted)
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
