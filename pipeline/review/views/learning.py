"""Have the machine learn again, say how well it does and from whom, and choose which one codes."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from flows.jobs import Job, Jobs, JobState, JobTask, Step
from flows.learning import (
    ADVISED,
    LEAST,
    STAGES,
    Lessons,
    Machine,
    codebook_mark,
    lessons_of,
    machines,
    may_be_chance,
    use_machine,
    verdict_of,
)
from pipeline.decisions import Decision
from pipeline.errors import StudyError
from pipeline.publish.text import joined
from pipeline.review import state
from pipeline.review.roles import GET, POST, decides
from pipeline.review.views import author_of, is_fragment, once, request_id_of
from pipeline.review.views.processing import about, lasted
from pipeline.study import Study

_N_CODES = 12  # most changed, shown
_N_JOBS = 100  # read, for how long learning took
_STAGES = {
    "gather": gettext_lazy("Rassembler les passages relus"),
    "before": gettext_lazy("Mesurer la machine en service"),
    "learn": gettext_lazy("Apprendre, chaque document laissé à part à son tour"),
    "save": gettext_lazy("Comparer et enregistrer"),
}


@decides(GET)
def learning(request: HttpRequest) -> HttpResponse:
    """Show what would be learnt, the job, what the last one gave, and the machines."""
    study = state.study()
    jobs = Jobs(study)
    job, running = jobs.last(JobTask.LEARN), jobs.last()
    known = machines(study)
    last = max((row for row in known if row.report), key=lambda row: row.number, default=None)
    shown: dict[str, Any] = {
        "section": "learning",
        "job": job,
        "has_run": study.last_run() is not None,
        "other": running if running and running.is_running and running != job else None,
        "machines": known,
        "in_use": next(machine for machine in known if machine.is_in_use),
        "is_to_apply": _is_to_apply(known),
        "has_other_grid": _has_other_grid(study, known),
        "model_setting": "" if study.settings.tag.model == "auto" else study.settings.tag.model,
    }
    if last is not None:
        shown |= {"last": last, "result": _result(study, last)}
    usual = _usual_seconds(jobs)
    if job is not None:
        shown |= _job_shown(job, jobs.steps(job.job_id), usual)
    if shown["has_run"] and not (job and job.is_running):
        shown |= _to_learn(study, last) | {"duration": about(usual)}
    name = "learning_now" if is_fragment(request) else "learning"
    return render(request, f"review/{name}.html", shown)


@decides(POST)
@once
def start(request: HttpRequest) -> HttpResponse:
    """Start learning, or say who runs what is running."""
    job, is_new = Jobs(state.study()).start(author_of(request), JobTask.LEARN)
    if is_new:
        messages.success(request, _("La machine réapprend."))
    elif job.task is JobTask.LEARN:
        said = _("La machine réapprend déjà : {who} l’a demandé.")
        messages.warning(request, said.format(who=job.asked_by))
    else:
        said = _("Un traitement est en cours, demandé par {who} : réapprenez ensuite.")
        messages.warning(request, said.format(who=job.asked_by))
    return redirect("learning")


@decides(POST)
def cancel(request: HttpRequest) -> HttpResponse:
    """Ask the running job to stop."""
    if Jobs(state.study()).cancel(author_of(request), JobTask.LEARN):
        messages.success(request, _("L’apprentissage s’arrête ; la machine ne change pas."))
    else:
        messages.warning(request, _("La machine ne réapprend pas en ce moment."))
    return redirect("learning")


@decides(POST)
def use(request: HttpRequest) -> HttpResponse:
    """Have another machine code from the next run on."""
    study, file = state.study(), request.POST.get("machine", "")
    if file not in {machine.file for machine in machines(study)}:
        raise Http404
    try:
        is_new = use_machine(
            study, file, author=author_of(request), request_id=request_id_of(request)
        )
    except StudyError as error:
        said = _("La machine n’a pas changé : {found} ; {do}.")
        messages.error(request, said.format(found=error.found, do=error.do))
    else:
        said = _("C’est la machine en service désormais ; elle étiquettera au prochain traitement.")
        messages.success(request, said if is_new else _("Cette machine est déjà en service."))
    return redirect("learning")


def _to_learn(study: Study, last: Machine | None) -> dict[str, Any]:
    """Return what people taught so far, and how much of it since the last learning."""
    snapshot = state.snapshot()
    decisions = state.journal().active(Decision)
    lessons = lessons_of(
        snapshot.tables["units"], snapshot.machine["tags"], decisions, study.grid.axes
    )
    counts = lessons.counts
    report = (last.report if last else None) or {}
    return {
        "counts": counts,
        "n_left": max(LEAST - counts["n_units"], 0),
        "n_since": counts["n_units"] - report.get("lessons", {}).get("n_units", 0),
        "least": LEAST,
        "advised": ADVISED,
        "people": sorted(lessons.by_person.items(), key=lambda pair: -pair[1].n_confirmed),
        "codes": _most_changed(lessons),
    }


def _most_changed(lessons: Lessons) -> list[dict[str, Any]]:
    changed = [pair for pair in lessons.by_code.items() if pair[1].changed]
    changed.sort(key=lambda pair: (-pair[1].changed, pair[0]))
    return [
        {
            "code": code,
            "taught": row,
            "by": joined([f"{name} ({n})" for name, n in row.by.most_common() if n]),
        }
        for (_axis, code), row in changed[:_N_CODES]
    ]


def _result(study: Study, machine: Machine) -> dict[str, Any]:
    """Return the figures of a machine by axis, and what to conclude of the first."""
    report = machine.report or {}
    axes = list(_axes(study, report.get("counts", {})))
    n_gained, n_lost = (axes[0][name] if axes else 0 for name in ("n_gained", "n_lost"))
    verdict, is_chance = verdict_of(report), may_be_chance(n_gained, n_lost)
    return {
        "report": report,
        "verdict": verdict,
        "is_clear": verdict == "better" and n_gained > n_lost and not is_chance,
        "axes": axes,
        "n_gained": n_gained,
        "n_lost": n_lost,
        "is_chance": is_chance,
    }


def _axes(study: Study, counts: Mapping[str, Mapping[str, int]]) -> Iterator[dict[str, Any]]:
    labels = {axis.axis: axis for axis in study.grid.axes}
    for name, row in counts.items():
        if name in labels and row["n_units"]:
            bars = {
                f"width_{when}": round(100 * row[f"n_right_{when}"] / row["n_units"])
                for when in ("before", "after")
            }
            axis = labels[name]
            yield {"label": axis.label, "is_exclusive": axis.is_exclusive} | dict(row) | bars


def _is_to_apply(known: Sequence[Machine]) -> bool:
    """Whether the tags of the last run come from another machine than the one in use."""
    tags = state.snapshot().machine["tags"]
    versions = set(tags["model_version"].unique().tolist())
    in_use = next(machine for machine in known if machine.is_in_use)
    if in_use.report is not None:
        return bool(versions) and in_use.report.get("version") not in versions
    own = {machine.report.get("version") for machine in known if machine.report}
    return not in_use.file and not versions.isdisjoint(own)


def _has_other_grid(study: Study, known: Sequence[Machine]) -> bool:
    """Whether the machine in use learnt codes that were defined otherwise."""
    in_use = next(machine for machine in known if machine.is_in_use)
    mark = (in_use.report or {}).get("codebook")
    return mark is not None and mark != codebook_mark(study.grid)


def _job_shown(job: Job, steps: Sequence[Step], usual: float) -> dict[str, Any]:
    begun = {step.stage: step for step in steps}
    phases = []
    for name in STAGES:
        step = begun.get(name)
        seconds = (step.ended_at - step.started_at).total_seconds() if step and step.ended_at else 0
        running = "running" if job.is_running else "stopped"
        is_first = not steps and job.is_running and name == STAGES[0]
        word = "waiting" if step is None else "done" if step.ended_at else running
        phases.append(
            {
                "name": _STAGES[name],
                "state": "running" if is_first else word,
                "lasted": lasted(seconds) if step and step.ended_at else "",
            }
        )
    now = next((phase["name"] for phase in phases if phase["state"] == "running"), "")
    took = (job.ended_at - job.started_at).total_seconds() if job.ended_at else 0.0
    left = usual - (datetime.now(UTC) - job.started_at).total_seconds() if usual else 0.0
    return {
        "phases": phases,
        "now": now,
        "left": about(max(left, 1.0)) if usual else "",
        "lasted": lasted(took) if job.ended_at else "",
        "ended": job.state.value,
    }


def _usual_seconds(jobs: Jobs) -> float:
    """Return how long the last learning that ended took, 0 before any."""
    done = (
        job
        for job in jobs.latest(_N_JOBS)
        if job.task is JobTask.LEARN and job.state is JobState.DONE and job.ended_at
    )
    job = next(done, None)
    return (job.ended_at - job.started_at).total_seconds() if job and job.ended_at else 0.0
