"""Read attendance lists: who was in the room, for which structure, and who signed.

In:   the rows of the sheets that list persons
Out:  attendances, one a person and structure, and the persons in a WorkshopPeople

Tell who of a list came: marks in a signature column, and columns of statuses, known by what their cells say.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

from pipeline.ingest.columns import Header, find_header, guess_header, lone_cell, meaning_of
from pipeline.ingest.people import Participant, WorkshopPeople, is_first_name, split_name
from pipeline.ingest.structures import (
    is_elected,
    is_lone_person,
    split_structures,
    type_of,
    type_of_role,
)
from pipeline.ingest.words import blank_to_none
from pipeline.text import fold, lexicon

Rows = Sequence[Sequence[str]]

_WHO = frozenset(
    {
        "last_name",
        "first_name",
        "full_name",
        "email",
        "phone",
        "structure",
        "commune",
        "postal_code",
    }
)  # columns whose cells say who somebody is, whatever their words
_MOST = 0.6  # share of a column's filled cells that are statuses, for it to be one of statuses
_MAX_MORE = 6  # words after a status in such a column: "Annulé par mail le 3 mars"
_GROUPS = ("statuts_absents", "statuts_venus", "statuts_inscrits", "statuts_a_distance")
_NO_MARK = frozenset({"-", "–", "/", "0"})


@dataclass(frozen=True)
class PresenceColumns:
    """What the columns of a list say of who came; `default` is for a person of whom they say nothing."""

    header: Header
    default: bool | None  # None where a signature must be there
    came: frozenset[int] = (
        frozenset()
    )  # the columns of statuses that tell who came, beside who had registered

    def has_signed(self, row: Sequence[str]) -> bool:
        """True for a mark in any signature column, or a status of somebody who came; never for somebody said to be absent."""
        if self.is_absent(row):
            return False
        if any(_is(cell, "statuts_venus") for cell in self._cells(row, "status")) or self._says_yes(
            row
        ):
            return True
        is_marked = any(
            cell.strip() not in _NO_MARK and fold(cell) not in lexicon("attendance")["non"]
            for cell in self._cells(row, "signature")
        )
        return is_marked if self.default is None or self.came else self.default

    def is_absent(self, row: Sequence[str]) -> bool:
        """True where a status, a remark or any cell of its own says that the person did not come."""
        remarks = fold(" ".join(self._cells(row, "remark", "role", "signature")))
        if re.search(rf"\b(?:{'|'.join(lexicon('attendance')['absents'])})", remarks):
            return True
        if any(_is(cell, "statuts_absents") for cell in self._cells(row, "status")):
            return True
        cells = zip(row, self.header.meanings, strict=False)
        return any(
            _is(cell, "statuts_absents", more=0)
            for cell, meaning in cells
            if cell and meaning not in _WHO
        )

    def is_unclear(self, row: Sequence[str]) -> bool:
        """True where only a status that is not understood stands where those of others tell who came."""
        cells = [row[place] for place in self.came if place < len(row) and row[place]]
        is_known = any(_is(cell, group) for cell in cells for group in _GROUPS)
        return bool(cells) and not is_known and not self.has_signed(row) and not self.is_absent(row)

    def _says_yes(self, row: Sequence[str]) -> bool:
        cells = [row[place] for place in self.came if place < len(row)]
        return any(_is(cell, group) for cell in cells for group in ("oui", "statuts_a_distance"))

    def _cells(self, row: Sequence[str], *meanings: str) -> list[str]:
        return [
            cell
            for cell, meaning in zip(row, self.header.meanings, strict=False)
            if cell and meaning in meanings
        ]


def read_presence(header: Header, body: Rows, *, is_expected: bool) -> PresenceColumns:
    """Return how `body` tells who came; in a list of people who are only `is_expected`, nobody came without a mark."""
    told = with_statuses(header, body)
    signatures = [place for place, meaning in enumerate(told.meanings) if meaning == "signature"]
    statuses = [place for place, meaning in enumerate(told.meanings) if meaning == "status"]
    is_used = any(place < len(row) and row[place] for place in signatures for row in body)
    came = frozenset(place for place in statuses if _tells_who_came(_column(body, place)))
    return PresenceColumns(told, None if is_used else not is_expected, came)


def with_statuses(header: Header, body: Rows) -> Header:
    """`header` with the columns called "status" whose cells say that people came, did not, or had registered."""
    places = [place for place in range(len(header.meanings)) if _has_statuses(_column(body, place))]
    return replace(
        header,
        meanings=tuple(
            "status" if place in places else own for place, own in enumerate(header.meanings)
        ),
    )


def _has_statuses(cells: Sequence[str]) -> bool:
    """True where most cells are statuses, and one says more than yes, no or registered."""
    n_statuses = sum(any(_is(cell, group) for group in _GROUPS) for cell in cells)
    is_telling = any(_is(cell, group) for cell in cells for group in _GROUPS[:2])
    return is_telling and n_statuses >= _MOST * len(cells)


def _tells_who_came(statuses: Sequence[str]) -> bool:
    return any(
        _is(cell, group) for cell in statuses for group in ("statuts_venus", "statuts_a_distance")
    )


def _column(body: Rows, place: int) -> list[str]:
    return [row[place] for row in body if place < len(row) and row[place]]


def _is(cell: str, group: str, *, more: int = _MAX_MORE) -> bool:
    """True for a status of `group`, with up to `more` words after it."""
    return bool(_pattern(group, more).fullmatch(fold(cell)))


@cache
def _pattern(group: str, more: int) -> re.Pattern[str]:
    endings = "(?: e)?(?: s)?"  # "excusé·e·s"
    return re.compile(rf"(?:{'|'.join(lexicon('attendance')[group])}){endings}(?: \w+){{0,{more}}}")


log = logging.getLogger(__name__)

_COLUMNS = frozenset(
    {
        "last_name",
        "first_name",
        "full_name",
        "structure",
        "structure_type",
        "role",
        "commune",
        "email",
        "phone",
        "signature",
        "remark",
    }
)


_MAX_NAME_WORDS = 8
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
    is_absent: bool = False  # said not to have come: excused, cancelled, on a waiting list


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
    is_absent: bool


def read_attendance(
    sheets: Sequence[Sequence[Sequence[str]]], roster: WorkshopPeople
) -> list[Attendance]:
    """Return the attendances of `sheets` in order, and enter their persons into `roster`; rows without a name are left out.

    A person listed twice for one structure is one attendance, signed if either row is; a row without structure adds nothing to one with.
    Where nobody signed anything, everybody listed counts: who is said not to have come is then left out.
    """
    lines = [
        line for rows in sheets for half in _halves(rows) for line in _unswapped(list(_lines(half)))
    ]
    attendances: dict[tuple[str, str], Attendance] = {}
    for line in (one for whole in lines for one in _each_structure(whole)):
        participant_id = roster.add(
            Participant(line.first_name, line.last_name, line.email, line.phone, "attendance")
        )
        attendance = _attendance(participant_id, line)
        key = (participant_id, fold(attendance.structure or ""))
        known = attendances.get(key)
        attendances[key] = _either(known, attendance) if known else attendance
    named = {participant_id for participant_id, structure in attendances if structure}
    kept = [
        attendance
        for (participant_id, structure), attendance in attendances.items()
        if structure or participant_id not in named or attendance.structure_type == "élu"
    ]
    if not any(attendance.has_signed for attendance in kept):
        kept = [attendance for attendance in kept if not attendance.is_absent]
    log.info(
        "attendance: %d rows, %d persons, %d attendances",
        len(lines),
        len({attendance.participant_id for attendance in kept}),
        len(kept),
    )
    return kept


def enter_respondents(forms: Sequence[Sequence[Sequence[str]]], roster: WorkshopPeople) -> None:
    """Enter into `roster` the persons who answered `forms`: known by name, though nothing tells that they were in the room."""
    for line in (line for rows in forms for line in _unswapped(list(_lines(rows)))):
        roster.add(Participant(line.first_name, line.last_name, line.email, line.phone, "form"))


def _either(first: Attendance, second: Attendance) -> Attendance:
    return replace(
        first,
        has_signed=first.has_signed or second.has_signed,
        is_absent=first.is_absent and second.is_absent,
    )


def _attendance(participant_id: str, line: _Line) -> Attendance:
    is_lone = is_lone_person(line.structure, line.type_text)
    if is_lone and is_elected("", line.structure, None):
        line = replace(line, role=line.role or line.structure)
    kind = type_of(line.type_text, "" if is_lone else line.structure)
    kind = "élu" if is_elected(line.type_text, line.role, kind) else kind or type_of_role(line.role)
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
        is_absent=line.is_absent,
    )


def _halves(rows: Sequence[Sequence[str]]) -> list[list[Sequence[str]]]:
    """The sheet, cut where a second list stands beside the first under the same headers."""
    header = find_header(rows, wanted=_COLUMNS, at_least=2)
    known = [place for place, meaning in enumerate(header.meanings) if meaning] if header else []
    if header is None or not known:
        return [list(rows)]
    again = [place for place in known[1:] if header.meanings[place] == header.meanings[known[0]]]
    names = [meaning for meaning in header.meanings if meaning in ("last_name", "full_name")]
    if not again or len(names) != 1 + len(again):
        return [list(rows)]
    cuts = [0, *again, len(header.meanings)]
    above = [list(row) for row in rows[: header.order]]
    return [
        [*above, *(row[start:end] for row in rows[header.order :])] for start, end in pairwise(cuts)
    ]


def _each_structure(line: _Line) -> Iterator[_Line]:
    """The line once for each structure that its cell names ("CCAS / épicerie solidaire", "élue et présidente de La Criée")."""
    for structure, role in split_structures(line.structure):
        yield replace(line, structure=structure, role=role or line.role)


def _lines(rows: Sequence[Sequence[str]]) -> Iterator[_Line]:
    """The persons of one sheet; titles above the header, repeated headers, totals, notes and the titles of groups left out."""
    header = find_header(rows, wanted=_COLUMNS, at_least=2) or guess_header(rows)
    if header is None:
        return
    above, body = rows[: max(header.order, 0)], rows[header.order + 1 :]
    is_expected = any(
        re.search(r"\b(?:inscri\w*|invite\w*|attendu\w*)\b", fold(" ".join(row))) for row in above
    )
    presence = read_presence(header, body, is_expected=is_expected)
    if "signature" in presence.header.meanings and presence.default is not None:
        log.warning("attendance: signature column blank throughout, everybody counted as present")
    is_absent = any(_section_of(row) == "titres_absents" for row in above)
    for row in body:
        section = _section_of(row)
        is_absent = section == "titres_absents" or (is_absent and section is None)
        first, last = _name(header, row)
        if (
            (first or last)
            and section is None
            and not _is_header_again(header, row)
            and not _is_section(row)
        ):
            line = _line(presence.header, row, first, last)
            is_away = is_absent or presence.is_absent(row)
            yield replace(
                line, has_signed=not is_away and presence.has_signed(row), is_absent=is_away
            )


def _line(header: Header, row: Sequence[str], first: str | None, last: str | None) -> _Line:
    email, phone = _contact(header.cell(row, "email"), header.cell(row, "phone"))
    return _Line(
        first_name=first,
        last_name=last,
        structure=header.cell(row, "structure"),
        type_text=header.cell(row, "structure_type"),
        role=header.cell(row, "role"),
        commune=" ".join(
            filter(None, (header.cell(row, "postal_code"), header.cell(row, "commune")))
        ),
        commune_code=header.cell(row, "commune_code"),
        email=email,
        phone=phone,
        has_signed=True,
        is_absent=False,
    )


def _section_of(row: Sequence[str]) -> str | None:
    """What the title of a group of rows announces ("Excusés :", "Table 3"), or None for any other row."""
    lone = lone_cell(row)
    groups = ("titres_absents", "titres_presents", "titres_autres") if lone else ()
    words = fold(re.sub(r"\([^)]*\)", " ", lone or ""))
    return next(
        (
            group
            for group in groups
            if any(re.fullmatch(pattern, words) for pattern in lexicon("attendance")[group])
        ),
        None,
    )


def _name(header: Header, row: Sequence[str]) -> tuple[str | None, str | None]:
    """(First name, last name) of a row; a cell that holds both is split; a sentence (a note below the list) is no name."""
    first, last = (
        blank_to_none(header.cell(row, "first_name")),
        blank_to_none(header.cell(row, "last_name")),
    )
    whole = " ".join(filter(None, (last, first))) or header.cell(row, "full_name")
    first_word = fold(whole).partition(" ")[0]  # "" of a name in another script
    is_name = (
        any(letter.isalpha() for letter in whole)
        and first_word not in lexicon("attendance")["totaux"]
    )
    if (
        not is_name
        or len(whole.split()) > _MAX_NAME_WORDS
        or "@" in whole
        or re.search(r"[.:!?]\s|:$|\d{3}", whole)
    ):
        return None, None
    return (first, last) if first and last else split_name(whole)


def _contact(email: str, phone: str) -> tuple[str | None, str | None]:
    """(Mail address, telephone) of a row, whichever of both columns they stand in; one column may hold both."""
    both = f"{email} {phone}"
    address, number = _ADDRESS.search(both), _PHONE.search(_ADDRESS.sub(" ", both))
    return blank_to_none(address[0] if address else None), blank_to_none(
        number[0] if number else None if address else phone
    )


def _is_header_again(header: Header, row: Sequence[str]) -> bool:
    filled = [(cell, meaning) for cell, meaning in zip(row, header.meanings, strict=False) if cell]
    return len(filled) > 1 and all(meaning_of(cell) == meaning for cell, meaning in filled)


def _is_section(row: Sequence[str]) -> bool:
    """True for the title of a group of rows: merged over columns, or a kind of structure alone in its row ("Collectivités")."""
    lone = lone_cell(row)
    is_merged = any(cell and cell == right for cell, right in pairwise(row))
    return lone is not None and (is_merged or type_of(re.sub(r"\([^)]*\)", " ", lone)) != "autre")


def _unswapped(lines: list[_Line]) -> list[_Line]:
    """The lines with first and last names back in place where a row swaps them, by its capitals or by what first names are."""
    repaired = [
        replace(line, first_name=line.last_name, last_name=line.first_name)
        if _is_swapped(line)
        else line
        for line in lines
    ]
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
