"""Change the codebook and write in the journal who changed what; take a change back.

In:   the grid as it should be; the version of the file that the person saw
Out:  grille.yaml, and a decision for each code, axis, family or order that changed
"""

from dataclasses import replace
from functools import partial

from flows.creating import ChangedSinceError, save_grid, version_of
from flows.typed_texts import keep_decisions, typed_without_names
from pipeline.decisions.codebook import (
    ADDED,
    CHANGED,
    REMOVED,
    EditCode,
    EditPart,
    masked_grid,
)
from pipeline.decisions.kinds import Undo
from pipeline.errors import StudyError
from pipeline.exchange.colours import Recolouring
from pipeline.grid import load_grid
from pipeline.grid.arranging import AXIS, FAMILY, part_changes, part_since, take_back
from pipeline.grid.codes import STANDARD, Code, Grid
from pipeline.grid.editing import Faults, entry_of, grid_changes, put_code, remove_code
from pipeline.grid.yaml_file import write_yaml
from pipeline.study import Study


def change_grid(
    study: Study, after: Grid, *, version: str, author: str, request_id: str | None, text: str = ""
) -> int:
    """Write `after`, as `text` where a person wrote the file; return how many changes it makes.

    Names of people in its texts are masked. Raises as `save_grid`; nothing is written then.
    """
    ours, typed = load_grid(study.grid_path), after
    after = grid_without_names(study, typed)
    text = text if after == typed else ""
    save_grid(study, text or write_yaml(after), version=version)
    rows = _edits(ours, after)
    if rows:
        told = [{"author": author, **row.row()} for row in rows]
        keep_decisions(study, told, request_id=request_id)
    return len(rows)


def _edits(ours: Grid, after: Grid) -> list[EditCode | EditPart]:
    """Return the decisions that make `after` of `ours`; an axis comes or goes with its codes."""
    before = {code.code: code for code in ours.codes}
    parts = part_changes(ours, after)
    whole = {row.axis for row in parts if row.kind == AXIS and None in (row.before, row.after)}
    codes = [
        EditCode.of(
            change.kind,
            before.get(change.before or change.code.code),
            None if change.kind == REMOVED else change.code,
            change.parts,
        )
        for change in grid_changes(ours, after)
        if change.code.axis not in whole or change.kind not in (ADDED, REMOVED)
    ]
    return [*map(EditPart.of, parts), *codes]


def grid_without_names(study: Study, grid: Grid) -> Grid:
    """Return `grid` without names of people in what was typed."""
    return masked_grid(grid, partial(typed_without_names, study))


def recolour(study: Study, recolouring: Recolouring, *, request_id: str | None = None) -> int:
    """Give codes their new colours, as `change_grid`, and return how many changed."""
    version, grid = version_of(study.grid_path), load_grid(study.grid_path)
    for code in grid.codes:
        if colour := recolouring.colours.get(code.code):
            entry = replace(entry_of(code), colour=colour)
            grid, _faults = put_code(grid, entry, replaces=code.code)
    author = recolouring.author
    return change_grid(study, grid, version=version, author=author, request_id=request_id)


def undo_edit(
    study: Study, edit: EditCode | EditPart, *, author: str, request_id: str, why: str | None = None
) -> None:
    """Put a part of the grid back as it was before `edit`, and write the undoing in the journal.

    Raises `ChangedSinceError` where the part has changed again since, `StudyError` where the grid
    would have a fault or during a run.
    """
    version, grid = version_of(study.grid_path), load_grid(study.grid_path)
    if isinstance(edit, EditPart):
        changed, faults = _part_back(study, grid, edit)
    else:
        changed, faults = _code_back(study, grid, edit)
    if faults:
        found = " ; ".join(faults.values())
        raise StudyError(found, "une grille sans faute", "la corriger d'abord")
    save_grid(study, write_yaml(changed), version=version)
    undoing = {"author": author, **Undo(edit.decision_id, why=why).row()}
    keep_decisions(study, [undoing], request_id=request_id)


def _code_back(study: Study, grid: Grid, edit: EditCode) -> tuple[Grid, Faults]:
    before = edit.before
    present = next((code for code in grid.codes if code.code == edit.code), None)
    if _masked(study, present) != _masked(study, edit.after):
        raise _changed_since("ce code")
    if before is None:
        return remove_code(grid, str(edit.code))
    if before.axis not in (*STANDARD, *(axis.axis for axis in grid.own_axes)):
        return grid, {"": f"la grille n'a plus l'axe « {before.axis} » de ce code"}
    grid = _with_label(study, grid, before.parent_id)
    return put_code(grid, entry_of(before), replaces=present.code if present else "")


def _with_label(study: Study, grid: Grid, family: str | None) -> Grid:
    """Give its label back to a family that returns with its first code."""
    if family is None or family in dict(grid.families):
        return grid
    decisions = study.decisions.read()
    rows = decisions[(decisions["action"] == EditPart.action) & (decisions["code"] == family)]
    values = rows["value"].tolist()
    changes = [EditPart.read({"code": family, "value": value}).change for value in values]
    labels = [change.after or change.before for change in changes if change.kind == FAMILY]
    return replace(grid, families=(*grid.families, *((family, label) for label in labels[-1:])))


def _part_back(study: Study, grid: Grid, edit: EditPart) -> tuple[Grid, Faults]:
    change = edit.change
    present, left = (EditPart.of(replace(change, after=part)) for part in part_since(grid, change))
    if _masked_value(study, present) != _masked_value(study, left):
        raise _changed_since("cette partie de la grille")
    return take_back(grid, change)


def _changed_since(what: str) -> ChangedSinceError:
    return ChangedSinceError(
        f"{what} a changé de nouveau depuis",
        "ce que cette décision a laissé",
        "voir l'histoire de la grille, page Grille, et y reprendre le texte voulu",
    )


def _masked(study: Study, code: Code | None) -> Code | None:
    """Return `code` as the journal holds it."""
    if code is None:
        return None
    return EditCode.read({"value": _masked_value(study, EditCode.of(CHANGED, None, code))}).after


def _masked_value(study: Study, edit: EditCode | EditPart) -> str:
    return edit.masked_value(str(edit.row()["value"]), partial(typed_without_names, study))
