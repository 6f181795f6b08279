"""The themes: by family, one by one, what is proposed for them, passages without any, a theme to split.

What is decided on themes: appended, unless somebody else decided on the same meanwhile; and taken back.

The map of what was said, and its list.
"""

import json
import threading
import uuid
from functools import lru_cache
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from pipeline.decisions import Decision
from pipeline.decisions.kinds import Undo
from pipeline.decisions.themes import MergeThemes, MoveUnit
from pipeline.publish.text import typography
from pipeline.review import state, theme_page
from pipeline.review import theme_decisions as theme_history
from pipeline.review import theme_page as theme_cards
from pipeline.review import theme_page as theme_hints
from pipeline.review import views as asking
from pipeline.review.bounds import MAX_LABEL, MAX_TEXT
from pipeline.review.journal import Journal
from pipeline.review.roles import Role, decides, reads, role_of
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_decisions import (
    ASIDE,
    N_LISTED_HALF,
    Gesture,
    Ground,
    RefusedError,
    places_of,
    read_gesture,
)
from pipeline.review.theme_map import N_DRAWN, Map, Wish, draw_map
from pipeline.text import fold

_N_LISTED = 50
_N_LATEST, _N_TOLD = 5, 100


@reads
@require_GET
def listing(request: HttpRequest) -> HttpResponse:
    """Families and their themes."""
    shown, now, snapshot, journal = _common(request)
    n_proposed = len(theme_hints.mergers(now, snapshot, journal)) + len(
        theme_hints.wordings(now, snapshot, journal)
    )
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
    label = state.labels().get(theme_id)
    card = theme_cards.cards(now, snapshot).get(theme_id)
    if card is None:
        if label is None and not history:
            raise Http404
        shown |= {
            "theme_id": theme_id,
            "label": label or _("Thème qui n’est plus"),
            "history": history,
            "end": _end_of(theme_id, journal),
        }
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
        "rows": [
            {"unit": snapshot.units[name], "is_quoted": name in quoted, "pin": pins.get(name)}
            for name in page.object_list
        ],
        "wordings": {
            entry.subject: entry
            for entry in theme_hints.wordings(now, snapshot, journal, theme_id=theme_id)
        },
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
    listed = [
        [name for name, is_smaller in zip(members, smaller, strict=True) if is_smaller == wanted]
        for wanted in (True, False)
    ]
    groups = [
        {
            "is_smaller": is_smaller,
            "units": [snapshot.units[name] for name in names[:N_LISTED_HALF]],
            "n": len(names),
        }
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
    listed = [
        unit
        for unit in theme_cards.set_aside(now, snapshot)
        if workshop_id in ("", unit.workshop_id)
    ]
    page = Paginator(listed, _N_LISTED).get_page(request.GET.get("page"))
    address = f"atelier={workshop_id}" if workshop_id in snapshot.workshops else ""
    shown |= {
        "page": page,
        "rows": page.object_list,
        "n_listed": len(listed),
        "address": address,
        "workshop_id": workshop_id,
    }
    return render(request, "review/set_aside.html", shown)


def _common(request: HttpRequest) -> tuple[dict[str, Any], Themes, Snapshot, Journal]:
    """What every page on themes shows; `seen`, read first, is the last decision that the person surely sees there."""
    journal = state.journal()
    seen = journal.last_id
    now, snapshot = state.themes(), state.snapshot()
    shown = {
        "section": "themes",
        "seen": seen,
        "request_id": uuid.uuid4().hex,
        "labels": dict(
            sorted(now.labels.items(), key=lambda entry: fold(entry[1], keep_signs=True))
        ),
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
    merged = journal.on_theme(theme_id, MergeThemes)
    return str(merged[-1].other_id) if merged else ""


def _listed(text: str) -> list[str]:
    return [str(entry) for entry in json.loads(text)]


_one_at_a_time = threading.Lock()  # between looking for what others decided and appending
_EDITABLE = ("nom", "description", "why")
_NOT_SENT_AGAIN = ("csrfmiddlewaretoken", "seen", "request_id", *_EDITABLE)


@decides
@require_POST
def decide(request: HttpRequest, subject: str = "") -> HttpResponse:
    """Append what a form decides; where others decided on the same since the person saw it, tell so and keep what was typed."""
    journal, now = state.journal(), state.themes()
    ground = Ground(subject, request.POST, now, state.snapshot(), journal)
    try:
        gesture = read_gesture(ground)
    except RefusedError as refusal:
        return _refused(request, subject, str(refusal))
    except KeyError as unknown:
        raise Http404 from unknown
    with _one_at_a_time:
        seen, author = request.POST.get("seen", ""), asking.author(request)
        newer = (
            theme_history.since(int(seen), gesture.touches, state.journal(), author=author)
            if seen.isdecimal()
            else []
        )
        if newer:
            return _told_first(request, subject, gesture, newer)
        told = _told(gesture)
        number = f"{asking.request_id(request)}-{gesture.digest}"
        journal.add(gesture.decisions, author=author, request_id=number)
    messages.success(request, _done(gesture, told))
    return HttpResponseRedirect(
        asking.back(request, reverse("theme", args=[gesture.shown_next or subject]))
    )


@decides
@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Take decisions back together; analysts take back their own, administrators anybody's."""
    journal, author = state.journal(), asking.author(request)
    numbers = [
        int(part) for part in request.POST.get("decisions", "").split(",") if part.isdecimal()
    ]
    rows = [
        journal[number]
        for number in numbers
        if number in journal and not isinstance(journal[number], Undo)
    ]
    left = [row for row in rows if not journal.is_undone(row.decision_id)]
    if any(row.author != author for row in left) and role_of(request.user) < Role.ADMINISTRATOR:
        messages.error(
            request, _("Seule la personne qui a décidé, ou l’administration, peut annuler.")
        )
    elif not left:
        messages.warning(request, _("C’était déjà annulé."))
    else:
        undoings = [Undo(row.decision_id) for row in left]
        journal.add(
            undoings,
            author=author,
            request_id=f"{asking.request_id(request)}-{left[0].decision_id}-{len(left)}",
        )
        told = typography(theme_history.deeds(left, journal)[0].told)
        messages.success(request, _("Annulé : {who} {told}.").format(who=left[0].author, told=told))
    return HttpResponseRedirect(asking.back(request, reverse("themes")))


def _told(gesture: Gesture) -> str:
    """What is about to be decided, with the names of before."""
    rows = gesture.decisions
    if len(rows) > 1 and isinstance(rows[0], MoveUnit):
        return _("{n} passages changent de thème").format(n=len(rows))
    return state.sentence(rows[0])


def _done(gesture: Gesture, told: str) -> str:
    """What was just decided, with a way to the theme that it made."""
    text = typography(_("C’est enregistré : {told}.").format(told=told))
    if not gesture.made:
        return text
    way = reverse("theme", args=[gesture.made[0]])
    return format_html('{} <a href="{}">{}</a>', text, way, _("Voir le nouveau thème"))


def _refused(request: HttpRequest, subject: str, why: str) -> HttpResponse:
    messages.error(request, typography(why))
    return HttpResponseRedirect(
        asking.back(request, reverse("theme", args=[subject]) if subject else reverse("set_aside"))
    )


def _told_first(
    request: HttpRequest, subject: str, gesture: Gesture, newer: list[Decision]
) -> HttpResponse:
    """The page that tells who decided what meanwhile, and keeps what was typed; nothing is appended."""
    journal = state.journal()
    sent = [
        (name, value)
        for name in request.POST
        if name not in _NOT_SENT_AGAIN
        for value in request.POST.getlist(name)
    ]
    wanted = gesture.decisions
    shown: dict[str, Any] = {
        "section": "themes",
        "seen": max(row.decision_id for row in newer),
        "request_id": uuid.uuid4().hex,
        "newer": theme_history.deeds(newer, journal),
        "wanted": state.sentence(wanted[0])
        if len(wanted) == 1 or not isinstance(wanted[0], MoveUnit)
        else "",
        "n_wanted": len(wanted),
        "sent": sent,
        "typed": {name: request.POST[name] for name in _EDITABLE if request.POST.get(name)},
        "action": request.path,
        "back": asking.back(
            request, reverse("theme", args=[subject]) if subject else reverse("themes")
        ),
        "max_label": MAX_LABEL,
        "max_text": MAX_TEXT,
    }
    return render(request, "review/theme_conflict.html", shown, status=409)


@reads
@require_GET
def chart(request: HttpRequest) -> HttpResponse:
    """Passages on a plane, and the same ones in a table, fifty a page."""
    now, snapshot = state.themes(), state.snapshot()
    family_labels = theme_cards.family_labels(now, snapshot)
    wish = Wish(
        family_id=_known(request, "famille", family_labels),
        workshop_id=_known(request, "atelier", snapshot.workshops),
        theme_id=_known(request, "theme", now.labels),
    )
    drawn = _drawn(wish, now, snapshot)
    page = Paginator(drawn.units, _N_LISTED).get_page(request.GET.get("page"))
    query = QueryDict(mutable=True)
    asked = {"famille": wish.family_id, "atelier": wish.workshop_id, "theme": wish.theme_id}
    query.update({name: value for name, value in asked.items() if value})
    shown = {
        "section": "themes",
        "map": drawn,
        "wish": wish,
        "page": page,
        "address": query.urlencode(),
        "rows": [
            {"unit": unit, "theme_id": now.theme_of.get(unit.unit_id, "")}
            for unit in page.object_list
        ],
        "labels": dict(
            sorted(now.labels.items(), key=lambda entry: fold(entry[1], keep_signs=True))
        ),
        "family_labels": family_labels,
        "workshops_by_id": snapshot.workshops,
        "is_sampled": len(drawn.units) > N_DRAWN,
    }
    return render(request, "review/theme_map.html", shown)


@lru_cache(maxsize=8)
def _drawn(wish: Wish, now: Themes, snapshot: Snapshot) -> Map:
    """The map, made again only when a run or a decision on themes has come."""
    return draw_map(wish, now, snapshot, theme_cards.family_labels(now, snapshot))


def _known(request: HttpRequest, name: str, known: object) -> str:
    """What the address asks for, blank where there is no such thing."""
    asked = request.GET.get(name, "")
    return asked if isinstance(known, dict) and asked in known else ""
