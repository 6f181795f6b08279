"""The study as a REFI-QDA project (.qdpx): documents, passages with their codes by coder, workshops and tables as cases.

In:   tables as reviewed, grid, codings
Out:  a .qdpx, identical for identical studies

Offsets are Unicode code points. Pieces of text go through `xml_text`, which keeps their length.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from lxml import etree

from pipeline import __version__
from pipeline.exchange.codebook import ORIGIN, build_codebook, codes_element, walk
from pipeline.exchange.documents import MACHINE, Coding, named_documents
from pipeline.exchange.xml import guid, one_line, pack, root_element, xml_text
from pipeline.grid.codes import Grid
from pipeline.publish.report.passages import rows_of, workshop_names
from pipeline.publish.text import word

NAMESPACE = "urn:QDA-XML:project:1.0"
MACHINE_GUID = guid("user", MACHINE)
_VARIABLES = {
    "territoire": ("Territoire", "Text"),
    "atelier": ("Atelier", "Text"),
    "date": ("Date", "Date"),
    "lieu": ("Lieu", "Text"),
    "tables": ("Nombre de tables", "Integer"),
    "canal": ("Nature", "Text"),
    "table": ("Table", "Integer"),
}
_NAME_CHARS = 60
_ABOUT = (
    "Textes pseudonymisés. Les codes de la machine sont à l'utilisateur « automate », ceux de chaque personne à son nom. "
    "N'y sont pas : les codes écartés en relecture, les probabilités, les priorités, les comparaisons, l'émargement et la carte."
)

Tables = Mapping[str, pd.DataFrame]
Values = dict[str, Any]


def project_file(tables: Tables, grid: Grid, codings: Sequence[Coding], *, title: str) -> bytes:
    """The content of a .qdpx."""
    about = {
        "name": one_line(title) or ORIGIN,
        "origin": f"{ORIGIN} {__version__}",
        "creatingUserGUID": MACHINE_GUID,
    }
    root = root_element(NAMESPACE, "Project", **about)
    documents = named_documents(tables)
    _add_users(root, codings)
    entries = build_codebook(grid, tables["themes"], tables["theme_families"])
    _child(root, "CodeBook").append(codes_element(entries, NAMESPACE))
    _add_variables(root)
    _add_cases(root, tables, documents)
    guids = {(entry.axis, entry.code): entry.guid for entry in walk(entries) if entry.is_codable}
    _add_sources(root, tables, documents, codings, guids)
    _child(root, "Description").text = _ABOUT
    content = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    texts = [
        (f"sources/{guid('document', row.document_id)}.txt", xml_text(row.text).encode())
        for row in documents
    ]
    return pack([("project.qde", content), *texts])


def _add_users(root: Any, codings: Sequence[Coding]) -> None:
    users = _child(root, "Users")
    _child(users, "User", guid=MACHINE_GUID, name=f"{MACHINE} {__version__}")
    for author in sorted({coding.author for coding in codings} - {""}):
        _child(users, "User", guid=guid("user", "personne", author), name=one_line(author))


def _add_variables(root: Any) -> None:
    variables = _child(root, "Variables")
    for key, (name, kind) in _VARIABLES.items():
        _child(variables, "Variable", guid=guid("variable", key), name=name, typeOfVariable=kind)


def _add_values(parent: Any, values: Values) -> None:
    """A `VariableValue` for each value that is known."""
    tags = {"Text": "TextValue", "Integer": "IntegerValue", "Date": "DateValue"}
    for key, value in values.items():
        if value is None or pd.isna(value):
            continue
        element = _child(parent, "VariableValue")
        _child(element, "VariableRef", targetGUID=guid("variable", key))
        _child(element, tags[_VARIABLES[key][1]]).text = one_line(str(value))


def _add_cases(root: Any, tables: Tables, documents: Iterable[Any]) -> None:
    """A case a workshop, and one a numbered table of it; a document of several tables is divided by passages."""
    names = workshop_names(tables["workshops"])
    if not names:
        return
    cases = _child(root, "Cases")
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    sources, units = list(documents), tables["units"]
    for workshop_id, name in names.items():
        row = workshops[workshop_id]
        case = _child(cases, "Case", guid=guid("case", workshop_id), name=name)
        _add_values(case, _of_workshop(row, name) | {"lieu": row.place, "tables": row.n_tables})
        mine = [source for source in sources if source.workshop_id == workshop_id]
        for source in mine:
            _child(case, "SourceRef", targetGUID=guid("document", source.document_id))
        here = units[
            (units["workshop_id"] == workshop_id) & units["table_number"].notna()
        ].sort_values(["unit_order", "unit_id"])
        for number, said in here.groupby("table_number", sort=True):
            of_table = _child(
                cases,
                "Case",
                guid=guid("case", workshop_id, str(number)),
                name=f"{name}, table {number}",
            )
            _add_values(of_table, _of_workshop(row, name) | {"table": number})
            _add_references(of_table, mine, said, number)


def _add_references(case: Any, sources: Iterable[Any], said: pd.DataFrame, number: Any) -> None:
    """The documents that are wholly of a table, then the passages of it in others."""
    of_document = dict(iter(said.groupby("document_id")))
    divided = []
    for source in sources:
        if not pd.isna(source.table_number) and source.table_number == number:
            _child(case, "SourceRef", targetGUID=guid("document", source.document_id))
        elif source.document_id in of_document:
            divided.append(source.document_id)
    for document_id in divided:
        for unit_id in of_document[document_id]["unit_id"]:
            _child(case, "SelectionRef", targetGUID=guid("unit", unit_id))


def _add_sources(
    root: Any,
    tables: Tables,
    documents: Sequence[Any],
    codings: Iterable[Coding],
    guids: Mapping[Any, str],
) -> None:
    if not documents:
        return
    names = workshop_names(tables["workshops"])
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    of_unit: dict[str, list[Coding]] = defaultdict(list)
    for coding in codings:
        of_unit[coding.unit_id].append(coding)
    units = dict(
        iter(tables["units"].sort_values(["unit_order", "unit_id"]).groupby("document_id"))
    )
    sources = _child(root, "Sources")
    for document in documents:
        workshop = workshops.get(document.workshop_id)
        moment = _moment(workshop.date if workshop is not None else None)
        identity = guid("document", document.document_id)
        path = f"internal://{identity}.txt"
        source = _child(
            sources,
            "TextSource",
            guid=identity,
            name=document.name,
            plainTextPath=path,
            creatingUser=MACHINE_GUID,
            **moment,
        )
        for unit in rows_of(units[document.document_id]) if document.document_id in units else ():
            _add_selection(source, unit, of_unit[unit.unit_id], guids, moment)
        values = _of_workshop(workshop, names[document.workshop_id]) if workshop is not None else {}
        _add_values(
            source,
            values | {"canal": word("lieux", document.channel), "table": document.table_number},
        )


def _add_selection(
    source: Any,
    unit: Any,
    codings: Iterable[Coding],
    guids: Mapping[Any, str],
    moment: dict[str, str],
) -> None:
    """A passage, and the codes on it."""
    place = {"startPosition": str(unit.start_char), "endPosition": str(unit.end_char)}
    name = one_line(unit.text)[:_NAME_CHARS]
    selection = _child(
        source,
        "PlainTextSelection",
        guid=guid("unit", unit.unit_id),
        name=name,
        **place,
        creatingUser=MACHINE_GUID,
        **moment,
    )
    for coding in codings:
        user = guid("user", "personne", coding.author) if coding.author else MACHINE_GUID
        when = _moment(coding.decided_at) if coding.author else moment
        identity = guid("coding", coding.unit_id, coding.author, coding.axis, coding.code)
        element = _child(selection, "Coding", guid=identity, creatingUser=user, **when)
        _child(element, "CodeRef", targetGUID=guids[coding.axis, coding.code])


def _of_workshop(row: Any, name: str) -> Values:
    return {
        "territoire": row.territory,
        "atelier": name,
        "date": row.date[:10] if _moment(row.date) else None,
    }


def _moment(written: Any) -> dict[str, str]:
    """The attribute that dates something, in UTC; a day is its first second. None where `written` is no date."""
    if not isinstance(written, str):
        return {}
    found = pd.to_datetime(written, utc=True, errors="coerce", format="ISO8601")
    return {} if pd.isna(found) else {"creationDateTime": found.strftime("%Y-%m-%dT%H:%M:%SZ")}


def _child(parent: Any, tag: str, **attributes: str) -> Any:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{tag}", attributes)
