"""Answer each address."""

import uuid
from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

N_LISTED = 50  # rows a page


def author_of(request: HttpRequest) -> str:
    """Return the person's name in decisions."""
    return str(request.user.get_username())


def request_id_of(request: HttpRequest) -> str:
    """Return the form's id, the same if sent twice."""
    return request.POST.get("request_id") or uuid.uuid4().hex


def reason_of(request: HttpRequest) -> str | None:
    """Return the typed reason, None if blank."""
    return request.POST.get("why", "").strip() or None


def is_fragment(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of the page."""
    return request.headers.get("HX-Request") == "true"


def page_of(request: HttpRequest, rows: Sequence[Any], n_listed: int = N_LISTED) -> Page[Any]:
    """Return the requested page of `rows`."""
    return Paginator(rows, n_listed).get_page(request.GET.get("page"))


def return_url(request: HttpRequest, default: str) -> str:
    """Return the previous page of the application, or `default`."""
    url = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if url and is_ours else default
