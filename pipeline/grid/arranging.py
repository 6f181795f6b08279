"""Make an axis or a family of a grid, change it, take it away, and order what the grid holds.

In:   Grid; an axis, a family or a step as a person asked for it
Out:  the new Grid, or its faults by field; PartChange, which says how two grids differ
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from pipeline.grid.codes import IDENTIFIER, AxisEntry, Code, Entry, Grid
from pipeline.grid.editing import (
    Faults,
    built,
    entries_of,
    is_read_by_name,
    name_of,
    renamed,
)
from pipeline.text import slug

AXIS, FAMILY, ORDER = "axe", "famille", "ordre"  # kinds of part
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class PartChange:
    """What becomes of an axis, of a family, or of the order of codes or axes.

    `before` and `after` are None where there is none. The order of axes has no `axis`.
    """

    kind: str
    axis: str
    family: str
    before: Any
    after: Any


def put_axis(
    grid: Grid, typed: AxisEntry, codes: Sequence[Entry] = (), *, replaces: str = ""
) -> tuple[Grid, Faults]:
    """Return `grid` with the axis `typed` and its first `codes`, or with `replaces` changed.

    An axis that is there keeps its name, under which people decided. The fault of the second new
    code is that of "definition-2".
    """
    name = replaces or typed.axis or slug(typed.label)
    axis, faults = replace(typed, axis=name), Faults()
    if not typed.label:
        faults["label"] = "un axe sans libellé ; attendu : un libellé"
    entries = entries_of(grid)
    names = {code.code for code in grid.codes} | {family for family, _label in grid.families}
    given: set[str] = set()
    for i, code in enumerate(codes, 1):
        entry = replace(code, axis=name, code=name_of(code))
        is_twice = entry.code in given or (code.code in names and bool(code.code))
        given.add(entry.code)
        if entry.code in names and not is_twice:  # another axis may have a code of that label
            entry = replace(entry, code=f"{name}-{entry.code}")
        if not entry.code or is_twice:
            twice = f"« {entry.label} » est déjà un code" if entry.code else "un code sans libellé"
            faults[f"label-{i}"] = f"{twice} ; attendu : un libellé par code"
        if not entry.definition:
            faults[f"definition-{i}"] = "un code sans définition ; attendu : une définition"
        entries.codes.append(entry)
    if replaces:
        entries.axes[:] = [axis if each.axis == replaces else each for each in entries.axes]
    else:
        entries.axes.append(axis)
    after, others = built(grid, entries) if not faults.keys() - {"label"} else (grid, {})
    faults = others | faults
    return (grid, faults) if faults else (after, {})


def remove_axis(grid: Grid, axis: str) -> tuple[Grid, Faults]:
    """Return `grid` without one of its own axes and its codes, or the fault it would have."""
    entries = entries_of(grid)
    codes = [code for code in entries.codes if code.axis != axis]
    axes = [each for each in entries.axes if each.axis != axis]
    return built(grid, replace(entries, codes=codes, axes=axes))


def put_family(
    grid: Grid, axis: str, family: str, label: str, members: Collection[str], *, is_new: bool
) -> tuple[Grid, Faults]:
    """Return `grid` with a family of `axis`, called `label`, that holds `members` and no other.

    A code named after its former family is named after the new one; it keeps its former name.
    """
    name = family or slug(label)
    faults = _name_faults(grid, name, label) if is_new else {}
    if not label:
        faults = {"label": "une famille sans libellé ; attendu : un libellé"}
    if not members:
        faults["members"] = "aucun code ; attendu : un code au moins"
    entries = entries_of(grid)
    for i, code in enumerate(grid.codes):
        if code.axis != axis or (code.code in members) == (code.parent_id == name):
            continue
        entry = replace(entries.codes[i], parent_id=name if code.code in members else None)
        if entry.parent_id and "." in code.code and not code.code.startswith(f"{name}."):
            if is_read_by_name(axis, code.code):
                faults["members"] = (
                    f"le classement et le rapport cherchent « {code.label} » sous son nom, "
                    "qui est celui de sa famille ; attendu : qu'il y reste"
                )
            entry = renamed(code, replace(entry, code=f"{name}.{code.code.partition('.')[2]}"))
        entries.codes[i] = entry
    families = [row for row in entries.families if row[0] != name]
    after, others = built(grid, replace(entries, families=[*families, (name, label, "")]))
    if others and not faults:
        faults["members"] = " ; ".join(others.values())
    return (grid, faults) if faults else (after, {})


def _name_faults(grid: Grid, name: str, label: str) -> Faults:
    """Return what keeps a new family from being called `name`."""
    taken = {code.code for code in grid.codes} | {family for family, _label in grid.families}
    taken |= {former for code in grid.codes for former in code.former}
    if name in taken:
        return {"family": f"« {name} » est déjà un code ou une famille ; attendu : un autre nom"}
    if not IDENTIFIER.fullmatch(name) and label:
        said = f"« {name} » comme nom court" if name else "une famille sans nom court"
        expected = "une lettre, puis des lettres sans accent, des chiffres, - ou _, en minuscules"
        return {"family": f"{said} ; attendu : {expected}"}
    return {}


def blocks(grid: Grid, axis: str) -> list[list[Code]]:
    """Return the codes of `axis` as the grid shows them: each family's together."""
    by_family: dict[str, list[Code]] = {}
    for code in grid.axis(axis):
        key = f"famille {code.parent_id}" if code.parent_id else f"code {code.code}"
        by_family.setdefault(key, []).append(code)
    return list(by_family.values())


def move(grid: Grid, kind: str, name: str, step: int) -> Grid:
    """Return `grid` with an axis of its own, a family or a code one place up (-1) or down (+1).

    A family moves with its codes, a code among those of its family; what is first stays first.
    """
    if kind == AXIS:
        axes = _moved(grid.own_axes, lambda axis: axis.axis == name, step)
        return replace(grid, own_axes=tuple(axes))
    codes: list[Code] = []
    for axis in grid.axes:
        rows = blocks(grid, axis.axis)
        is_row = _is_family(name) if kind == FAMILY else _is_alone(name)
        rows = _moved(rows, is_row, step)
        if kind != FAMILY:
            rows = [_moved(row, lambda code: code.code == name, step) for row in rows]
        codes += [code for row in rows for code in row]
    return replace(grid, codes=tuple(codes))


def _is_family(name: str) -> Callable[[list[Code]], bool]:
    return lambda row: row[0].parent_id == name


def _is_alone(name: str) -> Callable[[list[Code]], bool]:
    return lambda row: row[0].parent_id is None and row[0].code == name


def _moved(parts: Sequence[_Part], is_it: Callable[[_Part], bool], step: int) -> list[_Part]:
    moved = list(parts)
    i = next((i for i, part in enumerate(moved) if is_it(part)), None)
    if i is not None and 0 <= i + step < len(moved):
        moved[i], moved[i + step] = moved[i + step], moved[i]
    return moved


def part_changes(ours: Grid, theirs: Grid) -> list[PartChange]:
    """Return how axes, families and orders of `theirs` differ from those of `ours`.

    The codes of an axis that comes or goes are told with it.
    """
    return list(_part_changes(ours, theirs))


def _part_changes(ours: Grid, theirs: Grid) -> Iterator[PartChange]:
    before, after = _axes(ours), _axes(theirs)
    for axis in before | after:
        sides = before.get(axis), after.get(axis)
        if sides[0] is not None and sides[1] is not None:
            sides = _without_codes(sides[0]), _without_codes(sides[1])
        if sides[0] != sides[1]:
            yield PartChange(AXIS, axis, "", *sides)
    families = _families(ours), _families(theirs)
    of_axis = {code.parent_id: code.axis for grid in (ours, theirs) for code in grid.codes}
    of_axis = {family: axis for family, axis in of_axis.items() if _is_whole(ours, theirs, axis)}
    for family in families[0] | families[1]:
        labels = [labels.get(family) for labels in families]
        if labels[0] != labels[1] and family in of_axis:
            yield PartChange(FAMILY, of_axis[family], family, *labels)
    for axis in ("", *(axis.axis for axis in theirs.axes)):
        orders = _in_both(ours, theirs, axis)
        if orders[0] != orders[1]:
            yield PartChange(ORDER, axis, "", *orders)


def _families(grid: Grid) -> dict[str, str]:
    """Return the label of each family that has a code: no other is written."""
    used = {code.parent_id for code in grid.codes}
    return {family: label for family, label in grid.families if family in used}


def _is_whole(ours: Grid, theirs: Grid, axis: str) -> bool:
    """Whether both grids have `axis`."""
    return all(axis in {each.axis for each in grid.axes} for grid in (ours, theirs))


def _axes(grid: Grid) -> dict[str, dict[str, Any]]:
    return {
        axis.axis: {
            "label": axis.label,
            "definition": axis.definition,
            "choice": "un" if axis.is_exclusive else "plusieurs",
            "codes": [asdict(code) for code in grid.axis(axis.axis)],
        }
        for axis in grid.own_axes
    }


def _without_codes(axis: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in axis.items() if name != "codes"}


def order_of(grid: Grid, axis: str) -> list[str]:
    """Return the codes of `axis` in order, or the grid's own axes for ""."""
    if not axis:
        return [each.axis for each in grid.own_axes]
    return [code.code for row in blocks(grid, axis) for code in row]


def _in_both(ours: Grid, theirs: Grid, axis: str) -> tuple[list[str], list[str]]:
    """Return both orders, of what both grids have; the same where a code changed its family."""
    names = theirs.present_codes
    before = [names.get((axis, name), name) for name in order_of(ours, axis)]
    after = [name for name in order_of(theirs, axis) if name in before]
    families = {code.code: code.parent_id for code in theirs.axis(axis)}
    former = {names.get((axis, code.code), code.code): code.parent_id for code in ours.axis(axis)}
    if any(families[name] != former[name] for name in after if axis):
        return after, after
    return [name for name in before if name in after], after


def part_since(grid: Grid, change: PartChange) -> tuple[Any, Any]:
    """Return the part that `change` made as `grid` holds it now, and as `change` left it.

    They differ where somebody changed it again; of an order, only what is still there counts.
    """
    if change.kind == FAMILY:
        return _families(grid).get(change.family), change.after
    if change.kind == ORDER:
        names = grid.present_codes
        left = [names.get((change.axis, name), name) for name in change.after]
        present = order_of(grid, change.axis)
        return [name for name in present if name in left], [
            name for name in left if name in present
        ]
    axis = _axes(grid).get(change.axis)
    is_whole = axis is None or "codes" in (change.after or change.before)
    return axis if axis is None or is_whole else _without_codes(axis), change.after


def take_back(grid: Grid, change: PartChange) -> tuple[Grid, Faults]:
    """Return `grid` with the part as it was before `change`, or its faults.

    The codes of a family that goes stay, without a family.
    """
    if change.kind == ORDER:
        return _in_order(grid, change.axis, change.before), {}
    if change.kind == FAMILY:
        if change.before is None:
            entries = entries_of(grid)
            codes = [
                replace(code, parent_id=None) if code.parent_id == change.family else code
                for code in entries.codes
            ]
            return built(grid, replace(entries, codes=codes))
        members = [code.code for code in grid.codes if code.parent_id == change.family]
        if change.after is None:
            said = "une famille revient avec l'un de ses codes : annuler le changement de ce code"
            return grid, {"": said}
        return put_family(grid, change.axis, change.family, change.before, members, is_new=False)
    if change.before is None:
        return remove_axis(grid, change.axis)
    texts = {name: str(change.before.get(name, "")) for name in ("label", "definition", "choice")}
    codes = [_code_entry(code) for code in change.before.get("codes", ())]
    is_there = change.after is not None
    return put_axis(
        grid, AxisEntry(change.axis, **texts), codes, replaces=change.axis if is_there else ""
    )


def _code_entry(texts: Mapping[str, Any]) -> Entry:
    lists = {name: tuple(texts.get(name) or ()) for name in ("examples", "lexicon", "former")}
    return Entry(**{**texts, **lists})


def _in_order(grid: Grid, axis: str, order: Sequence[str]) -> Grid:
    """Put what `order` names in that order, in the places that it has now."""
    if not axis:
        return replace(grid, own_axes=tuple(_ordered(grid.own_axes, "axis", order)))
    names = grid.present_codes
    wanted = [names.get((axis, name), name) for name in order]
    codes = [
        code
        for each in grid.axes
        for code in (
            _ordered(grid.axis(axis), "code", wanted) if each.axis == axis else grid.axis(each.axis)
        )
    ]
    return replace(grid, codes=tuple(codes))


def _ordered(parts: Sequence[_Part], name: str, order: Sequence[str]) -> list[_Part]:
    by_name = {getattr(part, name): part for part in parts}
    placed = iter([by_name[each] for each in order if each in by_name])
    return [next(placed) if getattr(part, name) in order else part for part in parts]
