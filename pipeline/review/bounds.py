"""Bound the bytes of a form and the characters of its fields; nothing is ever cut."""

import re
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from pipeline.errors import UsageError
from pipeline.publish.text import number

MAX_BODY_BYTES = 256 * 1024  # ten times the longest form, of 800 ticked passages
MAX_PIECE_BYTES = 1024 * 1024  # of a file that is being sent, which a view writes as it comes
_DIGITS = re.compile("[0-9]{1,15}")
_PIECE_ADDRESS = re.compile(
    rb"POST [^ ?]*/(?:depot|publier/(?:donnees|reprises))/envois/[0-9a-f]{32}(?:\?[^ ]*)? HTTP/"
)
MAX_WHY, MAX_LABEL, MAX_TEXT = 500, 120, 1000  # characters
_MAX_CHARS = {  # others: MAX_TEXT
    "why": MAX_WHY,
    "nom": MAX_LABEL,
    "nom-famille": MAX_LABEL,
    "username": 60,
    "memo": 10_000,
    "next": 4096,  # an address
    "decisions": 20_000,  # numbers of decisions taken together
    "avant": 40_000,  # the settings as the page showed them
    **dict.fromkeys(("definition", "include", "exclude"), 4000),  # of a code
    **dict.fromkeys(("examples", "lexicon"), 20_000),
    "etude.expected_structure_types": 20_000,
    "etude.territories": 20_000,
    "territories": 20_000,
    "pseudonymise.hide": 20_000,
    "pseudonymise.keep": 20_000,
    "mail.workshops": 20_000,
}


def whole(typed: str, most: int = 10**15) -> int | None:
    """Return the number from 0 to `most` that a field or an address holds, None for another text.

    >>> [whole(typed, 99) for typed in ("12", "²", "１２", "-1", "100", "")]
    [12, None, None, None, None, None]
    """
    number = int(typed) if _DIGITS.fullmatch(typed) else most + 1
    return number if number <= most else None


def is_piece(head: bytes) -> bool:
    """Whether a request's head announces a piece of a file, and not a form."""
    return _PIECE_ADDRESS.match(head) is not None


class BoundedFieldsMiddleware(MiddlewareMixin):
    """Refuse a form with too long a field before any view reads it."""

    def process_view(
        self, request: HttpRequest, _view: Any, _args: Any, _options: Any
    ) -> HttpResponse | None:
        """Return the refusal, None to accept; a NUL, which databases refuse, is answered by 400."""
        sent = [*request.GET.lists(), *request.POST.lists()]
        if any("\0" in text for name, values in sent for text in (name, *values)):
            raise BadRequest("NUL")
        for name, values in request.POST.lists():
            limit = _MAX_CHARS.get(name, MAX_TEXT)
            longest = max(len(str(value).replace("\r\n", "\n").strip()) for value in values)
            if longest > limit:
                return too_long(request, longest, limit, name)
        return None


class NoStoreMiddleware(MiddlewareMixin):
    """Forbid storing pages: passages are what people said."""

    def process_response(
        self, _request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """Return the answer with the order not to keep it."""
        response["Cache-Control"] = "no-store"
        return response


def too_long(request: HttpRequest, n_chars: int, limit: int, name: str) -> HttpResponse:
    """Return the page (422) that says how much too long a field is."""
    labels = {
        "why": _("Pourquoi"),
        "nom": _("Nom"),
        "username": _("Nom"),
        "description": _("Description"),
        "memo": _("Mémo"),
    }
    fault = UsageError(
        _("le champ « {name} » compte {n} signes").format(
            name=labels.get(name, name[:30]), n=number(n_chars)
        ),
        _("{n} signes au plus").format(n=number(limit)),
        _("le raccourcir, puis recommencer ; rien n’est enregistré"),
    )
    return _refused(request, fault, status=422)


def body_too_long(request: HttpRequest) -> HttpResponse:
    """Return the page (413) for a form longer than any real one."""
    fault = UsageError(
        _("un envoi de {n} Kio").format(
            n=number(int(request.META.get("CONTENT_LENGTH") or 0) / 1024, 0)
        ),
        _("{n} Kio au plus").format(n=number(MAX_BODY_BYTES / 1024, 0)),
        _("raccourcir le texte, puis recommencer ; rien n’est enregistré"),
    )
    return _refused(request, fault, status=413)


def _refused(request: HttpRequest, fault: UsageError, *, status: int) -> HttpResponse:
    """htmx shows the three lines of `fault` among the messages."""
    response = render(request, "review/fault.html", {"fault": fault}, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = "#annonce", "innerHTML"
    response["HX-Reselect"] = "dl.fault"
    return response
