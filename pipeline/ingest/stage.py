"""The stage behind `ingest_workshop`: tell lists and maps from what was said, and write one workshop's tables.

In:   the files of a workshop's folder
Out:  the tables of `pipeline.ingest`
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.depot import folder_name
from pipeline.ingest.attendance import Attendance, enter_respondents, read_attendance
from pipeline.ingest.contents import Contents, read_contents
from pipeline.ingest.dates import find_date
from pipeline.ingest.documents import Source, build_document
from pipeline.ingest.people import Person, Roster, split_name
from pipeline.ingest.places import Places
from pipeline.ingest.sheets import Rows
from pipeline.ingest.speakers import enter_correspondents, name_speakers
from pipeline.ingest.structures import Mention, join_structures
from pipeline.ingest.territory_map import Pin, build_catchments
from pipeline.ingest.where import place_blocks, questions_by_siblings
from pipeline.ingest.workshop import SILENT, Manifest, Reject, date_of, identify_workshop, name_territory, read_manifest
from pipeline.settings import IngestSettings
from pipeline.tables import ATTENDANCE, BLOCKS, DOCUMENTS, REJECTS, WORKSHOPS

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
    workshop_id, territory = workshop_id or identify_workshop(folder, depot=depot), name_territory(folder, manifest)
    contents = read_contents(folder, depot=depot, settings=settings, on_file=on_file, first_paths=first_paths)
    if contents.n_passing and on_passing:
        on_passing(contents.n_passing)
    roster, pins = Roster(workshop_id), contents.pins[: settings.max_listed]
    attendances = read_attendance(_first_rows(contents.lists, settings.max_listed), roster)
    enter_respondents(contents.forms, roster)
    for name in manifest.animators:
        _enter_animator(name, roster)
    written = [*(entry.commune for entry in attendances), *(pin.commune for pin in pins)]
    places = Places(manifest.communes, territory, written, epci_codes=manifest.epci_codes)
    named = [entry for entry in attendances if entry.structure]
    mentions = [*(_mention_of_pin(pin, places) for pin in pins), *(_mention(entry, places) for entry in named)]
    structures, ids = join_structures(mentions, places, territory=territory, name_match=settings.name_match, workshop_id=workshop_id)
    documents, blocks = _write_documents(contents, roster, manifest)
    _log_unplaced(workshop_id, blocks)
    return {
        "workshops": WORKSHOPS.build([_workshop(folder, manifest, workshop_id, contents, blocks) | {"epci_code": places.epci_code}]),
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
    most, counts = settings.max_listed, (("cartes", len(contents.pins)), ("listes de présence", sum(map(len, contents.lists))))
    advice = "en retirer ce qui n'est pas de cet atelier, ou relever « max_listed » dans etude.toml, section [ingest]"
    return [
        {"path": folder.name, "reason": f"{what} de {n} lignes en tout : seules les {most} premières sont lues", "advice": advice}
        for what, n in counts
        if n > most
    ]


def _enter_animator(name: str, roster: Roster) -> None:
    if roster.find_name(name) is None:
        first, last = split_name(name)
        roster.add(Person(first, last, None, None, "manifest"))


def _mention_of_pin(pin: Pin, places: Places) -> Mention:
    code, point = places.code_of(pin.commune, pin.commune_code), places.point_of(pin.commune, pin.commune_code)
    return Mention(pin.name, code, pin.type_text, is_on_map=True, lat=pin.lat, lon=pin.lon, point=point)


def _mention(entry: Attendance, places: Places) -> Mention:
    code, point = places.code_of(entry.commune, entry.commune_code), places.point_of(entry.commune, entry.commune_code)
    return Mention(entry.structure or "", code, entry.type_text, point=point)


def _write_documents(contents: Contents, roster: Roster, manifest: Manifest) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The documents and blocks of all parts in which something was said; mails name people before transcripts do."""
    senders = {part.path: enter_correspondents(part.raw.people, roster)[:1] for part in contents.documents}
    likely = questions_by_siblings([part.names for part in contents.documents])
    documents: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    for part in contents.documents:
        placed = place_blocks(part.raw, part.held.blocks, names=part.names, n_tables=manifest.n_tables, likely=likely.get(part.names))
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
    n_tables, n_questions = int(in_room["table_number"].isna().sum()), int(passages["question"].isna().sum())
    log.info("%s: %d blocks of passages, %d without table, %d without question", workshop_id, len(passages), n_tables, n_questions)


def _workshop(folder: Path, manifest: Manifest, workshop_id: str, contents: Contents, blocks: pd.DataFrame) -> dict[str, Any]:
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


def _write_attendance(attendances: Sequence[Attendance], structure_ids: Sequence[str], places: Places, workshop_id: str) -> pd.DataFrame:
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


def _unsettled(folder: Path, places: Places) -> list[Reject]:
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
        reject | {"reason": f"{reject['reason']} ({counts[key]} fois)" if counts[key] > 1 else reject["reason"]}
        for key, reject in unique.items()
    )
