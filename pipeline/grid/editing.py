"""Change a code of a grid, read a grid that somebody sent, and say what it would change.

In:   Grid; an Entry as a person typed it, or the bytes of a file
Out:  the new Grid, or its faults by part of the code; GridChange
"""

import contextlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from pipeline.errors import GridError
from pipeline.grid import load_grid
from pipeline.grid.codes import (
    READ_BY_NAME,
    AxisEntry,
    Code,
    Entries,
    Entry,
    Grid,
    build_grid,
    grid_faults,
)
from pipeline.text import fold, slug

SENT = (".yaml", ".yml", ".qdc")  # formats that may be sent
MAX_SENT_BYTES = 200 * 1024
_GRID = Path("grille.yaml")
Faults = dict[str, str]  # by part of the code, "" for the whole grid
_KINDS = ("retiré", "renommé", "ajouté", "changé")
PARTS = {
    "label": "libellé",
    "definition": "définition",
    "include": "inclusions",
    "exclude": "exclusions",
    "examples": "exemples",
    "lexicon": "lexique",
    "colour": "couleur",
    "parent_id": "famille",
}


def is_read_by_name(axis: str, code: str) -> bool:
    """Whether the ranking or the report looks for the code by name, so that it must keep it."""
    names = READ_BY_NAME.get(axis, frozenset())
    return code in names or code.partition(".")[0] in names


def name_of(entry: Entry) -> str:
    """Return the name of a new code: the one typed, else one made of its label."""
    if entry.code or not slug(entry.label):
        return entry.code
    return ".".join(part for part in (entry.parent_id, slug(entry.label)) if part)


def put_code(grid: Grid, typed: Entry, *, replaces: str = "") -> tuple[Grid, Faults]:
    """Return `grid` with the code `typed`, instead of `replaces` or at the end of its family.

    A renamed code keeps its former name. With faults, the grid is returned as it was.
    """
    before = next((code for code in grid.codes if code.code == replaces), None)
    entry = replace(typed, code=name_of(typed))
    entries, codes = entries_of(grid), entries_of(grid).codes
    if before is None:
        family = entry.axis, entry.parent_id
        after = [i for i, code in enumerate(codes, 1) if (code.axis, code.parent_id) == family]
        codes.insert(max(after, default=len(codes)), entry)
    else:
        entry = renamed(before, replace(entry, axis=before.axis))
        codes[grid.codes.index(before)] = entry
        if entry.code != before.code and is_read_by_name(before.axis, before.code):
            said = "le classement et le rapport cherchent ce code sous ce nom"
            return grid, {"code": f"{said} : changer plutôt son libellé"}
    return built(grid, replace(entries, codes=codes))


def renamed(before: Code, entry: Entry) -> Entry:
    """Return `entry` with the former names of the code `before` that it takes the place of."""
    names = (before.code, *before.former)
    former = before.former if entry.code == before.code else names
    return replace(entry, former=tuple(name for name in former if name != entry.code))


def remove_code(grid: Grid, code: str) -> tuple[Grid, Faults]:
    """Return `grid` without `code`, or the fault that it would have."""
    entries = entries_of(grid)
    codes = [entry for entry in entries.codes if entry.code != code]
    return built(grid, replace(entries, codes=codes))


def built(grid: Grid, entries: Entries) -> tuple[Grid, Faults]:
    """Return the grid of `entries`, or `grid` as it was and the faults by field."""
    faults: Faults = {}
    for fault in grid_faults(entries):
        faults.setdefault(fault.field, f"{fault.found} ; attendu : {fault.expected}")
    return (grid, faults) if faults else (build_grid(entries, _GRID), {})


def entry_of(code: Code) -> Entry:
    """Return `code` as its author would write it."""
    return Entry(**vars(code))


def entries_of(grid: Grid) -> Entries:
    """Return `grid` as its author would write it."""
    codes = [entry_of(code) for code in grid.codes]
    used = {code.parent_id for code in grid.codes}
    axes = [
        AxisEntry(
            axis.axis, axis.label, axis.definition, "un" if axis.is_exclusive else "plusieurs"
        )
        for axis in grid.own_axes
    ]
    return Entries(
        codes,
        [(family, label, "") for family, label in grid.families if family in used],
        [(question.question, question.label) for question in grid.questions],
        grid.grid_id,
        grid.version,
        axes,
    )


@contextlib.contextmanager
def sent_file(name: str, content: bytes) -> Iterator[Path]:
    """Hold the bytes of a grid that somebody sent as a file; only the end of its `name` counts.

    Raises `GridError` for another format, or too long a file.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SENT:
        raise GridError(
            f"un fichier « {suffix or 'sans extension'} »",
            f"une grille {', '.join(SENT)}",
            "l'enregistrer dans un de ces formats",
        )
    if len(content) > MAX_SENT_BYTES:
        raise GridError(
            f"un fichier de {len(content) // 1024} Kio",
            f"{MAX_SENT_BYTES // 1024} Kio au plus",
            "le raccourcir",
        )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"grille{suffix}"
        path.write_bytes(content)
        yield path


def read_sent(name: str, content: bytes) -> Grid:
    """Return the grid of a file that somebody sent; raise `GridError` with its first fault."""
    with sent_file(name, content) as path:
        return load_grid(path)


def with_former_names(theirs: Grid, ours: Grid) -> Grid:
    """Return `theirs` with the former names of our codes.

    A code of ours that is gone counts as renamed where a new one of its axis has the same label or
    the same definition, unless several do.
    """
    names = {code.code for code in theirs.codes}
    before = {code.code: code for code in ours.codes}
    gone = [code for code in ours.codes if code.code not in names]
    new = [code for code in theirs.codes if code.code not in before]
    taken = names | {name for code in theirs.codes for name in code.former}
    codes = []
    for code in theirs.codes:
        earlier = before.get(code.code) or _only_same(code, gone, new)
        known = () if earlier is None else (earlier.code, *earlier.former)
        added = tuple(name for name in known if name not in taken)
        taken |= set(added)
        codes.append(replace(code, former=code.former + added))
    return replace(theirs, codes=tuple(codes))


def _only_same(code: Code, gone: Sequence[Code], new: Sequence[Code]) -> Code | None:
    """Return the code of `gone` that `code` is, unless it or another of `new` may be several."""
    same = [other for other in gone if _is_same(code, other)]
    if code not in new or len(same) != 1 or sum(_is_same(same[0], other) for other in new) > 1:
        return None
    return same[0]


def _is_same(code: Code, other: Code) -> bool:
    if code.axis != other.axis:
        return False
    return fold(code.label) == fold(other.label) or fold(code.definition) == fold(other.definition)


@dataclass(frozen=True)
class GridChange:
    """What becomes of a code: `kind` is ajouté, retiré, renommé or changé.

    `before` is its former name where it is renamed, `parts` what of it changes.
    """

    kind: str
    code: Code
    before: str = ""
    parts: tuple[str, ...] = ()


def grid_changes(ours: Grid, theirs: Grid) -> list[GridChange]:
    """Return how `theirs` differs from `ours`, what is taken away first."""
    return sorted(_changes(ours, theirs), key=lambda change: _KINDS.index(change.kind))


def _changes(ours: Grid, theirs: Grid) -> Iterator[GridChange]:
    before = {code.code: code for code in ours.codes}
    now = {code.code for code in theirs.codes}
    renamed = {
        name: code.code
        for code in theirs.codes
        for name in code.former
        if name in before and name not in now
    }
    for code in ours.codes:
        if code.code not in now and code.code not in renamed:
            yield GridChange("retiré", code)
    for code in theirs.codes:
        former = next((name for name, new in renamed.items() if new == code.code), code.code)
        if former not in before:
            yield GridChange("ajouté", code)
            continue
        parts = tuple(
            said
            for part, said in PARTS.items()
            if getattr(code, part) != getattr(before[former], part)
        )
        parts += ("axe",) if code.axis != before[former].axis else ()
        if former != code.code:
            yield GridChange("renommé", code, former, parts)
        elif parts:
            yield GridChange("changé", code, "", parts)
