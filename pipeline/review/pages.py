"""What every page shows, and failures as pages in French: those a person can act on (what was found, what was expected, what to do), and all others."""

import sys
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from pipeline.errors import AteliersError, StoreError
from pipeline.review.bounds import body_too_long
from pipeline.review.models import Preference
from pipeline.review.roles import Role, role_of


class FaultMiddleware:
    """Turn an `AteliersError` of any view into a page of status 409 that says it in French, 503 where decisions cannot be kept now."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:  # noqa: D102
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for `exception`; None leaves it to Django."""
        if isinstance(exception, AteliersError):
            status = 503 if isinstance(exception, StoreError) else 409
            return render(request, "review/fault.html", {"fault": exception}, status=status)
        return None


def refused(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for what the role of the person does not allow (403)."""
    return render(request, "review/no_page.html", {"is_refused": True}, status=403)


def unreadable(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for a request that is not read (400), perhaps before anybody is known to ask, or not so long (413)."""
    if isinstance(exception, RequestDataTooBig | TooManyFieldsSent):
        return body_too_long(request)
    return HttpResponse(
        render_to_string("review/no_page.html", _without_person() | {"is_unreadable": True}),
        status=400,
    )


def missing(request: HttpRequest, exception: Exception) -> HttpResponse:
    """The page for an address that leads nowhere, perhaps no more (404)."""
    return render(request, "review/no_page.html", status=404)


def broken(_request: HttpRequest) -> HttpResponse:
    """The page for what nobody foresaw (500), and for a database that does not answer (503); it asks nothing of the database."""
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    shown = _without_person() | {"is_away": is_away}
    return HttpResponse(
        render_to_string("review/broken.html", shown), status=503 if is_away else 500
    )


def _without_person() -> dict[str, Any]:
    """What a page shows that is made without a session."""
    return {"study_title": settings.STUDY.settings.etude.title, "language": settings.LANGUAGE_CODE}


def of_page(request: HttpRequest) -> dict[str, Any]:
    """The variables of pipeline/review/templates/review/base.html."""
    role = role_of(request.user)
    return {
        "study_title": settings.STUDY.settings.etude.title,
        "can_read": role >= Role.READER,
        "can_decide": role >= Role.ANALYST,
        "can_administer": role >= Role.ADMINISTRATOR,
        "has_keys": role >= Role.ANALYST and _has_keys(request),
        "language": settings.LANGUAGE_CODE,
    }


def _has_keys(request: HttpRequest) -> bool:
    found = (
        Preference.objects.filter(user_id=request.user.pk)
        .values_list("has_keys", flat=True)
        .first()
    )
    return True if found is None else found
