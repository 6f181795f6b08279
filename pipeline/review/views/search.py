"""Search over passages and themes."""

from functools import lru_cache

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from pipeline.review import live, state
from pipeline.review.roles import reads
from pipeline.review.searching import Index, Query, find_themes

_N_LISTED = 50


@reads
@require_GET
def search(request: HttpRequest) -> HttpResponse:
    """Passages and themes that hold every word asked for."""
    typed = request.GET.get("q", "").strip()[:200]
    query, snapshot = Query(typed), state.snapshot()
    found = _index(snapshot.run_id).find(query)
    page = Paginator(found, _N_LISTED).get_page(request.GET.get("page"))
    rows = []
    for unit_id in page.object_list:
        unit = snapshot.units[unit_id]
        rows.append({"unit": unit, "spans": query.spans(unit.text), "workshop": snapshot.workshops[unit.workshop_id]})
    themes = live.themes().themes
    listed = list(themes[["theme_id", "label", "description"]].itertuples(index=False, name=None))
    labels = {theme_id: label for theme_id, label, _ in listed}
    matching = [(theme_id, labels[theme_id]) for theme_id in find_themes(query, listed)]
    shown = {"query": typed, "page": page, "rows": rows, "n_found": len(found), "themes": matching}
    return render(request, "review/search.html", shown)


@lru_cache(maxsize=1)
def _index(run_id: str) -> Index:
    return Index(state.snapshot())
