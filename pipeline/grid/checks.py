"""From the entries that a reader found to a grid, or to one clear line about what is wrong.

In:   Entries, as a reader found them
Out:  Grid
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.errors import GridError
from pipeline.grid.axes import Axis, choice_of
from pipeline.grid.axis_checks import AxisEntry, Fault, axis_faults
from pipeline.grid.codes import Code, Grid, Question


@dataclass(frozen=True)
class Entry:
    """A code as its author wrote it; `where` says where that is, such as "ligne 12", and is empty where nothing tells."""

    code: str
    axis: str
    label: str
    definition: str
    include: str = ""
    exclude: str = ""
    examples: tuple[str, ...] = ()
    lexicon: tuple[str, ...] = ()
    family: str | None = None
    where: str = ""


@dataclass(frozen=True)
class Entries:
    """All that a file says; `families` are the grouping rubriques: id, label, where; `axes` those that are not standard."""

    codes: list[Entry]
    families: list[tuple[str, str, str]] = field(default_factory=list)
    questions: list[tuple[str, str]] = field(default_factory=list)
    grid_id: str = ""
    version: str = ""
    axes: list[AxisEntry] = field(default_factory=list)


def build_grid(entries: Entries, path: Path) -> Grid:
    """Return the grid.

    Raises `GridError` on the first fault, and counts the others.
    """
    faults = list(_faults(entries))
    if faults:
        where, found, expected, do = faults[0]
        others = f" (et {len(faults) - 1} autre{'s' if len(faults) > 2 else ''})" if len(faults) > 1 else ""
        raise GridError(f"{path.name}{', ' if where else ''}{where} : {found}{others}", expected, do)
    families = tuple(dict.fromkeys((family, label) for family, label, _ in entries.families))
    questions = tuple(Question(question, label) for question, label in entries.questions)
    axes = tuple(Axis(axis.axis, axis.label or axis.axis, bool(choice_of(axis.choice)), axis.definition) for axis in entries.axes)
    return Grid(entries.grid_id or path.stem, entries.version or "1", tuple(map(_code, entries.codes)), questions, families, axes)


def _code(entry: Entry) -> Code:
    return Code(
        entry.code,
        entry.axis,
        entry.label or entry.code,
        entry.definition,
        entry.include,
        entry.exclude,
        entry.examples,
        entry.family,
        entry.lexicon,
    )


def _faults(entries: Entries) -> Iterator[Fault]:
    """Every fault of the file, in its order."""
    if not entries.codes:
        yield "", "aucun code", "un code au moins, avec sa définition", "partir de la grille de data/grid/"
    yield from axis_faults(entries.axes, Counter(entry.axis for entry in entries.codes))
    counts = Counter([entry.code for entry in entries.codes] + [family for family, _, _ in entries.families])
    seen: set[str] = set()
    for family, _, where in entries.families:
        if not family:
            yield where, "une rubrique à sous-rubriques sans « id »", "un « id » par rubrique", "lui donner un « id »"
    for entry in entries.codes:
        if not entry.code:
            yield entry.where, f"un code sans « id » ({entry.axis})", "un « id » par code", "donner un « id » à chaque code"
            continue
        if counts[entry.code] > 1 and entry.code not in seen:
            yield entry.where, _twice(entry, entries), "un « id » par code", "renommer ou retirer les doublons"
        seen.add(entry.code)
        if entry.code != "".join(entry.code.split()):
            yield entry.where, f"« {entry.code} » avec une espace", "un « id » sans espace", "y mettre un tiret"
        if not entry.definition:
            yield entry.where, f"« {entry.code} » sans définition", "une définition par code", f"écrire la définition de « {entry.code} »"
        if entry.family and "." in entry.code and not entry.code.startswith(f"{entry.family}."):
            found = f"« {entry.code} » est rangé sous « {entry.family} »"
            yield entry.where, found, "un code sous sa propre rubrique", "le déplacer ou le renommer"


def _twice(entry: Entry, entries: Entries) -> str:
    """Where the code of `entry` comes again: on its own axis, or on another one."""
    axes = dict.fromkeys(other.axis for other in entries.codes if other.code == entry.code)
    if len(axes) > 1:
        return f"« {entry.code} » sur deux axes ({' et '.join(axes)})"
    return f"codes donnés deux fois : {entry.code}"
