"""The themes: by family, one by one, what is proposed for them, passages without any, a theme to split."""

import json
import uuid
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from pipeline.review import live, state, theme_cards, theme_hints, theme_history, theme_page
from pipeline.review.bounds import MAX_LABEL, MAX_TEXT
from pipeline.review.journal import Journal
from pipeline.review.live import Themes
from pipeline.review.roles import reads
from pipeline.review.searching import folded
from pipeline.review.snapshot import Snapshot
from pipeline.review.theme_gestures import ASIDE, N_LISTED_HALF, places_of
from pipeline.review.views import asking

_N_LISTED = 50
_N_LATEST, _N_TOLD = 5, 100


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Families and their themes."""
    shown, now, snapshot, journal = _common(request)
    n_proposed = len(theme_hints.mergers(now, snapshot, journal)) + len(theme_hints.wordings(now, snapshot, journal))
    shown |= {
        "families": theme_cards.families(now, snapshot),
        "n_themes": len(now.themes),
        "n_proposed": n_proposed,
        "n_aside": len(snapshot.units) - len(now.theme_of),
        "n_units": len(snapshot.units),
    }
    return render(request, "review/themes.html", shown)


@reads
@require_GET
def theme(request: HttpRequest, theme_id: str) -> HttpResponse:
    """One theme: what it holds, who said it where, what was decided on it; or what became of one that is no more."""
    shown, now, snapshot, journal = _common(request)
    history = theme_history.deeds(theme_history.on({theme_id}, journal)[-_N_TOLD:], journal)
    label = live.labels().get(theme_id)
    card = theme_cards.cards(now, snapshot).get(theme_id)
    if card is None:
        if label is None and not history:
            raise Http404
        shown |= {"theme_id": theme_id, "label": label or _("Thème qui n’est plus"), "history": history, "end": _end_of(theme_id, journal)}
        return render(request, "review/theme_gone.html", shown)
    members = now.of_theme[theme_id]
    row = now.themes[now.themes["theme_id"] == theme_id].to_dict("records")[0]
    page = Paginator(members, _N_LISTED).get_page(request.GET.get("page"))
    actors, n_known = theme_page.by_actor(members, snapshot)
    pins = theme_page.pins_in(list(page.object_list), journal)
    quotes = theme_page.quotes(theme_id, str(row["quotes"]), now, snapshot, journal)
    quoted = {quote.unit.unit_id for quote in quotes}
    shown |= {
        "card": card,
        "keywords": _listed(str(row["keywords"])),
        "quotes": quotes,
        "workshops": theme_page.by_workshop(members, snapshot),
        "actors": actors,
        "n_known": n_known,
        "profile": theme_page.profile(members, snapshot, state.study().grid),
        "history": history,
        "page": page,
        "rows": [{"unit": snapshot.units[name], "is_quoted": name in quoted, "pin": pins.get(name)} for name in page.object_list],
        "wordings": {entry.subject: entry for entry in theme_hints.wordings(now, snapshot, journal, theme_id=theme_id)},
        "family_label": shown["family_labels"].get(card.family_id, ""),
    }
    return render(request, "review/theme.html", shown)


@reads
@require_GET
def split(request: HttpRequest, theme_id: str) -> HttpResponse:
    """The passages of a theme in the two halves that the machine proposes, for a person to tick."""
    shown, now, snapshot, _journal = _common(request)
    card = theme_cards.cards(now, snapshot).get(theme_id)
    if card is None:
        raise Http404
    members = now.of_theme[theme_id]
    smaller = places_of(members, snapshot)
    listed = [[name for name, is_smaller in zip(members, smaller, strict=True) if is_smaller == wanted] for wanted in (True, False)]
    groups = [
        {"is_smaller": is_smaller, "units": [snapshot.units[name] for name in names[:N_LISTED_HALF]], "n": len(names)}
        for is_smaller, names in zip((True, False), listed, strict=True)
    ]
    for group, names in zip(groups, listed, strict=True):
        group["n_left"] = max(len(names) - N_LISTED_HALF, 0)
    return render(request, "review/theme_split.html", shown | {"card": card, "groups": groups})


@reads
@require_GET
def proposals(request: HttpRequest) -> HttpResponse:
    """Mergers, names and descriptions that the machine and a language model propose."""
    shown, now, snapshot, journal = _common(request)
    shown |= {
        "mergers": theme_hints.mergers(now, snapshot, journal),
        "wordings": theme_hints.wordings(now, snapshot, journal),
        "cards": theme_cards.cards(now, snapshot),
    }
    return render(request, "review/theme_proposals.html", shown)


@reads
@require_GET
def set_aside(request: HttpRequest) -> HttpResponse:
    """The passages without theme, fifty a page."""
    shown, now, snapshot, _journal = _common(request)
    workshop_id = request.GET.get("atelier", "")
    listed = [unit for unit in theme_cards.set_aside(now, snapshot) if workshop_id in ("", unit.workshop_id)]
    page = Paginator(listed, _N_LISTED).get_page(request.GET.get("page"))
    address = f"atelier={workshop_id}" if workshop_id in snapshot.workshops else ""
    shown |= {"page": page, "rows": page.object_list, "n_listed": len(listed), "address": address, "workshop_id": workshop_id}
    return render(request, "review/set_aside.html", shown)


def _common(request: HttpRequest) -> tuple[dict[str, Any], Themes, Snapshot, Journal]:
    """What every page on themes shows; `seen`, read first, is the last decision that the person surely sees there."""
    journal = state.journal()
    seen = journal.last_id
    now, snapshot = live.themes(), state.snapshot()
    shown = {
        "section": "themes",
        "seen": seen,
        "request_id": uuid.uuid4().hex,
        "labels": dict(sorted(now.labels.items(), key=lambda entry: folded(entry[1])[0])),
        "family_labels": theme_cards.family_labels(now, snapshot),
        "workshops_by_id": snapshot.workshops,
        "latest": theme_history.latest_of(asking.author(request), journal, n_deeds=_N_LATEST),
        "aside": ASIDE,
        "max_label": MAX_LABEL,
        "max_text": MAX_TEXT,
    }
    return shown, now, snapshot, journal


def _end_of(theme_id: str, journal: Journal) -> str:
    """The theme that a theme was merged into, blank where it was not."""
    merged = [row for row in journal.on_theme(theme_id) if row.action == "merge_theme"]
    return str(merged[-1].value) if merged else ""


def _listed(text: str) -> list[str]:
    return [str(entry) for entry in json.loads(text)]
