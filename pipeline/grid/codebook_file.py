"""Read a grid from a REFI-QDA codebook (.qdc), the export of qualitative analysis tools.

In:   .qdc, namespace urn:QDA-XML:codebook:1.0
Out:  Entries; a first-level group is an axis, a first-level code a rubrique

Below an axis, a grouping code (isCodable false) is a family; a codable one with codes below it is a
code beside them. In a codebook that this project wrote, only the branch of the grid is read.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from lxml import etree

from pipeline.errors import GridError
from pipeline.grid.codes import (
    COLOUR,
    RUBRIQUE,
    STANDARD,
    Axis,
    AxisEntry,
    Code,
    Entries,
    Entry,
    standard_axis,
)
from pipeline.text import fold, slug

_NAMESPACE = "{urn:QDA-XML:codebook:1.0}"
_BRANCH = "grille"  # beside the branch of the themes
IDENTIFIER = "Identifiant"  # starts the last line of a description by `describe`
_PARTS = {
    "Inclure": "include",
    "Exclure": "exclude",
    "Exemple": "examples",
    "Lexique": "lexicon",
    "Anciens identifiants": "former",
    IDENTIFIER: "code",
}
_PART = re.compile(r"^([^:]+) : (.+)$")
_ONLY_ONE = re.compile(r"\s*\((?:un|une) seule?\)$", re.IGNORECASE)  # likewise, after its name


def read_codebook(path: Path) -> Entries:
    """Return the entries of `path`.

    Raises `GridError` if it is not XML, declares a document type, or is no codebook.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(path.read_bytes(), parser)
    except etree.XMLSyntaxError as error:
        raise GridError(
            f"{path.name}, ligne {error.lineno} : illisible",
            "un livre de codes REFI-QDA (.qdc)",
            "l'exporter à nouveau",
        ) from error
    declares_type = b"<!DOCTYPE" in path.read_bytes()
    if declares_type or root.tag != f"{_NAMESPACE}CodeBook":
        raise GridError(
            f"{path.name} n'est pas un livre de codes",
            "un fichier .qdc de REFI-QDA",
            "exporter le livre de codes en REFI-QDA",
        )
    codes: list[Entry] = []
    families: list[tuple[str, str, str]] = []
    axes: list[AxisEntry] = []
    for element in _branches(root):
        below = list(_below(element))
        axis = standard_axis(element.get("name", "")) if below else None
        if below and axis is None and _is_group(element):
            axes.append(_own_axis(element))
            axis = axes[-1].axis
        for code in below if axis is not None else [element]:
            _read(code, RUBRIQUE if axis is None else axis, None, codes, families)
    return Entries(codes, families, grid_id=slug(path.stem), axes=axes)


def describe(code: Code) -> str:
    """Return a description of `code` that `read_codebook` reads back whole."""
    parts = [
        ("Inclure", code.include),
        ("Exclure", code.exclude),
        *(("Exemple", example) for example in code.examples),
    ]
    parts += [("Lexique", " ; ".join(code.lexicon))]
    parts += [("Anciens identifiants", " ; ".join(code.former)), (IDENTIFIER, code.code)]
    return "\n".join([code.definition, *(f"{title} : {text}" for title, text in parts if text)])


def describe_axis(axis: Axis) -> str:
    """Return the same of `axis`, "" for a standard one."""
    if axis.axis in STANDARD:
        return ""
    lines = [
        axis.definition,
        f"Choix : {'un' if axis.is_exclusive else 'plusieurs'}",
        f"{IDENTIFIER} : {axis.axis}",
    ]
    return "\n".join(line for line in lines if line)


def _own_axis(element: etree._Element) -> AxisEntry:
    """Its name may end with « (un seul) »."""
    written = " ".join(element.get("name", "").split())
    label = _ONLY_ONE.sub("", written)
    definition, parts = _described(element, {**_PARTS, "Choix": "choice"})
    name, *_ = parts["code"] or [slug(label)]
    choice, *_ = parts["choice"] or ["un" if label != written else ""]
    return AxisEntry(name, label, definition, choice, f"ligne {element.sourceline}")


def _is_group(element: etree._Element) -> bool:
    return element.get("isCodable", "true").lower() not in ("true", "1")


def _branches(root: etree._Element) -> list[etree._Element]:
    """First-level codes, or the branch of the grid."""
    first = list(root.iterfind(f"{_NAMESPACE}Codes/{_NAMESPACE}Code"))
    ours = [
        element
        for element in first
        if fold(element.get("name", "")) == _BRANCH and list(_below(element))
    ]
    return list(_below(ours[0])) if ours else first


def _read(
    element: etree._Element,
    axis: str,
    family: str | None,
    codes: list[Entry],
    families: list[tuple[str, str, str]],
) -> None:
    """Deeper levels join the nearest family of the first level."""
    label, where = " ".join(element.get("name", "").split()), f"ligne {element.sourceline}"
    definition, parts = _described(element)
    name = parts["code"][0] if parts["code"] else _name(element)
    below = list(_below(element))
    if below and _is_group(element):
        if family is None:
            families.append((name, label, where))
        for code in below:
            _read(code, axis, family or name, codes, families)
        return
    include, exclude = " ".join(parts["include"]), " ".join(parts["exclude"])
    lexicon, former = (
        tuple(word.strip() for line in parts[part] for word in line.split(";") if word.strip())
        for part in ("lexicon", "former")
    )
    codes.append(
        Entry(
            name,
            axis,
            label,
            definition,
            include,
            exclude,
            tuple(parts["examples"]),
            family,
            lexicon,
            _own_colour(element),
            former,
            where,
        )
    )
    for code in below:
        _read(code, axis, family, codes, families)


def _own_colour(element: etree._Element) -> str:
    """The colour of a code, "" where its group, or no group at all, has the same."""
    above, colour = element.getparent(), element.get("color", "")
    is_own = above is not None and (group := above.get("color")) and group != colour
    return colour if is_own and COLOUR.fullmatch(colour) else ""


def _described(
    element: etree._Element, names: Mapping[str, str] = _PARTS
) -> tuple[str, dict[str, list[str]]]:
    """The definition, and the lines that `describe` or `describe_axis` put under it."""
    parts: dict[str, list[str]] = {name: [] for name in names.values()}
    definition: list[str] = []
    for line in (element.findtext(f"{_NAMESPACE}Description") or "").splitlines():
        found = _PART.match(line.strip())
        if found and found[1] in names:
            parts[names[found[1]]].append(" ".join(found[2].split()))
        else:
            definition += line.split()
    return " ".join(definition), parts


def _below(element: etree._Element) -> Iterator[etree._Element]:
    return element.iterfind(f"{_NAMESPACE}Code")


def _name(element: etree._Element) -> str:
    """The name if it looks like an id, else its slug."""
    written = element.get("name", "").strip()
    parts = written.split(".")
    return (
        written
        if all(part and fold(part).replace(" ", "_") == part for part in parts)
        else slug(written)
    )
