"""Give, list and close links for readers without an account, and answer those who come by one."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from flows.publication_files import publication_path, publications, published
from pipeline.review import state
from pipeline.review.bounds import whole
from pipeline.review.reader_links import (
    DEFAULT_DAYS,
    MAX_DAYS,
    RateLimit,
    find_link,
    links_of,
    make_link,
    note_opening,
    revoke_link,
)
from pipeline.review.roles import POST, Role, administers, is_loopback, public_address, role_of
from pipeline.review.sending import sent
from pipeline.review.views import author_of, once

_PARTS = ("rapport", "annexe-technique")
_NAMES = tuple(f"{part}.{form}" for part in _PARTS for form in ("html", "pdf", "docx"))
_PERIOD_S = 60.0
_openings = RateLimit(120, _PERIOD_S)  # of a link
_refusals = RateLimit(20, _PERIOD_S)  # by address, of tokens that are no link


def links_shown(request: HttpRequest) -> dict[str, Any]:
    """Return what the page shows of links to those who administer."""
    if role_of(request.user) < Role.ADMINISTRATOR:
        return {}
    return {
        "links": list(reversed(links_of(state.study().root))),
        "default_days": DEFAULT_DAYS,
        "max_days": MAX_DAYS,
    }


@administers(POST)
@once
def make(request: HttpRequest) -> HttpResponse:
    """Make a link to a publication, and show it once."""
    study = state.study()
    run_id, typed = request.POST.get("publication", ""), request.POST.get("jours", "")
    days = whole(typed, MAX_DAYS)
    if run_id not in {entry.run_id for entry in publications(study)}:
        raise Http404
    if not days:
        messages.error(
            request,
            _("Un lien vaut de 1 à {most} jours : « {days} » ne convient pas.").format(
                most=MAX_DAYS, days=typed[:20]
            ),
        )
        return redirect("publishing")
    token = make_link(study.root, run_id, made_by=author_of(request), n_days=days)
    link = public_address(request, reverse("reader_link", args=[token]))
    shown = {"section": "publishing", "link": link, "is_ours_alone": is_loopback(link)}
    return render(request, "review/reader_link_made.html", shown | {"days": days})


@administers(POST)
def revoke(request: HttpRequest, link_id: str) -> HttpResponse:
    """Close a link at once."""
    if revoke_link(state.study().root, link_id, revoked_by=author_of(request)):
        messages.success(request, _("Le lien est fermé : il n’ouvre plus rien."))
    else:
        messages.warning(request, _("Ce lien était déjà fermé."))
    return redirect(reverse("publishing") + "#liens")


@login_not_required
@require_GET
def read(request: HttpRequest, token: str, name: str = "") -> HttpResponseBase:
    """Show what a link opens, or send one of its files."""
    answer = _answer(request, token, name)
    answer["Referrer-Policy"] = "no-referrer"  # the address is the key
    answer["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def _answer(request: HttpRequest, token: str, name: str) -> HttpResponseBase:
    study = state.study()
    caller = (study.root, request.META.get("REMOTE_ADDR", ""))
    if not _refusals.allows(caller, counts=False):
        return _closed(request, "busy", 429)
    link = find_link(study.root, token)
    if link is None:
        _refusals.allows(caller)
        return _closed(request, "unknown", 404)
    if not _openings.allows((study.root, link.link_id)):
        return _closed(request, "busy", 429)
    if not link.is_open:
        return _closed(request, "revoked" if link.revoked_at else "expired", 410)
    publication = published(study, link.run_id)
    if publication is None or not publication.is_whole:
        return _closed(request, "gone", 410)
    if name:
        path = publication_path(study, link.run_id, name) if name in _NAMES else None
        if path is None:
            raise Http404
        return sent(path)
    note_opening(study.root, link)
    files = sorted(
        (file for file in publication.files if file.path in _NAMES),
        key=lambda file: _NAMES.index(file.path),
    )
    parts = [[file for file in files if file.path.startswith(part)] for part in _PARTS]
    shown = {"link": link, "token": token, "publication": publication, "parts": parts}
    return render(request, "review/reader_link.html", shown)


def _closed(request: HttpRequest, why: str, status: int) -> HttpResponse:
    answer = render(request, "review/reader_link.html", {"why": why}, status=status)
    if status == 429:
        answer["Retry-After"] = str(round(_PERIOD_S))
    return answer
