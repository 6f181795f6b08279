"""Gather what the bench shows: the selection, the document read, the codes and the codebook.

The work is that of the passages shown, not of the study.
"""

import itertools
import zlib
from functools import lru_cache
from typing import Any, NamedTuple

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from pipeline.decisions.memos import (
    EditMemo,
    FlagPassage,
    NoteMemo,
    RemoveMemo,
    UnflagPassage,
)
from pipeline.decisions.mending import CorrectPassage, JoinPassages, SplitPassage
from pipeline.decisions.spans import CodeSpan
from pipeline.decisions.tags import (
    AcceptTag,
    AddTag,
    ConfirmUnit,
    RejectTag,
    TagDecision,
)
from pipeline.grid.codes import Code, Grid
from pipeline.publish.text import joined, quoted, shortened, typography
from pipeline.review import queue, state
from pipeline.review.journal import BenchDecision, Journal
from pipeline.review.mending import mending_of
from pipeline.review.queue import CoderView, CodeState
from pipeline.review.reading import DocumentPart, Line, part_around
from pipeline.review.selection import Selection
from pipeline.review.snapshot import Unit

N_COLOURS = 12  # classes stripe-1 to stripe-12
_N_PATTERNS = 3  # classes axis-1 to axis-3: whole, dashed, dotted
_N_BEFORE, _N_NEXT = 4, 20  # of the selection, around the current passage
_N_KEYS = 9
_N_RECENT = 6
_N_WORDS = 4  # that speak for a code, quoted beside it
_N_CHARS = 60  # of what an undoing says


class Stripe(NamedTuple):
    """A code or a theme in the margin; `svg` says its label when pointed at."""

    label: str
    svg: SafeString


def _stripe(label: str, *classes: str, colour: str = "") -> Stripe:
    own = format_html(' stroke="{}"', colour) if colour else ""
    svg = format_html(
        '<svg class="stripe {}" aria-hidden="true"><title>{}</title>'
        '<line x1="50%" x2="50%" y1="0" y2="100%"{}/></svg>',
        " ".join(classes),
        typography(label),
        own,
    )
    return Stripe(typography(label), svg)


@lru_cache(maxsize=4)
def code_stripes(grid: Grid) -> dict[tuple[str, str], Stripe]:
    """Return the stripe of each axis and code: its own colour, or one of the palette.

    Codes of an axis take the colours in turn, each axis from another one on.
    """
    stripes = {}
    for i, axis in enumerate(grid.axes):
        for j, code in enumerate(grid.axis(axis.axis)):
            classes = f"stripe-{(5 * i + j) % N_COLOURS + 1}", f"axis-{i % _N_PATTERNS + 1}"
            stripes[code.axis, code.code] = _stripe(code.label, *classes, colour=code.colour)
    return stripes


def _theme_stripe(theme_id: str, label: str) -> Stripe:
    number = zlib.crc32(theme_id.encode()) % N_COLOURS + 1
    return _stripe(_("Thème : {label}").format(label=label), f"stripe-{number}", "theme")


class LineRead(NamedTuple):
    """A line of the document, with what is decided of its passage."""

    line: Line
    stripes: tuple[Stripe, ...]
    theme: Stripe | None
    is_done: bool
    is_here: bool
    elsewhere: SafeString = SafeString("")  # the line of a passage that is not the current one

    @property
    def marks(self) -> SafeString:
        """Return the stripes of its theme and codes."""
        shown = [self.theme, *self.stripes] if self.theme else self.stripes
        return SafeString("".join(stripe.svg for stripe in shown))

    @property
    def names(self) -> str:
        """Return the labels of its codes."""
        return " · ".join(stripe.label for stripe in self.stripes)


@lru_cache(maxsize=2000)
def _elsewhere(read: LineRead, goto: str, _language: str) -> SafeString:
    return render_to_string("review/bench_line.html", {"read": read, "goto": goto})


def lines_read(view: CoderView, part: DocumentPart, here: str | None, goto: str) -> list[LineRead]:
    """Return the lines of a document with the codes and the theme of each passage."""
    themes, judged = state.themes(view.journal), view.judged
    by_code = code_stripes(view.grid)
    stripe_of: dict[str, Stripe] = {}
    rows = []
    for line in part.lines:
        if line.unit is None:
            rows.append(LineRead(line, (), None, is_done=False, is_here=False))
            continue
        unit_id = line.unit.unit_id
        theme_id = None if view.hides(unit_id) else themes.theme_of.get(unit_id)
        if theme_id and theme_id not in stripe_of:
            stripe_of[theme_id] = _theme_stripe(theme_id, themes.labels.get(theme_id, theme_id))
        put = set(view.assigned(unit_id, judged))
        codes = tuple(stripe for key, stripe in by_code.items() if key in put)  # the grid's order
        is_done, is_here = view.progress(unit_id)["is_done"], unit_id == here
        read = LineRead(line, codes, stripe_of.get(theme_id or ""), is_done, is_here)
        shown = read if is_here else read._replace(elsewhere=_elsewhere(read, goto, get_language()))
        rows.append(shown)
    return rows


def goto(wanted: Selection) -> str:
    """Return the address of the bench at a passage of the selection, to end with its id."""
    parts = filter(None, (wanted.address(), "passage="))
    return f"{reverse('passages')}?{'&'.join(parts)}"


@lru_cache(maxsize=4)
def code_options(grid: Grid) -> SafeString:
    """Return the choices of a picker of codes."""
    by_axis = [(axis, grid.axis(axis.axis)) for axis in grid.axes]
    return render_to_string("review/code_options.html", {"by_axis": by_axis})


def bench(
    view: CoderView, wanted: Selection, unit_ids: list[str], unit_id: str | None
) -> dict[str, Any]:
    """Return what bench.html shows of a passage of the selection `unit_ids`."""
    shown: dict[str, Any] = {
        "wanted": wanted,
        "address": wanted.address(),
        "n_listed": len(unit_ids),
        "section": "passages",
        "goto": goto(wanted),
    }
    if unit_id is None:
        return shown | {"unit": None}
    snapshot, journal = view.snapshot, view.journal
    unit, codes, done = snapshot.units[unit_id], view.codes(unit_id), view.progress(unit_id)
    previous_id, next_id = queue.neighbours(unit_id, unit_ids)
    i = unit_ids.index(unit_id) if unit_id in unit_ids else 0
    listed = unit_ids[max(i - _N_BEFORE, 0) : i + _N_NEXT]
    decisions = journal.on_unit(unit_id, TagDecision) if done["is_done"] else []
    part, is_hidden = part_around(snapshot, unit, view.grid), view.hides(unit_id)
    themes = state.themes(journal)
    theme_id = None if is_hidden else themes.theme_of.get(unit_id)
    return shown | {
        "unit": unit,
        "workshop": snapshot.workshops[unit.workshop_id],
        "title": snapshot.titles[unit.document_id],
        "part": part,
        "lines": lines_read(view, part, unit_id, goto(wanted)),
        "pieces": evidence_pieces(unit, codes),
        "axes": _codes_by_axis(view, unit, codes),
        "others_codes": _other_codes(view.grid, codes),
        "recent": _recent_codes(view, codes),
        "previous_id": previous_id,
        "next_id": next_id,
        "place": i + 1 if unit_id in unit_ids else None,
        "selection": [(snapshot.units[name], view.progress(name)) for name in listed],
        "doubt": None if is_hidden else snapshot.queue.get(unit_id),
        **done,
        "others": [row for row in decisions if row.author != view.author],
        "undoing": undoing_of(journal, view.author, unit_id),
        "theme_id": theme_id,
        "is_hidden": is_hidden,
        "theme": themes.labels.get(theme_id or "", ""),
        "mending": mending_of(view, unit),
        "code_options": code_options(view.grid),
    }


class MarkedPiece(NamedTuple):
    """A piece of a passage's text, and the numbers of the codes that it speaks for."""

    text: str
    numbers: str
    is_on: bool


def evidence_pieces(unit: Unit, codes: list[CodeState]) -> list[MarkedPiece]:
    """Cut a passage where the words that speak for a code begin and end.

    `is_on` where they speak for a code that the passage has.
    """
    text = unit.text
    spans = [
        (max(start, 0), min(end, len(text)), number, entry.is_assigned)
        for number, entry in enumerate(codes, start=1)
        for start, end in entry.spans
    ]
    cuts = sorted({0, len(text), *(cut for start, end, *_code in spans for cut in (start, end))})
    pieces = []
    for start, end in itertools.pairwise(cuts):
        over = {number: is_on for first, last, number, is_on in spans if first <= start < last}
        numbers = " ".join(map(str, sorted(over)))
        pieces.append(MarkedPiece(text[start:end], numbers, any(over.values())))
    return pieces


def _codes_by_axis(view: CoderView, unit: Unit, codes: list[CodeState]) -> list[dict[str, Any]]:
    """Number the codes over all axes for the keys 1 to 9."""
    stripes = code_stripes(view.grid)
    rows: list[dict[str, Any]] = [
        {
            "coded": entry,
            "key": number if number <= _N_KEYS else "",
            "number": number,
            "stripe": stripes[entry.code.axis, entry.code.code],
            "words": _words(unit, entry),
        }
        for number, entry in enumerate(codes, start=1)
    ]
    return [
        {"axis": axis, "codes": [row for row in rows if row["coded"].code.axis == axis.axis]}
        for axis in view.grid.axes
    ]


def _words(unit: Unit, entry: CodeState) -> str:
    """Return the words that speak for a code, the first ones."""
    words = dict.fromkeys(unit.text[start:end].strip() for start, end in entry.spans)
    listed = [shortened(text, _N_CHARS) for text in words if text]
    return ", ".join(listed[:_N_WORDS]) + (", …" if len(listed) > _N_WORDS else "")


def _other_codes(grid: Grid, codes: list[CodeState]) -> list[dict[str, Any]]:
    """Return the grid's codes that can be put, by axis."""
    put = set(queue.assigned(codes))
    by_axis = []
    for axis in grid.axes:
        others = [code for code in grid.axis(axis.axis) if (code.axis, code.code) not in put]
        by_axis.append({"axis": axis, "codes": others})
    return by_axis


def _recent_codes(view: CoderView, codes: list[CodeState]) -> list[Code]:
    """Return the codes that the person put last, except those on the passage."""
    put = set(queue.assigned(codes))
    of_grid = {(code.axis, code.code): code for code in view.grid.codes}
    recent = view.journal.recent_codes(view.author, _N_RECENT + len(put))
    return [of_grid[key] for key in recent if key in of_grid and key not in put][:_N_RECENT]


def codebook(view: CoderView) -> list[dict[str, Any]]:
    """Return every code of the grid by axis, with its stripe and its passages."""
    return [
        {"axis": axis, "rows": [code_entry(view, code) for code in view.grid.axis(axis.axis)]}
        for axis in view.grid.axes
    ]


def code_entry(view: CoderView, code: Code) -> dict[str, Any]:
    """Return what review/bench_code.html shows of a code."""
    key = code.axis, code.code
    return {
        "code": code,
        "stripe": code_stripes(view.grid)[key],
        "n_passages": view.snapshot.n_passages_of[key],
    }


def undoing_of(journal: Journal, author: str, unit_id: str) -> dict[str, Any] | None:
    """Return what « Annuler » undoes, in few words and in a sentence; None for nothing."""
    last = journal.last_on_bench(author)
    if last is None:
        return None
    return {
        "number": last.decision_id,
        "words": shortened(short_words(last), _N_CHARS),
        "sentence": state.sentence(last),
        "is_elsewhere": last.unit_id != unit_id,
    }


def short_words(decision: BenchDecision) -> str:
    """Say what `decision` does without naming its passage.

    An acceptance gives « Mobilité » acceptée.
    """
    label = state.study().grid.label_of
    if isinstance(decision, ConfirmUnit):
        codes = joined([quoted(label(code)) for _axis, code in decision.codes or ()])
        if not codes:
            return _("passage validé, sans étiquette")
        return _("passage validé : {codes}").format(codes=codes)
    sentences: dict[type[BenchDecision], str] = {
        AcceptTag: _("{label} acceptée"),
        AddTag: _("{label} ajoutée"),
        RejectTag: _("{label} rejetée"),
        CodeSpan: _("{label} posée sur des mots"),
        SplitPassage: _("passage coupé"),
        JoinPassages: _("passage joint au suivant"),
        CorrectPassage: _("passage corrigé"),
        NoteMemo: _("mémo noté"),
        EditMemo: _("mémo récrit"),
        RemoveMemo: _("mémo retiré"),
        FlagPassage: _("drapeau mis"),
        UnflagPassage: _("drapeau retiré"),
    }
    said = sentences.get(type(decision)) or state.sentence(decision)
    if not isinstance(decision, AcceptTag | AddTag | RejectTag | CodeSpan):
        return said
    ((_axis, code), _stays) = decision.code_words(())[0]
    return said.format(label=quoted(label(code)))


def announcement(decision: BenchDecision | None, *, is_undone: bool = False) -> str:
    """Tell people who do not see the page change."""
    if decision is None:
        return _("Rien à annuler.")
    sentence = short_words(decision)
    if is_undone:
        sentence = _("annulé : {said}").format(said=sentence)
    return f"{sentence[:1].upper()}{sentence[1:]}."
