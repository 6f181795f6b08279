"""Write the grid and themes as a REFI-QDA codebook, and compare codebooks.

In:   grid, themes, families of themes
Out:  CodebookEntry; a .qdc; lines that tell how another codebook differs

A code's description ends with its identifier: some tools change the GUIDs.
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
from pipeline.tables.columns import rows_of

NAMESPACE = "urn:QDA-XML:codebook:1.0"
ORIGIN = "Ateliers Territoires"
THEME = "theme"  # the axis of the codes of the second branch
_COLOURS = {RUBRIQUE: "#0072B2", POSTURE: "#E69F00", PILIER: "#009E73"}
_OWN_COLOURS = ("#56B4E9", "#D55E00", "#F0E442", "#999999", "#332288", "#882255")  # in turn
_THEME_COLOUR = "#CC79A7"
_IDENTIFIED = re.compile(rf"^{IDENTIFIER} : (\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class CodebookEntry:
    """A code or group of the tree.

    Only codable entries have `axis` and `code`: the grid's, or `theme` and a theme_id.
    """

    guid: str
    name: str
    description: str
    axis: str
    code: str
    colour: str
    is_codable: bool
    children: "tuple[CodebookEntry, ...]" = ()


def codebook_file(grid: Grid, themes: pd.DataFrame, families: pd.DataFrame) -> bytes:
    """Return a .qdc."""
    root = root_element(NAMESPACE, "CodeBook", origin=ORIGIN)
    root.append(codes_element(build_codebook(grid, themes, families), NAMESPACE))
    etree.indent(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def codes_element(entries: tuple[CodebookEntry, ...], namespace: str) -> Any:
    """Return the tree as a `Codes` element."""
    codes = root_element(namespace, "Codes")
    for entry in entries:
        _add(codes, entry, namespace)
    return codes


def _add(parent: Any, entry: CodebookEntry, namespace: str) -> None:
    is_codable = "true" if entry.is_codable else "false"
    attributes = {"guid": entry.guid, "name": entry.name, "isCodable": is_codable}
    tag = f"{{{namespace}}}Code"
    element = etree.SubElement(parent, tag, attributes | {"color": entry.colour})
    if entry.description:
        etree.SubElement(element, f"{{{namespace}}}Description").text = xml_text(entry.description)
    for child in entry.children:
        _add(element, child, namespace)


def build_codebook(
    grid: Grid, themes: pd.DataFrame, families: pd.DataFrame
) -> tuple[CodebookEntry, ...]:
    """Return the branches of codes and, if any, themes; names are unique, as some tools ask.

    `families` are the rows of theme_families.
    """
    names = _UniqueNames()
    axes = tuple(
        _axis(grid, axis, colour, names)
        for axis, colour in zip(grid.axes, axis_colours(grid).values(), strict=True)
    )
    title = names.give("Grille", "grille")
    branches = [_group(guid("branche", "grille"), title, _COLOURS[RUBRIQUE], axes)]
    if len(themes):
        title = names.give("Thèmes", "themes")
        children = tuple(_themes(themes, families, names))
        branches.append(_group(guid("branche", "themes"), title, _THEME_COLOUR, children))
    return tuple(branches)


class _UniqueNames:
    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, wanted: str, code: str) -> str:
        """Append the code, or a number, to a name that is taken."""
        name, n = one_line(wanted) or code, 1
        unique = name
        while unique.casefold() in self._given:
            unique = f"{name} ({code})" if n == 1 else f"{name} ({code}, {n})"
            n += 1
        self._given.add(unique.casefold())
        return unique


def axis_colours(grid: Grid) -> dict[str, str]:
    """Return the colour of each axis of `grid`, in order."""
    own = [axis.axis for axis in grid.own_axes]
    return {
        axis.axis: _COLOURS[axis.axis]
        if axis.is_standard
        else _OWN_COLOURS[own.index(axis.axis) % len(_OWN_COLOURS)]
        for axis in grid.axes
    }


def _group(
    identity: str,
    name: str,
    colour: str,
    children: tuple[CodebookEntry, ...],
    description: str = "",
) -> CodebookEntry:
    return CodebookEntry(identity, name, description, "", "", colour, False, children)


def _axis(grid: Grid, axis: Axis, colour: str, names: _UniqueNames) -> CodebookEntry:
    name = names.give(axis.label, axis.axis)
    codes = tuple(_codes(grid, axis.axis, colour, names))
    return _group(guid("axe", axis.axis), name, colour, codes, describe_axis(axis))


def _codes(grid: Grid, axis: str, colour: str, names: _UniqueNames) -> Iterator[CodebookEntry]:
    done: set[str] = set()
    for code in grid.axis(axis):
        family = code.parent_id
        if family is None:
            yield _code(code, colour, names)
        elif family not in done:
            done.add(family)
            name = names.give(grid.label_of(family), family)
            members = [member for member in grid.axis(axis) if member.parent_id == family]
            children = tuple(_code(member, colour, names) for member in members)
            identity = guid("famille", axis, family)
            yield _group(identity, name, colour, children, f"{IDENTIFIER} : {family}")


def _code(code: Code, colour: str, names: _UniqueNames) -> CodebookEntry:
    name, identity = names.give(code.label, code.code), guid("code", code.axis, code.code)
    own = code.colour or colour
    return CodebookEntry(identity, name, describe(code), code.axis, code.code, own, True)


def _themes(
    themes: pd.DataFrame, families: pd.DataFrame, names: _UniqueNames
) -> Iterator[CodebookEntry]:
    """Name themes first: a family of the same name gives way."""
    entries = [
        (theme.parent_id, _theme(theme, names.give(theme.label, theme.theme_id)))
        for theme in rows_of(themes.sort_values(["label", "theme_id"]))
    ]
    family_ids = set(families["family_id"])
    for family in rows_of(families.sort_values(["label", "family_id"])):
        family_id = family.family_id
        children = tuple(entry for parent_id, entry in entries if parent_id == family_id)
        if children:
            identity, name = guid("famille", THEME, family_id), names.give(family.label, family_id)
            yield _group(identity, name, _THEME_COLOUR, children, f"{IDENTIFIER} : {family_id}")
    yield from (entry for parent_id, entry in entries if parent_id not in family_ids)


def _theme(theme: Any, name: str) -> CodebookEntry:
    keywords = ", ".join(map(str, json.loads(theme.keywords)))
    lines = [theme.description, f"Mots : {keywords}" if keywords else ""]
    lines.append(f"{IDENTIFIER} : {theme.theme_id}")
    description = "\n".join(one_line(line) for line in lines if line)
    identity = guid(THEME, theme.theme_id)
    return CodebookEntry(identity, name, description, THEME, theme.theme_id, _THEME_COLOUR, True)


def walk(entries: tuple[CodebookEntry, ...]) -> Iterator[CodebookEntry]:
    """Yield every entry, parents first."""
    for entry in entries:
        yield entry
        yield from walk(entry.children)


def identifier_in(description: str) -> str | None:
    """Return the identifier at the end of our descriptions, None in others."""
    identifiers = _IDENTIFIED.findall(description)
    return str(identifiers[-1]) if identifiers else None


def compare_codebook(theirs: Grid, ours: Grid) -> list[str]:
    """Return what differs: codes missing or changed, axes that are exclusive in one only."""
    their_codes = {code.code: code for code in theirs.codes}
    our_codes = {code.code: code for code in ours.codes}
    alone = {"en plus dans le": (their_codes, our_codes), "absent du": (our_codes, their_codes)}
    lines = [
        f"{told} fichier : {code} ({row.axis}, « {row.label} »)"
        for told, (here, there) in alone.items()
        for code, row in here.items()
        if code not in there
    ]
    parts = {"axe": "axis", "libellé": "label", "définition": "definition", "famille": "parent_id"}
    for code in (code for code in their_codes if code in our_codes):
        theirs_of, ours_of = their_codes[code], our_codes[code]
        changed = [
            name
            for name, part in parts.items()
            if getattr(theirs_of, part) != getattr(ours_of, part)
        ]
        if changed:
            lines.append(f"différent : {code} ({', '.join(changed)})")
    choices = {True: "un seul code", False: "plusieurs codes"}
    our_axes = {axis.axis: axis.is_exclusive for axis in ours.axes}
    lines += [
        f"axe {axis.axis} : {choices[axis.is_exclusive]} dans le fichier,"
        f" {choices[our_axes[axis.axis]]} dans l'étude"
        for axis in theirs.axes
        if our_axes.get(axis.axis, axis.is_exclusive) != axis.is_exclusive
    ]
    return lines
