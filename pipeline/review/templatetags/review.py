"""Filter text for the pages; text is always escaped."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import template
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext, ngettext

from pipeline.publish.text import french_date, percent, points, typography, where
from pipeline.review import state
from pipeline.review.agreement import coder_label
from pipeline.review.snapshot import Unit
from pipeline.text import size_in_words

register = template.Library()
register.filter("french", typography)
register.filter("share", percent)
register.filter("points", points)
register.filter("coder_name", coder_label)
register.filter("day", french_date)


@register.filter
def said(sentence: str) -> str:
    """Return a French sentence of the library in the reader's language."""
    return gettext(sentence) if sentence else ""


@register.filter
def size(n_bytes: int) -> str:
    """Return a number of bytes as « 4,2 Mo »."""
    return typography(size_in_words(n_bytes))


@register.filter
def measure(value: float) -> str:
    """Return a measure with two French decimals."""
    return f"{value:.2f}".replace(".", ",").replace("-", "\u2212")


@register.filter
def moment(value: str) -> str:
    """Return an ISO time in UTC as day and hour in Paris."""
    at = timezone.localtime(datetime.datetime.fromisoformat(value))
    return at.strftime("%d/%m/%Y %H:%M")


@register.filter
def source(unit: Unit) -> str:
    """Return the channel, question and table of a passage."""
    return where(unit.channel, unit.question, unit.table_number)


@register.simple_tag
def tables(n: int, most: int = 0) -> str:
    """Return « 4 tables », or « 4 à 6 tables » with what is to be checked.

    They are documents where no notes name a table.
    """
    of_documents = state.snapshot().counts_documents
    if most > n:
        both = gettext("{n} à {most} documents") if of_documents else gettext("{n} à {most} tables")
        return both.format(n=n, most=most)
    if not n:
        return gettext("aucun document") if of_documents else gettext("aucune table")
    if of_documents:
        return ngettext("{n} document", "{n} documents", n).format(n=n)
    return ngettext("{n} table", "{n} tables", n).format(n=n)


@register.simple_tag
def about_tables(of: Mapping[str, Any], total: int | None = None) -> str:
    """Return « environ 5 tables sur 8 (entre 3 et 7) » of a theme, exact once it is signed off.

    A family has what its themes' passages say: « 4 à 6 tables ».
    """
    out_of = gettext(" sur {n}").format(n=total) if total else ""
    if of.get("is_signed_off"):
        return tables(of["n_tables"]) + out_of
    if "n_tables_expected" not in of:
        return tables(of["n_tables"], of["n_tables_high"]) + out_of
    if not of["n_tables_high"]:
        return tables(0) + out_of
    expected = max(1, round(of["n_tables_expected"]))
    said = gettext("environ {tables}").format(tables=tables(expected)) + out_of
    low, high = of["n_tables_low"], of["n_tables_high"]
    between = gettext(" (entre {low} et {high})") if low < high else ""
    return said + between.format(low=low, high=high)


@register.simple_tag
def said_at(n: int) -> str:
    """Return « dit à 4 tables », or « dit dans 4 documents »."""
    of_documents = state.snapshot().counts_documents
    said = gettext("dit dans {where}") if of_documents else gettext("dit à {where}")
    return said.format(where=tables(n))


@register.filter
def marked(text: str, spans: Iterable[Sequence[int]]) -> SafeString:
    """Put <mark> around half-open `spans` of code points, joined if they overlap."""
    parts: list[SafeString] = []
    last_end = 0
    for start, end in _joined(spans, len(text)):
        parts.append(format_html("{}<mark>{}</mark>", text[last_end:start], text[start:end]))
        last_end = end
    parts.append(format_html("{}", text[last_end:]))
    return mark_safe("".join(parts))  # each part is escaped already


@register.filter
def code_label(code: str) -> str:
    """Return the grid's label of a code."""
    return typography(state.study().grid.label_of(code))


@register.filter
def code_labels(codes: Iterable[tuple[str, str]] | None) -> str:
    """Return the codes of a confirmation in words."""
    return ", ".join(code_label(code) for _, code in codes or ()) or gettext("aucune étiquette")


@register.filter
def item(mapping: dict[str, object], key: str) -> object:
    """Return `mapping[key]`, blank if missing."""
    return mapping.get(key, "")


def _joined(spans: Iterable[Sequence[int]], length: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted((max(int(start), 0), min(int(end), length)) for start, end in spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


@register.simple_tag
def term(key: str) -> SafeString:
    """Return a « ? » that leads to what a word of the pages means."""
    return format_html(
        '<a class="term" href="{}#{}" title="{}" aria-label="{}">?</a>',
        reverse("glossary"),
        key,
        gettext("Ce que ce mot veut dire"),
        gettext("Ce que ce mot veut dire"),
    )
