"""Say of each file of the depot what it would be taken for, before any run.

In:   depot/, the vault; the tables of the last run for a workshop that has not changed since
Out:  .review/apercus/<workshop>.json: counts and headings, never a word of what was said below
      them; the vault's doubtful cases of the workshop

The files are read as a run reads them, in the same child processes, by `python -m flows.preview`.
"""

import logging
import sys
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from pipeline.depot import Inventory, WorkshopFiles
from pipeline.errors import AteliersError, StudyError
from pipeline.files import text_hash, write_bytes
from pipeline.study import Study, locked_file
from pipeline.text import fold
from pipeline.versions import versions

_MAX_SECTIONS = 60  # of a file
_LOG = logging.getLogger(__name__)
Tables = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class SectionReading:
    """What stands below the heading `title` of a file, up to the next one."""

    title: str
    n_units: int
    tables: list[int]
    questions: list[str]


@dataclass(frozen=True)
class PartReading:
    """What a file, or a part of one, was taken for; `sections` where it has two or more."""

    path: str
    taken_for: str
    n_words: int
    n_units: int
    n_with_table: int
    n_with_question: int
    tables: list[int]
    questions: list[str]
    channel: str
    warning: str
    sections: list[SectionReading] = field(default_factory=list)


@dataclass(frozen=True)
class WorkshopReading:
    """What the files of a workshop were taken for; `error` where they could not be read."""

    key: str
    territory: str = ""
    date: str = ""
    place: str = ""
    parts: list[PartReading] = field(default_factory=list)
    rejects: list[dict[str, str]] = field(default_factory=list)
    error: str = ""


_AS_JSON = TypeAdapter(WorkshopReading)


def reading_key(study: Study, workshop: WorkshopFiles) -> str:
    """Return what the reading of a workshop depends on, without opening its files."""
    states = [f"{file.inside} {file.n_bytes} {file.stamp[1]}" for file in workshop.files]
    settings = study.settings
    return text_hash(
        _code(),
        settings.ingest.model_dump_json(),
        settings.segment.model_dump_json(),
        *states,
    )


@cache
def _code() -> str:
    return str(versions()["code"])


def read_kept(study: Study, folder: str) -> WorkshopReading | None:
    """Return the last reading of a workshop, whose `key` may be an earlier one; None before any."""
    try:
        return _AS_JSON.validate_json(_path(study, folder).read_bytes())
    except (OSError, ValueError):
        return None


def stale_workshops(study: Study, inventory: Inventory) -> dict[str, str]:
    """Return the `reading_key` of the workshops whose files changed since they were last read."""
    keys = {one.name: reading_key(study, one) for one in inventory.workshops}
    return {
        name: key
        for name, key in keys.items()
        if getattr(read_kept(study, name), "key", None) != key
    }


def _take_run(study: Study, workshop: WorkshopFiles, key: str) -> bool:
    """Keep as a reading what the last run read of a workshop, if its files are the same."""
    last = study.last_run()
    if last is None:
        return False
    own = {
        path: value
        for path, value in last["inputs"].items()
        if path.split("/", 1)[0] == workshop.label
    }
    workshops = study.read_table("workshops")
    ids = workshops.loc[workshops["folder"] == workshop.name, "workshop_id"]
    if workshop.contents != own or ids.empty:
        return False
    tables = {name: study.read_table(name) for name in ("documents", "blocks", "units", "receipts")}
    tables |= {"workshops": workshops, "rejects": study.read_table("rejects")}
    _keep(study, workshop.name, _reading(key, workshop.label, tables, str(ids.iloc[0])))
    return True


def read_depot(study: Study) -> int:
    """Read the workshops that changed and keep what their files were taken for; return how many.

    Raises `StudyError` where another process reads them.
    """
    refusal = StudyError("le dépôt est déjà en cours de lecture", "une à la fois", "attendre")
    n_read = 0
    kept = study.root / ".review" / "apercus"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked_file(kept / ".lock", refusal):
        from pipeline.ingest import FileReaders

        with FileReaders() as readers:
            inventory = Inventory(study.depot)
            for name, key in stale_workshops(study, inventory).items():
                workshop = inventory.at(name)
                n_read += 1
                if _take_run(study, workshop, key):
                    continue
                try:
                    reading = _read(study, inventory, workshop, key, readers)
                except AteliersError as error:
                    reading = WorkshopReading(key, error=str(error))
                _keep(study, name, reading)
    _LOG.info("%d workshops read ahead", n_read)
    return n_read


def _read(
    study: Study, inventory: Inventory, workshop: WorkshopFiles, key: str, readers: Any
) -> WorkshopReading:
    from pipeline.ingest import ingest_workshop
    from pipeline.ledger import account_characters, complete_receipts
    from pipeline.segment import segment_documents

    raw = ingest_workshop(
        workshop.path,
        depot=study.depot,
        settings=study.settings.ingest,
        inventory=inventory,
        readers=readers,
    )
    clean = _pseudonymised(study, workshop.name, raw)
    documents, blocks = clean["documents"], clean["blocks"]
    units = segment_documents(documents, blocks, settings=study.settings.segment)
    ledger = account_characters(documents, blocks, units)
    receipts = complete_receipts(clean["receipts"], documents, ledger, units)
    tables = clean | {"units": units, "receipts": receipts}
    return _reading(key, workshop.label, tables, str(raw["workshops"]["workshop_id"].iloc[0]))


def _pseudonymised(study: Study, folder: str, raw: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Hide persons as a run would, and list doubtful cases; the registry stays as it is."""
    from flows.vault import Vault
    from pipeline.errors import VaultError
    from pipeline.pseudonymise import pseudonymise

    try:
        vault = Vault(study)
        registry, choices = vault.take_registry(), vault.choices()
    except VaultError:  # locked: the counts do not need it
        # headings may name people: they are not told
        return {name: table for name, table in raw.items() if name != "people"} | {
            "blocks": raw["blocks"].assign(kind=raw["blocks"]["kind"].replace("heading", "meta"))
        }
    settings = study.settings.pseudonymise
    clean, update = pseudonymise(raw, registry=registry, choices=choices, settings=settings)
    vault.write_doubts(folder, update.doubts)
    return clean


def _reading(key: str, folder: str, tables: Tables, workshop_id: str) -> WorkshopReading:
    documents = tables["documents"][["document_id", "path", "text"]]
    units = tables["units"]
    own = units[units["workshop_id"] == workshop_id].merge(
        documents[["document_id", "path"]], on="document_id", validate="m:1"
    )
    by_path = dict(list(own.groupby("path")))
    headings = _headings(documents, tables["blocks"], set(map(str, by_path)))
    receipts = tables["receipts"]
    receipts = receipts[receipts["workshop_id"] == workshop_id].sort_values("path")
    workshop = tables["workshops"].set_index("workshop_id").loc[workshop_id]
    rejects = tables["rejects"]
    own_rejects = [
        {name: str(row[name]) for name in ("path", "reason", "advice")}
        for row in rejects.to_dict("records")
        if row["path"].split("/", 1)[0] == folder
    ]
    return WorkshopReading(
        key,
        territory=_text(workshop["territory"]),
        date=_text(workshop["date"]),
        place=_text(workshop["place"]),
        parts=[
            _part(row, by_path.get(row["path"]), headings.get(row["path"], []))
            for row in receipts.to_dict("records")
        ],
        rejects=own_rejects,
    )


def _headings(
    documents: pd.DataFrame, blocks: pd.DataFrame, paths: Collection[str]
) -> dict[str, list[tuple[int, str]]]:
    """Return where each heading of some documents ends, and its text, by path and in order."""
    own = documents[documents["path"].isin(list(paths))]
    rows = blocks[blocks["kind"] == "heading"].merge(own, on="document_id", validate="m:1")
    headings: dict[str, list[tuple[int, str]]] = {}
    for path, text, start, end in zip(
        rows["path"], rows["text"], rows["start_char"], rows["end_char"], strict=True
    ):
        headings.setdefault(str(path), []).append((int(end), " ".join(text[start:end].split())))
    return {path: sorted(own) for path, own in headings.items()}


def _sections(units: pd.DataFrame, headings: Sequence[tuple[int, str]]) -> list[SectionReading]:
    """Return what stands below each heading that has passages.

    Headings of the same words are one, as an answer in atelier.yaml is for all of them; one with a
    masked name cannot be told by its words.
    """
    below = [bisect_right(headings, (int(start), "\U0010ffff")) for start in units["start_char"]]
    groups: dict[str, list[int]] = {}
    titles: dict[str, str] = {}
    for i, n_above in enumerate(below):
        title = headings[n_above - 1][1] if n_above else ""
        if fold(title) and "[" not in title:
            titles.setdefault(fold(title), title)
            groups.setdefault(fold(title), []).append(i)
    if len(groups) < 2:
        return []
    return [
        SectionReading(titles[name], len(rows), *_told(units.iloc[rows]))
        for name, rows in groups.items()
    ][:_MAX_SECTIONS]


def _told(units: pd.DataFrame) -> tuple[list[int], list[str]]:
    """Return the tables and the questions of passages."""
    numbers = {int(number) for number in units["table_number"].dropna()}
    return sorted(numbers), sorted({str(question) for question in units["question"].dropna()})


def _part(
    row: Mapping[Any, Any], units: pd.DataFrame | None, headings: Sequence[tuple[int, str]]
) -> PartReading:
    tables, questions = _told(units) if units is not None else ([], [])
    return PartReading(
        str(row["path"]),
        str(row["taken_for"]),
        n_words=int(row["n_words_in"]),
        n_units=int(row["n_units"]),
        n_with_table=int(row["n_with_table"]),
        n_with_question=int(row["n_with_question"]),
        tables=tables,
        questions=questions,
        channel=_text(row["channel"]),
        warning=_text(row["warning"]),
        sections=[] if units is None else _sections(units, headings),
    )


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _keep(study: Study, folder: str, reading: WorkshopReading) -> None:
    write_bytes(_path(study, folder), _AS_JSON.dump_json(reading), mode=0o600)


def _path(study: Study, folder: str) -> Path:
    return study.root / ".review" / "apercus" / f"{text_hash(folder)[:32]}.json"


def main(arguments: Sequence[str]) -> int:
    """Read the depot of the study in `arguments[0]`; 1 where another process does."""
    try:
        read_depot(Study.open(Path(arguments[0])))
    except AteliersError as error:
        _LOG.warning(type(error).__name__)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
