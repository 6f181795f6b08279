"""How much a person may type: the bytes of a form, the characters of each of its fields; more is refused, never cut.

In:   a form that was sent
Out:  a page that says what is too long, with nothing recorded
"""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from pipeline.errors import UsageError
from pipeline.publish.text import number

MAX_BODY_BYTES = 256 * 1024  # the longest form, eight hundred ticked passages, takes a tenth of it
MAX_WHY, MAX_LABEL, MAX_TEXT = 500, 120, 1000  # characters
_MAX_CHARS = {"why": MAX_WHY, "nom": MAX_LABEL, "username": 60}  # others: MAX_TEXT
_MAX_CHARS |= {
    "next": 4096,
    "decisions": 20_000,
}  # which nobody types: an address, the numbers of decisions taken together


class BoundedFieldsMiddleware:
    """Refuse a form of which a field holds more than it may, before any view reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:  # noqa: D102
        return self._get_response(request)

    def process_view(
        self, request: HttpRequest, _view: Any, _args: Any, _options: Any
    ) -> HttpResponse | None:
        """Return the page that refuses the form; None lets it through."""
        if request.method != "POST":
            return None
        for name, values in request.POST.lists():
            limit = _MAX_CHARS.get(name, MAX_TEXT)
            longest = max(len(str(value).replace("\r\n", "\n").strip()) for value in values)
            if longest > limit:
                return too_long(request, longest, limit, name)
        return None


class NoStoreMiddleware:
    """Tell browsers and proxies to keep no page: passages are what people said."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:  # noqa: D102
        response = self._get_response(request)
        response["Cache-Control"] = "no-store"
        return response


def too_long(request: HttpRequest, n_chars: int, limit: int, name: str) -> HttpResponse:
    """The page (422) that says which field is too long, and by how much."""
    named = {
        "why": _("Pourquoi"),
        "nom": _("Nom"),
        "username": _("Nom"),
        "description": _("Description"),
    }
    fault = UsageError(
        _("le champ « {name} » compte {n} signes").format(
            name=named.get(name, name[:30]), n=number(n_chars)
        ),
        _("{n} signes au plus").format(n=number(limit)),
        _("le raccourcir, puis recommencer ; rien n’est enregistré"),
    )
    return refused(request, fault, status=422)


def body_too_long(request: HttpRequest) -> HttpResponse:
    """The page (413) for a form that is longer than any form of the application."""
    fault = UsageError(
        _("un envoi de {n} Kio").format(
            n=number(int(request.META.get("CONTENT_LENGTH") or 0) / 1024, 0)
        ),
        _("{n} Kio au plus").format(n=number(MAX_BODY_BYTES / 1024, 0)),
        _("raccourcir le texte, puis recommencer ; rien n’est enregistré"),
    )
    return refused(request, fault, status=413)


def refused(request: HttpRequest, fault: UsageError, *, status: int) -> HttpResponse:
    """The page that says `fault`; to htmx, which asked for a part of a page, its three lines, among the messages."""
    response = render(request, "review/fault.html", {"fault": fault}, status=status)
    response["HX-Retarget"], response["HX-Reswap"], response["HX-Reselect"] = (
        "#annonce",
        "innerHTML",
        "dl.fault",
    )
    return response
