"""Tell participants by mail that the sheets are ready: tried first, then sent; note who refuses."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from flows.tasks import clear_task, task_of
from pipeline.errors import VaultError
from pipeline.review import state
from pipeline.review.reader_links import RateLimit
from pipeline.review.roles import POST, Role, administers, role_of
from pipeline.review.views import begin_task

SEND_BACK = "send_back"  # a task
_PERIOD_S = 60.0
_refusals = RateLimit(20, _PERIOD_S)  # by address


def sending_shown(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows of the sending, to administrators, where the study says so."""
    study = state.study()
    if role_of(request.user) < Role.ADMINISTRATOR or not study.settings.notify.send_back:
        return {}
    return {"sends_back": True, "sending": task_of(study.root, SEND_BACK)}


@administers(POST)
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
    else:
        busy = _("Un envoi est déjà en cours.")
        begin_task(request, SEND_BACK, busy, sends=gesture == "envoyer")
    return redirect(reverse("publishing") + "#rendre")


@csrf_exempt  # a mail program posts from no page of ours (RFC 8058); all it can do is refuse
@login_not_required
@require_http_methods(["GET", "POST"])
def refuse_mails(request: HttpRequest, code: str) -> HttpResponse:
    """Note that whoever got a mail with this code wants no other; a GET only asks."""
    # Here, since they load what makes reports and reads mails.
    from flows.refusals import is_code, refuse
    from flows.send_back import answer_address

    if not is_code(code):  # an id, which anybody may guess
        raise Http404
    study = state.study()
    shown, status = {"is_done": False, "answer": answer_address(study), "code": code}, 200
    if not _refusals.allows((study.root, request.META.get("REMOTE_ADDR", ""))):
        shown["why"], status = "busy", 429
    elif request.method == "POST":
        try:
            shown["is_done"] = refuse(study, code)
        except VaultError:
            shown["why"], status = "locked", 503
    answer = render(request, "review/refuse_mails.html", shown, status=status)
    answer["Referrer-Policy"] = "no-referrer"
    answer["X-Robots-Tag"] = "noindex, nofollow"
    if status != 200:
        answer["Retry-After"] = str(round(_PERIOD_S))
    return answer
