"""Answer each address: read the request, call what computes, show a page."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

N_LISTED = 50  # rows a page


def author_of(request: HttpRequest) -> str:
    """Return the name under which the person decides."""
    return str(request.user.get_username())


def request_id_of(request: HttpRequest) -> str:
    """Return the id of the form, the same if the browser sends it again."""
    return request.POST.get("request_id") or uuid.uuid4().hex


def reason_of(request: HttpRequest) -> str | None:
    """Return the typed reason of a decision, None if blank."""
    return request.POST.get("why", "").strip() or None


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page."""
    return request.headers.get("HX-Request") == "true"


def page_of(request: HttpRequest, rows: Sequence[Any], n_listed: int = N_LISTED) -> Page[Any]:
    """Return the page of `rows` that the address asks for."""
    return Paginator(rows, n_listed).get_page(request.GET.get("page"))


def return_url(request: HttpRequest, default: str) -> str:
    """Return the application's page that the person came from, or `default`."""
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if url and is_ours else default
