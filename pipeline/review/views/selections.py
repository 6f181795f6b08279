"""Show a selection of passages as a list, the form that narrows it, and search."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from models.words import word_spans
from pipeline.decisions.selections import SelectionDecision, selections_of
from pipeline.publish.text import typography
from pipeline.review import state
from pipeline.review.blind import blind_coding
from pipeline.review.bounds import whole
from pipeline.review.doors import coder_view
from pipeline.review.nearest import holds_no_word, meaning_of
from pipeline.review.queue import CoderView, units_by_value
from pipeline.review.roles import GET, reads
from pipeline.review.search import SearchQuery, find_themes
from pipeline.review.selection import (
    ALL,
    ALL_OF,
    ANY_OF,
    ATTRIBUTES,
    DOUBT,
    NEAREST,
    NONE_OF,
    READING,
    TODO,
    UNSIGNED,
    Selection,
)
from pipeline.review.selection_words import ATTRIBUTE_NAMES, STATES, SelectionWords
from pipeline.review.theme_page import by_label, family_labels
from pipeline.review.views import page_of

_N_TABLES, _N_THEMES = 12, 8  # counted beside the list
_N_SPEAKERS = 200  # in the form


@reads(GET)
def table(request: HttpRequest) -> HttpResponse:
    """Show the selection as a list, fifty passages a page."""
    wanted = Selection.read(request.GET)
    view = coder_view(request)
    shown = _listed(request, view, wanted) | filters(view, wanted) | {"section": "passages"}
    return render(request, "review/passages_list.html", shown)


@reads(GET)
def search(request: HttpRequest) -> HttpResponse:
    """Show the passages that a search finds by words and meaning, and the themes by words."""
    wanted = replace(Selection.read(request.GET), state=ALL)
    view, query, now = coder_view(request), SearchQuery(wanted.typed), state.themes()
    shown: dict[str, Any] = {"query": wanted.typed, "themes": []}
    if wanted.typed:
        shown |= _listed(request, view, wanted) | filters(view, wanted)
        if blind_coding(view.author) is None:
            shown["themes"] = [(name, now.labels[name]) for name in find_themes(query, now.themes)]
    return render(request, "review/search.html", shown)


@reads(GET)
def form(request: HttpRequest) -> HttpResponse:
    """Show every value that a selection can ask, and those that it does."""
    wanted = Selection.read(request.GET)
    target = "passages" if request.GET.get("vers") == "passages" else "passages_list"
    view = coder_view(request)
    is_blind = blind_coding(view.author) is not None
    shown = {
        "section": "passages",
        "wanted": wanted,
        "target": target,
        "states": [
            (name, str(words))
            for name, words in STATES.items()
            if not (is_blind and name == UNSIGNED)
        ],
        "orders": _orders(wanted),
        "groups": _groups(wanted, view, is_blind=is_blind),
        "exact_words": " ".join(wanted.values("words")),
        "excluded_words": " ".join(wanted.values("words", NONE_OF)),
        "kept": [
            (row.parameter, row.value)
            for row in wanted.conditions
            if row.attribute == "zone" or row.how == ALL_OF
        ],
    }
    return render(request, "review/selection_form.html", shown)


def filters(view: CoderView, wanted: Selection) -> dict[str, Any]:
    """Return the sentence of the selection, its conditions, and why it finds nothing."""
    words = words_of(view)
    return {
        "wanted": wanted,
        "address": wanted.address(),
        "sentence": words.sentence(wanted),
        "chips": [*_other_chips(wanted), *_condition_chips(wanted, words)],
        "why_nothing": words.why_nothing(wanted),
        "saved": selections_of(state.journal_of_page().active(SelectionDecision), view.author),
    }


def words_of(view: CoderView) -> SelectionWords:
    """Return the names that sentences about selections use."""
    return SelectionWords(view.snapshot, view.grid, state.labels)


def _listed(request: HttpRequest, view: CoderView, wanted: Selection) -> dict[str, Any]:
    unit_ids = view.unit_ids(wanted)
    page = page_of(request, unit_ids)
    theme_of = {} if blind_coding(view.author) else state.themes().theme_of
    n_of_theme = Counter(theme_of[name] for name in unit_ids if name in theme_of)
    theme_ids = n_of_theme.most_common(_N_THEMES)
    return {
        "page": page,
        "rows": [_row(view, unit_id, wanted) for unit_id in page.object_list],
        "n_listed": len(unit_ids),
        "counts": _counts(view, wanted, unit_ids, theme_ids),
        "gathered": urlencode([("theme", theme_id) for theme_id, _n in theme_ids]),
        "has_no_meaning": wanted.is_search and meaning_of(view.snapshot) is None,
        "without_word": wanted.typed if holds_no_word(view.snapshot, wanted.typed) else "",
    }


def _row(view: CoderView, unit_id: str, wanted: Selection) -> dict[str, Any]:
    unit = view.snapshot.units[unit_id]
    return {
        "unit": unit,
        "spans": _spans(unit.text, wanted),
        "workshop": view.snapshot.workshops[unit.workshop_id],
        "codes": [entry for entry in view.codes(unit_id) if entry.is_assigned],
        **view.progress(unit_id),
        "doubt": None if view.hides(unit_id) else view.snapshot.queue.get(unit_id),
    }


def _spans(text: str, wanted: Selection) -> list[tuple[int, int]]:
    """Return where the words that were asked are."""
    exact = [*wanted.values("words"), *wanted.values("words", ALL_OF)]
    query = SearchQuery(wanted.typed)
    if query.has_phrase:
        exact.append(wanted.typed)
    spans = {span for words in exact for span in SearchQuery(words).spans(text)}
    return sorted(spans if query.has_phrase else spans | set(word_spans(wanted.typed, text)))


def _counts(
    view: CoderView,
    wanted: Selection,
    unit_ids: Sequence[str],
    theme_ids: Sequence[tuple[str, int]],
) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """Count the passages by territory, table and theme, most first, each with its own address."""
    units, workshops = view.snapshot.units, view.snapshot.workshops
    listed = [units[name] for name in unit_ids]
    territories = Counter(str(workshops[unit.workshop_id]["territory"]) for unit in listed)
    tables = Counter((unit.workshop_id, unit.table_number) for unit in listed)
    n_workshops = len({workshop_id for workshop_id, _table in tables})
    by_territory = [
        (name, n, _only(wanted, territory=name)) for name, n in territories.most_common()
    ]
    by_table = []
    for (workshop_id, number), n in tables.most_common():
        if number is None:
            continue
        label = _("table {n}").format(n=number)
        if n_workshops > 1:
            label = f"{workshops[workshop_id]['territory']}, {label}"
        address = _only(wanted, workshop=workshop_id, table=str(number))
        by_table.append((typography(label), n, address))
    labels = state.themes().labels
    by_theme = [(labels[name], n, _only(wanted, theme=name)) for name, n in theme_ids]
    found = [
        (_("Par territoire"), by_territory),
        (_("Par table"), by_table[:_N_TABLES]),
        (_("Par thème"), by_theme),
    ]
    return [(title, rows) for title, rows in found if len(rows) > 1]


def _only(wanted: Selection, **values: str) -> str:
    """Return the address of a selection with one value of some attributes in place of others."""
    replaced = [row for row in wanted.conditions if row.attribute in values and row.how == ANY_OF]
    return wanted.without(*replaced).where(**values).address()


def _other_chips(wanted: Selection) -> list[dict[str, str]]:
    """Return what is asked beside the conditions, and the address without it."""
    orders = dict(_orders(wanted))
    rows = (
        ("state", TODO, _("À voir"), str(STATES.get(wanted.state, ""))),
        ("order", wanted.usual_order, _("Ordre"), orders.get(wanted.order, "")),
        ("first_day", "", _("Depuis le"), wanted.first_day),
        ("last_day", "", _("Jusqu’au"), wanted.last_day),
        ("typed", "", _("Recherche"), wanted.typed),
        ("like", "", _("Comme"), _("un passage")),
    )
    chips = []
    for field, usual, name, value in rows:
        if getattr(wanted, field) != usual:
            change: dict[str, Any] = {field: usual}
            without = _in_usual_order(replace(wanted, **change)).address()
            chips.append({"name": name, "value": value, "without": without})
    return chips


def _in_usual_order(wanted: Selection) -> Selection:
    """Return the selection without an order that only a search has."""
    is_odd = wanted.order == NEAREST and not wanted.is_search
    return replace(wanted, order=DOUBT) if is_odd else wanted


def _condition_chips(wanted: Selection, words: SelectionWords) -> list[dict[str, str]]:
    """Return the conditions in words, the address without each and the one of the contrary.

    « ou » links a value to the one before it, of the same attribute.
    """
    chips, before = [], None
    for row in wanted.conditions:
        name, value = str(ATTRIBUTE_NAMES[row.attribute]), words.value(row.attribute, row.value)
        without = wanted.without(row)
        is_out = row.how == NONE_OF
        add = without.where if is_out else without.but_not
        chips.append(
            {
                "name": name,
                "value": value,
                "without": without.address(),
                "how": _HOWS[row.how],
                "link": _("ou") if before == (row.attribute, row.how, ANY_OF) else "",
                "reversed": add(**{row.attribute: row.value}).address(),
                "reverse_words": _("avec") if is_out else _("sauf"),
            }
        )
        before = (row.attribute, row.how, row.how)
    return chips


_HOWS = {ANY_OF: "", ALL_OF: "et", NONE_OF: "sauf"}


def _orders(wanted: Selection) -> list[tuple[str, str]]:
    orders = [(DOUBT, _("les plus douteux d’abord")), (READING, _("ordre de lecture"))]
    return [(NEAREST, _("les plus proches d’abord")), *orders] if wanted.is_search else orders


def _groups(wanted: Selection, view: CoderView, *, is_blind: bool) -> list[dict[str, Any]]:
    """Return the values of each attribute, no theme if `is_blind`; codes are a group an axis."""
    words, snapshot = words_of(view), view.snapshot
    themes = state.themes()
    of_speaker = units_by_value(snapshot, "speaker")
    speakers = sorted(of_speaker, key=lambda name: -len(of_speaker[name]))[:_N_SPEAKERS]
    groups: list[tuple[str, str, Iterable[str]]] = [
        ("territory", "", sorted(units_by_value(snapshot, "territory"))),
        ("workshop", "", snapshot.workshops),
        ("table", "", sorted(units_by_value(snapshot, "table"), key=_as_number)),
        ("question", "", sorted(units_by_value(snapshot, "question"))),
        ("channel", "", sorted(units_by_value(snapshot, "channel"))),
        *(
            ("code", axis.label, [f"{row.axis}:{row.code}" for row in view.grid.axis(axis.axis)])
            for axis in view.grid.axes
        ),
        ("family", "", () if is_blind else family_labels(themes, snapshot)),
        ("theme", "", () if is_blind else by_label(themes.labels)),
        ("actor", "", sorted(units_by_value(snapshot, "actor"))),
        ("speaker", "", speakers),
    ]
    return [
        {
            "label": label or str(ATTRIBUTE_NAMES[attribute]),
            "name": ATTRIBUTES[attribute],
            "choices": choices,
            "is_open": any(choice["is_in"] or choice["is_out"] for choice in choices),
        }
        for attribute, label, values in groups
        if len(choices := _choices(attribute, values, wanted, words)) > 1
    ]


def _choices(
    attribute: str, values: Iterable[str], wanted: Selection, words: SelectionWords
) -> list[dict[str, Any]]:
    """Return the values in the form, and whether the selection asks for or excludes each."""
    asked, excluded = wanted.values(attribute), wanted.values(attribute, NONE_OF)
    return [
        {"value": value, "label": words.value(attribute, value)}
        | {"is_in": value in asked, "is_out": value in excluded}
        for value in values
    ]


def _as_number(value: str) -> tuple[int, str]:
    number = whole(value)
    return (10**6, value) if number is None else (number, "")
