"""Account for what was read: each character of the documents, and each file of the depot.

In:   documents, blocks, units; the receipts as far as reading can fill them
Out:  ledger     one row a run of characters of one kind, every character once
      receipts   one row a file or part, with what was kept of it and what was left out
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pandas as pd

from pipeline.segment import MAX_CHARS, rows_of_documents, silent_ids
from pipeline.tables.material import LEDGER, RECEIPTS
from pipeline.tables.schema import ASIDES, OUT_OF_ROOM
from pipeline.text import Count

_MIN_KEPT, _MAX_UNPLACED = 0.8, 0.3  # shares of words and passages, beyond which a file is told
_FEW_WORDS, _FEW_UNITS = 20, 4  # smaller files warn of nothing: a share of them means little
_MARK, _NAME_ALONE = ASIDES["mark"], ("person data", "nom seul")
_HEADING = ("heading", "titre")
# what a warning counts as lost; of other reasons, a file tells them and nobody need look
_DOUBTFUL = frozenset(ASIDES[name][1] for name in ("unknown column", "unsure reading", "other"))
# told by their words or place: doubtful where they are half of a file
_GUESSED = frozenset(ASIDES[name][1] for name in ("circumstance", "page furniture", "settings"))

_PLACES = {"table": "table_number", "question": "question", "speaker": "speaker"}

Row = dict[Any, Any]


class _Span(NamedTuple):
    start_char: int
    end_char: int
    kind: str
    reason: str | None
    unit_id: str | None = None


def account_characters(
    documents: pd.DataFrame, blocks: pd.DataFrame, units: pd.DataFrame
) -> pd.DataFrame:
    """Return the ledger: for each document, spans that follow each other from 0 to `n_chars`."""
    blocks_of = rows_of_documents(blocks, "block_order")
    units_of = rows_of_documents(units, "start_char")
    return LEDGER.build(
        {"document_id": document.document_id, **span._asdict()}
        for document in documents.itertuples(index=False)
        for span in _spans(
            document,
            blocks_of.get(document.document_id, ()),
            units_of.get(document.document_id, ()),
        )
    )


def _spans(document: Any, blocks: Sequence[Row], units: Sequence[Row]) -> Iterator[_Span]:
    """Yield the document's spans in order; what lies between blocks and passages is a mark."""
    text, ids = document.text, silent_ids(document, blocks)
    position, i = 0, 0
    for block in blocks:
        start, end = block["start_char"], block["end_char"]
        if start > position:
            yield _between(text, position, start)
            position = start
        while i < len(units) and units[i]["start_char"] < end:  # a joined one goes on beyond
            unit = units[i]
            if unit["start_char"] > position:
                yield _between(text, position, unit["start_char"])
            yield _Span(unit["start_char"], unit["end_char"], "passage", None, unit["unit_id"])
            position, i = unit["end_char"], i + 1
        if position == start < end and block["block_order"] in ids:
            yield _Span(start, end, *_why_silent(block), ids[block["block_order"]])
        elif position < end:
            yield _between(text, position, end)
        position = max(position, end)
    if position < len(text):
        yield _between(text, position, len(text))


def _why_silent(block: Row) -> tuple[str, str]:
    return _HEADING if block["kind"] == "heading" else ASIDES[block["reason"] or "other"]


def _between(text: str, start: int, end: int) -> _Span:
    """Return what stands beside passages: bullets and spaces, else names and their few words."""
    is_mark = not any(map(str.isalnum, text[start:end]))
    return _Span(start, end, *(_MARK if is_mark else _NAME_ALONE))


def complete_receipts(
    receipts: pd.DataFrame, documents: pd.DataFrame, ledger: pd.DataFrame, units: pd.DataFrame
) -> pd.DataFrame:
    """Return `receipts` with the passages kept of each file, what was left out, and a warning.

    A file that is only a list or a map keeps what reading counted.
    """
    text_of = dict(zip(documents["document_id"], documents["text"], strict=True))
    id_of = dict(zip(documents["path"], documents["document_id"], strict=True))
    spans_of, units_of = (rows_of_documents(rows, "start_char") for rows in (ledger, units))
    rows: list[Row] = []
    for receipt in receipts.to_dict("records"):
        document_id = id_of.get(receipt["path"])
        if document_id is not None:
            spans, own = spans_of.get(document_id, []), units_of.get(document_id, [])
            receipt |= _kept(receipt, text_of[document_id], spans, own)
        rows.append(receipt)
    return RECEIPTS.build(rows)


def _kept(receipt: Row, text: str, spans: Sequence[Row], units: Sequence[Row]) -> Row:
    words: Counter[tuple[str, str]] = Counter()
    for span in spans:
        n = len(text[span["start_char"] : span["end_char"]].split())
        is_passage = span["kind"] == "passage"
        words[span["kind"], "" if is_passage else span["reason"]] += n
    n_kept = receipt["n_words_kept"] + words["passage", ""]
    counts = {
        "n_words_in": receipt["n_words_in"] + words.total(),
        "n_words_kept": n_kept,
        "n_units": len(units),
        **{
            f"n_with_{name}": sum(not pd.isna(unit[column]) for unit in units)
            for name, column in _PLACES.items()
        },
    }
    left_out = [
        *json.loads(receipt["left_out"]),
        *(["", reason, n] for (kind, reason), n in words.items() if kind != "passage" and n),
    ]
    n_lost = sum(n for (_, reason), n in words.items() if reason in _DOUBTFUL)
    n_guessed = sum(n for (_, reason), n in words.items() if reason in _GUESSED)
    n_lost += n_guessed if n_guessed >= n_kept else 0
    if any(reason in _DOUBTFUL for _, reason, *_ in left_out) or not left_out:
        n_lost += receipt["n_words_in"] - receipt["n_words_kept"]
    channels = Counter(unit["channel"] for unit in units).most_common(1)
    return {
        **counts,
        "channel": channels[0][0] if channels else receipt["channel"],
        "left_out": json.dumps(left_out, ensure_ascii=False),
        "warning": _warning(receipt["warning"], counts["n_words_in"], n_lost, units),
    }


def _is_cut(unit: Row, after: Row) -> bool:
    """Whether a passage ends where the next one starts only because it would be too long."""
    is_long = unit["end_char"] - unit["start_char"] > MAX_CHARS // 2
    goes_on = after["start_char"] - unit["end_char"] <= 1
    return is_long and goes_on and not unit["text"].endswith((".", "!", "?", "…", ";"))


def _warning(doubt: Any, n_words: int, n_lost: int, units: Sequence[Row]) -> str | None:
    """Say what to look at: many words in no passage for no sure reason, or no question known.

    What was said out of the room needs no question; `doubt` is that of reading, if any.
    """
    warnings = [doubt] if isinstance(doubt, str) else []
    if n_words >= _FEW_WORDS and n_lost > (1 - _MIN_KEPT) * n_words:
        share = round(100 * n_lost / n_words)
        warnings.append(f"{share} % des mots ne sont dans aucun passage")
    in_room = [unit for unit in units if unit["channel"] not in OUT_OF_ROOM]
    unplaced = [unit for unit in in_room if pd.isna(unit["question"])]
    if len(units) >= _FEW_UNITS and len(unplaced) > _MAX_UNPLACED * len(units):
        n = Count(len(unplaced))
        warnings.append(f"{n:passage|passages} sur {len(units)} sans question connue")
    if n_cut := sum(_is_cut(unit, after) for unit, after in pairwise(units)):
        why = f"sans phrase ni ligne sur plus de {MAX_CHARS} signes"
        warnings.append(f"{Count(n_cut):coupure|coupures} dans un texte {why}")
    return " ; ".join(warnings) or None
