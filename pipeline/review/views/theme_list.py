"""Show all the themes, and several beside what they would be as one."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pipeline.decisions.themes import MakeFamily, MergeThemes, MoveTheme, ThemeDecision
from pipeline.review import state, theme_page
from pipeline.review.journal import Journal
from pipeline.review.roles import GET, Role, decides, reads, role_of
from pipeline.review.snapshot import Snapshot
from pipeline.review.theme_list import ORDERS, STATES, ThemeListing, nearest, signed_first
from pipeline.review.views import author_of
from pipeline.review.views.themes import N_QUOTES_BEFORE, common

if TYPE_CHECKING:
    from pipeline.publish.report.content import WithoutThemes


@reads(GET)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the families and their themes."""
    shown, now, snapshot, journal = common(request)
    n_mergers = len(theme_page.merge_proposals(now, snapshot, journal))
    listing, summaries = ThemeListing.read(request.GET), theme_page.theme_summaries(now, snapshot)
    n_signed, n_first = signed_first(summaries.values())
    shown |= {
        "families": theme_page.family_summaries(now, snapshot) if listing.is_plain else (),
        "made": _made_families(request, journal),
        "listing": listing,
        "listed": None if listing.is_plain else listing.of(summaries.values()),
        "orders": {name: label for name, (label, _key) in ORDERS.items()},
        "states": {name: label for name, (label, _is_wanted) in STATES.items()},
        "n_signed": n_signed,
        "n_first": n_first,
        "n_themes": len(now.themes),
        "n_proposed": n_mergers + len(theme_page.wording_proposals(now, snapshot, journal)),
        "n_aside": len(snapshot.units) - len(now.theme_of),
        "n_units": len(snapshot.units),
    }
    if shown["why_no_theme"]:
        shown["instead"] = _without_themes(snapshot)
    return render(request, "review/themes.html", shown)


def _made_families(request: HttpRequest, journal: Journal) -> dict[str, dict[str, Any]]:
    """Return who made each family made by hand, and the decisions that undo it, by family_id."""
    author, is_administrator = author_of(request), role_of(request.user) >= Role.ADMINISTRATOR
    moves = journal.active(MoveTheme)
    made = {}
    for family in journal.active(MakeFamily):
        rows = [family, *(row for row in moves if row.family_id == family.theme_id)]
        made[str(family.theme_id)] = {
            "author": family.author,
            "decisions": ",".join(str(row.decision_id) for row in rows),
            "can_undo": is_administrator or {row.author for row in rows} == {author},
        }
    return made


@lru_cache(maxsize=1)
def _without_themes(snapshot: Snapshot) -> "WithoutThemes":
    # the report brings spaCy and scikit-learn, 100 MB that no other page needs
    from pipeline.publish.report.passages import gather_passages
    from pipeline.publish.report.without_themes import show_without_themes

    return show_without_themes(
        gather_passages(snapshot.tables),
        state.study().grid,
        why=state.why_no_theme() or "",
        n_rows=state.study().settings.publish.n_annex_rows,
    )


@decides(GET)
def gathering(request: HttpRequest) -> HttpResponse:
    """Show several themes beside what they would be as one or in a family, and those nearest."""
    shown, now, snapshot, journal = common(request)
    summaries = theme_page.theme_summaries(now, snapshot)
    chosen = sorted(
        (summaries[name] for name in set(request.GET.getlist("theme")) if name in summaries),
        key=lambda theme: (-theme["n_units"], theme["label"]),
    )
    kept = request.GET.get("reste", "")
    if kept not in {theme["theme_id"] for theme in chosen}:
        kept = chosen[0]["theme_id"] if chosen else ""
    others = [theme["theme_id"] for theme in chosen if theme["theme_id"] != kept]
    shown |= {"chosen": chosen, "kept": kept}
    if others:
        rows = [*journal.active(ThemeDecision), *(MergeThemes(name, kept) for name in others)]
        after = state.replay_themes(snapshot, rows, now.last_id)
        shown["merged"] = theme_page.theme_summaries(after, snapshot)[kept]
    quotes = dict(zip(now.themes["theme_id"], now.themes["quotes"].astype(str), strict=True))
    shown["quotes"] = {
        theme["theme_id"]: theme_page.theme_quotes(
            theme["theme_id"], quotes[theme["theme_id"]], now, snapshot, journal
        )[:N_QUOTES_BEFORE]
        for theme in chosen
    }
    near = nearest([theme["theme_id"] for theme in chosen], now, snapshot)
    shown["near"] = [summaries[name] for name in near]
    return render(request, "review/theme_gathering.html", shown)
