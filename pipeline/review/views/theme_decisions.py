"""What is decided on themes: appended, unless somebody else decided on the same meanwhile; and taken back."""

import threading
import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from pipeline.publish.text import typography
from pipeline.review import live, state, telling, theme_history
from pipeline.review.bounds import MAX_LABEL, MAX_TEXT
from pipeline.review.journal import Decision
from pipeline.review.roles import Role, decides, role_of
from pipeline.review.theme_gestures import Gesture, Ground, RefusedError, read_gesture
from pipeline.review.views import asking
from pipeline.standing import UNDO

_one_at_a_time = threading.Lock()  # between looking for what others decided and appending
_EDITABLE = ("nom", "description", "why")
_NOT_SENT_AGAIN = ("csrfmiddlewaretoken", "seen", "request_id", *_EDITABLE)


@decides
@require_POST
def decide(request: HttpRequest, subject: str = "") -> HttpResponse:
    """Append what a form decides; where others decided on the same since the person saw it, tell so and keep what was typed."""
    journal, now = state.journal(), live.themes()
    ground = Ground(subject, request.POST, now, state.snapshot(), journal)
    try:
        gesture = read_gesture(ground)
    except RefusedError as refusal:
        return _refused(request, subject, str(refusal))
    except KeyError as unknown:
        raise Http404 from unknown
    with _one_at_a_time:
        seen, author = request.POST.get("seen", ""), asking.author(request)
        newer = theme_history.since(int(seen), gesture.touches, state.journal(), author=author) if seen.isdecimal() else []
        if newer:
            return _told_first(request, subject, gesture, newer)
        told = _told(gesture)
        number = f"{asking.request_id(request)}-{gesture.digest}"
        journal.add(gesture.decisions, author=author, request_id=number)
    messages.success(request, _done(gesture, told))
    return HttpResponseRedirect(asking.back(request, reverse("theme", args=[gesture.shown_next or subject])))


@decides
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take decisions back together; analysts take back their own, administrators anybody's."""
    journal, author = state.journal(), asking.author(request)
    numbers = [int(part) for part in request.POST.get("decisions", "").split(",") if part.isdecimal()]
    rows = [journal[number] for number in numbers if number in journal and journal[number].action != UNDO]
    left = [row for row in rows if not journal.is_undone(row.decision_id)]
    if any(row.author != author for row in left) and role_of(request.user) < Role.ADMINISTRATOR:
        messages.error(request, _("Seule la personne qui a décidé, ou l’administration, peut annuler."))
    elif not left:
        messages.warning(request, _("C’était déjà annulé."))
    else:
        undoings = [{"action": UNDO, "value": str(row.decision_id)} for row in left]
        journal.add(undoings, author=author, request_id=f"{asking.request_id(request)}-{left[0].decision_id}-{len(left)}")
        told = typography(theme_history.deeds(left, journal)[0].told)
        messages.success(request, _("Annulé : {who} {told}.").format(who=left[0].author, told=told))
    return HttpResponseRedirect(asking.back(request, reverse("themes")))


def _told(gesture: Gesture) -> str:
    """What is about to be decided, with the names of before."""
    rows = [_imagined(row) for row in gesture.decisions]
    if len(rows) > 1 and rows[0].action == "move_unit":
        return _("{n} passages changent de thème").format(n=len(rows))
    return telling.decision(rows[0])


def _done(gesture: Gesture, told: str) -> str:
    """What was just decided, with a way to the theme that it made."""
    text = typography(_("C’est enregistré : {told}.").format(told=told))
    if not gesture.made:
        return text
    way = reverse("theme", args=[gesture.made[0]])
    return format_html('{} <a href="{}">{}</a>', text, way, _("Voir le nouveau thème"))


def _refused(request: HttpRequest, subject: str, why: str) -> HttpResponse:
    messages.error(request, typography(why))
    return HttpResponseRedirect(asking.back(request, reverse("theme", args=[subject]) if subject else reverse("set_aside")))


def _told_first(request: HttpRequest, subject: str, gesture: Gesture, newer: list[Decision]) -> HttpResponse:
    """The page that tells who decided what meanwhile, and keeps what was typed; nothing is appended."""
    journal = state.journal()
    sent = [(name, value) for name in request.POST if name not in _NOT_SENT_AGAIN for value in request.POST.getlist(name)]
    wanted = [_imagined(row) for row in gesture.decisions]
    shown: dict[str, Any] = {
        "section": "themes",
        "seen": max(row.decision_id for row in newer),
        "request_id": uuid.uuid4().hex,
        "newer": theme_history.deeds(newer, journal),
        "wanted": telling.decision(wanted[0]) if len(wanted) == 1 or wanted[0].action != "move_unit" else "",
        "n_wanted": len(wanted),
        "sent": sent,
        "typed": {name: request.POST[name] for name in _EDITABLE if request.POST.get(name)},
        "action": request.path,
        "back": asking.back(request, reverse("theme", args=[subject]) if subject else reverse("themes")),
        "max_label": MAX_LABEL,
        "max_text": MAX_TEXT,
    }
    return render(request, "review/theme_conflict.html", shown, status=409)


def _imagined(row: dict[str, Any]) -> Decision:
    """A decision that is not taken yet, to tell it."""
    named = (row.get(name) for name in ("unit_id", "axis", "code", "theme_id", "value", "why"))
    return Decision(0, "", "", row["action"], *named)
