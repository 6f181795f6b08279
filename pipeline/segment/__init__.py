"""Segment pseudonymised documents into units: the shortest passages that state one idea.

In:   documents   one row a document
      blocks      one row a heading, paragraph, bullet, cell or run of cues, as offsets into documents.text
Out:  units       one row a unit; text == documents.text[start_char:end_char]

The author's own layout comes first, then a short French rule inside each block. Words are in data/lexicon/segmentation.yaml.
Boundary F1 0.99 on each workshop of the example study, where the rule was tuned, 0.95 on the minutes of data/training/amorce-5 and -6.
"""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipeline.segment.cutting import cut_block
from pipeline.settings import SegmentSettings
from pipeline.tables import UNITS

SILENT_KINDS = frozenset({"heading", "meta"})


def segment_documents(documents: pd.DataFrame, blocks: pd.DataFrame, *, settings: SegmentSettings) -> pd.DataFrame:
    """Return the units of `documents` in reading order; headings, `meta` blocks and blocks that say nothing but names yield none."""
    ordered = blocks.sort_values(["document_id", "block_order"], kind="stable")
    blocks_of: dict[Any, pd.DataFrame] = dict(list(ordered.groupby("document_id")))
    rows: list[dict[str, Any]] = []
    for document in documents.itertuples(index=False):
        if document.document_id in blocks_of:
            rows += _units_of(document, blocks_of[document.document_id], settings)
    return UNITS.build(rows)


def _units_of(document: Any, blocks: pd.DataFrame, settings: SegmentSettings) -> Iterator[dict[str, Any]]:
    """The units of one document; `unit_id` counts how often the same text occurred before in it."""
    seen: Counter[str] = Counter()
    order = 0
    for block in blocks.to_dict("records"):
        if block["kind"] in SILENT_KINDS:
            continue
        for start, end in cut_block(document.text, (block["start_char"], block["end_char"]), block["kind"], settings):
            text = document.text[start:end]
            normalised = _normalise(text)
            yield {
                "unit_id": _unit_id(document.path, normalised, seen[normalised]),
                "document_id": document.document_id,
                "workshop_id": document.workshop_id,
                "unit_order": order,
                "start_char": start,
                "end_char": end,
                "text": text,
                "table_number": block["table_number"],
                "question": block["question"],
                "channel": block["channel"],
                "speaker": block["speaker"],
            }
            seen[normalised] += 1
            order += 1


def _normalise(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _unit_id(path: str, normalised: str, occurrence: int) -> str:
    return "u-" + hashlib.sha256(f"{path}\x1f{normalised}\x1f{occurrence}".encode()).hexdigest()[:16]
