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
from pipeline.tokens import PlainText

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


def paths_without_units(documents: pd.DataFrame, blocks: pd.DataFrame, units: pd.DataFrame) -> list[str]:
    """Return the paths of the documents that say something and still yield no unit: names alone, say."""
    said = blocks.loc[~blocks["kind"].isin(SILENT_KINDS), "document_id"]
    silent = documents["document_id"].isin(said) & ~documents["document_id"].isin(units["document_id"])
    return documents.loc[silent, "path"].tolist()


def _units_of(document: Any, blocks: pd.DataFrame, settings: SegmentSettings) -> Iterator[dict[str, Any]]:
    """The units of one document; `unit_id` counts how often the same text occurred before in it.

    Persons' numbers are left out of where a text is cut and of what identifies it, so that numbering moves no decision.
    """
    seen: Counter[str] = Counter()
    plain = PlainText(document.text)
    identity = document.path if pd.isna(document.first_path) else document.first_path
    order = 0
    for block in blocks.to_dict("records"):
        if block["kind"] in SILENT_KINDS:
            continue
        span = (plain.to_plain(block["start_char"]), plain.to_plain(block["end_char"]))
        for cut_start, cut_end in cut_block(plain.text, span, block["kind"], settings):
            normalised = _normalise(plain.text[cut_start:cut_end])
            start, end = plain.to_numbered(cut_start), plain.to_numbered(cut_end)
            yield {
                "unit_id": _unit_id(identity, normalised, seen[normalised]),
                "document_id": document.document_id,
                "workshop_id": document.workshop_id,
                "unit_order": order,
                "start_char": start,
                "end_char": end,
                "text": document.text[start:end],
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
