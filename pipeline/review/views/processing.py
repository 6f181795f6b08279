"""Start runs, show how far they are as they go, cancel them, and list those of before."""

import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy

from flows.jobs import Job, Jobs, JobState, JobTask, Step
from flows.jobs.progress import (
    PastRun,
    history,
    phases_of,
    seconds_ahead,
    seconds_left,
    waiting_for,
)
from flows.jobs.served import is_served, next_run
from flows.jobs.warm import ready_process
from pipeline.publish.text import joined
from pipeline.review import state
from pipeline.review.roles import GET, POST, decides, reads
from pipeline.review.views import author_of, is_fragment, once
from pipeline.study import Study

_N_RUNS = 30  # listed
_N_STREAMS = 3  # at once; each holds one of the server's eight threads
_STREAM_S = 5.0  # then the browser asks again; a server that stops waits for it
_LOOK_S, _TICK_S = 0.4, 2.0  # between two looks; between two events though nothing changed
_streams = threading.BoundedSemaphore(_N_STREAMS)

_PHASES: Mapping[str, Any] = {
    "read": gettext_lazy("Lire et découper les fichiers"),
    "code": gettext_lazy("Étiqueter les passages"),
    "themes": gettext_lazy("Regrouper les passages en thèmes"),
    "decide": gettext_lazy("Appliquer les décisions et classer"),
    "compare": gettext_lazy("Comparer les territoires"),
    "publish": gettext_lazy("Écrire les tables et le rapport"),
}
_STATES: Mapping[str, Any] = {
    "waiting": gettext_lazy("à venir"),
    "running": gettext_lazy("en cours"),
    "done": gettext_lazy("fait"),
    "cached": gettext_lazy("inchangé, repris"),
    "stopped": gettext_lazy("arrêté là"),
}
_STAGES: Mapping[str, Any] = {
    "read": gettext_lazy("Lecture des fichiers"),
    "segment": gettext_lazy("Découpage en passages"),
    "tag": gettext_lazy("Étiquetage"),
    "second": gettext_lazy("Second codeur"),
    "agree": gettext_lazy("Accord entre codeurs"),
    "order": gettext_lazy("Ordre de relecture"),
    "cluster": gettext_lazy("Regroupement en thèmes"),
    "join": gettext_lazy("Contributions à distance"),
    "propose": gettext_lazy("Noms de thèmes proposés"),
    "decide": gettext_lazy("Décisions appliquées"),
    "rank": gettext_lazy("Classement des priorités"),
    "compare": gettext_lazy("Comparaison des territoires"),
    "write": gettext_lazy("Écriture des tables"),
    "publish": gettext_lazy("Rapport"),
}
_DETAILED = ("read", "segment", "tag")  # stages that name the workshop they work on
# what the log counts of a stage's tables
_COUNTED: Mapping[str, Mapping[str, Any]] = {
    "read": {
        "documents": ngettext_lazy("{n} document", "{n} documents", "n"),
        "rejects": ngettext_lazy("{n} non lu", "{n} non lus", "n"),
    },
    "segment": {"units": ngettext_lazy("{n} passage", "{n} passages", "n")},
    "tag": {"tags": ngettext_lazy("{n} étiquette", "{n} étiquettes", "n")},
    "join": {"themes": ngettext_lazy("{n} thème", "{n} thèmes", "n")},
    "decide": {"decision_effects": ngettext_lazy("{n} décision", "{n} décisions", "n")},
    "compare": {"contrasts": ngettext_lazy("{n} écart", "{n} écarts", "n")},
}


@reads(GET)
def processing(request: HttpRequest) -> HttpResponse:
    """Show what waits, the job with its phases, its log, and the runs of before."""
    study = state.study()
    jobs = Jobs(study)
    latest = [job for job in jobs.latest(_N_RUNS) if job.task is not JobTask.LEARN]
    job, other = jobs.last(JobTask.RUN), jobs.last()
    shown: dict[str, Any] = {
        "section": "processing",
        **_service_shown(study),
        "is_first": study.last_run() is None,
        "learning": other if other and other.task is JobTask.LEARN and other.is_running else None,
        "job": job,
        "runs": [_listed(run) for run in history(study, latest, _N_RUNS)],
    }
    if job is not None:
        shown |= _job_shown(job, jobs.steps(job.job_id))
    if job is None or not job.is_running:
        ready_process().prepare()
        waiting = waiting_for(study)
        shown |= {"waiting": waiting, "duration": about(seconds_ahead(study, waiting) or 0.0)}
    name = "processing_now" if is_fragment(request) else "processing"
    return render(request, f"review/{name}.html", shown)


@decides(POST)
@once
def start(request: HttpRequest) -> HttpResponse:
    """Start a job, or say who runs the one that is running."""
    job, is_new = Jobs(state.study()).start(author_of(request))
    if is_new:
        messages.success(request, _("Le traitement commence."))
    else:
        messages.warning(
            request,
            _("Un traitement est déjà en cours, demandé par {who}.").format(who=job.asked_by),
        )
    return redirect("processing")


@decides(POST)
def cancel(request: HttpRequest) -> HttpResponse:
    """Ask the running job to stop."""
    if Jobs(state.study()).cancel(author_of(request)):
        messages.success(request, _("Le traitement s’arrête ; ce qui est fait est gardé."))
    else:
        messages.warning(request, _("Aucun traitement n’est en cours."))
    return redirect("processing")


@reads(GET)
def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Tell the browser, as server-sent events, each time that the page has something new."""
    changes = _changes(Jobs(state.study()))
    response = StreamingHttpResponse(changes, content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"  # a proxy passes each event on at once
    return response


def _changes(jobs: Jobs) -> Iterator[str]:
    """Yield an event a change, and one from time to time, so that bars move and gone browsers show.

    Yield « full » alone where too many are followed: the browser then asks every two seconds.
    """
    if not _streams.acquire(blocking=False):
        yield "event: full\ndata: 1\n\n"
        return
    try:
        yield "retry: 300\n\n"
        until, before, told_at = time.monotonic() + _STREAM_S, None, 0.0
        while time.monotonic() < until:
            job = jobs.last()
            n_steps = len(jobs.steps(job.job_id)) if job else 0
            if (job, n_steps) != before or time.monotonic() - told_at > _TICK_S:
                before, told_at = (job, n_steps), time.monotonic()
                yield "data: 1\n\n"
            if job is None or not job.is_running:
                return
            time.sleep(_LOOK_S)
    finally:
        _streams.release()


def _service_shown(study: Study) -> dict[str, Any]:
    """Return when the service has the study processed unasked, where one serves it."""
    if not is_served(study):
        return {"is_served": False}
    mail = study.settings.mail
    return {
        "is_served": True,
        "next_run": next_run(study),
        "mail_minutes": mail.every_minutes if mail.host else None,
    }


def _job_shown(job: Job, steps: list[Step]) -> dict[str, Any]:
    phases = phases_of(job, steps)
    left = seconds_left(job, phases) if job.is_running else None
    return {
        "phases": [
            {
                "name": _PHASES[phase.name],
                "state": phase.state,
                "word": _STATES[phase.state],
                "percent": None if phase.share is None else round(100 * phase.share),
                "lasted": lasted(phase.seconds) if phase.state in ("done", "stopped") else "",
            }
            for phase in phases
        ],
        "has_details": bool(job.n_total > 1 or (steps and steps[-1].stage in _DETAILED)),
        "now": next((_PHASES[phase.name] for phase in phases if phase.state == "running"), ""),
        "left": None if left is None else about(max(left, 1.0)),
        "log": [_line(step) for step in steps],
        "lasted": lasted((job.ended_at - job.started_at).total_seconds()) if job.ended_at else "",
        "ended": job.state.value,
    }


def _line(step: Step) -> dict[str, Any]:
    """Return a line of the log: counts and ids, never what people said."""
    counts = [
        words.format(n=n)
        for name, words in _COUNTED.get(step.stage, {}).items()
        if (n := step.n_rows.get(name))
    ]
    seconds = (step.ended_at - step.started_at).total_seconds() if step.ended_at else None
    return {
        "at": step.started_at,
        "what": _STAGES.get(step.stage, step.stage),
        "workshop_id": step.workshop_id,
        "counts": joined(counts),
        "lasted": "" if seconds is None else lasted(seconds),
        "is_cached": step.is_cached,
        "is_ended": step.ended_at is not None,
    }


def _listed(run: PastRun) -> dict[str, Any]:
    return {
        "started_at": run.started_at,
        "job": run.job,
        "task": run.job.task.value if run.job else JobTask.RUN.value,
        "state": run.job.state.value if run.job else JobState.DONE.value,
        "lasted": "" if run.seconds is None else lasted(run.seconds),
    }


def lasted(seconds: float) -> str:
    """Return « 12 s » or « 3 min 5 s » or « 2 h 4 min »."""
    whole = round(seconds)
    if whole < 60:
        return _("{n} s").format(n=whole) if whole else _("moins d’une seconde")
    if whole < 3600:
        return _("{m} min {s} s").format(m=whole // 60, s=whole % 60)
    return _("{h} h {m} min").format(h=whole // 3600, m=whole % 3600 // 60)


def about(seconds: float) -> str:
    """Return « environ trois minutes », as far as it can be foreseen; blank for nothing."""
    if not seconds:
        return ""
    minutes = round(seconds / 60)
    if seconds < 45:
        return _("moins d’une minute")
    if minutes < 2:
        return _("environ une minute")
    if minutes < 55:
        return ngettext("environ {n} minute", "environ {n} minutes", minutes).format(n=minutes)
    hours = max(round(seconds / 3600), 1)
    if hours == 1:
        return _("environ une heure")
    return ngettext("environ {n} heure", "environ {n} heures", hours).format(n=hours)
