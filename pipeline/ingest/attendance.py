"""Read attendance lists: who was in the room, for which structure, and who signed.

In:   the rows of the sheets that list persons
Out:  attendances, one a person and structure, and the persons in a Roster
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from pipeline.ingest.columns import Header, find_header, lone_cell, meaning_of
from pipeline.ingest.people import Person, Roster, is_first_name, split_name
from pipeline.ingest.structures import is_elected, is_lone_person, type_of
from pipeline.ingest.words import blank_to_none, fold, lexicon

log = logging.getLogger(__name__)

_COLUMNS = frozenset(
    {"last_name", "first_name", "full_name", "structure", "structure_type", "role", "commune", "email", "phone", "signature", "remark"}
)


_ADDRESS = re.compile(r"[^\s;,/<>()]+@[^\s;,/<>()]+")
_PHONE = re.compile(r"\+?\d(?:[\s.()/-]{0,2}\d){7,14}")


@dataclass(frozen=True)
class Attendance:
    """A person present, or expected, for one structure; None where the list is blank."""

    participant_id: str
    structure: str | None
    type_text: str
    structure_type: str | None
    role: str | None
    commune: str
    commune_code: str
    has_signed: bool


@dataclass(frozen=True)
class _Line:
    """A row of a list."""

    first_name: str | None
    last_name: str | None
    structure: str
    type_text: str
    role: str
    commune: str
    commune_code: str
    email: str | None
    phone: str | None
    has_signed: bool


def read_attendance(sheets: Sequence[Sequence[Sequence[str]]], roster: Roster) -> list[Attendance]:
    """Return the attendances of `sheets` in order, and enter their persons into `roster`; rows without a name are left out.

    A person listed twice for one structure is one attendance, signed if either row is; a row without structure adds nothing to one with.
    """
    lines = [line for rows in sheets for line in _unswapped(list(_lines(rows)))]
    attendances: dict[tuple[str, str], Attendance] = {}
    for line in lines:
        participant_id = roster.add(Person(line.first_name, line.last_name, line.email, line.phone, "attendance"))
        attendance = _attendance(participant_id, line)
        key = (participant_id, fold(attendance.structure or ""))
        known = attendances.get(key)
        attendances[key] = replace(known, has_signed=known.has_signed or attendance.has_signed) if known else attendance
    named = {participant_id for participant_id, structure in attendances if structure}
    kept = [attendance for (participant_id, structure), attendance in attendances.items() if structure or participant_id not in named]
    log.info(
        "attendance: %d rows, %d persons, %d attendances", len(lines), len({attendance.participant_id for attendance in kept}), len(kept)
    )
    return kept


def _attendance(participant_id: str, line: _Line) -> Attendance:
    is_lone = is_lone_person(line.structure, line.type_text)
    kind = type_of(line.type_text, "" if is_lone else line.structure)
    kind = "élu" if is_elected(line.type_text, line.role, kind) else kind
    role = line.role or (line.structure if is_lone else "")
    return Attendance(
        participant_id=participant_id,
        structure=None if is_lone else line.structure,
        type_text=line.type_text,
        structure_type=kind,
        role=blank_to_none(role),
        commune=line.commune,
        commune_code=line.commune_code,
        has_signed=line.has_signed,
    )


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[_Line]:
    """The persons of one sheet; titles above the header, repeated headers, totals and the titles of groups left out."""
    header = find_header(rows, wanted=_COLUMNS, at_least=2)
    if header is None:
        return
    body = rows[header.order + 1 :]
    column = header.column("signature")
    is_unused = column is not None and not any(header.cell(row, "signature") for row in body)  # signed on paper, or not at all
    expected = any(re.search(r"\b(?:inscri\w*|invite\w*|attendu\w*)\b", fold(" ".join(row))) for row in rows[: header.order])
    if is_unused:
        log.warning("attendance: signature column blank throughout, everybody counted as present")
    for row in body:
        first, last = _name(header, row)
        if (first or last) and not _is_header_again(header, row) and not _is_section(row):
            email, phone = _contact(header.cell(row, "email"), header.cell(row, "phone"))
            yield _Line(
                first_name=first,
                last_name=last,
                structure=header.cell(row, "structure"),
                type_text=header.cell(row, "structure_type"),
                role=header.cell(row, "role"),
                commune=header.cell(row, "commune"),
                commune_code=header.cell(row, "commune_code"),
                email=email,
                phone=phone,
                has_signed=_has_signed(header, row, default=not expected if column is None or is_unused else None),
            )


def _name(header: Header, row: Sequence[str]) -> tuple[str | None, str | None]:
    """(First name, last name) of a row; a cell that holds both is split."""
    first, last = blank_to_none(header.cell(row, "first_name")), blank_to_none(header.cell(row, "last_name"))
    whole = " ".join(filter(None, (last, first))) or header.cell(row, "full_name")
    if not any(letter.isalpha() for letter in whole) or fold(whole).split()[0] in lexicon("attendance")["totaux"]:
        return None, None
    return (first, last) if first and last else split_name(whole)


def _contact(email: str, phone: str) -> tuple[str | None, str | None]:
    """(Mail address, telephone) of a row, whichever of both columns they stand in; one column may hold both."""
    both = f"{email} {phone}"
    address, number = _ADDRESS.search(both), _PHONE.search(_ADDRESS.sub(" ", both))
    return blank_to_none(address[0] if address else None), blank_to_none(number[0] if number else None if address else phone)


def _is_header_again(header: Header, row: Sequence[str]) -> bool:
    filled = [(cell, meaning) for cell, meaning in zip(row, header.meanings, strict=False) if cell]
    return len(filled) > 1 and all(meaning_of(cell) == meaning for cell, meaning in filled)


def _is_section(row: Sequence[str]) -> bool:
    """True for the title of a group of rows: merged over columns, or a kind of structure alone in its row ("Collectivités")."""
    lone = lone_cell(row)
    is_merged = any(cell and cell == right for cell, right in pairwise(row))
    return lone is not None and (is_merged or type_of(re.sub(r"\([^)]*\)", " ", lone)) != "autre")


def _has_signed(header: Header, row: Sequence[str], *, default: bool | None) -> bool:
    """True for a mark in any signature column; `default` where the list has none that is used; never for somebody excused."""
    cells = [fold(cell) for cell, meaning in zip(row, header.meanings, strict=False) if meaning == "signature"]
    words = lexicon("attendance")
    remarks = fold(
        " ".join(cell for cell, meaning in zip(row, header.meanings, strict=False) if meaning in ("remark", "role", "signature"))
    )
    if re.search(rf"\b(?:{'|'.join(words['absents'])})", remarks):
        return False
    raw = [cell.strip() for cell, meaning in zip(row, header.meanings, strict=False) if meaning == "signature"]
    marked = any(cell and folded not in words["non"] and cell not in ("-", "–", "/", "0") for cell, folded in zip(raw, cells, strict=True))
    return marked if default is None else default


def _unswapped(lines: list[_Line]) -> list[_Line]:
    """The lines with first and last names back in place where a row swaps them, by its capitals or by what first names are."""
    repaired = [replace(line, first_name=line.last_name, last_name=line.first_name) if _is_swapped(line) else line for line in lines]
    n_swapped = sum(_is_swapped(line) for line in lines)
    if n_swapped:
        log.info("attendance: %d rows with first and last name swapped", n_swapped)
    return repaired


def _is_swapped(line: _Line) -> bool:
    if not line.first_name or not line.last_name:
        return False
    if line.first_name.isupper() != line.last_name.isupper() and len(line.first_name) > 2:
        return line.first_name.isupper()
    return is_first_name(line.last_name) and not is_first_name(line.first_name)
