"""The stage `ingest_workshop`: sort a workshop's files and write its tables.

In:   the files of a workshop's folder
Out:  the tables of `pipeline.ingest`
"""

import hashlib
import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from pipeline.communes.tables import by_slug
from pipeline.depot import Inventory, WorkshopFiles
from pipeline.french import is_word
from pipeline.ingest.attendance import Attendance, enter_respondents, read_attendance
from pipeline.ingest.columns import meaning_of
from pipeline.ingest.contents import Contents, Part, read_contents
from pipeline.ingest.locate import clean_name, locate_blocks, questions_by_siblings
from pipeline.ingest.locate.cues import (
    LocatedBlock,
    Location,
    TableNames,
    name_tables,
    nickname_in,
    number_tables,
    read_cues,
    with_tables,
)
from pipeline.ingest.locate.spoken import is_role
from pipeline.ingest.people import (
    Mention,
    Participant,
    WorkshopCommunes,
    WorkshopPeople,
    join_structures,
)
from pipeline.ingest.sandbox import FileReaders
from pipeline.ingest.territory_map import Pin, build_catchments
from pipeline.ingest.words import (
    find_date,
    is_first_name,
    is_person_name,
    is_whole_name,
    spelled_in,
    split_name,
)
from pipeline.ingest.workshop import (
    SILENT,
    Manifest,
    Reject,
    answer_everywhere,
    answers_for,
    date_of,
    identify_workshops,
    name_territory,
    read_manifest,
    reject,
    reject_idle_answers,
)
from pipeline.settings.sections import IngestSettings
from pipeline.tables.material import ATTENDANCE, BLOCKS, DOCUMENTS, RECEIPTS, REJECTS, WORKSHOPS
from pipeline.tables.schema import ASIDES
from pipeline.text import counted, fold, lexicon, slug

log = logging.getLogger(__name__)

_NO_PASSAGE = ("meta", "heading")
_PERSON = "[donnée personnelle]"
_LOGIN = re.compile(r"(?=.*[a-z]{3})(?![^\W\d_]+[\W_]+\d+$)[\w.+\-]+")  # jmorel35, not reponse_12
_TAKEN_FOR = {
    "notes": "notes",
    "postit": "post-its",
    "transcript": "transcription",
    "resume": "restitution",
    "mail": "courriel",
    "telephone": "note d'appel",
    "consultation": "réponses ou contributions",
}
_COMMUNE_ADVICE = (
    "écrire le code postal à côté de la commune dans les listes et cartes, "
    "ou les communes du territoire dans atelier.yaml"
)
_HEAD_BLOCKS = 40  # first blocks of a file, searched for the territory's spelling
_SEARCHED = 400  # first blocks or rows of a file, searched for the names of tables
_MIN_TURNS = 3  # of a label made of French words, for it to name a person
_DEVICE = re.compile(  # "iPhone de Kévin"
    r"^(?:iphone|ipad|galaxy|pc|mac|macbook|ordinateur|portable|tablette) (?:de |d['’])", re.I
)
_TITLE_ROWS = 3  # top rows of an attendance list that may hold the workshop's day


def ingest_workshop(
    folder: Path,
    *,
    depot: Path,
    settings: IngestSettings,
    inventory: Inventory | None = None,
    workshop_id: str | None = None,
    on_file: Callable[[int, int], None] | None = None,
    on_passing: Callable[[int], None] | None = None,
    first_paths: Mapping[str, str] | None = None,
    readers: FileReaders | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the tables of one workshop's `folder` of `depot`, personal data included.

    Unreadable files are rows of `rejects`; an empty folder has no documents. `inventory` defaults
    to what lies in `depot` now, `workshop_id` to the one among its folders. `on_file` gets the
    numbers of files done and in all, `on_passing` the number that another run may read.
    `first_paths` gives the former paths of renamed files, which keep the identity of their
    documents and passages.
    """
    inventory = inventory or Inventory(depot)
    workshop = inventory.at(folder.name)
    manifest = read_manifest(workshop)
    workshop_id = workshop_id or identify_workshops(inventory, workshop)[folder.name]
    territory = name_territory(folder, manifest)
    contents = read_contents(
        workshop,
        settings=settings,
        on_file=on_file,
        first_paths=first_paths,
        readers=readers,
    )
    if contents.n_passing and on_passing:
        on_passing(contents.n_passing)
    people = WorkshopPeople(workshop_id)
    attendances = read_attendance(contents.first_list_rows(settings.max_listed), people)
    enter_respondents(contents.forms, people)
    for name in manifest.animators:
        if people.find_name(name) is None:
            people.add(Participant(*split_name(name), origin="manifest"))
    pins = contents.pins[: settings.max_listed]
    written = [*(entry.commune for entry in attendances), *(pin.commune for pin in pins)]
    communes = WorkshopCommunes(
        manifest.communes, territory, written, epci_codes=manifest.epci_codes
    )
    named: list[Pin | Attendance] = [*pins, *(entry for entry in attendances if entry.structure)]
    structures, ids = join_structures(
        [_mention(entry, communes) for entry in named],
        communes,
        territory=territory,
        name_match=settings.name_match,
        workshop_id=workshop_id,
    )
    documents, blocks = _write_documents(contents, people, manifest)
    _log_unlocated(workshop_id, blocks)
    rejects = [
        *manifest.rejects,
        *reject_idle_answers(workshop.label, manifest, [part.names for part in contents.documents]),
        *contents.rejects,
        *_silent(contents, documents, blocks),
        *contents.reject_beyond(settings.max_listed, workshop.label),
        *_unsettled(workshop, communes),
    ]
    row = {
        "workshop_id": workshop_id,
        "territory": manifest.territory or _as_written(territory, contents),
        "date": date_of(folder, manifest) or _date_of_lists(contents),
        "place": manifest.place,
        "epci_code": communes.epci_code,
        "n_tables": manifest.n_tables or blocks["table_number"].nunique() or None,
        "folder": folder.name,
    }
    return {
        "workshops": WORKSHOPS.build([row]),
        "documents": documents,
        "blocks": blocks,
        "rejects": _write_rejects(rejects),
        "receipts": _write_receipts(contents, documents, workshop_id),
        "attendance": _write_attendance(attendances, ids[len(pins) :], communes, workshop_id),
        "structures": structures,
        "catchments": build_catchments(pins, ids[: len(pins)], communes),
        "people": people.table(),
    }


def _mention(entry: Pin | Attendance, communes: WorkshopCommunes) -> Mention:
    code = communes.code_of(entry.commune, entry.commune_code)
    point = communes.point_of(entry.commune, entry.commune_code)
    if isinstance(entry, Attendance):
        return Mention(entry.structure or "", code, entry.type_text, point=point)
    return Mention(entry.name, code, entry.type_text, True, entry.lat, entry.lon, point)


def _write_documents(
    contents: Contents, people: WorkshopPeople, manifest: Manifest
) -> tuple[pd.DataFrame, pd.DataFrame]:
    parts = contents.documents
    senders = [enter_correspondents(part.raw.people, people)[:1] for part in parts]
    likely = questions_by_siblings([part.names for part in parts])
    tables = _names_of_tables(contents.parts)
    documents: list[dict[str, Any]] = []
    blocks: list[dict[str, Any]] = []
    read: list[list[LocatedBlock]] = []
    for part in parts:
        located = locate_blocks(
            part.raw,
            with_tables(part.sorted.blocks, tables),
            names=part.names,
            n_tables=manifest.n_tables,
            likely_question=likely.get(part.names),
            nickname=_table_of_names(part.names, tables),
            answers=answers_for(manifest, part.names),
        )
        read.append(_moved(located, answer_everywhere(manifest, part.names)))
    for part, sender, located in zip(parts, senders, number_tables(read), strict=True):
        located = with_idle_labels(located, people)
        speakers = name_speakers(located, people)
        for i, block in enumerate(located):
            if block.channel == "mail" and sender:
                speakers[i] = speakers[i] or sender[0]
        enter_listed(located, people)
        if part.raw.rows:  # a form's names and addresses are known for certain: none is written
            located = [_without_person(block) for block in located]
        document = _document(part, located, people.workshop_id)
        documents.append(document)
        blocks += _block_rows(document["document_id"], located, speakers)
    return DOCUMENTS.build(documents), BLOCKS.build(blocks)


def _names_of_tables(parts: Sequence[Part]) -> TableNames:
    """Return the names of the workshop's tables, from its files' names, titles and columns."""
    lines: list[str] = []
    cells: list[str] = []
    grids: dict[tuple[str, ...], None] = {}
    for part in parts:
        blocks, rows = part.sorted.blocks[:_SEARCHED], part.raw.rows[:_SEARCHED]
        own = [cell for block in blocks for cell in _cells_of_table(block.columns)]
        titles: Sequence[str] = ()
        for row in rows:
            titles = row if "table" in map(meaning_of, row) else titles
            own += _cells_of_table(zip(titles, row, strict=False))
        cells += [cell for cell, n_cells in Counter(own).items() if n_cells > 1]
        lines += [block.text for block in blocks] + [cell for row in rows for cell in row]
        grids |= {tuple(title for title, _ in block.columns[1:]): None for block in blocks}
    names = (clean_name(part.names[-1]) for part in parts)
    return name_tables(names, dict.fromkeys(lines), cells, grids)


def _cells_of_table(columns: Iterable[tuple[str, str]]) -> list[str]:
    return [cell for title, cell in columns if cell and meaning_of(title) == "table"]


def _table_of_names(names: Sequence[str], tables: TableNames) -> int | None:
    """Return the table that a file, its sheet or its folder is called after."""
    cleaned = [clean_name(name) for name in reversed(names)]
    if not tables.are_many:
        cleaned = [nickname_in(name) or "" for name in cleaned]
    return next((table for table in map(tables.find, cleaned) if table is not None), None)


def _moved(located: Sequence[LocatedBlock], answer: Location) -> list[LocatedBlock]:
    """Return the blocks where a person says that the whole document belongs."""
    moved = {
        "table_number": answer.table_number,
        "question": answer.question,
        "channel": answer.channel,
    }
    given: dict[str, Any] = {name: value for name, value in moved.items() if value is not None}
    if answer.question:
        given["proposed_question"] = None
    return [replace(block, **given) for block in located] if given else list(located)


def _without_person(block: LocatedBlock) -> LocatedBlock:
    """Hide a name, or the logins among the cells of an identifier."""
    if block.kind != "meta" or block.reason not in ("person", "identifier"):
        return block
    if block.reason == "person":
        return replace(block, text=_PERSON)
    cells = block.text.split(" | ")
    return replace(
        block, text=" | ".join(_PERSON if _LOGIN.fullmatch(cell) else cell for cell in cells)
    )


def _document(part: Part, located: Sequence[LocatedBlock], workshop_id: str) -> dict[str, Any]:
    first_path = unicodedata.normalize("NFC", part.first_path or part.path)
    text = "\n".join(block.text for block in located)
    passages = [block for block in located if block.kind not in _NO_PASSAGE] or located
    tables = {block.table_number for block in passages}
    return {
        # stable across systems and renames
        "document_id": "d-" + hashlib.sha256(first_path.encode()).hexdigest()[:12],
        "workshop_id": workshop_id,
        "path": part.path,
        "sha256": part.sha256,
        "channel": Counter(block.channel for block in passages).most_common(1)[0][0],
        "table_number": tables.pop() if len(tables) == 1 else None,
        "title": part.raw.title or PurePosixPath(part.file).stem,
        "read_by": "machine" if part.raw.is_machine_read else None,
        "n_chars": len(text),
        "text": text,
        "first_path": part.first_path,
    }


def _block_rows(
    document_id: str, located: Sequence[LocatedBlock], speakers: Sequence[str | None]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    start = 0
    for block, speaker in zip(located, speakers, strict=True):
        end = start + len(block.text)
        rows.append(
            {
                "document_id": document_id,
                "block_order": len(rows),
                "start_char": start,
                "end_char": end,
                "kind": block.kind,
                "level": block.level,
                "table_number": block.table_number,
                "question": block.question,
                "channel": block.channel,
                "speaker": speaker,
                "reason": (block.reason or "other") if block.kind == "meta" else None,
                "n_votes": block.n_votes,
                "proposed_question": block.proposed_question,
            }
        )
        start = end + 1
    return rows


def enter_listed(blocks: Sequence[LocatedBlock], people: WorkshopPeople) -> None:
    """Add the persons that a line lists, such as « Autour de la table : Anne Riou, Marc Nolot »."""
    for block in blocks:
        if block.kind == "meta" and block.reason == "list of persons":
            pieces = re.split(r"[:,;/•]|\set\s", block.text)
            for name in filter(is_whole_name, (piece.strip(" .()-") for piece in pieces)):
                people.add(Participant(*split_name(name), origin="transcript"))


def enter_correspondents(
    correspondents: Sequence[tuple[str, str]], people: WorkshopPeople
) -> list[str | None]:
    """Add senders and recipients; return their participant_id, None for a service."""
    return [_correspondent(name, address, people) for name, address in correspondents]


def _correspondent(name: str, address: str, people: WorkshopPeople) -> str | None:
    participant_id = people.find_email(address) if address else None
    participant_id = participant_id or (people.find_name(name) if name else None)
    if participant_id:
        return participant_id
    if name and is_person_name(name) and "@" not in name:
        first, last = split_name(name)
    else:
        first, last = _names_of_address(address)
    if not first and not last:
        return None
    return people.add(Participant(first, last, address or None, origin="mail"))


def _names_of_address(address: str) -> tuple[str | None, str | None]:
    """Read karim.lefebvre@… where the first name is known."""
    words = [word for word in re.split(r"[._-]", address.split("@")[0]) if word.isalpha()]
    is_named = len(words) == 2 and is_first_name(words[0]) and len(words[1]) > 1
    return (words[0].title(), words[1].title()) if is_named else (None, None)


def with_idle_labels(blocks: Sequence[LocatedBlock], people: WorkshopPeople) -> list[LocatedBlock]:
    """Return the blocks, labels of a transcript that name nobody back before what they label.

    "Hirson : c'est loin" tells a place, "Constat : …" what it is about; who says it is unknown.
    """
    said = [block.speaker or "" for block in blocks if block.channel == "transcript"]
    turns = Counter(name for name, _ in groupby(said))
    idle = {name for name in turns if name and _names_nobody(name, turns[name], people)}
    written: list[LocatedBlock] = []
    above = None
    for block in blocks:
        if block.speaker in idle and block.channel == "transcript":
            text = block.text if block.speaker == above else f"{block.speaker} : {block.text}"
            written.append(replace(block, text=text, speaker=None))
        else:
            written.append(block)
        above = block.speaker
    return written


def _names_nobody(label: str, n_turns: int, people: WorkshopPeople) -> bool:
    """Whether a label is a commune or French words, which no list gives and no first name."""
    words = label.split()
    civilities = lexicon("people")["civilites"]
    is_telling = any(is_first_name(word) or fold(word) in civilities for word in words)
    if is_telling or is_role(label) or people.find_name(label):
        return False
    if slug(label) in by_slug():
        return True
    is_topic = read_cues(label).is_label or all(is_word(word.lower()) for word in words)
    return is_topic and n_turns < _MIN_TURNS


def name_speakers(blocks: Sequence[LocatedBlock], people: WorkshopPeople) -> list[str | None]:
    """Return the speaker of each block; unknown names are added to `people`."""
    written = dict.fromkeys(block.speaker for block in blocks if block.speaker)
    speakers = {speaker: _speaker(speaker, people) for speaker in written}
    return [speakers.get(block.speaker or "") for block in blocks]


def _speaker(speaker: str, people: WorkshopPeople) -> str:
    """A role stays as written, as do two names; an unknown name is added."""
    speaker = _DEVICE.sub("", speaker)
    several = re.split(r"\s(?:et|&)\s", speaker)
    if len(several) > 1:
        for name in several:
            _speaker(name, people)
        return speaker
    pieces = [piece.strip() for piece in re.split(r"[()\[\]/–—]|\s-\s", speaker)]
    names = [piece for piece in pieces if piece and not is_role(piece)]
    participant_id = next(filter(None, map(people.find_name, names)), None)
    new = next(filter(_looks_like_name, names), None)
    if participant_id or new is None:
        return participant_id or speaker
    return people.add(Participant(*split_name(new), origin="transcript"))


def _looks_like_name(piece: str) -> bool:
    words, civilities = piece.split(), lexicon("people")["civilites"]
    is_telling = any(is_first_name(word) or fold(word) in civilities for word in words)
    is_letter = re.search(r"[^\W\d_]{2}", piece) is None  # "R", "P1"
    is_capitalised = not is_letter and len(words) <= 4 and all(w[:1].isupper() for w in words)
    return is_person_name(piece) and (is_telling or is_capitalised)


def _log_unlocated(workshop_id: str, blocks: pd.DataFrame) -> None:
    passages = blocks[~blocks["kind"].isin(_NO_PASSAGE)]
    in_room = passages[~passages["channel"].isin(["mail", "telephone"])]
    log.info(
        "%s: %d blocks of passages, %d without table, %d without question",
        workshop_id,
        len(passages),
        in_room["table_number"].isna().sum(),
        passages["question"].isna().sum(),
    )


def _as_written(territory: str, contents: Contents) -> str:
    """Return a territory typed without accents or small words as the documents spell it."""
    if not territory.isascii() or re.search(r"[-']", territory):
        return territory
    texts: list[str] = []
    for part in contents.parts:
        texts += [block.text for block in part.sorted.blocks[:_HEAD_BLOCKS]]
        texts += [" ".join(row) for row in part.raw.rows[:_TITLE_ROWS]]
    return spelled_in(territory, texts)


def _date_of_lists(contents: Contents) -> str | None:
    for rows in contents.lists:
        for row in rows[:_TITLE_ROWS]:
            if date := find_date(" ".join(row)):
                return date[0]
    return None


def _write_attendance(
    attendances: Sequence[Attendance],
    structure_ids: Sequence[str],
    communes: WorkshopCommunes,
    workshop_id: str,
) -> pd.DataFrame:
    """A participant of two spellings signed if either did."""
    ids = iter(structure_ids)
    rows: dict[tuple[str, str | None], dict[str, Any]] = {}
    for entry in attendances:
        structure_id = next(ids) if entry.structure else None
        new = {
            "participant_id": entry.participant_id,
            "workshop_id": workshop_id,
            "structure_id": structure_id,
            "structure_type": entry.structure_type,
            "role": entry.role,
            "commune_code": communes.code_of(entry.commune, entry.commune_code),
            "has_signed": entry.has_signed,
        }
        row = rows.setdefault((entry.participant_id, structure_id), new)
        row["has_signed"] = row["has_signed"] or entry.has_signed
    return ATTENDANCE.build(rows.values())


def _silent(contents: Contents, documents: pd.DataFrame, blocks: pd.DataFrame) -> list[Reject]:
    passages = blocks.loc[~blocks["kind"].isin(_NO_PASSAGE), "document_id"]
    paths = documents.loc[~documents["document_id"].isin(passages), "path"]
    return [reject(path, *SILENT) for path in paths if path not in contents.list_paths]


def _unsettled(workshop: WorkshopFiles, communes: WorkshopCommunes) -> list[Reject]:
    n_unsettled = communes.n_unsettled
    log.info("%s: %d communes without code", workshop.name, n_unsettled)
    if not n_unsettled:
        return []
    names = counted(n_unsettled, "nom de commune", "noms de commune")
    reason = f"{names} sans code INSEE (inconnu ou porté par plusieurs)"
    return [reject(workshop.label, reason, _COMMUNE_ADVICE)]


def _write_receipts(contents: Contents, documents: pd.DataFrame, workshop_id: str) -> pd.DataFrame:
    """Return a receipt of each part, the words of its passages left to `pipeline.ledger`."""
    channels = dict(zip(documents["path"], documents["channel"], strict=True))
    return RECEIPTS.build(
        {
            "path": part.path,
            "workshop_id": workshop_id,
            "taken_for": _taken_for(part, contents, channels.get(part.path)),
            "n_words_in": part.n_words_listed + part.raw.n_words_dropped,
            "n_words_kept": part.n_words_listed,
            **dict.fromkeys(("n_units", "n_with_table", "n_with_question", "n_with_speaker"), 0),
            "channel": channels.get(part.path),
            "left_out": json.dumps(_left_out(part), ensure_ascii=False),
            "warning": part.sorted.doubt or None,
        }
        for part in contents.parts
    )


def _taken_for(part: Part, contents: Contents, channel: str | None) -> str:
    """Return what a part was taken for: « note d'appel (fichier texte) », « liste de présence »."""
    told = part.sorted.taken_for or part.raw.taken_for
    if channel is None:
        if part.pins or part.sorted.maps:
            return told or "carte de structures"
        if part.path in contents.list_paths:
            return told or "liste de présence"
        return told or "fichier sans passage"
    name = _TAKEN_FOR[channel]
    if not told or channel == "consultation" or name in told:
        return told or name
    return f"{name} ({told})"


def _left_out(part: Part) -> list[tuple[str, str, int | None]]:
    pieces = dict.fromkeys((*part.raw.left_out, *part.sorted.left_out))
    left_out = [(piece, ASIDES[reason][1], None) for piece, reason in pieces]
    n = part.raw.n_words_dropped
    return [*left_out, *([("", ASIDES["page furniture"][1], n)] if n else [])]


def _write_rejects(rejects: Sequence[Reject]) -> pd.DataFrame:
    counts = Counter((reject["path"], reject["reason"]) for reject in rejects)
    rows = {(reject["path"], reject["reason"]): dict(reject) for reject in rejects}
    for key, row in rows.items():
        row["reason"] += f" ({counts[key]} fois)" if counts[key] > 1 else ""
    return REJECTS.build(rows.values())
