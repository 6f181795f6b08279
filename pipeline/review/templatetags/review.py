"""French typography, numbers and highlighted words for the pages; text is always escaped."""

import datetime
from collections.abc import Iterable, Sequence

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from pipeline.publish.text import french_date, percent, points, typography, where
from pipeline.review import state
from pipeline.review.agreement import coder_label
from pipeline.review.snapshot import Unit

register = template.Library()


@register.filter
def french(text: str) -> str:
    """`text` with the spaces of French typography."""
    return typography(text)


@register.filter
def share(value: float) -> str:
    """A share as a percentage."""
    return percent(value)


@register.filter(name="points")
def as_points(value: float) -> str:
    """A score of 0..1 as points out of 100."""
    return points(value)


@register.filter
def measure(value: float) -> str:
    """A measure with two decimals, as a French table writes it."""
    return f"{value:.2f}".replace(".", ",").replace("-", "\u2212")


@register.filter
def coder_name(coder: str) -> str:
    """A coder's name, as sentences say it."""
    return coder_label(coder)


@register.filter
def day(value: str) -> str:
    """An ISO date in French words."""
    return french_date(value)


@register.filter
def moment(value: str) -> str:
    """An ISO time in UTC as day and hour in Paris."""
    at = timezone.localtime(datetime.datetime.fromisoformat(value))
    return at.strftime("%d/%m/%Y %H:%M")


@register.filter
def source(unit: Unit) -> str:
    """Where a passage was said: channel, question, table."""
    return where(unit.channel, unit.question, unit.table_number)


@register.filter
def marked(text: str, spans: Iterable[Sequence[int]]) -> SafeString:
    """`text` with the half-open `spans` of code points in <mark>; overlapping ones are joined."""
    parts: list[SafeString] = []
    last_end = 0
    for start, end in _joined(spans, len(text)):
        parts.append(format_html("{}<mark>{}</mark>", text[last_end:start], text[start:end]))
        last_end = end
    parts.append(format_html("{}", text[last_end:]))
    return mark_safe("".join(parts))  # each part is escaped already


@register.filter
def code_label(code: str) -> str:
    """The label that the study's grid gives to a code."""
    return typography(state.study().grid.label_of(code))


@register.filter
def code_labels(codes: Iterable[tuple[str, str]] | None) -> str:
    """The codes of a confirmation, in words."""
    return ", ".join(code_label(code) for _, code in codes or ()) or gettext("aucune étiquette")


@register.filter
def item(mapping: dict[str, object], key: str) -> object:
    """`mapping[key]`, blank where there is none."""
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
