"""Make, change and remove the axes and families of a grid, and order what it holds."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.text import slugify
from django.utils.translation import gettext as _

from flows.codebook import change_grid
from pipeline.errors import StudyError
from pipeline.grid import load_grid
from pipeline.grid.arranging import AXIS, FAMILY, move, put_axis, put_family, remove_axis
from pipeline.grid.codes import STANDARD, Axis, AxisEntry, Entry, Grid
from pipeline.review import state
from pipeline.review.roles import GET, POST, administers
from pipeline.review.views import once
from pipeline.review.views.grid import (
    FormAnswer,
    asked_of,
    change_of,
    present_grid,
    removal,
    written,
)
from pipeline.text import slug

_N_CODES = 4  # that a new axis may be given at once
_STEPS = {"monter": -1, "descendre": 1}


@administers(GET, POST)
@once
def grid_axis(request: HttpRequest) -> HttpResponse:
    """Change the axis of the address, or make one with its first codes."""
    version, grid = present_grid()
    axis = asked_of(request, "axe", {axis.axis: axis for axis in grid.own_axes})
    if request.method != "POST":
        choice = "un" if axis and axis.is_exclusive else "plusieurs"
        typed = {"label": axis.label, "definition": axis.definition} if axis else {}
        rows = [{"label": "", "definition": ""}] * _N_CODES
        return _axis_form(
            request, grid, axis, typed | {"choice": choice}, rows, FormAnswer(version)
        )
    typed = {name: _line(request, name) for name in ("label", "axis", "definition", "choice")}
    rows = [
        {part: _line(request, f"{part}-{i}") for part in ("label", "definition")}
        for i in range(1, _N_CODES + 1)
    ]
    filled = [i for i, row in enumerate(rows, 1) if any(row.values())]
    codes = [Entry("", "", rows[i - 1]["label"], rows[i - 1]["definition"]) for i in filled]
    entry = AxisEntry(typed["axis"], typed["label"], typed["definition"], typed["choice"])
    after, faults = put_axis(grid, entry, codes, replaces=axis.axis if axis else "")
    faults = {_of_row(part, filled): fault for part, fault in faults.items()}
    answer = written(request, version, after, faults)
    if answer is not None:
        return _axis_form(request, grid, axis, typed, rows, answer)
    return _done(
        request, typed["label"], _anchor(AXIS, axis.axis if axis else after.own_axes[-1].axis)
    )


def _of_row(part: str, filled: list[int]) -> str:
    """Return the field of the form at fault: blank rows count there, and in no grid."""
    name, _dash, number = part.partition("-")
    return f"{name}-{filled[int(number) - 1]}" if number else part


def _line(request: HttpRequest, name: str) -> str:
    return " ".join(request.POST.get(name, "").split())


def _done(request: HttpRequest, label: str, anchor: str) -> HttpResponse:
    sentence = _("« {label} » est enregistré ; le prochain traitement en tiendra compte.")
    messages.success(request, sentence.format(label=label))
    return HttpResponseRedirect(f"{reverse('study_grid')}#{anchor}")


def _axis_form(
    request: HttpRequest,
    grid: Grid,
    axis: Axis | None,
    typed: Mapping[str, str],
    rows: list[dict[str, str]],
    answer: FormAnswer,
) -> HttpResponse:
    used = {each.axis for each in grid.axes}
    shown = answer.shown() | {
        "axis": axis,
        "typed": typed,
        "rows": [
            row | {f"{part}_fault": answer.faults.get(f"{part}-{i}", "") for part in row}
            for i, row in enumerate(rows, 1)
        ],
        "unused": [each for each in STANDARD.values() if each.axis not in used],
    }
    return render(request, "review/grid_axis.html", shown, status=answer.status)


@administers(GET, POST)
def grid_axis_remove(request: HttpRequest) -> HttpResponse:
    """Say which codes go with the axis of the address, and remove it once confirmed."""
    version, grid = present_grid()
    axis = asked_of(request, "axe", {axis.axis: axis for axis in grid.own_axes})
    if axis is None:
        raise Http404
    sentence = _("L’axe « {label} » est retiré ; le prochain traitement en tiendra compte.")
    shown = {"axis": axis, "codes": [code.label for code in grid.axis(axis.axis)]}
    said, template = sentence.format(label=axis.label), "review/grid_axis_remove.html"
    return removal(request, template, shown, version, remove_axis(grid, axis.axis), said)


@administers(GET, POST)
@once
def grid_family(request: HttpRequest) -> HttpResponse:
    """Change the family of the address, or make one in its axis."""
    version, grid = present_grid()
    family, labels = request.GET.get("famille", ""), dict(grid.families)
    members = [code.code for code in grid.codes if code.parent_id == family]
    if family and not members:
        raise Http404
    asked = request.GET.get("axe", "")
    axis = next((code.axis for code in grid.codes if code.parent_id == family and family), asked)
    if not grid.axis(axis):
        raise Http404
    typed = {"label": labels.get(family, ""), "family": family}
    if request.method != "POST":
        return _family_form(request, grid, axis, family, typed, members, FormAnswer(version))
    typed = {"label": _line(request, "label"), "family": family or _line(request, "family")}
    members = request.POST.getlist("members")
    after, faults = put_family(
        grid, axis, typed["family"], typed["label"], members, is_new=not family
    )
    answer = written(request, version, after, faults)
    if answer is not None:
        return _family_form(request, grid, axis, family, typed, members, answer)
    return _done(request, typed["label"], _anchor(FAMILY, typed["family"] or slug(typed["label"])))


def _family_form(
    request: HttpRequest,
    grid: Grid,
    axis: str,
    family: str,
    typed: Mapping[str, str],
    members: list[str],
    answer: FormAnswer,
) -> HttpResponse:
    codes = [
        (code, code.code in members, grid.label_of(code.parent_id) if code.parent_id else "")
        for code in grid.axis(axis)
    ]
    shown = answer.shown() | {
        "axis": next(each for each in grid.axes if each.axis == axis),
        "family": family,
        "typed": typed,
        "codes": codes,
    }
    return render(request, "review/grid_family.html", shown, status=answer.status)


@administers(POST)
def grid_order(request: HttpRequest) -> HttpResponse:
    """Move an axis, a family or a code one place; the page comes back with the new order."""
    study = state.study()
    grid = load_grid(study.grid_path)
    way = next((way for way in _STEPS if way in request.POST), "")
    kind, _colon, name = request.POST.get(way, "").partition(":")
    after = move(grid, kind, name, _STEPS[way]) if way else grid
    label = _label(grid, kind, name)
    try:
        if after == grid:
            text = _("« {label} » n’a pas bougé : il est déjà au bout.")
            messages.info(request, text.format(label=label))
        else:
            change_grid(study, after, **change_of(request))
            text = _("« {label} » descend d’un rang.")
            if way == "monter":
                text = _("« {label} » monte d’un rang.")
            messages.success(request, text.format(label=label))
    except StudyError as error:
        text = _("« {label} » n’a pas bougé : {found} ; {do}.")
        messages.error(request, text.format(label=label, found=error.found, do=error.do))
    return HttpResponseRedirect(f"{reverse('study_grid')}#{_anchor(kind, name, grid)}")


def _label(grid: Grid, kind: str, name: str) -> str:
    if kind == AXIS:
        return next((axis.label for axis in grid.axes if axis.axis == name), name)
    return grid.label_of(name)


def _anchor(kind: str, name: str, grid: Grid | None = None) -> str:
    """Return the id of an axis, a family or a code in the page of the grid."""
    of_code = next((code.axis for code in grid.codes if code.code == name), "") if grid else ""
    return f"{kind}-{of_code}-{slugify(name)}" if kind == "code" else f"{kind}-{slugify(name)}"
