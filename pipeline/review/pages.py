"""Fill what every page shows, and show failures in French."""

import sys
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.deprecation import MiddlewareMixin

from pipeline.errors import AteliersError, StoreError
from pipeline.review import desks, state
from pipeline.review.blind import MachineHiddenError
from pipeline.review.bounds import body_too_long
from pipeline.review.models import Preference
from pipeline.review.roles import Role, role_of
from pipeline.review.steps import steps


class FaultMiddleware(MiddlewareMixin):
    """Show an `AteliersError` of a view: 409, or 503 if decisions cannot be stored."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Return the page, None to leave it to Django."""
        if isinstance(exception, AteliersError):
            status = 503 if isinstance(exception, StoreError) else 409
            return render(request, "review/fault.html", {"fault": exception}, status=status)
        return None


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an insufficient role, or for who codes without the machine (403)."""
    if isinstance(exception, MachineHiddenError):
        match = request.resolver_match
        shown = {"blind": exception.blind, "section": match.url_name if match else ""}
        return render(request, "review/machine_hidden.html", shown, status=403)
    return render(request, "review/no_page.html", {"is_refused": True}, status=403)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an invalid request (400) or one too long (413)."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return body_too_long(request)
    return HttpResponse(
        render_to_string("review/no_page.html", _study_variables() | {"is_unreadable": True}),
        status=400,
    )


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Return the page for an unknown address (404)."""
    return render(request, "review/no_page.html", status=404)


def broken(_request: HttpRequest) -> HttpResponse:
    """Return the page for an unforeseen failure (500) or a silent database (503)."""
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    shown = _study_variables() | {"is_away": is_away}
    return HttpResponse(
        render_to_string("review/broken.html", shown), status=503 if is_away else 500
    )


def page_variables(request: HttpRequest) -> dict[str, Any]:
    """Return the variables of base.html."""
    role = role_of(request.user)
    return _study_variables() | {
        "can_read": role >= Role.READER,
        "can_decide": role >= Role.ANALYST,
        "can_administer": role >= Role.ADMINISTRATOR,
        "has_keys": role >= Role.ANALYST and _has_keys(request),
        "steps_now": _steps if role >= Role.READER else None,  # counted by base.html alone
    }


def _steps() -> list[dict[str, Any]]:
    """Return the steps of the study; none on the pages about all studies, or that say a failure."""
    try:
        return steps() if desks.is_in_study() else []
    except AteliersError:
        return []


def _study_variables() -> dict[str, Any]:
    is_in_study = desks.is_in_study()
    title = state.study().settings.etude.title if is_in_study else "Ateliers territoires"
    return {
        "study_title": title,
        "language": settings.LANGUAGE_CODE,
        "is_in_study": is_in_study,
        "has_studies": settings.STUDIES_FOLDER is not None,
    }


def _has_keys(request: HttpRequest) -> bool:
    preferences = Preference.objects.filter(user_id=request.user.pk)
    return preferences.values_list("has_keys", flat=True).first() in (True, None)
