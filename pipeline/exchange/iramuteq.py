"""The study as a corpus for IRaMuTeQ (.txt): one text a document, or one a table and question, never one a coded passage.

In:   tables as reviewed, the axes that the study's grid brings
Out:  UTF-8 without byte order mark; each text under a line of starred variables
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from pipeline.exchange.documents import named_documents
from pipeline.grid import RUBRIQUE, Axis
from pipeline.publish.report.passages import gather_passages, rows_of
from pipeline.words import fold

By = Literal["document", "table"]
BY: tuple[By, ...] = ("document", "table")
_UNSAID, _SEVERAL = "nr", "plusieurs"
_TOKEN = re.compile(r"\[([^\[\]]+)\]")  # what stands for a person or a number: one word
_KEPT_SIGNS = frozenset(".,;:!?'()\"«»%€-/°&+=_@#")

Tables = Mapping[str, pd.DataFrame]


def corpus_file(tables: Tables, *, by: By = "document", own_axes: Sequence[Axis] = ()) -> bytes:
    """The content of the corpus; a text without words has no header either."""
    passages = gather_passages(tables)
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    labels = dict(tables["themes"][["theme_id", "label"]].itertuples(index=False, name=None))
    codes = {
        axis: passages.tags[passages.tags["axis"] == axis].groupby("unit_id")["code"].agg(frozenset).to_dict()
        for axis in (RUBRIQUE, *(axis.axis for axis in own_axes))
    }
    texts = []
    for units in _divided(passages.rows, tables, by):
        lines = [line for unit in units if (line := clean_text(unit.text))]
        if lines:
            texts.append("\n".join([_header(units, workshops, codes, labels), *lines]))
    return ("\n\n".join(texts) + "\n").encode() if texts else b""


def clean_text(text: str) -> str:
    """`text` on one line with the signs that IRaMuTeQ reads as text; it never begins as a header or a thematic line."""
    joined = _TOKEN.sub(lambda token: re.sub(r"\W+", "_", token[1]), unicodedata.normalize("NFC", text).replace("’", "'"))
    kept = "".join(sign if sign.isalnum() or sign in _KEPT_SIGNS else " " for sign in joined)
    return " ".join(kept.split()).lstrip("-+=/ ").strip()


def modality(value: Any) -> str:
    """A value as a starred variable may hold it: small letters and digits without accents; `nr` where there is none."""
    return _UNSAID if value is None or pd.isna(value) else fold(str(value)).replace(" ", "") or _UNSAID


def _divided(rows: pd.DataFrame, tables: Tables, by: By) -> Iterator[list[Any]]:
    """The passages of each text, in order; what has no table stays with its document."""
    place = {row.document_id: order for order, row in enumerate(named_documents(tables))}
    kept = rows.assign(order=rows["document_id"].map(place))
    if by == "document":
        keys = kept["order"].map(lambda order: (order,))
    else:
        keys = pd.Series([_table_key(row) for row in rows_of(kept)], index=kept.index, dtype=object)
    first: dict[Any, list[Any]] = {}
    for key, row in zip(keys, rows_of(kept), strict=True):
        first.setdefault(key, []).append(row)
    yield from first.values()


def _table_key(row: Any) -> tuple[Any, ...]:
    question = None if pd.isna(row.question) else row.question
    where = ("document", row.order) if pd.isna(row.table_number) else ("table", int(row.table_number))
    return row.workshop_id, *where, question


def _header(
    units: list[Any], workshops: Mapping[str, Any], codes: Mapping[str, Mapping[Any, frozenset[str]]], labels: Mapping[str, str]
) -> str:
    """The line of variables: where and how it was said, then the codes of each axis and the theme that every passage of the text bears."""
    workshop = workshops.get(units[0].workshop_id)
    values = [
        ("territoire", modality(workshop.territory if workshop else None)),
        ("atelier", modality(units[0].workshop_id)),
        ("canal", _common([unit.channel for unit in units])),
        ("question", _common([unit.question for unit in units])),
        ("table", _common([unit.table_number for unit in units])),
    ]
    for axis, of_unit in codes.items():
        shared = sorted(frozenset.intersection(*(of_unit.get(unit.unit_id, frozenset()) for unit in units)))
        values += [(f"{modality(axis)}{n if n > 1 else ''}", modality(code)) for n, code in enumerate(shared, start=1)]
    themes = {unit.theme_id for unit in units}
    if len(themes) == 1 and not pd.isna(theme := units[0].theme_id):
        values.append(("theme", modality(labels[theme])))
    return "**** " + " ".join(f"*{name}_{value}" for name, value in values)


def _common(values: list[Any]) -> str:
    """The modality that all of `values` share; `plusieurs` where they differ."""
    found = {modality(value) for value in values}
    return found.pop() if len(found) == 1 else _SEVERAL
