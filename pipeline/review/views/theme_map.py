"""Show the map of passages, send its dots, and say what is under one or what a search finds."""

from collections.abc import Container
from dataclasses import replace
from functools import lru_cache
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from pipeline.publish.text import shortened, typography, where
from pipeline.review import state, theme_page
from pipeline.review.doors import door
from pipeline.review.roles import GET, reads
from pipeline.review.search import SearchQuery, find_themes, search_index
from pipeline.review.selection import EVERY, TODO, Selection
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_map import ThemeMap, dots_of, draw_map
from pipeline.review.views import page_of

_N_CHARS = 240  # of a passage under the pointer
_MAX_TYPED = 200


@reads(GET)
def chart(request: HttpRequest) -> HttpResponse:
    """Show the frame of the map, and its passages in a table."""
    now, snapshot = state.themes(), state.snapshot()
    wanted = _wanted(request, now, snapshot)
    drawn = _map(wanted, now, snapshot)
    page = page_of(request, drawn.units)
    shown = {
        "section": "themes",
        "map": drawn,
        "wanted": {name: wanted.one(name) for name in ("workshop", "theme", "family")},
        "page": page,
        "address": replace(wanted, state=TODO).address(),
        "list_address": door(wanted, len(drawn.units)).address,
        "rows": [
            {"unit": unit, "theme_id": now.theme_of.get(unit.unit_id, "")}
            for unit in page.object_list
        ],
        "labels": theme_page.by_label(now.labels),
        "family_labels": theme_page.family_labels(now, snapshot),
        "workshops_by_id": snapshot.workshops,
        "why_no_theme": state.why_no_theme(),
    }
    return render(request, "review/theme_map.html", shown)


@reads(GET)
def dots(request: HttpRequest) -> HttpResponse:
    """Send where each passage is on the map."""
    now, snapshot = state.themes(), state.snapshot()
    return JsonResponse(_dots(_wanted(request, now, snapshot), now, snapshot))


@reads(GET)
def found(request: HttpRequest) -> HttpResponse:
    """Send the passages that have every word, or whose theme has."""
    query, now = SearchQuery(request.GET.get("q", "").strip()[:_MAX_TYPED]), state.themes()
    theme_ids = find_themes(query, now.themes)
    unit_ids = set(search_index(state.snapshot()).find(query))
    unit_ids.update(*(now.of_theme.get(theme_id, ()) for theme_id in theme_ids))
    return JsonResponse({"ids": sorted(unit_ids)})


@reads(GET)
def passage(request: HttpRequest, unit_id: str) -> HttpResponse:
    """Send the words of a passage, its theme and where it was said."""
    unit = state.snapshot().units.get(unit_id)
    if unit is None:
        raise Http404
    now, workshop = state.themes(), state.snapshot().workshops[unit.workshop_id]
    place = where(unit.channel, unit.question, unit.table_number)
    return JsonResponse(
        {
            "text": typography(shortened(unit.text, _N_CHARS)),
            "theme": typography(now.labels.get(now.theme_of.get(unit_id, ""), "")),
            "where": typography(f"{workshop['territory']}, {place}"),
        }
    )


@lru_cache(maxsize=8)
def _map(wanted: Selection, now: Themes, snapshot: Snapshot) -> ThemeMap:
    return draw_map(wanted, now, snapshot, theme_page.family_labels(now, snapshot))


@lru_cache(maxsize=4)
def _dots(wanted: Selection, now: Themes, snapshot: Snapshot) -> dict[str, Any]:
    labels = theme_page.family_labels(now, snapshot)
    return dots_of(_map(wanted, now, snapshot), wanted, now, snapshot, labels)


def _wanted(request: HttpRequest, now: Themes, snapshot: Snapshot) -> Selection:
    """Return the family, theme and workshop asked for, blank where they are unknown."""
    return EVERY.where(
        workshop=_asked(request, "atelier", snapshot.workshops),
        theme=_asked(request, "theme", now.labels),
        family=_asked(request, "famille", theme_page.family_labels(now, snapshot)),
    )


def _asked(request: HttpRequest, name: str, known: Container[str]) -> str:
    value = request.GET.get(name, "")
    return value if value in known else ""
