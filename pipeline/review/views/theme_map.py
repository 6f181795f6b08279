"""The map of what was said, and its list."""

from functools import lru_cache

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_GET

from pipeline.review import live, state, theme_cards
from pipeline.review.live import Themes
from pipeline.review.roles import reads
from pipeline.review.searching import folded
from pipeline.review.snapshot import Snapshot
from pipeline.review.theme_map import N_DRAWN, Map, Wish, draw_map

_N_LISTED = 50


@reads
@require_GET
def chart(request: HttpRequest) -> HttpResponse:
    """Passages on a plane, and the same ones in a table, fifty a page."""
    now, snapshot = live.themes(), state.snapshot()
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
        "rows": [{"unit": unit, "theme_id": now.theme_of.get(unit.unit_id, "")} for unit in page.object_list],
        "labels": dict(sorted(now.labels.items(), key=lambda entry: folded(entry[1])[0])),
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
