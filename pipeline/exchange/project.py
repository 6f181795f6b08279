"""Write the study as a REFI-QDA project (.qdpx), and read any tool's project.

In:   tables as reviewed, grid, codings; or a .qdpx
Out:  a .qdpx, identical for identical studies; or CodingProject

Offsets are Unicode code points; `xml_text` keeps the length of texts.
"""

import codecs
import posixpath
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from lxml import etree

from pipeline import __version__
from pipeline.decisions.memos import Memo
from pipeline.errors import StudyError
from pipeline.exchange.codebook import ORIGIN, build_codebook, codes_element, walk
from pipeline.exchange.documents import MACHINE, PassageCoding, named_documents
from pipeline.exchange.memos import (
    FileNote,
    add_notes,
    read_notes,
    span_of,
    tag_of,
    to_second,
    user_guid,
)
from pipeline.exchange.xml import (
    Archive,
    guid,
    one_line,
    parse_xml,
    plain_guid,
    root_element,
    xml_text,
)
from pipeline.grid.codes import Grid
from pipeline.publish.report.passages import Tables, grouped, workshop_names
from pipeline.publish.text import word, zipped
from pipeline.tables.columns import rows_of

_FAMILY = "urn:QDA-XML:project:"
NAMESPACE = f"{_FAMILY}1.0"
MACHINE_GUID = guid("user", MACHINE)
# of cases, then of documents: some tools give a variable to the ones or to the others
_VARIABLES = {
    "territoire": ("Territoire", "Text"),
    "atelier": ("Atelier", "Text"),
    "date": ("Date", "Date"),
    "lieu": ("Lieu", "Text"),
    "tables": ("Nombre de tables", "Integer"),
    "table": ("Table", "Integer"),
    "territoire du document": ("Territoire du document", "Text"),
    "atelier du document": ("Atelier du document", "Text"),
    "date du document": ("Date du document", "Date"),
    "canal": ("Nature", "Text"),
    "table du document": ("Table du document", "Integer"),
}
_VALUE_TAGS = {"Text": "TextValue", "Integer": "IntegerValue", "Date": "DateValue"}
_NAME_CHARS = 60
_ABOUT = (
    "Textes pseudonymisés. Les codes de la machine sont à l'utilisateur « automate », ceux de "
    "chaque personne à son nom. N'y sont pas : les codes écartés en relecture, les probabilités, "
    "les priorités, les comparaisons, l'émargement et la carte."
)

Values = dict[str, Any]
Span = tuple[int, int]


def project_file(
    tables: Tables,
    grid: Grid,
    codings: Sequence[PassageCoding],
    *,
    title: str,
    memos: Sequence[Memo] = (),
) -> bytes:
    """Return a .qdpx: documents, passages coded by person, workshops as cases, memos as notes."""
    about = {"name": one_line(title) or ORIGIN, "origin": f"{ORIGIN} {__version__}"}
    root = root_element(NAMESPACE, "Project", **about, creatingUserGUID=MACHINE_GUID)
    documents = named_documents(tables)
    authors = {coding.author for coding in codings} | {memo.author for memo in memos}
    _add_users(root, authors)
    entries = build_codebook(grid, tables["themes"], tables["theme_families"])
    _child(root, "CodeBook").append(codes_element(entries, NAMESPACE))
    variables = _child(root, "Variables")
    for key, (name, kind) in _VARIABLES.items():
        _child(variables, "Variable", guid=guid("variable", key), name=name, typeOfVariable=kind)
    _add_cases(root, tables, documents)
    guids = {(entry.axis, entry.code): entry.guid for entry in walk(entries) if entry.is_codable}
    _add_sources(root, tables, documents, codings, guids)
    _child(root, "Description").text = _ABOUT
    notes = add_notes(root, memos, guids)
    content = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    texts = [
        (f"sources/{guid('document', row.document_id)}.txt", xml_text(row.text).encode())
        for row in documents
    ]
    return zipped([("project.qde", content), *texts, *notes])


def _child(parent: Any, tag: str, **attributes: str) -> Any:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)


def _add_users(root: Any, authors: Collection[str]) -> None:
    users = _child(root, "Users")
    _child(users, "User", guid=MACHINE_GUID, name=f"{MACHINE} {__version__}")
    for author in sorted(set(authors) - {""}):
        _child(users, "User", guid=user_guid(author), name=one_line(author))


def _add_cases(root: Any, tables: Tables, documents: Sequence[Any]) -> None:
    names = workshop_names(tables["workshops"])
    if not names:
        return
    cases = _child(root, "Cases")
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    units = tables["units"]
    numbered = units[units["table_number"].notna()].sort_values(["unit_order", "unit_id"])
    for workshop_id, name in names.items():
        row = workshops[workshop_id]
        values = _workshop_values(row, name)
        case = _child(cases, "Case", guid=guid("case", workshop_id), name=name)
        _add_values(case, values | {"lieu": row.place, "tables": row.n_tables})
        sources = [source for source in documents if source.workshop_id == workshop_id]
        for source in sources:
            _child(case, "SourceRef", targetGUID=guid("document", source.document_id))
        of_workshop = numbered[numbered["workshop_id"] == workshop_id]
        for number, passages in of_workshop.groupby("table_number", sort=True):
            identity = guid("case", workshop_id, str(number))
            table_case = _child(cases, "Case", guid=identity, name=f"{name}, table {number}")
            _add_values(table_case, values | {"table": number})
            _add_references(table_case, sources, passages, number)


def _add_references(
    case: Any, sources: Iterable[Any], passages: pd.DataFrame, table_number: Any
) -> None:
    unit_ids_by_document = dict(iter(passages.groupby("document_id")["unit_id"]))
    divided = []
    for source in sources:
        if not pd.isna(source.table_number) and source.table_number == table_number:
            _child(case, "SourceRef", targetGUID=guid("document", source.document_id))
        elif source.document_id in unit_ids_by_document:
            divided += [*unit_ids_by_document[source.document_id]]
    for unit_id in divided:
        _child(case, "SelectionRef", targetGUID=guid("unit", unit_id))


def _add_sources(
    root: Any,
    tables: Tables,
    documents: Sequence[Any],
    codings: Iterable[PassageCoding],
    guids: Mapping[Any, str],
) -> None:
    if not documents:
        return
    names = workshop_names(tables["workshops"])
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    codings_by_unit = grouped(codings, lambda coding: coding.unit_id)
    units = tables["units"].sort_values(["unit_order", "unit_id"])
    units_by_document = dict(iter(units.groupby("document_id")))
    sources = _child(root, "Sources")
    for document in documents:
        workshop = workshops.get(document.workshop_id)
        moment = _moment(None if workshop is None else workshop.date)
        identity = guid("document", document.document_id)
        source = _child(
            sources,
            "TextSource",
            guid=identity,
            name=document.name,
            plainTextPath=f"internal://{identity}.txt",
            creatingUser=MACHINE_GUID,
            **moment,
        )
        if document.document_id in units_by_document:
            for unit in rows_of(units_by_document[document.document_id]):
                _add_selections(source, unit, codings_by_unit.get(unit.unit_id, ()), guids, moment)
        values = {} if workshop is None else _workshop_values(workshop, names[workshop.workshop_id])
        values["table"] = document.table_number
        values = {f"{key} du document": value for key, value in values.items()}
        _add_values(source, {"canal": word("lieux", document.channel)} | values)


def _add_selections(
    source: Any,
    unit: Any,
    codings: Iterable[PassageCoding],
    guids: Mapping[Any, str],
    moment: dict[str, str],
) -> None:
    """Add the whole unit, then each run of words that people coded, once a coder.

    Some tools take who coded from the selection, not from the coding.
    """
    by_coder: dict[tuple[Span, str], list[PassageCoding]] = defaultdict(list)
    whole = (0, len(unit.text))
    for coding in codings:
        for span in coding.spans or (whole,):
            by_coder[span, coding.author].append(coding)
    first, *others = sorted(key for key in by_coder if key[0] == whole) or [(whole, "")]
    others += sorted(key for key in by_coder if key[0] != whole)
    _add_selection(source, unit, first[0], by_coder[first], guids, moment)
    for span, author in others:
        part = (author,) if span == whole else (*map(str, span), author)
        _add_selection(source, unit, span, by_coder[span, author], guids, moment, *part)


def _add_selection(
    source: Any,
    unit: Any,
    span: Span,
    codings: Sequence[PassageCoding],
    guids: Mapping[Any, str],
    moment: dict[str, str],
    *part: str,
) -> None:
    """Add a selection with the codings of one coder; `part` tells its GUID from the unit's."""
    start, end = span
    author = codings[0].author if codings else ""
    user = user_guid(author) if author else MACHINE_GUID
    decided = max(coding.decided_at for coding in codings) if author else ""
    selection = _child(
        source,
        "PlainTextSelection",
        guid=guid("unit", unit.unit_id, *part),
        name=one_line(unit.text[start:end])[:_NAME_CHARS],
        startPosition=str(unit.start_char + start),
        endPosition=str(unit.start_char + end),
        creatingUser=user,
        **_moment(decided) if author else moment,
    )
    words = () if span == (0, len(unit.text)) else tuple(map(str, span))
    for coding in codings:
        coded = _moment(coding.decided_at) if author else moment
        identity = guid("coding", coding.unit_id, author, coding.axis, coding.code, *words)
        element = _child(selection, "Coding", guid=identity, creatingUser=user, **coded)
        _child(element, "CodeRef", targetGUID=guids[coding.axis, coding.code])


def _workshop_values(row: Any, name: str) -> Values:
    date = row.date[:10] if _moment(row.date) else None
    return {"territoire": row.territory, "atelier": name, "date": date}


def _add_values(parent: Any, values: Values) -> None:
    for key, value in values.items():
        if value is None or pd.isna(value):
            continue
        element = _child(parent, "VariableValue")
        _child(element, "VariableRef", targetGUID=guid("variable", key))
        _child(element, _VALUE_TAGS[_VARIABLES[key][1]]).text = one_line(str(value))


def _moment(written: Any) -> dict[str, str]:
    """A day is its first second in UTC."""
    if not isinstance(written, str):
        return {}
    moment = to_second(written)
    return {"creationDateTime": moment} if moment else {}


MARK = "\ufeff"
_EXPECTED = "un projet REFI-QDA (.qdpx)"
_EXPORT = "exporter le projet en REFI-QDA"
_ENCODINGS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEFT_OUT = {
    "PictureSource": "images",
    "PDFSource": "PDF",
    "AudioSource": "enregistrements",
    "VideoSource": "vidéos",
    "Set": "ensembles",
    "Link": "liens",
    "Graph": "cartes",
}


@dataclass(frozen=True)
class FileCode:
    """A code's name, description and colour, as written."""

    guid: str
    name: str
    description: str
    colour: str = ""


@dataclass(frozen=True)
class TextSelection:
    """A code on a text; `user` and `code` are GUIDs.

    `span` counts as the tool does; None is the whole document.
    """

    user: str
    code: str
    span: Span | None
    coded_at: str


@dataclass(frozen=True)
class TextSource:
    """A text as `stored` (None if missing from the project), and its codings."""

    guid: str
    name: str
    stored: str | None
    selections: tuple[TextSelection, ...]


@dataclass(frozen=True)
class CodingProject:
    """`users` and `codes` by GUID; `left` counts, in French, what codes no text, memos apart."""

    users: Mapping[str, str]
    codes: Mapping[str, FileCode]
    sources: tuple[TextSource, ...]
    left: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[FileNote, ...] = ()


def read_project(path: Path) -> CodingProject:
    """Return the project in `path`.

    Raises `StudyError` for a file that is no project, is damaged or is harmful.
    """
    with Archive(path, _EXPECTED) as archive:
        names = [name for name in archive.names if name.lower().endswith(".qde")]
        if not names:
            message = f"« {path.name} » ne contient aucun projet (.qde)"
            raise StudyError(message, _EXPECTED, _EXPORT)
        name = min(names, key=lambda name: (name.count("/"), name.lower() != "project.qde", name))
        root = parse_xml(archive.read(name), f"{path.name}, {name}", _EXPECTED)
        namespace = str(etree.QName(root).namespace or "")
        if tag_of(root) != "Project" or not namespace.startswith(_FAMILY):
            message = f"{path.name}, {name} n'est pas un projet REFI-QDA"
            raise StudyError(message, _EXPECTED, _EXPORT)
        tags = map(tag_of, root.iter())
        left = Counter(_LEFT_OUT[tag] for tag in tags if tag in _LEFT_OUT)
        notes = read_notes(root, lambda element: plain_text(_text_of(element, archive) or ""))
        n_written = sum(1 for note in notes if note.guid)
        n_blank = sum(1 for _note in root.iter("{*}Note")) - n_written
        left += Counter({"mémos sans texte": n_blank})
        return CodingProject(
            users={
                plain_guid(user.get("guid")): one_line(user.get("name") or user.get("id") or "")
                for user in root.iter("{*}User")
            },
            codes={code.guid: code for code in map(_code, root.iter("{*}Code"))},
            sources=tuple(_source(element, archive) for element in root.iter("{*}TextSource")),
            left=dict(sorted(left.items())),
            notes=tuple(notes),
        )


def _code(element: Any) -> FileCode:
    text = element.findtext("{*}Description", "")
    name = one_line(element.get("name", ""))
    return FileCode(plain_guid(element.get("guid")), name, text, element.get("color", ""))


def _source(element: Any, archive: Archive) -> TextSource:
    stored = _text_of(element, archive)
    selections: list[TextSelection] = []
    for child in element.iterchildren("{*}PlainTextSelection"):
        selections += _codings(child, span_of(child))
    selections += _codings(element, None)
    name = one_line(element.get("name", ""))
    return TextSource(plain_guid(element.get("guid")), name, stored, tuple(selections))


def _text_of(element: Any, archive: Archive) -> str | None:
    content: str | None = element.findtext("{*}PlainTextContent")
    return _stored(element.get("plainTextPath"), archive) if content is None else content


def _stored(path: str | None, archive: Archive) -> str | None:
    """Find a file by its name alone: tools disagree on its folder."""
    wanted = posixpath.basename((path or "").replace("\\", "/").split("://")[-1]).lower()
    if not wanted.endswith(".txt"):
        return None
    names = sorted(name for name in archive.names if posixpath.basename(name).lower() == wanted)
    return _decoded(archive.read(names[0])) if names else None


def _decoded(content: bytes) -> str:
    """Keep the byte order mark, which offsets may count."""
    for mark, encoding in _ENCODINGS:
        if content.startswith(mark):
            return content.decode(encoding, "replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _codings(element: Any, span: Span | None) -> Iterator[TextSelection]:
    for coding in element.iterchildren("{*}Coding"):
        reference = coding.find("{*}CodeRef")
        code = "" if reference is None else plain_guid(reference.get("targetGUID"))
        user = coding.get("creatingUser") or element.get("creatingUser")
        moment = coding.get("creationDateTime") or element.get("creationDateTime") or ""
        yield TextSelection(plain_guid(user), code, span, moment)


def plain_text(stored: str) -> str:
    """Return `stored` without byte order mark or carriage returns."""
    return stored.removeprefix(MARK).replace("\r\n", "\n").replace("\r", "\n")


def settle_spans(
    stored: str, spans: Sequence[Span], bounds: Collection[int] = ()
) -> list[Span | None]:
    """Return `spans` as offsets in `plain_text(stored)`, None for one that lies outside.

    Tools count the byte order mark or not, and line ends and emojis as one or two. Keep the count
    whose selections begin and end best; `bounds` are offsets where one is expected.
    """
    text = plain_text(stored)
    settled = [[_moved(span, offsets) for span in spans] for offsets in _counts(stored)]
    scores = [sum(_fit(text, span, bounds) for span in moved if span) for moved in settled]
    return settled[scores.index(max(scores))]


def _counts(stored: str) -> Iterator[list[int]]:
    """Yield plain offsets for each way to count, usual ones first."""
    has_mark, has_line_pairs = stored.startswith(MARK), "\r\n" in stored
    has_astral = any(letter > "\uffff" for letter in stored)
    for counts_utf16 in (False, True) if has_astral else (False,):
        for with_mark in (False, True) if has_mark else (False,):
            for n_of_pair in (1, 2) if has_line_pairs else (1,):
                yield _offsets(stored.removeprefix(MARK), int(with_mark), n_of_pair, counts_utf16)


def _offsets(text: str, n_before: int, n_of_pair: int, counts_utf16: bool) -> list[int]:
    offsets = [0] * n_before
    at = 0
    for i, letter in enumerate(text):
        if letter == "\n" and text[i - 1 : i] == "\r":
            continue  # counted with its \r
        n = 2 if counts_utf16 and letter > "\uffff" else 1
        if letter == "\r" and text[i + 1 : i + 2] == "\n":
            n = n_of_pair
        offsets += [at] * n
        at += 1
    return [*offsets, at]


def _moved(span: Span, offsets: Sequence[int]) -> Span | None:
    start, end = span
    if not 0 <= start < end < len(offsets) or offsets[start] >= offsets[end]:
        return None
    return offsets[start], offsets[end]


def _fit(text: str, span: Span, bounds: Collection[int]) -> int:
    """Score a selection's ends: an expected bound, else a word's edge."""
    return sum(
        int(not inner.isspace() and not (text[i - 1 : i].isalnum() and text[i : i + 1].isalnum()))
        + 2 * (i in bounds)
        for i, inner in zip(span, (text[span[0]], text[span[1] - 1]), strict=True)
    )
