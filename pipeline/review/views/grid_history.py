"""Show what was changed of the grid, by whom, with the former text and the passages it touches."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from pipeline.decisions.codebook import EditCode, EditPart
from pipeline.grid.arranging import AXIS, ORDER, PartChange
from pipeline.grid.codes import Code, Grid
from pipeline.grid.colours import PALETTE
from pipeline.grid.editing import PARTS
from pipeline.review import state
from pipeline.review.roles import GET, reads
from pipeline.review.views import page_of
from pipeline.review.views.grid import grid_doors

_NAMES = {colour: name for name, colour in PALETTE.items()}
AXIS_PARTS = {"label": "libellé", "definition": "définition", "choice": "codes par passage"}
_LEAST_ALIKE = 0.6  # of two texts compared word by word; others are shown one after the other


@reads(GET)
def grid_history(request: HttpRequest) -> HttpResponse:
    """List the changes of the grid, or of the code of the address, the newest first."""
    asked, grid = request.GET.get("code", ""), state.study().grid
    edits = [row for row in state.journal().newest_first() if isinstance(row, EditCode | EditPart)]
    if asked:
        edits = [row for row in edits if f"{row.axis}:{row.code}" == asked]
    page = page_of(request, edits)
    shown = {
        "section": "study_grid",
        "label": grid.label_of(asked.partition(":")[2]) if asked else "",
        "rows": list(_rows(request, page.object_list)),
        "n_edits": len(edits),
        "page": page,
        "address": urlencode({"code": asked} if asked else {}),
    }
    return render(request, "review/grid_history.html", shown)


def _rows(request: HttpRequest, edits: Iterable[EditCode | EditPart]) -> Iterable[dict[str, Any]]:
    """Yield what the page shows of each change: its parts, and what became of their text.

    `can_take` tells whether the code is still there to get the former text.
    """
    journal, grid = state.journal(), state.study().grid
    doors, names = grid_doors(request, grid), {code.code for code in grid.codes}
    for edit in edits:
        if isinstance(edit, EditCode):
            row: dict[str, Any] = {
                "door": doors.get((str(edit.axis), str(edit.code))),
                "changes": list(_changes(edit.before, edit.after)),
                "can_take": edit.before is not None and edit.code in names,
            }
        else:
            row = {"changes": list(_part_changes(edit.change, grid))}
        yield row | {
            "edit": edit,
            "sentence": state.sentence(edit),
            "is_undone": journal.is_undone(edit.decision_id),
        }


def _changes(before: Code | None, after: Code | None) -> Iterable[tuple[str, SafeString]]:
    for part, name in PARTS.items():
        former, present = _shown(before, part), _shown(after, part)
        if former != present:
            yield _(name), marked_changes(former, present)


def _part_changes(change: PartChange, grid: Grid) -> Iterable[tuple[str, SafeString]]:
    """Yield what becomes of an axis that stays, or of an order; the sentence tells the rest."""
    if change.kind == ORDER:
        labels = {axis.axis: axis.label for axis in grid.own_axes} if not change.axis else {}
        yield (
            _(next((axis.label for axis in grid.axes if axis.axis == change.axis), "Axes")),
            marked_changes(
                *(
                    " · ".join(labels.get(name) or grid.label_of(name) for name in order)
                    for order in (change.before, change.after)
                )
            ),
        )
    elif change.kind == AXIS and change.before and change.after:
        for part, name in AXIS_PARTS.items():
            former, present = change.before.get(part, ""), change.after.get(part, "")
            if former != present:
                yield _(name), marked_changes(former, present)


def _shown(code: Code | None, part: str) -> str:
    value = "" if code is None else getattr(code, part)
    if part == "colour":
        return _(_NAMES.get(value, value)) if value else ""
    return "\n".join(value) if isinstance(value, tuple) else value or ""


def marked_changes(before: str, after: str) -> SafeString:
    """Return `after` with what was taken away and what was added, word by word.

    >>> str(marked_changes("un bus du soir", "un car du soir"))
    'un <del>bus</del><ins>car</ins> du soir'
    """
    old, new = (re.findall(r"\s+|\w+|[^\w\s]", text) for text in (before, after))
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    steps = matcher.get_opcodes()
    if matcher.ratio() < _LEAST_ALIKE:
        steps = [("replace", 0, len(old), 0, len(new))]
    parts: list[SafeString] = []
    for kind, i, j, k, m in steps:
        gone, come = "".join(old[i:j]), "".join(new[k:m])
        if kind == "equal":
            parts.append(format_html("{}", come))
            continue
        if gone:
            parts.append(format_html("<del>{}</del>", gone))
        if come:
            parts.append(format_html("<ins>{}</ins>", come))
    return format_html_join("", "{}", ((part,) for part in parts))
