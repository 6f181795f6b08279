"""Show the studies of a folder, where one stands, and what its words mean."""

from typing import Any

import yaml
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from flows.integrity import faults_of
from flows.publication_files import changes_of, publications
from pipeline.errors import AteliersError
from pipeline.files import data_path
from pipeline.review import desks, state
from pipeline.review.blind import blind_coding
from pipeline.review.roles import GET, Role, reads, role_everywhere
from pipeline.review.steps import first_themes, steps
from pipeline.review.theme_page import ThemeSummary, theme_summaries
from pipeline.review.views import author_of
from pipeline.study import Study

_N_PRIORITIES, _N_CHANGES, _N_FAULTS = 5, 8, 3


@reads(GET)
def studies(request: HttpRequest) -> HttpResponse:
    """List the studies of the folder that the person works on."""
    if settings.STUDIES_FOLDER is None:
        raise Http404
    is_everywhere = role_everywhere(request.user) == Role.ADMINISTRATOR
    joined = set(request.user.memberships.values_list("folder_name", flat=True))  # type: ignore[union-attr]
    rows = [
        _summary(name, Study(root))
        for name, root in desks.studies()
        if is_everywhere or name in joined
    ]
    return render(request, "review/studies.html", {"section": "studies", "rows": rows})


def _summary(name: str, study: Study) -> dict[str, Any]:
    """Return what the list says of a study; one that cannot be opened is listed with the reason."""
    row: dict[str, Any] = {"name": name, "address": desks.address_of(name), "title": name}
    try:
        last = study.last_run()
        n_workshops = len([path for path in study.depot.iterdir() if path.is_dir()])
        return row | {
            "title": study.settings.etude.title,
            "n_workshops": n_workshops,
            "n_units": (last or {}).get("n_rows", {}).get("units"),
            "ended_at": (last or {}).get("ended_at", "")[:10],
        }
    except (AteliersError, OSError) as error:
        return row | {"fault": str(error)}


@reads(GET)
def open_study(request: HttpRequest, folder_name: str) -> HttpResponse:
    """Redirect to a study's home."""
    if desks.study_root(folder_name) is None:
        raise Http404
    return redirect(desks.address_of(folder_name))


@reads(GET)
def study(request: HttpRequest) -> HttpResponse:
    """Show what is to be done, what came in, what comes first, what changed."""
    damaged = [fault for fault in faults_of(state.study()) if fault.level != "told"]
    shown: dict[str, Any] = {
        "section": "home",
        "to_do": [step for step in steps() if not step["is_done"]],
        "faults": damaged[:_N_FAULTS],
    }
    if state.study().last_run() is not None:
        snapshot, blind = state.snapshot(), blind_coding(author_of(request))
        shown |= {
            "blind": blind,
            "workshops": _workshops(),
            "priorities": [] if blind else _priorities(),
            "changes": [] if blind else _changes(),
            "is_new": state.journal().last_id == 0,
            "n_units": len(snapshot.units),
        }
    return render(request, "review/home.html", shown | {"is_new": shown.get("is_new", True)})


def _workshops() -> list[dict[str, Any]]:
    tables = state.snapshot().tables
    documents = tables["documents"].groupby("workshop_id").size()
    units = tables["units"].groupby("workshop_id").size()
    return [
        {
            **row,
            "n_documents": int(documents.get(workshop_id, 0)),
            "n_units": int(units.get(workshop_id, 0)),
        }
        for workshop_id, row in state.snapshot().workshops.items()
    ]


def _priorities() -> list[ThemeSummary]:
    """Return the themes of the first priorities, as they are today."""
    summaries = theme_summaries(state.themes(), state.snapshot())
    return [summaries[theme_id] for theme_id in first_themes(_N_PRIORITIES)]


def _changes() -> list[str]:
    """Return what the last publication says that changed since the one before."""
    study = state.study()
    lines = changes_of(study, whole[0].run_id) if (whole := publications(study)) else []
    return [line.removeprefix("- ") for line in lines][:_N_CHANGES]


@reads(GET)
def glossary(request: HttpRequest) -> HttpResponse:
    """Say what each word of the pages means."""
    terms = yaml.safe_load(data_path("lexicon", "glossaire.yaml").read_text(encoding="utf-8"))
    return render(request, "review/glossary.html", {"section": "glossary", "terms": terms})
