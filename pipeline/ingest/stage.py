"""The stage behind `ingest_workshop`: tell lists and maps from what was said, and write one workshop's tables.

In:   the files of a workshop's folder
Out:  the tables of `pipeline.ingest`

Write the documents and blocks of a workshop from parts whose blocks are placed.

Who wrote or said each block: a participant of the workshop where a name tells, else the role as written.
"""

import hashlib
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from pipeline.depot import folder_name
from pipeline.ingest.attendance import Attendance, enter_respondents, read_attendance
from pipeline.ingest.contents import Contents, read_contents
from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.locate.cues import LocatedBlock
from pipeline.ingest.locate.spoken import is_role
from pipeline.ingest.locate.titles import questions_by_siblings
from pipeline.ingest.people import (
    Participant,
    WorkshopPeople,
    is_first_name,
    is_person_name,
    split_name,
)
from pipeline.ingest.sheets import Rows
from pipeline.ingest.structures import Mention, WorkshopCommunes, join_structures
from pipeline.ingest.territory_map import build_catchments
from pipeline.ingest.territory_map.shapes import Pin
from pipeline.ingest.words import find_date
from pipeline.ingest.workshop import (
    SILENT,
    Manifest,
    Reject,
    date_of,
    identify_workshop,
    name_territory,
    read_manifest,
)
from pipeline.settings.stages import IngestSettings
from pipeline.tables.material import ATTENDANCE, BLOCKS, DOCUMENTS, REJECTS, WORKSHOPS
from pipeline.text import fold, lexicon

_SILENT = frozenset({"meta", "heading"})


@dataclass(frozen=True)
class Source:
    """Where a document comes from: `path` in the depot with its `#part`, `file` without it, and what that file is.

    `first_path` is the path under which it was first met, where it was renamed since.
    """

    path: str
    file: str
    sha256: str
    title: str | None = None
    first_path: str | None = None


def document_id(path: str) -> str:
    """The identifier of the document at `path`, the same on every system."""
    return "d-" + hashlib.sha256(unicodedata.normalize("NFC", path).encode()).hexdigest()[:12]


def build_document(
    source: Source,
    placed: Sequence[LocatedBlock],
    speakers: Sequence[str | None],
    *,
    workshop_id: str,
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of documents and the rows of blocks; the text is the blocks' texts, a line each."""
    own_id = document_id(source.first_path or source.path)
    blocks: list[dict[str, Any]] = []
    at = 0
    for order, (block, speaker) in enumerate(zip(placed, speakers, strict=True)):
        blocks.append(
            {
                "document_id": own_id,
                "block_order": order,
                "start_char": at,
                "end_char": at + len(block.text),
                "kind": block.kind,
                "level": block.level,
                "table_number": block.table_number,
                "question": block.question,
                "channel": block.channel,
                "speaker": speaker,
            }
        )
        at += len(block.text) + 1
    text = "\n".join(block.text for block in placed)
    passages = [block for block in placed if block.kind not in _SILENT] or list(placed)
    tables = {block.table_number for block in passages}
    document = {
        "document_id": own_id,
        "workshop_id": workshop_id,
        "path": source.path,
        "sha256": source.sha256,
        "channel": Counter(block.channel for block in passages).most_common(1)[0][0],
        "table_number": tables.pop() if len(tables) == 1 else None,
        "title": source.title or PurePosixPath(source.file).stem,
        "n_chars": len(text),
        "text": text,
        "first_path": source.first_path,
    }
    return document, blocks


def enter_correspondents(
    people: Sequence[tuple[str, str]], roster: WorkshopPeople
) -> list[str | None]:
    """Enter senders and recipients of a mail, as (name, address), and return their participant_id; None for a service."""
    return [_correspondent(name, address, roster) for name, address in people]


def name_speakers(blocks: Sequence[LocatedBlock], roster: WorkshopPeople) -> list[str | None]:
    """Return the speaker of each block, names unknown so far entered into `roster`."""
    known = {
        speaker: _speaker(speaker, roster)
        for speaker in dict.fromkeys(block.speaker for block in blocks)
        if speaker
    }
    return [known.get(block.speaker) if block.speaker else None for block in blocks]


def _correspondent(name: str, address: str, roster: WorkshopPeople) -> str | None:
    known = (roster.find_email(address) if address else None) or (
        roster.find_name(name) if name else None
    )
    if known and name and is_person_name(name):
        return known
    if known:
        return known
    first, last = (
        split_name(name)
        if name and is_person_name(name) and "@" not in name
        else _names_of_address(address)
    )
    return (
        roster.add(Participant(first, last, address or None, None, "mail"))
        if first or last
        else None
    )


def _names_of_address(address: str) -> tuple[str | None, str | None]:
    """The names that an address such as karim.lefebvre@… spells, where the first is a first name."""
    words = [word for word in re.split(r"[._-]", address.split("@")[0]) if word.isalpha()]
    return (
        (words[0].title(), words[1].title())
        if len(words) == 2 and is_first_name(words[0]) and len(words[1]) > 1
        else (None, None)
    )


def _speaker(speaker: str, roster: WorkshopPeople) -> str:
    """The participant_id of `speaker`; a role stays as written, a name nobody bears is a new person."""
    pieces = [piece.strip() for piece in re.split(r"[()\[\]/–—]|\s-\s", speaker) if piece.strip()]
    for piece in pieces:
        known = None if is_role(piece) else roster.find_name(piece)
        if known:
            return known
    names = [piece for piece in pieces if not is_role(piece) and _looks_like_name(piece)]
    if not names:
        return speaker
    first, last = split_name(names[0])
    return roster.add(Participant(first, last, None, None, "transcript"))


def _looks_like_name(piece: str) -> bool:
    """True for up to four capitalised words, or words that hold a title or a first name."""
    words = piece.split()
    telling = any(
        is_first_name(word) or fold(word) in lexicon("people")["civilites"] for word in words
    )
    return is_person_name(piece) and (
        telling or (len(words) <= 4 and all(word[:1].isupper() for word in words))
    )


log = logging.getLogger(__name__)

_COMMUNE_ADVICE = "écrire le code postal à côté de la commune dans les listes et cartes, ou les communes du territoire dans atelier.yaml"
_TITLE_ROWS = 3  # of an attendance list, in which the day of the workshop may stand


def ingest(
    folder: Path,
    *,
    depot: Path,
    settings: IngestSettings,
    workshop_id: str | None = None,
    on_file: Callable[[int, int], None] | None = None,
    on_passing: Callable[[int], None] | None = None,
    first_paths: Mapping[str, str] | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables of one workshop, as `pipeline.ingest.ingest_workshop` says."""
    manifest = read_manifest(folder, depot=depot)
    workshop_id, territory = (
        workshop_id or identify_workshop(folder, depot=depot),
        name_territory(folder, manifest),
    )
    contents = read_contents(
        folder, depot=depot, settings=settings, on_file=on_file, first_paths=first_paths
    )
    if contents.n_passing and on_passing:
        on_passing(contents.n_passing)
    roster, pins = WorkshopPeople(workshop_id), contents.pins[: settings.max_listed]
    attendances = read_attendance(_first_rows(contents.lists, settings.max_listed), roster)
    enter_respondents(contents.forms, roster)
    for name in manifest.animators:
        _enter_animator(name, roster)
    written = [*(entry.commune for entry in attendances), *(pin.commune for pin in pins)]
    places = WorkshopCommunes(manifest.communes, territory, written, epci_codes=manifest.epci_codes)
    named = [entry for entry in attendances if entry.structure]
    mentions = [
        *(_mention_of_pin(pin, places) for pin in pins),
        *(_mention(entry, places) for entry in named),
    ]
    structures, ids = join_structures(
        mentions,
        places,
        territory=territory,
        name_match=settings.name_match,
        workshop_id=workshop_id,
    )
    documents, blocks = _write_documents(contents, roster, manifest)
    _log_unplaced(workshop_id, blocks)
    return {
        "workshops": WORKSHOPS.build(
            [
                _workshop(folder, manifest, workshop_id, contents, blocks)
                | {"epci_code": places.epci_code}
            ]
        ),
        "documents": documents,
        "blocks": blocks,
        "rejects": _write_rejects(
            [
                *manifest.rejects,
                *contents.rejects,
                *_silent(contents, documents, blocks),
                *_left_out(folder, contents, settings),
                *_unsettled(folder, places),
            ]
        ),
        "attendance": _write_attendance(attendances, ids[len(pins) :], places, workshop_id),
        "structures": structures,
        "catchments": build_catchments(pins, ids[: len(pins)], places),
        "people": roster.table(),
    }


def _first_rows(lists: Sequence[Rows], n_rows: int) -> list[Rows]:
    """The first `n_rows` of all lists together."""
    starts = accumulate((len(rows) for rows in lists), initial=0)
    return [rows[: max(n_rows - start, 0)] for rows, start in zip(lists, starts, strict=False)]


def _left_out(folder: Path, contents: Contents, settings: IngestSettings) -> list[Reject]:
    """What of the lists and maps is beyond the limit, as one reject of the whole folder."""
    most, counts = (
        settings.max_listed,
        (("cartes", len(contents.pins)), ("listes de présence", sum(map(len, contents.lists)))),
    )
    advice = "en retirer ce qui n'est pas de cet atelier, ou relever « max_listed » dans etude.toml, section [ingest]"
    return [
        {
            "path": folder.name,
            "reason": f"{what} de {n} lignes en tout : seules les {most} premières sont lues",
            "advice": advice,
        }
        for what, n in counts
        if n > most
    ]


def _enter_animator(name: str, roster: WorkshopPeople) -> None:
    if roster.find_name(name) is None:
        first, last = split_name(name)
        roster.add(Participant(first, last, None, None, "manifest"))


def _mention_of_pin(pin: Pin, places: WorkshopCommunes) -> Mention:
    code, point = (
        places.code_of(pin.commune, pin.commune_code),
        places.point_of(pin.commune, pin.commune_code),
    )
    return Mention(
        pin.name, code, pin.type_text, is_on_map=True, lat=pin.lat, lon=pin.lon, point=point
    )


def _mention(entry: Attendance, places: WorkshopCommunes) -> Mention:
    code, point = (
        places.code_of(entry.commune, entry.commune_code),
        places.point_of(entry.commune, entry.commune_code),
    )
    return Mention(entry.structure or "", code, entry.type_text, point=point)


def _write_documents(
    contents: Contents, roster: WorkshopPeople, manifest: Manifest
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The documents and blocks of all parts in which something was said; mails name people before transcripts do."""
    senders = {
        part.path: enter_correspondents(part.raw.people, roster)[:1] for part in contents.documents
    }
    likely = questions_by_siblings([part.names for part in contents.documents])
    documents: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    for part in contents.documents:
        placed = locate_blocks(
            part.raw,
            part.held.blocks,
            names=part.names,
            n_tables=manifest.n_tables,
            likely=likely.get(part.names),
        )
        sender = next(iter(senders[part.path]), None)
        speakers = [
            speaker or (sender if block.channel == "mail" else None)
            for block, speaker in zip(placed, name_speakers(placed, roster), strict=True)
        ]
        source = Source(part.path, part.file, part.sha256, part.raw.title, part.first_path)
        document, own = build_document(source, placed, speakers, workshop_id=roster.workshop_id)
        documents.append(document)
        blocks += own
    return DOCUMENTS.build(documents), BLOCKS.build(blocks)


def _log_unplaced(workshop_id: str, blocks: pd.DataFrame) -> None:
    """Count the passages whose table or question could not be told; remote contributions have no table."""
    passages = blocks[~blocks["kind"].isin(["heading", "meta"])]
    in_room = passages[~passages["channel"].isin(["mail", "telephone"])]
    n_tables, n_questions = (
        int(in_room["table_number"].isna().sum()),
        int(passages["question"].isna().sum()),
    )
    log.info(
        "%s: %d blocks of passages, %d without table, %d without question",
        workshop_id,
        len(passages),
        n_tables,
        n_questions,
    )


def _workshop(
    folder: Path, manifest: Manifest, workshop_id: str, contents: Contents, blocks: pd.DataFrame
) -> dict[str, Any]:
    titles = [" ".join(row) for rows in contents.lists for row in rows[:_TITLE_ROWS]]
    listed = next((found[0] for title in titles if (found := find_date(title))), None)
    n_seen = blocks["table_number"].nunique()
    return {
        "workshop_id": workshop_id,
        "territory": name_territory(folder, manifest),
        "date": date_of(folder, manifest) or listed,
        "place": manifest.place,
        "n_tables": manifest.n_tables or n_seen or None,
        "folder": folder.name,
    }


def _write_attendance(
    attendances: Sequence[Attendance],
    structure_ids: Sequence[str],
    places: WorkshopCommunes,
    workshop_id: str,
) -> pd.DataFrame:
    """One row a participant and structure; two spellings of one structure are one row, signed if either is."""
    ids = iter(structure_ids)
    rows: dict[tuple[str, str | None], dict[str, Any]] = {}
    for entry in attendances:
        structure_id = next(ids) if entry.structure else None
        row = {
            "participant_id": entry.participant_id,
            "workshop_id": workshop_id,
            "structure_id": structure_id,
            "structure_type": entry.structure_type,
            "role": entry.role,
            "commune_code": places.code_of(entry.commune, entry.commune_code),
            "has_signed": entry.has_signed,
        }
        known = rows.setdefault((entry.participant_id, structure_id), row)
        known["has_signed"] = known["has_signed"] or entry.has_signed
    return ATTENDANCE.build(rows.values())


def _silent(contents: Contents, documents: pd.DataFrame, blocks: pd.DataFrame) -> list[Reject]:
    """The documents that were read and gave neither a passage nor a list nor a map."""
    said = set(blocks.loc[~blocks["kind"].isin(["heading", "meta"]), "document_id"])
    listing = contents.listing
    reason, advice = SILENT
    return [
        {"path": path, "reason": reason, "advice": advice}
        for path, own_id in zip(documents["path"], documents["document_id"], strict=True)
        if own_id not in said and path not in listing
    ]


def _unsettled(folder: Path, places: WorkshopCommunes) -> list[Reject]:
    """The communes without code, as one reject of the whole folder, so that people see how many there are."""
    n_unsettled = places.n_unsettled
    log.info("%s: %d communes without code", folder.name, n_unsettled)
    if not n_unsettled:
        return []
    reason = f"{n_unsettled} nom{'s' if n_unsettled > 1 else ''} de commune sans code INSEE (inconnu ou porté par plusieurs)"
    return [{"path": folder_name(folder), "reason": reason, "advice": _COMMUNE_ADVICE}]


def _write_rejects(rejects: Sequence[Reject]) -> pd.DataFrame:
    """The rejects, each reason once a path, with how often it occurs where more than once."""
    counts = Counter((reject["path"], reject["reason"]) for reject in rejects)
    unique = {(reject["path"], reject["reason"]): reject for reject in rejects}
    return REJECTS.build(
        reject
        | {
            "reason": f"{reject['reason']} ({counts[key]} fois)"
            if counts[key] > 1
            else reject["reason"]
        }
        for key, reject in unique.items()
    )
