"""Publish the last run, show what it changes, and hand out every file of a publication."""

import re
import time
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from flows import publication_files
from flows.coming_back import SUFFIXES, TAKE_BACK
from flows.publication_files import (
    ARCHIVE,
    CHANGES,
    EXPORTS,
    PublishedFile,
    changes_of,
    export_path,
    in_use,
    is_published,
    publication_path,
    publications,
    publications_gone,
    publications_to_let_go,
    published,
    run_time,
)
from flows.tasks import Task, start_task, task_of
from pipeline.decisions import Decision
from pipeline.decisions.tags import TagDecision
from pipeline.errors import StudyError
from pipeline.review import state
from pipeline.review.bounds import MAX_PIECE_BYTES
from pipeline.review.roles import GET, POST, Role, administers, decides, reads, role_of
from pipeline.review.sending import sent
from pipeline.review.steps import N_FIRST, unsigned_themes
from pipeline.review.views import author_of, begin_task, is_fragment, once
from pipeline.review.views.readers import links_shown
from pipeline.review.views.sending_back import sending_shown
from pipeline.study import Study

PUBLISH, EXPORT = "publish", "export"  # tasks
_N_DECISIONS = 12  # shown in words
_WAIT_S, _STEP_S = 5.0, 0.1  # for an export, before the page that waits


@reads(GET)
def publishing(request: HttpRequest) -> HttpResponse:
    """Show what publishing changes, what is not signed, and everything to take away."""
    study = state.study()
    task, last = task_of(study.root, PUBLISH), study.last_run()
    shown: dict[str, Any] = {"section": "publishing", "task": task, "last": last}
    if is_fragment(request) and request.GET.get("partie") == "avancement":
        return _progress(request, shown)
    if is_fragment(request) and request.GET.get("partie") == "reprise":
        shown["returning"] = task_of(study.root, TAKE_BACK)
        return render(request, "review/publishing_back.html", shown)
    if is_fragment(request) and request.GET.get("partie") == "rendre":
        shown |= sending_shown(request) | {"is_published": bool(publications(study))}
        if "sends_back" not in shown:
            raise Http404
        return render(request, "review/publishing_send_back.html", shown)
    if "faite" in request.GET:
        n = (task.result or {}).get("n_let_go", 0) if task else 0
        gone = ngettext("{n} ancienne est partie.", "{n} anciennes sont parties.", n).format(n=n)
        made = _("La publication est faite.")
        messages.success(request, f"{made} {gone}" if n else made)
    if last is None:
        return render(request, "review/publishing.html", shown)
    whole = publications(study)
    current = published(study, last["run_id"])
    is_whole = is_published(study, last["run_id"])
    shown |= _changes(study, last["run_id"], author_of(request), is_whole=is_whole)
    if is_fragment(request):
        return render(request, "review/publishing_changes.html", shown)
    labels = state.labels()
    written = current.files if current else []
    before = whole[0] if whole and not is_whole else None
    is_written = {file.path for file in written}
    used = in_use(study)
    going = {entry.run_id for entry in publications_to_let_go(whole, 1, used)}
    left = [file for file in before.files if file.path not in is_written] if before else []
    shown |= {
        "current": current,
        "published_before": before,
        "groups_before": _groups(left),
        "unsigned": [
            {"theme_id": theme_id, "rank": rank, "label": labels[theme_id]}
            for theme_id, rank in unsigned_themes().items()
        ],
        "n_first": N_FIRST,
        "groups": _groups(written),
        "exports": _exports(study),
        "returning": task_of(study.root, TAKE_BACK),
        "piece_bytes": MAX_PIECE_BYTES,
        "suffixes": ",".join(SUFFIXES),
        "earlier": [
            {"publication": entry, "groups": _groups(entry.files), "may_go": entry.run_id in going}
            for entry in whole
            if entry.run_id != last["run_id"]
        ],
        "whole": whole,
        "is_use_known": used is not None,
        "gone": [row | {"run_at": run_time(row["run_id"])} for row in publications_gone(study)],
        **links_shown(request),
        **sending_shown(request),
    }
    return render(request, "review/publishing.html", shown)


def _progress(request: HttpRequest, shown: dict[str, Any]) -> HttpResponse:
    """Answer the progress; once it ends, have the whole page read again, which says so itself.

    A message left here for the next page may be taken by another request of this one.
    """
    answer = render(request, "review/publishing_progress.html", shown)
    task = shown["task"]
    if task is not None and not task.is_running:
        answer["HX-Redirect"] = f"{reverse('publishing')}{'?faite' if task.result else ''}"
    return answer


@decides(POST)
@once
def publish(request: HttpRequest) -> HttpResponse:
    """Apply the decisions and write the publication, in a process of its own."""
    begin_task(request, PUBLISH, _("Une publication est déjà en cours."))
    return redirect("publishing")


@administers(POST)
@once
def let_go(request: HttpRequest, run_id: str) -> HttpResponse:
    """Remove an earlier publication for good, unless it is in use."""
    study = state.study()
    try:
        with study.locked():
            whole = publications(study)
            chosen = next((entry for entry in whole if entry.run_id == run_id), None)
            if chosen is None:
                raise Http404
            if chosen in publications_to_let_go(whole, 1, in_use(study)):
                publication_files.let_go(study, chosen, author_of(request))
                messages.success(request, _("La publication est partie."))
            else:
                messages.error(
                    request,
                    _(
                        "Cette publication reste : c’est la dernière, un lien ouvert la montre, "
                        "elle a été envoyée à des participants, ou le coffre fermé ne dit pas "
                        "si elle l’a été."
                    ),
                )
    except StudyError as error:
        messages.error(request, str(error))
    return redirect(reverse("publishing") + "#anciennes")


def _changes(study: Study, run_id: str, author: str, *, is_whole: bool) -> dict[str, Any]:
    """Return the lines of what changes, None while a process compares, and the decisions since."""
    lines: list[str] | None = changes_of(study, run_id) if is_whole else None
    failed, path = None, export_path(study, CHANGES)
    if not is_whole and path is not None:
        failed = _make(study, CHANGES, path, author)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else None
    waiting = _waiting()
    listed = [row for row in waiting if not isinstance(row, TagDecision)]
    return {
        "lines": lines,
        "comparison": failed,
        "is_published": is_whole,
        "n_waiting": len(waiting),
        "waiting": [
            {"decision": row, "sentence": state.sentence(row)} for row in listed[:_N_DECISIONS]
        ],
        # analysts code blind: others' codes are counted, not shown
        "n_others": len(waiting) - len(listed[:_N_DECISIONS]),
    }


def _waiting() -> list[Decision]:
    """Return the decisions that the last run did not read and nobody undid."""
    effects = state.snapshot().tables["decision_effects"]
    last_counted = int(effects["decision_id"].max()) if len(effects) else 0
    return [row for row in state.journal().active(Decision) if row.decision_id > last_counted]


# files that people look for together
_GROUPS: tuple[tuple[str, Any, Any], ...] = (
    (
        r"rapport\.",
        gettext_lazy("Rapport"),
        gettext_lazy("Thèmes, priorités candidates et verbatims, à lire et à diffuser."),
    ),
    (
        r"annexe-technique\.",
        gettext_lazy("Annexe technique"),
        gettext_lazy("Méthode, fichiers lus, limites et tableaux complets."),
    ),
    (
        r"restitution\.pptx",
        gettext_lazy("Diapositives de restitution"),
        gettext_lazy("Pour présenter l’étude, à compléter dans PowerPoint ou LibreOffice."),
    ),
    (
        r"ateliers/",
        gettext_lazy("Fiches des ateliers"),
        gettext_lazy("Deux pages par atelier, à rendre aux personnes venues."),
    ),
    (
        r"carte\.html",
        gettext_lazy("Carte"),
        gettext_lazy("Les structures citées et les bassins, à ouvrir dans le navigateur."),
    ),
    (
        r"tableaux/.*\.xlsx",
        gettext_lazy("Tableaux"),
        gettext_lazy("Un classeur à lire et à donner ; un autre, technique, pour l’analyse."),
    ),
)
_KINDS = ("html", "pdf", "docx")  # pages first
_FORMS = (
    ("qdpx", gettext_lazy("Projet REFI-QDA, pour NVivo, ATLAS.ti, MAXQDA ou QualCoder")),
    ("qdc", gettext_lazy("Grille de codes REFI-QDA")),
    ("iramuteq", gettext_lazy("Corpus pour IRaMuTeQ")),
    ("relecture", gettext_lazy("Feuille de relecture, à remplir dans un tableur")),
    ("geojson", gettext_lazy("Structures citées, pour un système d’information géographique")),
    ("csv", gettext_lazy("Toutes les tables en .csv, dans une archive .zip")),
    ("parquet", gettext_lazy("Toutes les tables en .parquet, dans une archive .zip")),
    (ARCHIVE, gettext_lazy("La dernière publication entière, dans une archive .zip")),
)


def _groups(files: list[PublishedFile]) -> list[dict[str, Any]]:
    in_order = sorted(files, key=lambda file: (file.path.rpartition(".")[0], _order(file)))
    return [
        {"title": title, "words": words, "files": own}
        for pattern, title, words in _GROUPS
        if (own := [file for file in in_order if re.match(pattern, file.path)])
    ]


def _order(file: PublishedFile) -> int:
    return _KINDS.index(file.extension) if file.extension in _KINDS else len(_KINDS)


def _exports(study: Study) -> list[dict[str, Any]]:
    """Return the exports that may be asked for, with the size of those made already."""
    rows = []
    for form, words in _FORMS:
        path = export_path(study, form)
        if path is not None:
            n_bytes = path.stat().st_size if path.is_file() else None
            rows.append({"form": form, "words": words, "name": EXPORTS[form], "n_bytes": n_bytes})
    return rows


@reads(GET)
def publication_file(request: HttpRequest, run_id: str, name: str) -> HttpResponseBase:
    """Send a file of a publication; pages open in the browser."""
    path = publication_path(state.study(), run_id, name)
    if path is None:
        raise Http404
    if PublishedFile(name, 0).is_for_analysts and role_of(request.user) < Role.ANALYST:
        raise PermissionDenied
    return sent(path)


@decides(GET)
def publication_export(request: HttpRequest, form: str) -> HttpResponseBase:
    """Send an export, made once a run; a page waits for a long one."""
    study = state.study()
    path = export_path(study, form) if form in dict(_FORMS) else None
    if path is None:
        raise Http404
    is_part, end = is_fragment(request), time.monotonic() + _WAIT_S
    failed = _make(study, form, path, author_of(request), is_retry=not is_part)
    while not (is_part or failed or path.is_file() or time.monotonic() > end):
        time.sleep(_STEP_S)
        failed = _make(study, form, path, author_of(request))
    if path.is_file() and not is_part:
        return FileResponse(path.open("rb"), as_attachment=True, filename=EXPORTS[form])
    shown = {
        "section": "publishing",
        "form": form,
        "name": EXPORTS[form],
        "is_ready": path.is_file(),
        "task": failed,
    }
    page = "publishing_wait_part" if is_part else "publishing_wait"
    return render(request, f"review/{page}.html", shown)


def _make(
    study: Study, form: str, path: Path, author: str, *, is_retry: bool = False
) -> Task | None:
    """Have a process make `path` unless it is made or one failed, which is returned."""
    if path.is_file():
        return None
    task, about = task_of(study.root, EXPORT), "/".join(path.parts[-2:])
    if task is None or not task.is_running:
        if task is not None and task.about == about and task.has_failed and not is_retry:
            return task
        start_task(study.root, EXPORT, asked_by=author, about=about, arguments={"form": form})
    return None
