"""Change the codebook and write in the journal who changed what; take a change back.

In:   the grid as it should be; the version of the file that the person saw
Out:  grille.yaml, and a decision for each code that changed
"""

from dataclasses import replace
from functools import partial

from flows.creating import ChangedSinceError, save_grid, version_of
from flows.typed_texts import keep_decisions, typed_without_names
from pipeline.decisions.codebook import CHANGED, REMOVED, EditCode, masked_grid
from pipeline.decisions.kinds import Undo
from pipeline.errors import StudyError
from pipeline.exchange.colours import Recolouring
from pipeline.grid import load_grid
from pipeline.grid.codes import Code, Grid
from pipeline.grid.editing import entry_of, grid_changes, put_code, remove_code
from pipeline.grid.yaml_file import write_yaml
from pipeline.study import Study


def change_grid(
    study: Study, after: Grid, *, version: str, author: str, request_id: str | None, text: str = ""
) -> int:
    """Write `after`, as `text` where a person wrote the file, and return how many codes changed.

    Names of people in its texts are masked. Raises as `save_grid`; nothing is written then.
    """
    ours, typed = load_grid(study.grid_path), after
    after = grid_without_names(study, typed)
    text = text if after == typed else ""
    save_grid(study, text or write_yaml(after), version=version)
    before = {code.code: code for code in ours.codes}
    rows = [
        EditCode.of(
            change.kind,
            before.get(change.before or change.code.code),
            None if change.kind == REMOVED else change.code,
            change.parts,
        )
        for change in grid_changes(ours, after)
    ]
    if rows:
        told = [{"author": author, **row.row()} for row in rows]
        keep_decisions(study, told, request_id=request_id)
    return len(rows)


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
    study: Study, edit: EditCode, *, author: str, request_id: str, why: str | None = None
) -> None:
    """Put a code back as it was before `edit`, and write the undoing in the journal.

    Raises `ChangedSinceError` where the code has changed again since, `StudyError` where the grid
    would have a fault or during a run.
    """
    version, grid = version_of(study.grid_path), load_grid(study.grid_path)
    before, after = edit.before, edit.after
    present = next((code for code in grid.codes if code.code == edit.code), None)
    if _masked(study, present) != _masked(study, after):
        raise ChangedSinceError(
            "ce code a changé de nouveau depuis",
            "un code tel que cette décision l'a laissé",
            "voir son histoire, page Grille, et y reprendre le texte voulu",
        )
    if before is None:
        changed, faults = remove_code(grid, str(edit.code))
    else:
        changed, faults = put_code(grid, entry_of(before), replaces=present.code if present else "")
    if faults:
        found = " ; ".join(faults.values())
        raise StudyError(found, "une grille sans faute", "la corriger d'abord")
    save_grid(study, write_yaml(changed), version=version)
    undoing = {"author": author, **Undo(edit.decision_id, why=why).row()}
    keep_decisions(study, [undoing], request_id=request_id)


def _masked(study: Study, code: Code | None) -> Code | None:
    """Return `code` as the journal holds it."""
    if code is None:
        return None
    value = EditCode.of(CHANGED, None, code).row()["value"]
    masked = EditCode.masked_value(str(value), partial(typed_without_names, study))
    return EditCode.read({"value": masked}).after
