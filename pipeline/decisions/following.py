"""Follow decisions to what their passages became, and say why some hold for none of them.

In:   active decisions, the units of now
Out:  the decisions on the passages of now; reasons, by number, of those that have none
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import pandas as pd
from rapidfuzz import fuzz, process

from pipeline.decisions.grounds import Passages
from pipeline.decisions.kinds import Decision, PassageDecision
from pipeline.decisions.lineage import Lineage
from pipeline.decisions.memos import FlagDecision, MemoDecision
from pipeline.decisions.mending import JoinPassages, Mending, SplitPassage
from pipeline.decisions.passages import MakePassage
from pipeline.decisions.spans import MOVED, CodeSpan
from pipeline.decisions.tags import AcceptTag, AddTag, RejectTag
from pipeline.decisions.themes import MoveUnit, PinQuote
from pipeline.text import fold

_ALIKE = 70  # rapidfuzz ratio
CUT = "Ce passage a été coupé : ce qui en était décidé est à revoir sur ses parties."
CUT_INSIDE = "Ce passage a été coupé au milieu de ces mots : à revoir sur ses parties."
JOINED = "Ce passage a été joint à un autre : ce qui en était décidé est à revoir sur les deux."
# what still holds of each part of a passage, of its first part, and of two passages joined
_OF_EACH_PART = (RejectTag,)
_OF_FIRST_PART = (MemoDecision, FlagDecision)
_OF_BOTH = (AcceptTag, AddTag, MoveUnit, PinQuote, *_OF_FIRST_PART)


def lineage_of(active: Iterable[Decision]) -> Lineage:
    """Return the lineage after all cuts and joins of `active`."""
    lineage = Lineage()
    for row in active:
        if isinstance(row, SplitPassage | JoinPassages):
            row.extend(lineage)
    return lineage


class Followed(NamedTuple):
    """Decisions on the passages of now: `active`; the first that each became, by number, and why
    some have none.
    """

    active: list[Decision]
    became: Mapping[int, Decision]
    lost: Mapping[int, str]
    lineage: Lineage


def follow_passages(active: Sequence[Decision], units: pd.DataFrame) -> Followed:
    """Return `active` on the passages that are in `units` now.

    Words keep their code wherever they went. Of a passage that was cut, a code removed is removed
    from each part, and the first part has the memos and the flag; two joined passages have the
    codes put on either, its theme, quote, memos and flag. All else comes back to the reviewer with
    its reason.
    """
    lineage = lineage_of(active)
    unit_ids = set(units["unit_id"].tolist())
    texts = _texts_of(
        [str(row.unit_id) for row in active if isinstance(row, CodeSpan)], units, lineage
    )
    rows: list[Decision] = []
    became: dict[int, Decision] = {}
    lost: dict[int, str] = {}
    for row in active:
        unit_id = str(getattr(row, "unit_id", ""))
        is_gone = unit_id in lineage and unit_id not in unit_ids
        now = [row]
        if isinstance(row, CodeSpan):
            now = _follow_words(row, lineage if is_gone else Lineage(), texts)
        elif is_gone and not isinstance(row, Mending | MakePassage):
            now = _follow(row, unit_id, lineage)
        if now:
            became[row.decision_id] = now[0]
        else:
            lost[row.decision_id] = _why_lost(row, unit_id, lineage) if is_gone else MOVED
        rows += now
    return Followed(rows, became, lost, lineage)


def follow_to(row: Decision, unit_id: str, lineage: Lineage) -> list[Decision]:
    """Return a decision on a former passage as it holds for `unit_id`, or nothing.

    Words are where their place tells; a run finds them again in the text.
    """
    former = str(getattr(row, "unit_id", ""))
    if isinstance(row, Mending | MakePassage) or former not in lineage:
        return []
    if not isinstance(row, CodeSpan) or row.quote is None:
        return [now for now in _follow(row, former, lineage) if now.unit_id == unit_id]  # type: ignore[attr-defined]
    first, start = lineage.place(former, row.quote.start)
    last, end = lineage.place(former, row.quote.end - 1)
    if not first == last == unit_id:
        return []
    return [replace(row, unit_id=unit_id, quote=row.quote._replace(start=start, end=end + 1))]


def moved_to(row: Decision, unit_id: str, text: str) -> Decision | None:
    """Return a decision as it would be on another passage; None where it holds for no other.

    Words that have a code must be in its text.
    """
    if not isinstance(row, PassageDecision) or isinstance(row, Mending):
        return None
    if not isinstance(row, CodeSpan):
        return replace(row, unit_id=unit_id)
    quote = row.quote.place_in(text) if row.quote else None
    return replace(row, unit_id=unit_id, quote=quote) if quote else None


def nearest_passages(gone: Passages, units: pd.DataFrame) -> Passages:
    """Return the id and text of the passage of the same document that says nearly each of `gone`.

    Of 728 passages with up to three words mended, 99 in 100 are found again, and no two passages
    of one document are that near.
    """
    rows = units[units["document_id"].isin({document_id for document_id, _ in gone.values()})]
    said = {name: each["text"].map(fold).tolist() for name, each in rows.groupby("document_id")}
    there = {name: each[["unit_id", "text"]] for name, each in rows.groupby("document_id")}
    nearest: Passages = {}
    for number, (document_id, text) in gone.items():
        texts = said.get(document_id, [])
        match = process.extractOne(fold(text), texts, scorer=fuzz.ratio, score_cutoff=_ALIKE)
        if match:
            nearest[number] = tuple(there[document_id].iloc[match[2]])
    return nearest


def is_left_behind(row: Decision, lineage: Lineage) -> bool:
    """Whether a decision on a former passage holds for nothing that it became."""
    ends = lineage.ends(str(getattr(row, "unit_id", "")))
    return not any(follow_to(row, end, lineage) for end in ends)


def follow_now(row: Decision, lineage: Lineage, unit_ids: Container[str]) -> list[Decision]:
    """Return a decision on what its passage became, if it is not one of `unit_ids` any more."""
    unit_id = str(getattr(row, "unit_id", ""))
    is_gone = unit_id in lineage and unit_id not in unit_ids
    return _follow(row, unit_id, lineage) if is_gone else [row]


def _texts_of(unit_ids: Iterable[str], units: pd.DataFrame, lineage: Lineage) -> dict[str, str]:
    """Return the texts of passages, and of what they became."""
    wanted = {name for unit_id in unit_ids for name in (unit_id, *lineage.ends(unit_id))}
    if not wanted:
        return {}
    rows = units[units["unit_id"].isin(wanted)]
    return dict(zip(rows["unit_id"], rows["text"], strict=True))


def _follow_words(row: CodeSpan, lineage: Lineage, texts: Mapping[str, str]) -> list[Decision]:
    unit_id = str(row.unit_id)
    if row.quote is None or (unit_id not in texts and unit_id not in lineage):
        return [row]  # nothing to look into: the replay says why
    first, start = lineage.place(unit_id, row.quote.start)
    last, _end = lineage.place(unit_id, row.quote.end - 1)
    if first != last or first not in texts:
        return []
    quote = row.quote._replace(start=start).place_in(texts[first])
    return [replace(row, unit_id=first, quote=quote)] if quote else []


def _follow(row: Decision, unit_id: str, lineage: Lineage) -> list[Decision]:
    """Return the same decision on each passage of now for which it still holds."""
    pieces = lineage.next_of(unit_id)
    if not pieces:
        return [replace(row, unit_id=unit_id)]  # type: ignore[call-arg]
    if not lineage.is_cut(unit_id):
        holding = pieces if isinstance(row, _OF_BOTH) else ()
    elif isinstance(row, _OF_FIRST_PART):
        holding = pieces[:1]
    else:
        holding = pieces if isinstance(row, _OF_EACH_PART) else ()
    return [now for piece in holding for now in _follow(row, piece.unit_id, lineage)]


def _why_lost(row: Decision, unit_id: str, lineage: Lineage) -> str:
    formers = [name for end in lineage.ends(unit_id) for name in lineage.formers(end)]
    if not any(map(lineage.is_cut, formers)):
        return JOINED
    return CUT_INSIDE if isinstance(row, CodeSpan) else CUT
