"""Failures that a person can act on, shown as a page: what was found, what was expected, what to do."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pipeline.errors import AteliersError


class FaultMiddleware:
    """Turn an `AteliersError` of any view into a page of status 409 that says it in French."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:  # noqa: D102
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for `exception`; None leaves it to Django."""
        if isinstance(exception, AteliersError):
            return render(request, "review/fault.html", {"fault": exception}, status=409)
        return None
