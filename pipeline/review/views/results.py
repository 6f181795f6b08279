"""The results of the last run, and a new run with what was decided since."""

from functools import cache
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pipeline.decisions.effects import APPLIED, VOID
from pipeline.review import live, state
from pipeline.review.rerun import Reruns, moves
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
        "files": [name for name in _SHOWN if (study.publications / snapshot.run_id / name).is_file()],
    }
    return render(request, "review/results.html", shown)


@decides
@require_POST
def rerun(request: HttpRequest) -> HttpResponse:
    """Start a new run, unless one goes on."""
    priorities = state.snapshot().tables["priorities"]
    is_started = _reruns().start(asked_by=str(request.user.get_username()), priorities=priorities, labels=live.labels())
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
        "n_waiting": max(state.journal().last_id - int(effects["decision_id"].max() if len(effects) else 0), 0),
        "n_applied": int((effects["state"] == APPLIED).sum()),
        "void": list(zip(void["decision_id"].astype(int), void["reason"], strict=True)),
        "to_review": list(snapshot.to_review.items()),
        "rerun": last,
    }
    if last is None:
        return shown
    is_running = last.is_running
    changed = [] if is_running or last.error else moves(last.priorities, state.snapshot().tables["priorities"], last.labels | live.labels())
    return shown | {"is_running": is_running, "moves": changed}


@cache
def _reruns() -> Reruns:
    return Reruns(state.study())
