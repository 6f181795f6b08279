"""Tell participants by mail that the sheets are ready: tried first, then sent."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from flows.tasks import clear_task, start_task, task_of
from pipeline.review import state
from pipeline.review.roles import Role, administers, role_of
from pipeline.review.views import author_of

SEND_BACK = "send_back"  # a task


def sending_shown(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows of the sending, to administrators, where the study says so."""
    study = state.study()
    if role_of(request.user) < Role.ADMINISTRATOR or not study.settings.notify.send_back:
        return {}
    return {"sends_back": True, "sending": task_of(study.root, SEND_BACK)}


@administers
@require_POST
def send(request: HttpRequest) -> HttpResponse:
    """Say who would be told, tell them once that was shown, or put the answer away."""
    root, gesture = state.study().root, request.POST.get("geste", "")
    task = task_of(root, SEND_BACK)
    if gesture == "fermer":
        clear_task(root, SEND_BACK)
    elif gesture == "envoyer" and not (task and task.result and task.result["is_dry_run"]):
        messages.error(request, _("L’essai manque : le refaire. Rien n’a été envoyé."))
    elif gesture not in ("essayer", "envoyer"):
        raise Http404
    elif not start_task(
        root,
        SEND_BACK,
        asked_by=author_of(request),
        arguments={"sends": gesture == "envoyer"},
    ):
        messages.warning(request, _("Un envoi est déjà en cours."))
    return redirect(reverse("publishing") + "#rendre")
