"""Show results and territories, and decide of needs without answer."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil
from types import MappingProxyType
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from flows.jobs import Job, Jobs, JobTask
from flows.jobs.progress import n_decisions_waiting
from pipeline.decisions import APPLIED, VOID
from pipeline.decisions.gaps import ConfirmGap, GapDecision, RefuseGap, decided_gaps
from pipeline.publish.text import one_line, quoted
from pipeline.review import doors, state, territories
from pipeline.review.desks import desk
from pipeline.review.roles import decides, reads
from pipeline.review.search import naming, search_index
from pipeline.review.snapshot import Snapshot
from pipeline.review.views import author_of, is_fragment, reason_of, request_id_of


@reads
@require_GET
def results(request: HttpRequest) -> HttpResponse:
    """Show when results were made, later decisions, and changes of the last run asked here."""
    shown = _progress()
    if is_fragment(request):
        return render(request, "review/results_progress.html", shown)
    shown |= {"section": "results", "axes": doors.code_bars(doors.coder_view(request))}
    return render(request, "review/results.html", shown)


def _progress() -> dict[str, Any]:
    """Return what the last run applied and changed, and what waits for the next."""
    job, snapshot = Jobs(state.study()).last(JobTask.RUN), state.snapshot()
    effects = snapshot.tables["decision_effects"]
    void = effects[effects["state"] == VOID]
    is_of_job = job is not None and job.run_id == snapshot.run_id
    return {
        "n_waiting": n_decisions_waiting(state.study()),
        "n_applied": int((effects["state"] == APPLIED).sum()),
        "void": list(zip(void["decision_id"].astype(int), void["reason"], strict=True)),
        "to_review": list(snapshot.to_review.items()),
        "job": job,
        "is_of_job": is_of_job,
        "moves": _moves(job) if job and is_of_job else [],
    }


def _moves(job: Job) -> list[dict[str, Any]]:
    """Return the priorities whose rank the job changed, with today's names."""
    labels = state.labels()
    return [
        {
            "label": labels.get(theme_id, _("un thème qui n’existe plus")),
            "before": before,
            "after": after,
        }
        for theme_id, before, after in job.moves
    ]


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
    """Show one part of the comparison of territories."""
    if part not in PARTS:
        raise Http404
    shown = {
        "section": "territories",
        "part": part,
        "parts": PARTS,
        "title": PARTS[part],
        "why_no_theme": state.why_no_theme(),
        **_VIEWS[part](request),
    }
    if is_fragment(request) and part == "cartes":
        return render(request, "review/territories_drawings.html", shown)
    return render(request, f"review/territories_{part}.html", shown)


def _presence(request: HttpRequest) -> dict[str, Any]:
    grid = state.study().grid
    axes = {axis.axis: axis for axis in grid.axes}
    asked = request.GET.get("quoi", "themes")
    tables, labels = state.snapshot().tables, state.labels()
    is_code = asked in axes
    heat = territories.heat_map(
        tables,
        grid,
        labels,
        _code_doors(request) if is_code else _theme_doors(),
        subject="code" if is_code else "theme",
        axis=asked if is_code else "",
    )
    only_there = [] if is_code else territories.only_there(tables, labels)
    return {
        "heat": heat,
        "only_there": only_there,
        "asked": asked,
        "axes": list(axes.values()),
        "is_code": is_code,
    }


def _theme_doors() -> territories.Doors:
    snapshot = state.snapshot()
    return doors.theme_doors(snapshot, state.labels(), territories.tables_saying(snapshot.tables))


def _code_doors(request: HttpRequest) -> territories.Doors:
    view = doors.coder_view(request)
    return doors.code_doors(view, territories.tables_saying(view.snapshot.tables))


def _specificities(request: HttpRequest) -> dict[str, Any]:
    tables = state.snapshot().tables
    names = sorted(set(tables["contrasts"]["territory"]))
    territory = request.GET.get("territoire", "")
    if territory not in names:
        territory = next(iter(names), "")
    every = {**_theme_doors(), **_code_doors(request)}
    grid, labels = state.study().grid, state.labels()
    rows = territories.specificities(tables, grid, labels, every, territory)
    return {"territories": names, "territory": territory, "rows": rows}


def _planes(request: HttpRequest) -> dict[str, Any]:
    tables, labels = state.snapshot().tables, state.labels()
    to = doors.point_doors(state.snapshot(), labels)
    points = [
        (analysis, territories.plane(tables, labels, analysis)) for analysis in ("themes", "lemmes")
    ]
    links = tables["territory_links"].to_dict("records")
    tree = territories.territory_tree(tables)
    groups = {group for joining in tree for group in (joining.members, *_each(joining.members))}
    return {
        "tree": territories.tree_drawing(tree, doors.group_doors(state.snapshot(), groups)),
        "planes": [
            (analysis, rows, territories.plane_drawing(rows, to))
            for analysis, rows in points
            if rows
        ],
        "links": links,
    }


def _each(names: tuple[str, ...]) -> list[tuple[str, ...]]:
    return [(name,) for name in names]


def _maps(request: HttpRequest) -> dict[str, Any]:
    tables = state.snapshot().tables
    names = dict(
        zip(tables["structures"]["structure_id"], tables["structures"]["name"], strict=True)
    )
    problems = [
        row | {"name": names.get(row["structure_id"], "")}
        for row in tables["map_problems"].to_dict("records")
    ]
    drawings = desk().drawings.of(state.snapshot().run_id)
    return {
        "is_drawing": drawings is None,
        "maps": [(drawing, _levels(drawing.drawing["n_covering"])) for drawing in drawings or ()],
        "structures": territories.structures(tables),
        "problems": problems,
        "named": _n_naming(state.snapshot()),
    }


def _levels(n_covering: Mapping[str, int]) -> dict[str, int]:
    """Return the shade of each commune, 0 to 4: more, the more catchment areas hold it."""
    most = max(n_covering.values(), default=0)
    return {name: ceil(4 * n / most) if n else 0 for name, n in n_covering.items()}


@lru_cache(maxsize=4)
def _n_naming(snapshot: Snapshot) -> dict[str, tuple[int, str]]:
    """Return how many passages name each structure, and what finds them, by its name."""
    index = search_index(snapshot)
    names = {one_line(name) for name in snapshot.tables["structures"]["name"]}
    return {name: (index.count_naming(name), naming(name)) for name in names}


def _voices(request: HttpRequest) -> dict[str, Any]:
    snapshot = state.snapshot()
    rows = territories.absent_voices(snapshot.tables)
    actors = territories.theme_actors(snapshot.tables, state.labels())
    return {"workshops": _with_workshop(rows), "carried": actors}


def _with_workshop(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    workshops = state.snapshot().workshops
    return [row | {"workshop": workshops.get(str(row["workshop_id"]))} for row in rows]


def _offer(request: HttpRequest) -> dict[str, Any]:
    snapshot = state.snapshot()
    sector, workshop_id = request.GET.get("secteur", ""), request.GET.get("atelier", "")
    sectors = sorted(set(snapshot.tables["offers"]["sector"].dropna()))
    return {
        "offers": territories.offers(snapshot.tables, sector=sector, workshop_id=workshop_id),
        "gaps": [row for row in _gaps() if workshop_id in ("", row["workshop_id"])],
        "sectors": sectors,
        "sector": sector,
        "workshop_id": workshop_id,
        "workshops": list(snapshot.workshops.values()),
    }


def _gaps() -> list[dict[str, Any]]:
    """Return the needs without answer, each with the last decision on it."""
    decided = decided_gaps(state.journal().active(GapDecision))
    return [
        row
        | {
            "decision": decided.get((row["workshop_id"], row["subject_id"])),
        }
        for row in _with_workshop(territories.gaps(state.snapshot().tables))
    ]


@decides
@require_POST
def decide_gap(request: HttpRequest) -> HttpResponse:
    """Confirm that no known structure answers a need, or set it aside."""
    kind = _GAP_DECISIONS.get(request.POST.get("decision", ""))
    asked = request.POST.get("atelier", ""), request.POST.get("sujet", "")
    rows = territories.gaps(state.snapshot().tables)
    row = next((row for row in rows if (row["workshop_id"], row["subject_id"]) == asked), None)
    if kind is None or row is None:
        raise Http404
    unit_ids = [unit_id for unit_id, _text in row["passages"]]
    decision = kind.of(*asked, row["title"], unit_ids, why=reason_of(request))
    state.journal().add([decision], author=author_of(request), request_id=request_id_of(request))
    sentence = (
        _("Le besoin {title} est confirmé comme sans réponse connue.")
        if kind is ConfirmGap
        else _("Le besoin {title} est écarté des besoins sans réponse connue.")
    )
    messages.success(
        request,
        sentence.format(title=quoted(row["title"]))
        + " "
        + _("Le rapport suivra au prochain calcul."),
    )
    return redirect("territories_part", "offre")


_GAP_DECISIONS: Mapping[str, type[GapDecision]] = MappingProxyType(
    {"confirmer": ConfirmGap, "ecarter": RefuseGap}
)


_VIEWS: Mapping[str, Callable[[HttpRequest], dict[str, Any]]] = MappingProxyType(
    {
        "presence": _presence,
        "specificites": _specificities,
        "plans": _planes,
        "cartes": _maps,
        "voix": _voices,
        "offre": _offer,
    }
)
