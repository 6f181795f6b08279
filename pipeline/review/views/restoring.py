"""Restore a backup in the place of the study: tried first, then confirmed."""

from pathlib import Path
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from flows.backup import backups_of, read_backup_passphrase
from flows.restoration import ArchiveUploads, give_up_restoration, sent_archive
from flows.tasks import Task, clear_task, task_of
from pipeline.review import state
from pipeline.review.bounds import MAX_PIECE_BYTES
from pipeline.review.roles import POST, administers
from pipeline.review.views import begin_task
from pipeline.review.views.deposit import upload_views
from pipeline.study import Study

RESTORE = "restore"  # a task
SENT = "envoyee"  # the archive that a browser sent, in the form
MIN_CHARS = 12  # of a passphrase, as of a password


def restoring_shown(study: Study, task: Task | None) -> dict[str, Any]:
    """Return the variables of the part of the page that restores."""
    return {
        "restoring": task,
        "has_sent": sent_archive(study.root).is_file(),
        "sent": SENT,
        "piece_bytes": MAX_PIECE_BYTES,
        "typed_name": _name_of(study),
        "may_restore": not (study.database_url or study.keeps_tables_elsewhere),
    }


announce, piece = upload_views(
    administers, lambda _request: ArchiveUploads(state.study()), "archive_piece"
)


@administers(POST)
def restore(request: HttpRequest) -> HttpResponse:
    """Try a restoration, restore what was tried, or give it up."""
    study, gesture = state.study(), request.POST.get("geste", "")
    phrase = request.POST.get("phrase", "") or None
    if gesture == "fermer":
        task = task_of(study.root, RESTORE)
        if task is None or not task.is_running:
            clear_task(study.root, RESTORE)
            give_up_restoration(study.root)
        return redirect("study_data")
    if gesture == "essayer":
        path = _archive(study, request.POST.get("archive", ""))
        if path is None:
            messages.error(request, _("Choisir d’abord une sauvegarde."))
            return redirect("study_data")
        return _started(request, archive=str(path), passphrase=phrase)
    if gesture != "restaurer":
        raise Http404
    fault = _fault(study, request.POST.get("nom", ""), phrase)
    if fault:
        messages.error(request, fault)
        return redirect("study_data")
    return _started(request, archive=None, passphrase=phrase)


def _started(request: HttpRequest, **arguments: str | None) -> HttpResponse:
    begin_task(request, RESTORE, _("Une restauration est déjà en cours."), **arguments)
    return redirect("study_data")


def _fault(study: Study, typed: str, phrase: str | None) -> str:
    """Return why what was tried is not restored, blank where nothing stands in the way."""
    task = task_of(study.root, RESTORE)
    if task is None or not task.result or not task.result["is_dry_run"]:
        return _("L’essai manque : le refaire. Rien n’a été changé.")
    if " ".join(typed.split()).casefold() != _name_of(study).casefold():
        return _("Ce n’est pas le nom de l’étude : rien n’a été changé.")
    if read_backup_passphrase() is None and len(phrase or "") < MIN_CHARS:
        told = _("La phrase de passe est trop courte : {n} signes au moins.")
        return told.format(n=MIN_CHARS)
    return ""


def _archive(study: Study, name: str) -> Path | None:
    """Return the archive that was sent, or one that this server keeps of the study."""
    sent = sent_archive(study.root)
    if name == SENT:
        return sent if sent.is_file() else None
    return next((path for path in backups_of(study) if path.name == name), None)


def _name_of(study: Study) -> str:
    return " ".join(study.settings.etude.title.split()) or study.root.name
