"""Lay the slides of a restitution out: what each one tells, its chart, and the evidence in the speaker's notes.

In:   Report
Out:  Slide, 10 to 15 for a study with something to tell
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.publish.charts import CRITERIA_COLOURS, posture_colour
from pipeline.publish.layout.annexes import counted_by
from pipeline.publish.layout.crossings import map_alt, presence_cells
from pipeline.publish.layout.opening import facts_of, lists_note
from pipeline.publish.report.content import Priority, Quote, Report
from pipeline.publish.report.territories import own_sentence
from pipeline.publish.territory_charts import map_spec
from pipeline.publish.text import (
    NBSP,
    capitalised,
    count,
    joined,
    points,
    quoted,
    sentence,
    shortened,
    some_of,
)

_N_PRIORITIES, _N_QUOTES, _N_CODES, _N_WORKSHOPS, _N_MAPS, _N_LINES = 5, 2, 6, 4, 3, 4
_TITLE_CHARS, _LABEL_CHARS, _QUOTE_CHARS, _LINE_CHARS = 90, 44, 200, 260


@dataclass(frozen=True)
class Line:
    """A line of a slide; `source` is where a quote was said."""

    text: str
    source: str = ""


@dataclass(frozen=True)
class Bars:
    """A chart of horizontal bars that people can edit: values[series][category]; stacked, or side by side as shares of 0..1."""

    categories: tuple[str, ...]
    series: tuple[tuple[str, str, tuple[float, ...]], ...]  # name, colour, values
    is_stacked: bool
    is_share: bool
    alt: str


@dataclass(frozen=True)
class Slide:
    """One slide; `pictures` are drawings with what they show in words."""

    title: str
    notes: tuple[str, ...]
    lines: tuple[Line, ...] = ()
    bars: Bars | None = None
    pictures: tuple[tuple[Mapping[str, Any], str], ...] = ()


def lay_out_slides(report: Report) -> tuple[Slide, ...]:
    """Return the slides in order; the first is the cover, one that would have nothing to tell is left out."""
    first = report.scopes[0].priorities[:_N_PRIORITIES]
    slides = [
        _cover(report),
        _figures(report),
        _list(first),
        *_scores(report, first),
        *map(_priority, first),
    ]
    slides += [
        *_codes(report),
        *_shared(report),
        *_maps(report),
        *_presence(report),
        *_actions(report),
        _next(),
    ]
    return tuple(slide for slide in slides if slide)


def _cover(report: Report) -> Slide:
    names = joined([workshop.name for workshop in report.workshops])
    lines = (
        Line(sentence("diapos.sous_titre", date=report.made_on)),
        Line(shortened(names, _LINE_CHARS)),
    )
    return Slide(shortened(report.title, _TITLE_CHARS), (sentence("rapport.avis"),), lines)


def _figures(report: Report) -> Slide:
    counts = [
        (len(report.workshops), "atelier"),
        (sum(workshop.n_tables for workshop in report.workshops), "table"),
        (report.n_people, "personne"),
        (report.n_structures, "structure"),
    ]
    came = [
        count(n, name) + (lists_note(report) if name == "personne" else "")
        for n, name in counts
        if isinstance(n, int) and n
    ]
    lines = (
        Line(capitalised(joined(came))),
        Line(
            sentence(
                "diapos.lu",
                documents=count(report.documents.n_all, "document lu", "documents lus"),
                passages=count(report.coverage.n_units, "passage"),
            )
        ),
        Line(
            sentence(
                "diapos.themes",
                themes=count(len(report.themes), "thème"),
                passages=count(
                    report.coverage.n_aside, "passage mis à part", "passages mis à part"
                ),
            )
        ),
        Line(sentence("diapos.candidates")),
    )
    return Slide(
        sentence("diapos.essentiel"), (counted_by(report), sentence("rapport.avis")), lines
    )


def _list(first: tuple[Priority, ...]) -> Slide:
    title = sentence("diapos.premieres")
    if not first:
        return Slide(title, (), (Line(sentence("priorites.aucune")),))
    lines = [
        Line(
            sentence(
                "diapos.ligne",
                rang=item.rank,
                theme=shortened(item.label, _LABEL_CHARS * 2),
                tables=item.said,
            )
        )
        for item in first
    ]
    return Slide(
        title,
        tuple(f"{item.rank}. {item.label} – {facts_of(item)}" for item in first),
        tuple(lines),
    )


def _scores(report: Report, first: tuple[Priority, ...]) -> list[Slide]:
    if not first:
        return []
    criteria = [criterion.label for criterion in first[0].criteria]
    series = tuple(
        (
            name,
            CRITERIA_COLOURS[place % len(CRITERIA_COLOURS)],
            tuple(round(100 * item.criteria[place].contribution, 1) for item in first),
        )
        for place, name in enumerate(criteria)
    )
    names = tuple(f"{item.rank}. {shortened(item.label, _LABEL_CHARS)}" for item in first)
    told = " ; ".join(
        f"{name}{NBSP}: {points(item.score)}" for name, item in zip(names, first, strict=True)
    )
    notes = (
        sentence("methode.score"),
        *(f"{label} ({weight}){NBSP}: {why}" for label, weight, why in report.criteria),
        *report.scopes[0].checks,
    )
    return [
        Slide(
            sentence("diapos.score"),
            notes,
            bars=Bars(names, series, True, False, sentence("alt.priorites", barres=told)),
        )
    ]


def _priority(item: Priority) -> Slide:
    lines = (
        Line(item.why),
        *(
            Line(quoted(shortened(quote.text, _QUOTE_CHARS)), quote.where)
            for quote in item.quotes[:_N_QUOTES]
        ),
    )
    names = tuple(share.label for share in item.postures)
    said = sentence(
        "alt.profil", parts=joined([f"{share.label} {share.n_units}" for share in item.postures])
    )
    bars = None
    if item.postures:
        series = tuple(
            (
                share.label,
                posture_colour(share),
                tuple(float(share.n_units) if share is other else 0.0 for other in item.postures),
            )
            for share in item.postures
        )
        bars = Bars(names, series, True, False, said)
    title = f"{item.rank}. {shortened(item.label, _TITLE_CHARS)}"
    return Slide(title, (item.label, facts_of(item), *map(_told, item.quotes)), lines, bars)


def _told(quote: Quote) -> str:
    return f"{quoted(quote.text)} ({quote.where})"


def _codes(report: Report) -> list[Slide]:
    """The codes that most passages carry, workshop by workshop."""
    heat = next((heat for heat in report.heats if heat.rubriques), None)
    if heat is None:
        return []
    order = sorted(range(len(heat.rubriques)), key=lambda row: -sum(heat.shares[row]))[:_N_CODES]
    series = tuple(
        (
            shortened(name, _LABEL_CHARS),
            CRITERIA_COLOURS[place],
            tuple(heat.shares[row][place] for row in order),
        )
        for place, name in enumerate(heat.workshops[:_N_WORKSHOPS])
    )
    names = tuple(shortened(heat.rubriques[row], _LABEL_CHARS) for row in order)
    alt = sentence("atelier.alt_rubriques", parts=joined(names))
    return [
        Slide(
            sentence("titres.rubriques"),
            (sentence("rubriques.intro"),),
            bars=Bars(names, series, False, True, alt),
        )
    ]


def _shared(report: Report) -> list[Slide]:
    reading = report.reading
    if len(report.territories) < 2:
        return []
    nothing = sentence("lectures.aucun")
    lines = (
        Line(
            f"{sentence('lectures.partages')}{NBSP}: {some_of(reading.shared, _LINE_CHARS) or nothing}"
        ),
        Line(
            f"{sentence('lectures.propres')}{NBSP}: {shortened(own_sentence(reading.own) or nothing, _LINE_CHARS)}"
        ),
    )
    return [
        Slide(
            sentence("titres.territoires"),
            (
                sentence("lectures.intro", **report.places.words),
                sentence("territoires.intro", **report.places.words),
            ),
            lines,
        )
    ]


def _maps(report: Report) -> list[Slide]:
    maps = [
        replace(shown, needs=()) for shown in report.reading.maps[:_N_MAPS]
    ]  # nobody has confirmed that they have no answer
    if not maps:
        return []
    notes = (*map(map_alt, maps), sentence("cartes.source"))
    return [
        Slide(
            sentence("titres.cartes"),
            notes,
            pictures=tuple((map_spec(shown), map_alt(shown)) for shown in maps),
        )
    ]


def _presence(report: Report) -> list[Slide]:
    if not report.attendance:
        return []
    names = [workshop.name for workshop in report.workshops]
    *types, total = presence_cells(report)
    lines = [
        Line(f"{name}{NBSP}: {told}")
        for name, told in list(zip(names, total[1], strict=True))[:_N_LINES]
    ]
    absent = [
        f"{row.workshop} ({', '.join((*row.structure_types, *row.communes)[:5])})"
        for row in report.absent
        if row.structure_types or row.communes
    ]
    if absent:
        lines.append(
            Line(f"{sentence('voix.absentes')}{NBSP}: {shortened(' ; '.join(absent), _LINE_CHARS)}")
        )
    notes = tuple(
        f"{kind}{NBSP}: "
        + " ; ".join(f"{name}, {told}" for name, told in zip(names, cells, strict=True))
        for kind, cells in types
    )
    return [Slide(sentence("titres.voix"), (sentence("voix.intro"), *notes), tuple(lines))]


def _actions(report: Report) -> list[Slide]:
    actions = report.scopes[0].actions
    lines = tuple(
        Line(quoted(shortened(quote.text, _QUOTE_CHARS)), quote.where)
        for quote in actions[:_N_LINES]
    )
    return [Slide(sentence("diapos.pistes"), tuple(map(_told, actions)), lines)] if lines else []


def _next() -> Slide:
    lines = (Line(sentence("diapos.discuter")), Line(sentence("diapos.corriger")))
    return Slide(sentence("atelier.suite"), (sentence("rapport.avis"),), lines)
