"""Erase a person from the study, and back it up: what only those who administer do."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from flows.backup import backups_of, is_sealed, read_backup_passphrase
from flows.restoration import give_up_restoration
from flows.tasks import clear_task, task_of
from pipeline.review import state
from pipeline.review.roles import GET, POST, administers
from pipeline.review.views import begin_task, is_fragment, once
from pipeline.review.views.restoring import MIN_CHARS, RESTORE, restoring_shown

FORGET, BACKUP = "forget", "backup"  # tasks
_PARTS = {"sauvegarde": BACKUP, "restauration": RESTORE}  # of the page, by task
_KEPT_FOR = timedelta(days=1)


@administers(GET)
def study_data(request: HttpRequest) -> HttpResponse:
    """Show the erasure and the restoration under way or tried, and the backups."""
    study = state.study()
    _put_away_old(study.root)
    tasks = {name: task_of(study.root, name) for name in (FORGET, BACKUP, RESTORE)}
    shown: dict[str, Any] = {
        "section": "publishing",
        "task": tasks[FORGET],
        "backup": tasks[BACKUP],
        **restoring_shown(study, tasks[RESTORE]),
    }
    shown["has_passphrase"] = read_backup_passphrase() is not None
    shown["min_chars"] = MIN_CHARS
    if is_fragment(request):
        part = _PARTS.get(request.GET.get("partie", ""), FORGET)
        answer = render(request, f"review/study_data_{part}.html", shown)
        task = tasks[part]
        if task is not None and not task.is_running:
            answer["HX-Refresh"] = "true"
        return answer
    shown |= {
        "has_run": study.last_run() is not None,
        "study_name": study.root.name,
        "backups": [
            {"name": path.name, "n_bytes": path.stat().st_size, "is_sealed": is_sealed(path)}
            for path in backups_of(study)
        ],
        "keeps_accounts": not study.database_url,
    }
    return render(request, "review/study_data.html", shown)


def _put_away_old(root: Path) -> None:
    """Put away what was tried a day ago: files that may bear a name, a backup unpacked."""
    for name in (FORGET, RESTORE):
        task = task_of(root, name)
        if task is None or not task.ended_at:
            continue
        if datetime.now(UTC) - datetime.fromisoformat(task.ended_at) > _KEPT_FOR:
            clear_task(root, name)
            if name == RESTORE:
                give_up_restoration(root)


@administers(POST)
def forget(request: HttpRequest) -> HttpResponse:
    """Try an erasure, erase who was tried, or put the answer away."""
    root, wanted = state.study().root, request.POST.get("personne", "").strip()
    gesture, task = request.POST.get("geste", ""), task_of(root, FORGET)
    if gesture == "fermer":
        clear_task(root, FORGET)
        return redirect("study_data")
    if not wanted:
        messages.error(request, _("Il manque le nom de la personne : rien n’a été effacé."))
        return redirect("study_data")
    with_words = request.POST.get("propos") == "on"
    arguments: dict[str, Any] = {"wanted": wanted, "with_words": with_words}
    if gesture == "effacer":
        plan = task.result if task is not None else None
        if not plan or not plan["is_dry_run"]:
            messages.error(request, _("L’essai manque : le refaire. Rien n’a été effacé."))
            return redirect("study_data")
        arguments |= {name: plan[name] for name in ("with_words", "participant_ids")}
    elif gesture != "essayer":
        raise Http404
    begin_task(request, FORGET, _("Un effacement est déjà en cours."), **arguments)
    return redirect("study_data")


@administers(POST)
@once
def back_up(request: HttpRequest) -> HttpResponse:
    """Write a backup beside the study, sealed under the server's passphrase or the one typed."""
    passphrase = None
    if read_backup_passphrase() is None:
        passphrase, again = request.POST.get("phrase", ""), request.POST.get("encore", "")
        if len(passphrase) < MIN_CHARS or passphrase != again:
            fault = (
                _("Les deux phrases de passe diffèrent : rien n’a été sauvegardé.")
                if passphrase != again
                else _("La phrase de passe est trop courte : {n} signes au moins.").format(
                    n=MIN_CHARS
                )
            )
            messages.error(request, fault)
            return redirect("study_data")
    begin_task(request, BACKUP, _("Une sauvegarde est déjà en cours."), passphrase=passphrase)
    return redirect("study_data")


@administers(GET)
def backup_file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send a backup of this study."""
    path = next((path for path in backups_of(state.study()) if path.name == name), None)
    if path is None:
        raise Http404
    return FileResponse(path.open("rb"), as_attachment=True, filename=path.name)
