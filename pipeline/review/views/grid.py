"""Show a study's grid, and change it: one code at a time, or all of it by a file."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from flows.codebook import change_grid, grid_without_names
from flows.creating import ChangedSinceError, version_of
from pipeline.decisions.codebook import EditCode
from pipeline.errors import GridError, StudyError
from pipeline.exchange.codebook import axis_colours
from pipeline.files import text_hash
from pipeline.grid import load_grid
from pipeline.grid.arranging import blocks
from pipeline.grid.codes import STANDARD, Axis, Code, Entry, Grid
from pipeline.grid.colours import PALETTE
from pipeline.grid.editing import (
    MAX_SENT_BYTES,
    SENT,
    grid_changes,
    is_read_by_name,
    put_code,
    read_sent,
    remove_code,
    with_former_names,
)
from pipeline.grid.yaml_file import write_yaml
from pipeline.review import state
from pipeline.review.bench import code_entry
from pipeline.review.bounds import whole
from pipeline.review.doors import Door, coder_view, door
from pipeline.review.roles import GET, POST, administers, reads
from pipeline.review.selection import EVERY
from pipeline.review.sending import attached
from pipeline.review.views import author_of, is_fragment, once, request_id_of
from pipeline.review.views.memos import code_panels

REFUSED, IN_CONFLICT = 422, 409
_PROPOSED = "proposed_grid"  # in the session
_LINES = ("code", "label", "definition", "include", "exclude")
_LISTS = ("examples", "lexicon")
_TEXTS = (*_LINES, *_LISTS, "family")
_Part = TypeVar("_Part")


@dataclass(frozen=True)
class FormAnswer:
    """What a form says once sent: faults by field, or why nothing was written.

    `version` is the file's that the next sending may replace, `others` what it holds now.
    """

    version: str
    faults: Mapping[str, str] = field(default_factory=dict)
    refusal: StudyError | None = None
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def status(self) -> int:
        """Return the status of the page."""
        return REFUSED if self.faults else IN_CONFLICT if self.refusal else 200

    @property
    def is_changed_since(self) -> bool:
        """Whether somebody changed the grid after the person saw it."""
        return isinstance(self.refusal, ChangedSinceError)

    def shown(self) -> dict[str, Any]:
        """Return what every form of the grid shows of it."""
        names = ("version", "faults", "refusal", "is_changed_since")
        return {"section": "study_grid", **{name: getattr(self, name) for name in names}}


@reads(GET)
def grid_page(request: HttpRequest) -> HttpResponse:
    """Show every code of the grid, axis by axis."""
    grid, edits = load_grid(state.study().grid_path), _edits_by_code()
    doors = grid_doors(request, grid)
    colours, memos = axis_colours(grid), code_panels(request, grid)
    own = [axis.axis for axis in grid.own_axes]

    def row(code: Code, i: int, n: int) -> dict[str, Any]:
        """Return a code; `door` leads to its passages, None before any run."""
        return {
            "code": code,
            "colour": code.colour or colours[code.axis],
            "door": doors.get((code.axis, code.code)),
            "memos": memos[f"{code.axis}:{code.code}"],
            "edits": edits[code.axis, code.code],
        } | _ways(i, n)

    def block(codes: list[Code], i: int, n: int) -> dict[str, Any]:
        """Return the codes of a family, or a code without one."""
        family = codes[0].parent_id or ""
        places = [(j, len(codes)) if family else (i, n) for j in range(len(codes))]
        rows = [row(code, *place) for code, place in zip(codes, places, strict=True)]
        label = grid.label_of(family) if family else ""
        return {"family": family, "label": label, "rows": rows} | _ways(i, n)

    axes = []
    for axis in grid.axes:
        groups = blocks(grid, axis.axis)
        axes.append(
            {
                "axis": axis,
                "blocks": [block(codes, i, len(groups)) for i, codes in enumerate(groups)],
                "colour": colours[axis.axis],
                "can_rise": axis.axis in own[1:],
                "can_sink": axis.axis in own[:-1],
            }
        )
    shown = {
        "section": "study_grid",
        "grid": grid,
        "axes": axes,
        "version": version_of(state.study().grid_path),
        "formats": ",".join(SENT),
    }
    return render(request, "review/grid.html", shown)


def _ways(i: int, n: int) -> dict[str, bool]:
    """Return whether the place `i` of `n` has one above it, and one below."""
    return {"can_rise": i > 0, "can_sink": i < n - 1}


@reads(GET)
def grid_file(request: HttpRequest) -> HttpResponse:
    """Send grille.yaml."""
    content = state.study().grid_path.read_bytes()
    return attached(content, "grille.yaml", "application/yaml; charset=utf-8")


def grid_doors(request: HttpRequest, grid: Grid) -> dict[tuple[str, str], Door]:
    """Return the doors of the passages that bear each code for the person; none before any run."""
    if state.study().last_run() is None:
        return {}
    unit_ids = coder_view(request).by_code
    return {
        (code.axis, code.code): door(
            EVERY.where(code=f"{code.axis}:{code.code}"),
            len(unit_ids.get((code.axis, code.code), ())),
            code.label,
        )
        for code in grid.codes
    }


def _edits_by_code() -> dict[tuple[str, str], list[EditCode]]:
    """Return the changes of each code that stand, in order."""
    edits: dict[tuple[str, str], list[EditCode]] = defaultdict(list)
    for row in state.journal().active(EditCode):
        edits[str(row.axis), str(row.code)].append(row)
    return edits


def _n_passages(axis: str, code: str) -> int:
    """Count the passages of a code as reviewed, none before any run."""
    if state.study().last_run() is None:
        return 0
    return state.snapshot().n_passages_of[axis, code]


@administers(GET, POST)
@once
def grid_code(request: HttpRequest) -> HttpResponse:
    """Change the code of the address, or add one to its axis."""
    version, grid = present_grid()
    code = asked_of(request, "code", {code.code: code for code in grid.codes})
    axis = code.axis if code else _asked_axis(grid, request)
    if request.method != "POST":
        typed = _texts_of(code) if code else dict.fromkeys(_TEXTS, "") | {"colour": ""}
        typed |= _former_texts(request, code)
        return _code_form(request, grid, code, axis, typed, FormAnswer(version))
    typed = {name: request.POST.get(name, "").strip() for name in _TEXTS}
    typed["colour"] = request.POST.get("colour", "")
    after, faults = put_code(grid, _entry(typed, axis), replaces=code.code if code else "")
    answer = written(request, version, after, faults)
    if answer is not None:
        others = _texts_of(code) if code and answer.is_changed_since else {}
        return _code_form(request, grid, code, axis, typed, replace(answer, others=others))
    label = typed["label"] or typed["code"]
    said = _(
        "« {label} » est enregistré ; le prochain traitement en tiendra compte. "
        "La grille d’avant est gardée dans le dossier de l’étude."
    ).format(label=label)
    if code and is_fragment(request):
        return _entry_in_pane(request, code, said)
    messages.success(request, said)
    return redirect("study_grid")


def _entry_in_pane(request: HttpRequest, former: Code, said: str) -> HttpResponse:
    """Show a code in the right-hand pane of the bench as it is now, in place of what it was."""
    view = coder_view(request)
    code = next(row for row in view.grid.axis(former.axis) if row.code == former.code)
    shown = code_entry(view, code) | {"is_open": True, "announcement": said}
    response = render(request, "review/bench_code.html", shown)
    response["HX-Retarget"] = f"#entree-{code.axis}-{slugify(code.code)}"
    response["HX-Reswap"] = "outerHTML"
    return response


def written(
    request: HttpRequest, version: str, after: Grid, faults: Mapping[str, str]
) -> FormAnswer | None:
    """Write the grid and return None, or say what is wrong and write nothing."""
    if faults:
        return FormAnswer(request.POST.get("version", version), faults)
    try:
        change_grid(state.study(), after, **change_of(request))
    except StudyError as error:
        return FormAnswer(version, refusal=error)
    return None


def change_of(request: HttpRequest) -> dict[str, str]:
    """Return who changes the grid, and the version of it that the person saw."""
    return {
        "version": request.POST.get("version", ""),
        "author": author_of(request),
        "request_id": request_id_of(request),
    }


def present_grid() -> tuple[str, Grid]:
    """Return the version of the study's grid, and the grid."""
    path = state.study().grid_path
    return version_of(path), load_grid(path)


def asked_of(request: HttpRequest, parameter: str, parts: Mapping[str, _Part]) -> _Part | None:
    """Return the part that the address names, None for a new one; `Http404` for an unknown one."""
    asked = request.GET.get(parameter, "")
    if asked and asked not in parts:
        raise Http404
    return parts.get(asked)


def _axes(grid: Grid) -> list[Axis]:
    """Return the axes that a code may be added to."""
    return [*STANDARD.values(), *grid.own_axes]


def _asked_axis(grid: Grid, request: HttpRequest) -> str:
    asked = request.POST.get("axis") or request.GET.get("axe", "")
    names = [axis.axis for axis in _axes(grid)]
    return asked if asked in names else grid.axes[0].axis


def _former_texts(request: HttpRequest, code: Code | None) -> dict[str, str]:
    """Return the texts that the code had before the change that the address names."""
    number, journal = request.GET.get("reprendre", ""), state.journal()
    edit = journal.get(whole(number))
    if code is None or not isinstance(edit, EditCode) or edit.code != code.code:
        return {}
    return _texts_of(edit.before) | {"code": code.code} if edit.before else {}


def _texts_of(code: Code) -> dict[str, str]:
    lists = {name: "\n".join(getattr(code, name)) for name in _LISTS}
    lines = {name: getattr(code, name) for name in (*_LINES, "colour")}
    return lines | lists | {"family": code.parent_id or ""}


def _entry(typed: Mapping[str, str], axis: str) -> Entry:
    def line(name: str) -> str:
        return " ".join(typed[name].split())

    def lines(name: str) -> tuple[str, ...]:
        return tuple(" ".join(text.split()) for text in typed[name].splitlines() if text.strip())

    parts: dict[str, Any] = {name: line(name) for name in _LINES}
    parts |= {name: lines(name) for name in _LISTS}
    return Entry(axis=axis, parent_id=typed["family"] or None, colour=typed["colour"], **parts)


def _code_form(
    request: HttpRequest,
    grid: Grid,
    code: Code | None,
    axis: str,
    typed: Mapping[str, str],
    answer: FormAnswer,
) -> HttpResponse:
    families = dict.fromkeys(each.parent_id for each in grid.axis(axis) if each.parent_id)
    others = {name: text for name, text in answer.others.items() if text != typed.get(name, "")}
    shown = answer.shown() | {
        "code": code,
        "axis": next(each for each in _axes(grid) if each.axis == axis),
        "families": {family: grid.label_of(family) for family in families},
        "typed": typed,
        "others": others,
        "is_fixed": code is not None and is_read_by_name(code.axis, code.code),
        "colours": _colours(typed["colour"], axis_colours(grid).get(axis, "")),
    }
    if is_fragment(request):  # htmx shows what a refusal says, not what a conflict does
        status = REFUSED if answer.faults or answer.refusal else answer.status
        pane = shown | {"in_pane": True}
        return render(request, "review/grid_code_pane.html", pane, status=status)
    return render(request, "review/grid_code.html", shown, status=answer.status)


def _colours(chosen: str, of_axis: str) -> list[tuple[str, str, str]]:
    """Return value, colour and name of what a code may have; its own where it is another."""
    own = [] if chosen in ("", *PALETTE.values()) else [(chosen, chosen, chosen)]
    named = [(colour, colour, _(name)) for name, colour in PALETTE.items()]
    return [("", of_axis, _("celle de l’axe")), *named, *own]


@administers(GET, POST)
def grid_remove(request: HttpRequest) -> HttpResponse:
    """Say how many passages carry the code of the address, and remove it once confirmed."""
    version, grid = present_grid()
    code = asked_of(request, "code", {code.code: code for code in grid.codes})
    if code is None:
        raise Http404
    sentence = _("« {label} » est retiré ; le prochain traitement en tiendra compte.")
    shown = {
        "code": code,
        "n_passages": _n_passages(code.axis, code.code),
        "is_read": is_read_by_name(code.axis, code.code),
    }
    said, change = sentence.format(label=code.label), remove_code(grid, code.code)
    return removal(request, "review/grid_remove.html", shown, version, change, said)


def removal(
    request: HttpRequest,
    template: str,
    shown: dict[str, Any],
    version: str,
    change: tuple[Grid, Mapping[str, str]],
    said: str,
) -> HttpResponse:
    """Ask whether to remove what `shown` says; once confirmed, remove it and say `said`.

    `change` is the grid without it, or the faults that keep it there.
    """
    after, faults = change
    if request.method != "POST":
        return render(request, template, FormAnswer(version, faults).shown() | shown)
    answer = written(request, version, after, faults)
    if answer is not None:
        return render(request, template, answer.shown() | shown, status=answer.status)
    messages.success(request, said)
    return redirect("study_grid")


@administers(POST)
def grid_import(request: HttpRequest) -> HttpResponse:
    """Show what the sent grid would change; once confirmed, take it."""
    if proposal := request.POST.get("proposal", ""):
        return _take(request, proposal)
    study, sent = state.study(), request.FILES.get("file")
    try:
        if sent is None:
            raise GridError(_("aucun fichier"), _("une grille .yaml ou .qdc"), _("en choisir une"))
        content = sent.read(MAX_SENT_BYTES + 1)
        theirs = read_sent(sent.name or "", content)
    except GridError as error:
        shown = {"section": "study_grid", "fault": error, "formats": ",".join(SENT)}
        return render(request, "review/grid_import.html", shown, status=REFUSED)
    version, ours = present_grid()
    named = grid_without_names(study, with_former_names(theirs, ours))
    is_theirs = named == theirs and (sent.name or "").lower().endswith((".yaml", ".yml"))
    text = write_yaml(named)
    if is_theirs:  # with its author's comments
        text = content.decode().replace("\r\n", "\n")
    return _preview(request, ours, named, version=version, proposal=_keep(request, text))


def _keep(request: HttpRequest, text: str) -> str:
    """Keep a proposed grid until the person takes it, instead of the one before; return its key."""
    proposal = text_hash(text)[:32]
    request.session[_PROPOSED] = {proposal: text}
    return proposal


def _preview(
    request: HttpRequest,
    ours: Grid,
    theirs: Grid,
    *,
    version: str,
    proposal: str,
    refusal: StudyError | None = None,
) -> HttpResponse:
    shown = {
        "section": "study_grid",
        "rows": [
            (change, _n_passages(change.code.axis, change.before or change.code.code))
            for change in grid_changes(ours, theirs)
        ],
        "version": version,
        "proposal": proposal,
        "refusal": refusal,
        "formats": ",".join(SENT),
    }
    status = IN_CONFLICT if refusal else 200
    return render(request, "review/grid_import.html", shown, status=status)


def _take(request: HttpRequest, proposal: str) -> HttpResponse:
    study = state.study()
    text = request.session.get(_PROPOSED, {}).get(proposal)
    if text is None:
        messages.error(request, _("Cette grille n’est plus là : l’envoyer à nouveau."))
        return redirect("study_grid")
    (version, ours), theirs = present_grid(), read_sent("grille.yaml", text.encode())
    try:
        n_changes = change_grid(study, theirs, text=text, **change_of(request))
    except StudyError as error:
        return _preview(request, ours, theirs, version=version, proposal=proposal, refusal=error)
    del request.session[_PROPOSED]
    sentence = ngettext(
        "La grille est prise : {n} changement. Le prochain traitement en tiendra compte.",
        "La grille est prise : {n} changements. Le prochain traitement en tiendra compte.",
        n_changes,
    )
    messages.success(request, sentence.format(n=n_changes))
    return redirect("study_grid")
