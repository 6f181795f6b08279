"""The results of the last run, and a new run with what was decided since.

The territories side by side: heat map, specificities, factor planes, maps, absent voices, offer and needs.
"""

from functools import cache
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from pipeline.decisions import APPLIED, VOID
from pipeline.review import side_by_side, state
from pipeline.review.processes import Drawings, Reruns, moves
from pipeline.review.roles import decides, reads

_SHOWN = ("rapport.html", "rapport.docx", "rapport.pdf")


@reads
@require_GET
def results(request: HttpRequest) -> HttpResponse:
    """When results were last made, what was decided since, and what the last new run changed."""
    shown = _progress()
    if request.headers.get("HX-Request") == "true":
        return render(request, "review/results_progress.html", shown)
    study, snapshot = state.study(), state.snapshot()
    shown |= {
        "section": "results",
        "run_id": snapshot.run_id,
        "files": [
            name for name in _SHOWN if (study.publications / snapshot.run_id / name).is_file()
        ],
    }
    return render(request, "review/results.html", shown)


@decides
@require_POST
def rerun(request: HttpRequest) -> HttpResponse:
    """Start a new run, unless one goes on."""
    priorities = state.snapshot().tables["priorities"]
    is_started = _reruns().start(
        asked_by=str(request.user.get_username()), priorities=priorities, labels=state.labels()
    )
    if not is_started:
        messages.warning(request, _("Un calcul est déjà en cours."))
    return redirect("results")


@reads
@require_GET
def report(request: HttpRequest, name: str) -> HttpResponseBase:
    """One file of the last run's report, to be kept; never shown inside the application, whose rules forbid inline styles."""
    path = state.study().publications / state.snapshot().run_id / name
    if name not in _SHOWN or not path.is_file():
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=name)


def _progress() -> dict[str, Any]:
    """What became of decisions at the last run, and the new run that was asked for: together, as the end of one changes the other."""
    last, snapshot = _reruns().last, state.snapshot()
    effects = snapshot.tables["decision_effects"]
    void = effects[effects["state"] == VOID]
    shown = {
        "n_waiting": max(
            state.journal().last_id - int(effects["decision_id"].max() if len(effects) else 0), 0
        ),
        "n_applied": int((effects["state"] == APPLIED).sum()),
        "void": list(zip(void["decision_id"].astype(int), void["reason"], strict=True)),
        "to_review": list(snapshot.to_review.items()),
        "rerun": last,
    }
    if last is None:
        return shown
    is_running = last.is_running
    changed = (
        []
        if is_running or last.error
        else moves(
            last.priorities, state.snapshot().tables["priorities"], last.labels | state.labels()
        )
    )
    return shown | {"is_running": is_running, "moves": changed}


@cache
def _reruns() -> Reruns:
    return Reruns(state.study())


PARTS = {
    "presence": gettext_lazy("Présence"),
    "specificites": gettext_lazy("Spécificités"),
    "plans": gettext_lazy("Plans factoriels"),
    "cartes": gettext_lazy("Cartes"),
    "voix": gettext_lazy("Voix absentes"),
    "offre": gettext_lazy("Offre et besoins"),
}


@reads
@require_GET
def listing(request: HttpRequest, part: str = "presence") -> HttpResponse:
    """One part of the comparison, as the last run made it."""
    if part not in PARTS:
        raise Http404
    shown = {
        "section": "territories",
        "part": part,
        "parts": PARTS,
        "title": PARTS[part],
        **_MAKERS[part](request),
    }
    if request.headers.get("HX-Request") == "true" and part in ("plans", "cartes"):
        return render(request, "review/territories_drawings.html", shown)
    return render(request, f"review/territories_{part}.html", shown)


@reads
@require_GET
def drawing(request: HttpRequest, name: str) -> HttpResponseBase:
    """One drawing; a document of its own, which may style itself and nothing else."""
    path = _drawings().path(state.snapshot().run_id, _names(), name)
    if path is None:
        raise Http404
    answer = FileResponse(path.open("rb"), content_type="image/svg+xml")
    answer["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    return answer


def _presence(request: HttpRequest) -> dict[str, Any]:
    grid = state.study().grid
    axes = {axis.axis: axis for axis in grid.axes}
    asked = request.GET.get("quoi", "themes")
    tables, labels = state.snapshot().tables, state.labels()
    is_code = asked in axes
    found = side_by_side.heat_map(
        tables, grid, labels, subject="code" if is_code else "theme", axis=asked if is_code else ""
    )
    return {"heat": found, "asked": asked, "axes": list(axes.values()), "is_code": is_code}


def _specificities(request: HttpRequest) -> dict[str, Any]:
    tables = state.snapshot().tables
    territories = sorted(set(tables["contrasts"]["territory"]))
    asked = request.GET.get("territoire", "")
    territory = asked if asked in territories else (territories[0] if territories else "")
    rows = side_by_side.specificities(tables, state.study().grid, state.labels(), territory)
    return {"territories": territories, "territory": territory, "rows": rows}


def _planes(request: HttpRequest) -> dict[str, Any]:
    tables, labels = state.snapshot().tables, state.labels()
    planes = [
        (analysis, side_by_side.plane(tables, labels, analysis))
        for analysis in ("themes", "lemmes")
    ]
    links = tables["territory_links"].to_dict("records")
    return _drawn("plan", "arbre") | {
        "planes": [entry for entry in planes if entry[1]],
        "links": links,
    }


def _maps(request: HttpRequest) -> dict[str, Any]:
    tables = state.snapshot().tables
    names = dict(
        zip(tables["structures"]["structure_id"], tables["structures"]["name"], strict=True)
    )
    problems = [
        row | {"name": names.get(row["structure_id"], "")}
        for row in tables["map_problems"].to_dict("records")
    ]
    return _drawn("carte") | {"structures": side_by_side.structures(tables), "problems": problems}


def _voices(request: HttpRequest) -> dict[str, Any]:
    snapshot = state.snapshot()
    rows = side_by_side.absent_voices(snapshot.tables)
    told = [row | {"workshop": snapshot.workshops.get(str(row["workshop_id"]))} for row in rows]
    return {"workshops": told, "carried": side_by_side.carried_by(snapshot.tables, state.labels())}


def _offer(request: HttpRequest) -> dict[str, Any]:
    snapshot = state.snapshot()
    sector, workshop_id = request.GET.get("secteur", ""), request.GET.get("atelier", "")
    sectors = sorted(set(snapshot.tables["offers"]["sector"].dropna()))
    needs = [
        row | {"workshop": snapshot.workshops.get(str(row["workshop_id"]))}
        for row in side_by_side.needs(snapshot.tables)
    ]
    return {
        "offers": side_by_side.offers(snapshot.tables, sector=sector, workshop_id=workshop_id),
        "needs": [
            row
            for row in needs
            if workshop_id in ("", row["workshop_id"]) and sector in ("", row["sector"])
        ],
        "sectors": sectors,
        "sector": sector,
        "workshop_id": workshop_id,
        "workshops": list(snapshot.workshops.values()),
    }


def _drawn(*kinds: str) -> dict[str, Any]:
    found = _drawings().of(state.snapshot().run_id, _names())
    return {
        "is_drawing": found is None,
        "drawings": [entry for entry in found or () if entry.kind in kinds],
    }


def _names() -> dict[str, str]:
    """The names that the themes of the last run bear now: those of the tables beside the drawings."""
    labels = state.labels()
    theme_ids = state.snapshot().tables["themes"]["theme_id"].tolist()
    return {theme_id: labels[theme_id] for theme_id in theme_ids if theme_id in labels}


_MAKERS = {
    "presence": _presence,
    "specificites": _specificities,
    "plans": _planes,
    "cartes": _maps,
    "voix": _voices,
    "offre": _offer,
}


@cache
def _drawings() -> Drawings:
    return Drawings(state.study())
