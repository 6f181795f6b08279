"""The study's documents as other tools know them: in order, under names that tell nothing of the depot's files.

In:   workshops, documents
Out:  rows of documents, each with a name of its own

Who put which code on which unit: the machine's proposals that stand, and each person's own.

The study as a corpus for IRaMuTeQ (.txt): one text a document, or one a table and question, never one a coded passage.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from pipeline.exchange.codebook import THEME
from pipeline.exchange.xml import one_line
from pipeline.grid.codes import RUBRIQUE, Axis, Grid
from pipeline.publish.report.passages import gather_passages, rows_of, workshop_names
from pipeline.publish.text import word
from pipeline.standing import judgements, standing
from pipeline.text import fold


def named_documents(tables: Mapping[str, pd.DataFrame]) -> list[Any]:
    """The documents in the order of workshops and paths; `name` is the workshop and the title, with a number where two would share it."""
    names = workshop_names(tables["workshops"])
    places = {workshop_id: place for place, workshop_id in enumerate(names)}
    documents = tables["documents"]
    ordered = documents.assign(place=documents["workshop_id"].map(places)).sort_values(
        ["place", "path", "document_id"]
    )
    given: list[str] = []
    seen: dict[str, int] = defaultdict(int)
    for row in rows_of(ordered):
        title = one_line(row.title) if isinstance(row.title, str) else ""
        name = (
            f"{names.get(row.workshop_id, row.workshop_id)} · {title or word('lieux', row.channel)}"
        )
        seen[name.casefold()] += 1
        given.append(name if seen[name.casefold()] == 1 else f"{name} ({seen[name.casefold()]})")
    return list(rows_of(ordered.assign(name=given)))


MACHINE = "automate"  # the user who stands for the machine, followed by a version
ADDING = ("accept_tag", "add_tag")
_KEY = ["unit_id", "axis", "code"]


@dataclass(frozen=True, order=True)
class Coding:
    """A code on a unit; `author` is empty for the machine, `decided_at` for what nobody decided; `axis` may be `theme`."""

    unit_id: str
    author: str
    axis: str
    code: str
    decided_at: str = ""


def gather_codings(
    tables: Mapping[str, pd.DataFrame],
    grid: Grid,
    *,
    decisions: pd.DataFrame,
    machine_tags: pd.DataFrame | None = None,
) -> list[Coding]:
    """Return every coding of a unit and code that still exist, in order of unit, coder and code.

    `tables` are as reviewed. Without `machine_tags`, what the machine proposed before review, its rows in `tables` stand for them.
    """
    units, known = set(tables["units"]["unit_id"]), {(code.axis, code.code) for code in grid.codes}
    proposed = machine_tags if machine_tags is not None and len(machine_tags) else tables["tags"]
    on_tags = [
        *_machine_tags(tables["tags"], machine_tags),
        *_persons_tags(judgements(decisions, proposed), grid.exclusive),
    ]
    codings = [
        coding
        for coding in on_tags
        if coding.unit_id in units and (coding.axis, coding.code) in known
    ]
    return sorted([*codings, *_on_themes(tables, standing(decisions))])


def _machine_tags(reviewed: pd.DataFrame, proposed: pd.DataFrame | None) -> Iterator[Coding]:
    """What the machine put by itself and nobody took away."""
    standing = reviewed[(reviewed["source"] == "machine") & reviewed["is_assigned"]]
    if proposed is not None and len(proposed):
        standing = standing.merge(
            proposed.loc[proposed["is_assigned"], _KEY], on=_KEY, validate="one_to_one"
        )
    for unit_id, axis, code in standing[_KEY].itertuples(index=False, name=None):
        yield Coding(unit_id, "", axis, code)


def _persons_tags(judged: pd.DataFrame, exclusive: Collection[str]) -> Iterator[Coding]:
    """Each author's last word on each code of a unit, where it is for it; of an `exclusive` axis, the last one alone."""
    last = judged.drop_duplicates(["author", *_KEY], keep="last")
    adding = last[last["action"].isin(ADDING)]
    is_exclusive = adding["axis"].isin(exclusive)
    for rows in (
        adding[~is_exclusive],
        adding[is_exclusive].drop_duplicates(["author", "unit_id", "axis"], keep="last"),
    ):
        for row in rows_of(rows):
            yield Coding(
                str(row.unit_id), str(row.author), str(row.axis), str(row.code), str(row.decided_at)
            )


def _on_themes(tables: Mapping[str, pd.DataFrame], decisions: pd.DataFrame) -> Iterator[Coding]:
    """The theme of each unit, by the person who last put it there, else by the machine."""
    themes = set(tables["themes"]["theme_id"])
    moved = (
        decisions[decisions["action"] == "move_unit"]
        .sort_values("decision_id")
        .drop_duplicates("unit_id", keep="last")
    )
    by_person = {str(row.unit_id): row for row in rows_of(moved)}
    for unit_id, theme_id in tables["theme_members"][["unit_id", "theme_id"]].itertuples(
        index=False, name=None
    ):
        if theme_id in themes:
            row = by_person.get(unit_id)
            by_whom = (
                (str(row.author), str(row.decided_at))
                if row is not None and row.value == theme_id
                else ("", "")
            )
            yield Coding(unit_id, by_whom[0], THEME, theme_id, by_whom[1])


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


def clean_text(text: str) -> str:
    """`text` on one line with the signs that IRaMuTeQ reads as text; it never begins as a header or a thematic line."""
    joined = _TOKEN.sub(
        lambda token: re.sub(r"\W+", "_", token[1]),
        unicodedata.normalize("NFC", text).replace("’", "'"),
    )
    kept = "".join(sign if sign.isalnum() or sign in _KEPT_SIGNS else " " for sign in joined)
    return " ".join(kept.split()).lstrip("-+=/ ").strip()


def modality(value: Any) -> str:
    """A value as a starred variable may hold it: small letters and digits without accents; `nr` where there is none."""
    return (
        _UNSAID if value is None or pd.isna(value) else fold(str(value)).replace(" ", "") or _UNSAID
    )


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
    where = (
        ("document", row.order) if pd.isna(row.table_number) else ("table", int(row.table_number))
    )
    return row.workshop_id, *where, question


def _header(
    units: list[Any],
    workshops: Mapping[str, Any],
    codes: Mapping[str, Mapping[Any, frozenset[str]]],
    labels: Mapping[str, str],
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
        shared = sorted(
            frozenset.intersection(*(of_unit.get(unit.unit_id, frozenset()) for unit in units))
        )
        values += [
            (f"{modality(axis)}{n if n > 1 else ''}", modality(code))
            for n, code in enumerate(shared, start=1)
        ]
    themes = {unit.theme_id for unit in units}
    if len(themes) == 1 and not pd.isna(theme := units[0].theme_id):
        values.append(("theme", modality(labels[theme])))
    return "**** " + " ".join(f"*{name}_{value}" for name, value in values)


def _common(values: list[Any]) -> str:
    """The modality that all of `values` share; `plusieurs` where they differ."""
    found = {modality(value) for value in values}
    return found.pop() if len(found) == 1 else _SEVERAL
