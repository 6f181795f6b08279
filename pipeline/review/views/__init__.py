"""Answer each address."""

import threading
import uuid
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.cache import cache
from django.core.paginator import Page, Paginator
from django.http import HttpRequest, HttpResponse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _

from flows.tasks import start_task
from pipeline.decisions import Decision
from pipeline.files import text_hash
from pipeline.review import state

N_LISTED = 50  # rows a page
_REMEMBERED_S = 24 * 3600
_creating = threading.Lock()  # one process serves all requests


def author_of(request: HttpRequest) -> str:
    """Return the person's name in decisions."""
    return str(request.user.get_username())


def request_id_of(request: HttpRequest) -> str:
    """Return the id of a form as it was shown and filled in, the same if sent twice.

    Django's hidden token tells two forms apart: it is another one on each page that it makes.
    """
    if "csrfmiddlewaretoken" not in request.POST:
        return uuid.uuid4().hex
    fields = sorted((name, *values) for name, values in request.POST.lists())
    return text_hash(request.get_full_path(), author_of(request), repr(fields))


def once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a form that creates something do so once: sent again, it gets the first answer again."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **options: Any) -> HttpResponse:
        if request.method != "POST":
            return view(request, *args, **options)
        request_id = request_id_of(request)
        with _creating:
            first: HttpResponse | None = cache.get(request_id)
            answer = first or view(request, *args, **options)
            if first is None and answer.status_code < 400:
                cache.set(request_id, answer, _REMEMBERED_S)
        if first is not None:
            messages.info(request, _("Ce formulaire était déjà envoyé : il compte une seule fois."))
        return answer

    return answered


def record(request: HttpRequest, *decisions: Decision) -> list[int]:
    """Append the person's decisions, once for a form sent twice, and return their numbers."""
    author, request_id = author_of(request), request_id_of(request)
    return state.journal().add(decisions, author=author, request_id=request_id)


def begin_task(request: HttpRequest, name: str, busy: str, **arguments: Any) -> None:
    """Have a process do a task that the person asks for; say `busy` where one does already."""
    root, author = state.study().root, author_of(request)
    if not start_task(root, name, asked_by=author, arguments=arguments):
        messages.warning(request, busy)


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
