"""Gather what mends a passage on the bench: coded words, cuts, joins and corrections.

The work is that of one passage, not of the study.
"""

from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from flows.masked_names import has_masked_name
from pipeline.decisions.mending import (
    QUESTION,
    SPEAKER,
    TABLE,
    CorrectPassage,
    JoinPassages,
    Mending,
    SplitPassage,
    says_something,
)
from pipeline.decisions.spans import CodeSpan, Quote
from pipeline.decisions.tags import TagDecision
from pipeline.publish.text import shortened, word
from pipeline.review import state
from pipeline.review.queue import CoderView
from pipeline.review.snapshot import Snapshot, Unit
from pipeline.tables.schema import CHANNELS, STRUCTURE_TYPES

_N_CHARS, _N_WORDS = 60, 40
Choice = tuple[str, str]  # a value, and what is shown of it


def mending_of(view: CoderView, unit: Unit) -> dict[str, Any]:
    """Return what review/bench_mend.html shows of a passage."""
    journal, unit_id = view.journal, unit.unit_id
    applied = decided_before(view.snapshot)
    waiting = [row for row in journal.on_unit(unit_id, Mending) if row.decision_id not in applied]
    is_shown = view.progress(unit_id)["is_done"]
    spans = [
        row
        for row in journal.on_unit(unit_id, CodeSpan)
        if row.quote is not None and (is_shown or row.author == view.author)
    ]
    former = [
        row
        for row in journal.left_behind(unit_id, TagDecision)
        if is_shown or row.author == view.author
    ]
    following = next_of(view.snapshot, unit)
    return {
        "waiting": [_shown(row, waiting_words(row, view), view) for row in waiting],
        "spans": [_coded(row, unit, view) for row in spans],
        "former": [_shown(row, _former_words(row, view), view) for row in former],
        "next_words": shortened(following.text, _N_CHARS) if following else "",
        "table": unit.table_number or "",
        "questions": questions_of(view, unit),
        "speakers": speakers_of(view.snapshot, unit),
        "has_masked_name": has_masked_name(unit.text),
        "channels": [(name, word("lieux", name)) for name in CHANNELS],
    }


def _shown(row: Mending | TagDecision, words: str, view: CoderView) -> dict[str, Any]:
    """Return a decision as it is shown under the passage; its author alone undoes it from there."""
    return {"number": row.decision_id, "words": words, "is_mine": row.author == view.author}


def _coded(row: CodeSpan, unit: Unit, view: CoderView) -> dict[str, Any]:
    """Return a code put on words of the passage, from `start` to `end`."""
    quote = (row.quote and row.quote.place_in(unit.text)) or Quote(0, 0, "")
    shown = _shown(row, _span_words(view, row), view)
    return shown | {"code": f"{row.axis}:{row.code}", "start": quote.start, "end": quote.end}


def waiting_words(row: Mending, view: CoderView) -> str:
    """Say what waits for the next run without naming the passage, which is above."""
    if isinstance(row, SplitPassage):
        after = shortened(str(row.content.get("after", "")), _N_WORDS)
        return _("coupé avant « {words} »").format(words=after)
    if isinstance(row, JoinPassages):
        other = view.snapshot.units.get(row.other_id)
        words = shortened(other.text, _N_WORDS) if other else row.other_id
        return _("joint au suivant, « {words} »").format(words=words)
    if not isinstance(row, CorrectPassage):
        return state.sentence(row)
    labels = {row.question: row.label for row in view.grid.questions}
    labels |= {name: word("lieux", name) for name in CHANNELS}
    value = _("inconnu") if row.value is None else labels.get(row.value, str(row.value))
    names = {TABLE: _("table"), QUESTION: _("question"), SPEAKER: _("qui parle")}
    return _("{name} : {value}").format(name=names.get(row.name, _("canal")), value=value)


def _former_words(row: TagDecision, view: CoderView) -> str:
    """Name the codes of a decision on what the passage was made of."""
    labels = [
        view.grid.label_of(code)
        if stays
        else _("sans {code}").format(code=view.grid.label_of(code))
        for (_axis, code), stays in row.code_words(())
    ]
    return ", ".join(labels) or _("validé sans étiquette")


def _span_words(view: CoderView, row: CodeSpan) -> str:
    said = shortened(row.quote.words, _N_CHARS) if row.quote else ""
    return _("{code} : « {words} »").format(code=view.grid.label_of(str(row.code)), words=said)


@lru_cache(maxsize=2)
def decided_before(snapshot: Snapshot) -> frozenset[int]:
    """Return the numbers of the decisions that the last run replayed."""
    return frozenset(snapshot.tables["decision_effects"]["decision_id"].tolist())


@lru_cache(maxsize=2)
def bounds_of(snapshot: Snapshot) -> dict[str, tuple[int, int]]:
    """Return where each passage is in its document."""
    units = snapshot.tables["units"]
    spans = zip(units["start_char"].tolist(), units["end_char"].tolist(), strict=True)
    return dict(zip(units["unit_id"].tolist(), spans, strict=True))


def next_of(snapshot: Snapshot, unit: Unit) -> Unit | None:
    """Return the passage that follows in the document, None where a heading is between."""
    listed = snapshot.of_document[unit.document_id]
    i = listed.index(unit.unit_id)
    if i + 1 == len(listed):
        return None
    bounds, following = bounds_of(snapshot), listed[i + 1]
    between = slice(bounds[unit.unit_id][1], bounds[following][0])
    is_near = not says_something(snapshot.texts[unit.document_id][between])
    return snapshot.units[following] if is_near else None


def questions_of(view: CoderView, unit: Unit) -> list[Choice]:
    """Return the questions of the grid, and the passage's own."""
    listed = [(row.question, row.label) for row in view.grid.questions]
    own = unit.question
    if own and own not in dict(listed):
        listed.append((own, own))
    return listed


def speakers_of(snapshot: Snapshot, unit: Unit) -> list[Choice]:
    """Return who may have spoken: the workshop's people, roles of the study, types of actor."""
    pairs = people_of(snapshot, unit.workshop_id)
    listed = [(name, f"{name} · {kind}" if kind else name) for name, kind in sorted(pairs.items())]
    others = dict.fromkeys((*roles_of(snapshot), *STRUCTURE_TYPES, *([unit.speaker or ""])))
    return listed + [(name, name) for name in others if name and name not in pairs]


@lru_cache(maxsize=64)
def people_of(snapshot: Snapshot, workshop_id: str) -> dict[str, str]:
    """Return the type of structure, or a blank, by person of a workshop."""
    people = snapshot.tables["attendance"]
    here = people[people["workshop_id"] == workshop_id].fillna({"structure_type": ""})
    return dict(zip(here["participant_id"].tolist(), here["structure_type"].tolist(), strict=True))


@lru_cache(maxsize=2)
def roles_of(snapshot: Snapshot) -> tuple[str, ...]:
    """Return the speakers of the study who are on no list, such as a role."""
    people = set(snapshot.tables["attendance"]["participant_id"])
    return tuple(sorted(set(snapshot.tables["units"]["speaker"].dropna()) - people))
