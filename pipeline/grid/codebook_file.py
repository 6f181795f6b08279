"""A grid as a REFI-QDA codebook (.qdc), as the qualitative analysis tools export theirs.

In:   .qdc, namespace urn:QDA-XML:codebook:1.0
Out:  Entries; a first level called Rubriques, Postures or Piliers is an axis, else all codes are rubriques

A code that only groups others (isCodable false) is a family; a codable one with codes below it is a code beside them.
"""

from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from pipeline.errors import GridError
from pipeline.grid.checks import Entries, Entry
from pipeline.words import fold, slug

_NAMESPACE = "{urn:QDA-XML:codebook:1.0}"
_AXES = {"rubrique": "rubrique", "posture": "posture", "pilier": "pilier"}


def read_codebook(path: Path) -> Entries:
    """Return the entries of `path`.

    Raises `GridError` when it is not XML, declares a document type, or is no codebook.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise GridError(
            f"{path.name}, ligne {error.lineno} : illisible", "un livre de codes REFI-QDA (.qdc)", "l'exporter à nouveau"
        ) from error
    declares_type = b"<!DOCTYPE" in path.read_bytes()
    if declares_type or root.tag != f"{_NAMESPACE}CodeBook":
        raise GridError(f"{path.name} n'est pas un livre de codes", "un fichier .qdc de REFI-QDA", "exporter le livre de codes en REFI-QDA")
    codes: list[Entry] = []
    families: list[tuple[str, str, str]] = []
    for element in root.iterfind(f"{_NAMESPACE}Codes/{_NAMESPACE}Code"):
        axis = _AXES.get(fold(element.get("name", "")).removesuffix("s"))
        below = list(_below(element))
        for code in below if axis and below else [element]:
            _read(code, axis or "rubrique", None, codes, families)
    return Entries(codes, families, grid_id=slug(path.stem))


def _read(element: etree._Element, axis: str, family: str | None, codes: list[Entry], families: list[tuple[str, str, str]]) -> None:
    """Add a code, or a family and what lies below it; deeper levels hang under the nearest family of the first."""
    name, label, where = _name(element), " ".join(element.get("name", "").split()), f"ligne {element.sourceline}"
    below = list(_below(element))
    if below and element.get("isCodable", "true").lower() not in ("true", "1"):
        if family is None:
            families.append((name, label, where))
        for code in below:
            _read(code, axis, family or name, codes, families)
        return
    definition = " ".join((element.findtext(f"{_NAMESPACE}Description") or "").split())
    codes.append(Entry(name, axis, label, definition, family=family, where=where))
    for code in below:
        _read(code, axis, family, codes, families)


def _below(element: etree._Element) -> Iterator[etree._Element]:
    return element.iterfind(f"{_NAMESPACE}Code")


def _name(element: etree._Element) -> str:
    """The code's name as it is when it is written like an id, else as a slug."""
    written = element.get("name", "").strip()
    parts = written.split(".")
    return written if all(part and fold(part).replace(" ", "_") == part for part in parts) else slug(written)
