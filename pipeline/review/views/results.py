"""Show results and territories, and decide of needs without answer."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from math import ceil
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows.jobs import Jobs, JobTask
from flows.jobs.progress import n_decisions_waiting
from pipeline.decisions import APPLIED, VOID
from pipeline.decisions.gaps import ConfirmGap, GapDecision, RefuseGap, decided_gaps
from pipeline.publish.text import one_line, quoted
from pipeline.review import doors, state, territories
from pipeline.review.desks import desk
from pipeline.review.roles import GET, POST, decides, reads
from pipeline.review.search import SearchQuery, naming, search_index
from pipeline.review.snapshot import Snapshot
from pipeline.review.views import is_fragment, reason_of, record


@reads(GET)
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
        "moves": job.moves if job and is_of_job else [],
        "labels": state.labels(),
    }


@reads(GET)
def listing(request: HttpRequest, part: str = "presence") -> HttpResponse:
    """Show one part of the comparison of territories."""
    if part not in PARTS:
        raise Http404
    shown = {
        "section": "territories",
        "part": part,
        "parts": {name: title for name, (title, _view) in PARTS.items()},
        "title": PARTS[part][0],
        "why_no_theme": state.why_no_theme(),
        **PARTS[part][1](request),
    }
    if is_fragment(request) and part == "cartes":
        return render(request, "review/territories_drawings.html", shown)
    return render(request, f"review/territories_{part}.html", shown)


def _presence(request: HttpRequest) -> dict[str, Any]:
    grid = state.study().grid
    asked = request.GET.get("quoi", "themes")
    tables, labels = state.snapshot().tables, state.labels()
    is_code = asked in {axis.axis for axis in grid.axes}
    shown = {"asked": asked, "axes": grid.axes, "is_code": is_code}
    if is_code:
        to = _code_doors(request)
        heat = territories.heat_map(tables, grid, labels, to, subject="code", axis=asked)
        return shown | {"heat": heat}
    heat = territories.heat_map(tables, grid, labels, _theme_doors(), subject="theme")
    return shown | {"heat": heat, "only_there": territories.only_there(tables, labels)}


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
    tree = territories.territory_tree(tables)
    groups = {joining.members for joining in tree}
    groups |= {(name,) for members in groups for name in members}
    return {
        "tree": territories.tree_drawing(tree, doors.group_doors(state.snapshot(), groups)),
        "planes": [
            (analysis, rows, territories.plane_drawing(rows, to))
            for analysis in ("themes", "lemmes")
            if (rows := territories.plane(tables, labels, analysis))
        ],
        "links": tables["territory_links"].to_dict("records"),
    }


def _maps(request: HttpRequest) -> dict[str, Any]:
    tables = state.snapshot().tables
    names = tables["structures"].set_index("structure_id")["name"]
    problems = tables["map_problems"]
    named = problems.assign(name=problems["structure_id"].map(names).fillna(""))
    drawings = desk().drawings.of(state.snapshot().run_id)
    return {
        "is_drawing": drawings is None,
        "maps": [(drawing, _levels(drawing.drawing["n_covering"])) for drawing in drawings or ()],
        "structures": territories.structures(tables),
        "problems": named.to_dict("records"),
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
    typed = {name: naming(name) for name in names}
    return {name: (len(index.find(SearchQuery(text))), text) for name, text in typed.items()}


def _voices(request: HttpRequest) -> dict[str, Any]:
    snapshot = state.snapshot()
    return {
        "workshops": _with_workshop(territories.absent_voices(snapshot.tables)),
        "carried": territories.theme_actors(snapshot.tables, state.labels()),
    }


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
        row | {"decision": decided.get((row["workshop_id"], row["subject_id"]))}
        for row in _with_workshop(territories.gaps(state.snapshot().tables))
    ]


@decides(POST)
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
    record(request, decision)
    said = _("Le besoin {title} est écarté des besoins sans réponse connue.")
    if kind is ConfirmGap:
        said = _("Le besoin {title} est confirmé comme sans réponse connue.")
    said = said.format(title=quoted(row["title"]))
    messages.success(request, said + " " + _("Le rapport suivra au prochain calcul."))
    return redirect("territories_part", "offre")


_GAP_DECISIONS: dict[str, type[GapDecision]] = {"confirmer": ConfirmGap, "ecarter": RefuseGap}
PARTS: dict[str, tuple[Promise, Callable[[HttpRequest], dict[str, Any]]]] = {
    "presence": (gettext_lazy("Présence"), _presence),
    "specificites": (gettext_lazy("Spécificités"), _specificities),
    "plans": (gettext_lazy("Plans factoriels"), _planes),
    "cartes": (gettext_lazy("Cartes"), _maps),
    "voix": (gettext_lazy("Voix absentes"), _voices),
    "offre": (gettext_lazy("Offre et besoins"), _offer),
}
