"""Prepare a study for other tools: documents under safe names, codings by coder, a corpus.

In:   tables as reviewed, grid, decisions
Out:  rows of documents with a `name`; PassageCoding; the text of an IRaMuTeQ corpus
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from pipeline.decisions import active_decisions
from pipeline.decisions.following import follow_passages
from pipeline.decisions.kinds import Decision
from pipeline.decisions.spans import CodeSpan, Span
from pipeline.decisions.tags import words_in_order
from pipeline.decisions.themes import ThemeDecision
from pipeline.exchange.codebook import THEME
from pipeline.exchange.xml import one_line
from pipeline.grid.codes import RUBRIQUE, Axis, Grid
from pipeline.publish.report.passages import Tables, gather_passages, grouped, workshop_names
from pipeline.publish.text import word
from pipeline.tables.columns import rows_of
from pipeline.text import fold, spelled_sign


def named_documents(tables: Tables) -> list[Any]:
    """Return the documents by workshop and path, each with a unique `name`.

    A name is the workshop and title, and reveals no file name.
    """
    names = workshop_names(tables["workshops"])
    rank_by_workshop = {workshop_id: i for i, workshop_id in enumerate(names)}
    documents = tables["documents"]
    ordered = documents.assign(rank=documents["workshop_id"].map(rank_by_workshop)).sort_values(
        ["rank", "path", "document_id"]
    )
    unique_names: list[str] = []
    n_uses: dict[str, int] = defaultdict(int)
    for row in rows_of(ordered):
        title = one_line(row.title) if isinstance(row.title, str) else ""
        workshop = names.get(row.workshop_id, row.workshop_id)
        name = f"{workshop} · {title or word('lieux', row.channel)}"
        n_uses[name.casefold()] += 1
        n = n_uses[name.casefold()]
        unique_names.append(name if n == 1 else f"{name} ({n})")
    return list(rows_of(ordered.assign(name=unique_names)))


MACHINE = "automate"  # the machine's user name, then a version
_KEY = ["unit_id", "axis", "code"]


@dataclass(frozen=True, order=True)
class PassageCoding:
    """A code on a unit; `author` is empty for the machine, `axis` may be `theme`.

    `spans` are the words of the unit that a person coded, none for the whole unit.
    """

    unit_id: str
    author: str
    axis: str
    code: str
    decided_at: str = ""
    spans: tuple[Span, ...] = ()


def gather_codings(
    tables: Tables,
    grid: Grid,
    *,
    decisions: pd.DataFrame,
    machine_tags: pd.DataFrame | None = None,
) -> list[PassageCoding]:
    """Return the codings whose unit and code still exist, by unit, coder and code.

    `tables` are as reviewed; `machine_tags` are those before review, by default theirs.
    """
    unit_ids = set(tables["units"]["unit_id"])
    codes = {(code.axis, code.code) for code in grid.codes}
    proposed = machine_tags if machine_tags is not None and len(machine_tags) else tables["tags"]
    active = follow_passages(active_decisions(decisions), tables["units"]).active
    on_tags = [
        *_machine_codings(tables["tags"], machine_tags),
        *_personal_codings(active, proposed, grid.exclusive),
    ]
    codings = [
        coding
        for coding in on_tags
        if coding.unit_id in unit_ids and (coding.axis, coding.code) in codes
    ]
    return sorted([*codings, *_theme_codings(tables, active)])


def _machine_codings(
    reviewed: pd.DataFrame, proposed: pd.DataFrame | None
) -> Iterator[PassageCoding]:
    tags = reviewed[(reviewed["source"] == "machine") & reviewed["is_assigned"]]
    if proposed is not None and len(proposed):
        assigned = proposed.loc[proposed["is_assigned"], _KEY]
        tags = tags.merge(assigned, on=_KEY, validate="one_to_one")
    for unit_id, axis, code in tags[_KEY].itertuples(index=False, name=None):
        yield PassageCoding(unit_id, "", axis, code)


def _personal_codings(
    active: Iterable[Decision], proposed: pd.DataFrame, exclusive: Collection[str]
) -> Iterator[PassageCoding]:
    """Yield each author's last word on each code; the last code alone of an `exclusive` axis."""
    words: dict[tuple[str, str, str, str], tuple[str, bool]] = {}
    spans: defaultdict[tuple[str, ...], set[Span]] = defaultdict(set)
    for decision, (axis, code), stays in words_in_order(active, proposed):
        key = (str(decision.unit_id), decision.author, axis, code)
        words.pop(key, None)  # the last word comes last
        words[key] = decision.decided_at, stays
        if not stays:
            spans.pop(key, None)
        elif isinstance(decision, CodeSpan) and decision.quote:
            spans[key].add(decision.quote[:2])
    codings: dict[tuple[str, ...], PassageCoding] = {}
    for key, (decided_at, stays) in words.items():
        if stays:
            slot = key[:3] if key[2] in exclusive else key
            codings[slot] = PassageCoding(*key, decided_at, tuple(sorted(spans[key])))
    yield from codings.values()


def _theme_codings(tables: Tables, active: Iterable[Decision]) -> Iterator[PassageCoding]:
    """Attribute each unit's theme to who last put it there, else the machine."""
    theme_ids = set(tables["themes"]["theme_id"])
    last = {
        unit_id: (row, into_id)
        for row in active
        if isinstance(row, ThemeDecision)
        for unit_id, into_id in row.placements().items()
    }
    members = tables["theme_members"][["unit_id", "theme_id"]]
    for unit_id, theme_id in members.itertuples(index=False, name=None):
        if theme_id in theme_ids:
            row, into_id = last.get(unit_id, (None, None))
            author, decided_at = "", ""
            if row is not None and into_id == theme_id:
                author, decided_at = row.author, row.decided_at
            yield PassageCoding(unit_id, author, THEME, theme_id, decided_at)


By = Literal["document", "table"]
BY: tuple[By, ...] = ("document", "table")
_UNSAID, _SEVERAL = "nr", "plusieurs"
_TOKEN = re.compile(r"\[([^\[\]]+)\]")  # a pseudonym: one word
_ALLOWED_SIGNS = frozenset(".,;:!?'()\"«»%€-/°&+=_@#")


def corpus_file(tables: Tables, *, by: By = "document", own_axes: Sequence[Axis] = ()) -> bytes:
    """Return the IRaMuTeQ corpus: one text a document, or one a table and question.

    A text without words is left out.
    """
    passages = gather_passages(tables)
    workshops = {row.workshop_id: row for row in rows_of(tables["workshops"])}
    labels = dict(tables["themes"][["theme_id", "label"]].itertuples(index=False, name=None))
    codes = {
        axis: passages.tags[passages.tags["axis"] == axis]
        .groupby("unit_id")["code"]
        .agg(frozenset)
        .to_dict()
        for axis in (RUBRIQUE, *(axis.axis for axis in own_axes))
    }
    texts = []
    for units in _divided(passages.rows, tables, by):
        lines = [line for unit in units if (line := clean_text(unit.text))]
        if lines:
            texts.append("\n".join([_header(units, workshops, codes, labels), *lines]))
    return ("\n\n".join(texts) + "\n").encode() if texts else b""


def _divided(rows: pd.DataFrame, tables: Tables, by: By) -> list[list[Any]]:
    rank = {row.document_id: i for i, row in enumerate(named_documents(tables))}
    ranked = rows_of(rows.assign(document_rank=rows["document_id"].map(rank)))
    key = _table_key if by == "table" else lambda row: row.document_rank
    return list(grouped(ranked, key).values())


def _table_key(row: Any) -> tuple[Any, ...]:
    question = None if pd.isna(row.question) else row.question
    if pd.isna(row.table_number):
        return row.workshop_id, "document", row.document_rank, question
    return row.workshop_id, "table", int(row.table_number), question


def clean_text(text: str) -> str:
    """Put `text` on one line in signs that IRaMuTeQ reads.

    It never begins as a header or a thematic line.
    """
    plain = unicodedata.normalize("NFC", spelled_sign(text)).replace("’", "'")
    plain = _TOKEN.sub(lambda token: re.sub(r"\W+", "_", token[1]), plain)
    signs = [sign if sign.isalnum() or sign in _ALLOWED_SIGNS else " " for sign in plain]
    return " ".join("".join(signs).split()).lstrip("-+=/ ").strip()


def _header(
    units: list[Any],
    workshops: Mapping[str, Any],
    codes: Mapping[str, Mapping[Any, frozenset[str]]],
    labels: Mapping[str, str],
) -> str:
    workshop = workshops.get(units[0].workshop_id)
    values = [
        ("territoire", modality(workshop.territory if workshop else None)),
        ("atelier", modality(units[0].workshop_id)),
        ("canal", _common([unit.channel for unit in units])),
        ("question", _common([unit.question for unit in units])),
        ("table", _common([unit.table_number for unit in units])),
    ]
    for axis, codes_by_unit in codes.items():
        of_units = [codes_by_unit.get(unit.unit_id, frozenset()) for unit in units]
        for n, code in enumerate(sorted(frozenset.intersection(*of_units)), start=1):
            values.append((f"{modality(axis)}{n if n > 1 else ''}", modality(code)))
    themes = {unit.theme_id for unit in units}
    if len(themes) == 1 and not pd.isna(theme := units[0].theme_id):
        values.append(("theme", modality(labels[theme])))
    return "**** " + " ".join(f"*{name}_{value}" for name, value in values)


def modality(value: Any) -> str:
    """Return a starred variable's value: lower-case letters and digits, or `nr`."""
    is_blank = value is None or pd.isna(value)
    return _UNSAID if is_blank else fold(str(value)).replace(" ", "") or _UNSAID


def _common(values: list[Any]) -> str:
    modalities = {modality(value) for value in values}
    return modalities.pop() if len(modalities) == 1 else _SEVERAL
