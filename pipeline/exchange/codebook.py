"""The codes that are exchanged: the grid and the themes as two branches of one tree, and that tree as REFI-QDA XML.

In:   grid, themes
Out:  Branch, Entry; a .qdc

The description of a code ends with its identifier, as some tools give every code another GUID.

What a codebook from elsewhere changes to the study's grid, in words; a study keeps the grid that it was made with.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd
from lxml import etree

from pipeline.exchange.xml import guid, one_line, root_element, xml_text
from pipeline.grid.codebook_file import IDENTIFIER, describe, describe_axis
from pipeline.grid.codes import PILIER, POSTURE, RUBRIQUE, Axis, Code, Grid
from pipeline.publish.report.passages import rows_of

NAMESPACE = "urn:QDA-XML:codebook:1.0"
ORIGIN = "Ateliers Territoires"
THEME = "theme"  # what stands for an axis on the codes of the second branch
_COLOURS = {RUBRIQUE: "#0072B2", POSTURE: "#E69F00", PILIER: "#009E73"}
_OWN_COLOURS = (
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#999999",
    "#332288",
    "#882255",
)  # of a grid's own axes, in turn
_THEMES, _THEME_COLOUR = "Thèmes", "#CC79A7"
_IDENTIFIED = re.compile(rf"^{IDENTIFIER} : (\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Entry:
    """A code of the tree; `axis` and `code` are those of the grid, or `theme` and a theme_id; only a codable one has them."""

    guid: str
    name: str
    description: str
    axis: str
    code: str
    colour: str
    is_codable: bool
    below: "tuple[Entry, ...]" = ()


def build_codebook(grid: Grid, themes: pd.DataFrame, families: pd.DataFrame) -> tuple[Entry, ...]:
    """Return the two branches; names are unique in the whole tree, as some tools ask. Without themes the second one is left out.

    `families` are the rows of theme_families: each holds its themes; a theme of none stands beside them.
    """
    names = _Names()
    axes = tuple(
        _axis(grid, axis, colour, names)
        for axis, colour in zip(grid.axes, _colours(grid), strict=True)
    )
    branches = [
        _group(guid("branche", "grille"), names.give("Grille", "grille"), _COLOURS[RUBRIQUE], axes)
    ]
    if len(themes):
        title = names.give(_THEMES, "themes")
        branches.append(
            _group(
                guid("branche", "themes"),
                title,
                _THEME_COLOUR,
                tuple(_themes(themes, families, names)),
            )
        )
    return tuple(branches)


def walk(entries: tuple[Entry, ...]) -> Iterator[Entry]:
    """Every entry, a branch before what lies below it."""
    for entry in entries:
        yield entry
        yield from walk(entry.below)


def codes_element(entries: tuple[Entry, ...], namespace: str) -> Any:
    """The tree as a `Codes` element."""
    codes = root_element(namespace, "Codes")
    for entry in entries:
        _add(codes, entry, namespace)
    return codes


def codebook_file(grid: Grid, themes: pd.DataFrame, families: pd.DataFrame) -> bytes:
    """The content of a .qdc."""
    root = root_element(NAMESPACE, "CodeBook", origin=ORIGIN)
    root.append(codes_element(build_codebook(grid, themes, families), NAMESPACE))
    etree.indent(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def identifier_in(description: str) -> str | None:
    """The identifier that a description of ours ends with, wherever the file has been meanwhile."""
    found = _IDENTIFIED.findall(description)
    return str(found[-1]) if found else None


class _Names:
    """Gives every code a name of its own, on one line."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, wanted: str, code: str) -> str:
        """`wanted`, with its code or a number behind it where another code bears that name."""
        name = one_line(wanted) or code
        candidates = [
            name,
            f"{name} ({code})",
            *(f"{name} ({code}, {n})" for n in range(2, len(self._given) + 3)),
        ]
        given = next(
            candidate for candidate in candidates if candidate.casefold() not in self._given
        )
        self._given.add(given.casefold())
        return given


def _group(
    identity: str, name: str, colour: str, below: tuple[Entry, ...], description: str = ""
) -> Entry:
    return Entry(identity, name, description, "", "", colour, False, below)


def _colours(grid: Grid) -> list[str]:
    """A colour an axis, the same from export to export."""
    own = [axis.axis for axis in grid.own_axes]
    return [
        _COLOURS[axis.axis]
        if axis.is_standard
        else _OWN_COLOURS[own.index(axis.axis) % len(_OWN_COLOURS)]
        for axis in grid.axes
    ]


def _axis(grid: Grid, axis: Axis, colour: str, names: _Names) -> Entry:
    """The branch of an axis."""
    name = names.give(axis.label, axis.axis)
    return _group(
        guid("axe", axis.axis),
        name,
        colour,
        tuple(_codes(grid, axis.axis, colour, names)),
        describe_axis(axis),
    )


def _codes(grid: Grid, axis: str, colour: str, names: _Names) -> Iterator[Entry]:
    """The codes of an axis in the grid's order, each family where its first code stands."""
    done: set[str] = set()
    for code in grid.axis(axis):
        if code.parent_id is None:
            yield _code(code, colour, names)
        elif code.parent_id not in done:
            done.add(code.parent_id)
            name = names.give(grid.label_of(code.parent_id), code.parent_id)
            below = tuple(
                _code(child, colour, names)
                for child in grid.axis(axis)
                if child.parent_id == code.parent_id
            )
            yield _group(
                guid("famille", axis, code.parent_id),
                name,
                colour,
                below,
                f"{IDENTIFIER} : {code.parent_id}",
            )


def _code(code: Code, colour: str, names: _Names) -> Entry:
    name = names.give(code.label, code.code)
    return Entry(
        guid("code", code.axis, code.code), name, describe(code), code.axis, code.code, colour, True
    )


def _themes(themes: pd.DataFrame, families: pd.DataFrame, names: _Names) -> Iterator[Entry]:
    """The families by label, each with its themes, then the themes of none; a family that bears a theme's name gives way to it."""
    rows: list[Any] = list(rows_of(themes.sort_values(["label", "theme_id"])))
    named = [(row.parent_id, _theme(row, names.give(row.label, row.theme_id))) for row in rows]
    groups: list[Any] = list(rows_of(families.sort_values(["label", "family_id"])))
    for family in groups:
        below = tuple(entry for parent_id, entry in named if parent_id == family.family_id)
        if below:
            identity, name = (
                guid("famille", THEME, family.family_id),
                names.give(family.label, family.family_id),
            )
            yield _group(identity, name, _THEME_COLOUR, below, f"{IDENTIFIER} : {family.family_id}")
    known = {family.family_id for family in groups}
    yield from (entry for parent_id, entry in named if parent_id not in known)


def _theme(row: Any, name: str) -> Entry:
    words = ", ".join(map(str, json.loads(row.keywords)))
    lines = [row.description, f"Mots : {words}" if words else "", f"{IDENTIFIER} : {row.theme_id}"]
    description = "\n".join(one_line(line) for line in lines if line)
    return Entry(
        guid(THEME, row.theme_id), name, description, THEME, row.theme_id, _THEME_COLOUR, True
    )


def _add(parent: Any, entry: Entry, namespace: str) -> None:
    attributes = {
        "guid": entry.guid,
        "name": entry.name,
        "isCodable": "true" if entry.is_codable else "false",
        "color": entry.colour,
    }
    element = etree.SubElement(parent, f"{{{namespace}}}Code", attributes)
    if entry.description:
        etree.SubElement(element, f"{{{namespace}}}Description").text = xml_text(entry.description)
    for below in entry.below:
        _add(element, below, namespace)


def compare_codebook(theirs: Grid, ours: Grid) -> list[str]:
    """Return the codes that one grid has and the other lacks, then those that differ, then axes of another choice, in the grids' order."""
    there, here = (
        {code.code: code for code in theirs.codes},
        {code.code: code for code in ours.codes},
    )
    lines = [
        f"en plus dans le fichier : {code} ({there[code].axis}, « {there[code].label} »)"
        for code in there
        if code not in here
    ]
    lines += [
        f"absent du fichier : {code} ({here[code].axis}, « {here[code].label} »)"
        for code in here
        if code not in there
    ]
    for code in (code for code in there if code in here):
        parts = {
            "axe": "axis",
            "libellé": "label",
            "définition": "definition",
            "famille": "parent_id",
        }
        changed = [
            name
            for name, part in parts.items()
            if getattr(there[code], part) != getattr(here[code], part)
        ]
        if changed:
            lines.append(f"différent : {code} ({', '.join(changed)})")
    lines += [
        f"axe {axis.axis} : {_choice(axis)} dans le fichier, {_choice(mine)} dans l'étude"
        for axis in theirs.axes
        for mine in ours.axes
        if mine.axis == axis.axis and mine.is_exclusive != axis.is_exclusive
    ]
    return lines


def _choice(axis: Axis) -> str:
    return "un seul code" if axis.is_exclusive else "plusieurs codes"
