"""Read attendance lists, in sheets or prose: who was there, for which structure, who signed."""

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from pipeline.ingest.columns import (
    CONTACTS,
    NAMES,
    Header,
    Rows,
    column_cells,
    find_header,
    guess_header,
    lone_cell,
    meaning_of,
)
from pipeline.ingest.locate.lines import states
from pipeline.ingest.parts import RawBlock
from pipeline.ingest.people import (
    Participant,
    WorkshopPeople,
    is_elected,
    is_lone_person,
    split_structures,
    type_of,
    type_of_role,
    without_represented,
)
from pipeline.ingest.words import (
    blank_to_none,
    is_first_name,
    is_whole_name,
    split_name,
    word_pattern,
)
from pipeline.text import fold, lexicon

log = logging.getLogger(__name__)

_IDENTITY = NAMES | CONTACTS | {"structure", "commune", "postal_code"}
_LISTED = (_IDENTITY - {"postal_code"}) | {"structure_type", "role", "signature", "remark"}
_MOST = 0.6  # share of a column's filled cells that are statuses
_STATUSES = ("statuts_absents", "statuts_venus", "statuts_inscrits", "statuts_a_distance")
# a status, then up to six words ("Annulé par mail le 3 mars"), or alone ("excusé·e·s")
_STATUS, _BARE_STATUS = r"{}(?: e)?(?: s)?(?: \w+){0,6}", r"{}(?: e)?(?: s)?"
_NO_NOTES = CONTACTS | {"commune", "postal_code", "commune_code", "buyer", "trace"}
_NO_MARK = frozenset({"-", "–", "/", "0"})
_MAX_NAME_WORDS = 8
_ADDRESS = re.compile(r"[^\s;,/<>()@]{1,100}@[^\s;,/<>()]+")
_PHONE = re.compile(r"\+?\d(?:[\s.()/-]{0,2}\d){7,14}")
_PROSE_HEADER = ("Nom et prénom", "Structure", "Fonction", "Présence")
_MAX_TITLE_WORDS = 7
_MIN_SAID = 3  # words: « Son Mai », « Ma Li » are names
_LONG_REMARK = 4  # words of a remark that says more than an absence
_OUTSIDE = r"(?![^()]*\))"  # outside brackets


@dataclass(frozen=True)
class Attendance:
    """A person present or expected for one structure; None for blanks."""

    participant_id: str
    structure: str | None
    type_text: str
    structure_type: str | None
    role: str | None
    commune: str
    commune_code: str
    has_signed: bool
    is_absent: bool = False  # excused, cancelled, waiting list


@dataclass(frozen=True)
class _ListRow:
    person: Participant
    structure: str
    type_text: str
    role: str
    commune: str
    commune_code: str
    has_signed: bool
    is_absent: bool
    notes: str = ""  # cells that may say who came for whom


def read_attendance(sheets: Sequence[Rows], people: WorkshopPeople) -> list[Attendance]:
    """Return the attendances of `sheets` in order and add their persons to `people`.

    Rows without a name are left out. A person listed twice for one structure signed if either row
    did; a row without structure is dropped beside one with. Where nobody signed, everybody counts
    except those marked absent.
    """
    rows: list[_ListRow] = []
    for sheet in sheets:
        for half in _cut_beside(sheet):
            rows += _unswapped(list(_list_rows(half)))
    rows = _with_domains(_with_stand_ins(rows, people))
    attendances: dict[tuple[str, str], Attendance] = {}
    for row in rows:
        for structure, role in split_structures(row.structure):
            own = replace(row, structure=structure, role=role or row.role)
            attendance = _attendance(people.add(own.person), own)
            key = (attendance.participant_id, fold(attendance.structure or ""))
            if first := attendances.get(key):
                has_signed = first.has_signed or attendance.has_signed
                is_absent = first.is_absent and attendance.is_absent
                attendance = replace(first, has_signed=has_signed, is_absent=is_absent)
            attendances[key] = attendance
    with_structure = {participant_id for participant_id, structure in attendances if structure}
    present = [
        attendance
        for (participant_id, structure), attendance in attendances.items()
        if structure or participant_id not in with_structure or attendance.structure_type == "élu"
    ]
    if not any(attendance.has_signed for attendance in present):
        present = [attendance for attendance in present if not attendance.is_absent]
    n_persons = len({attendance.participant_id for attendance in present})
    log.info("attendance: %d rows, %d persons, %d attendances", len(rows), n_persons, len(present))
    return present


def enter_respondents(forms: Sequence[Rows], people: WorkshopPeople) -> None:
    """Add the respondents of `forms` to `people`; they may not have been in the room."""
    for rows in forms:
        for row in _unswapped(list(_list_rows(rows))):
            people.add(replace(row.person, origin="form"))


def _attendance(participant_id: str, row: _ListRow) -> Attendance:
    is_lone = is_lone_person(row.structure, row.type_text)
    role = row.role or (row.structure if is_lone else "")
    own_role = role if is_lone and is_elected("", row.structure, None) else row.role
    kind = type_of(row.type_text, "" if is_lone else row.structure)
    is_official = is_elected(row.type_text, own_role, kind)
    return Attendance(
        participant_id=participant_id,
        structure=None if is_lone else row.structure,
        type_text=row.type_text,
        structure_type="élu" if is_official else kind or type_of_role(own_role),
        role=blank_to_none(role),
        commune=row.commune,
        commune_code=row.commune_code,
        has_signed=row.has_signed,
        is_absent=row.is_absent,
    )


def _with_stand_ins(rows: Sequence[_ListRow], people: WorkshopPeople) -> list[_ListRow]:
    """Read "à la place de Jean Dubois" and "remplacée par Anne Riou": who came, who did not."""
    absents: set[tuple[str, ...]] = set()
    arrived: list[_ListRow] = []
    for row in rows:
        if replaced := _named_in(row.notes, "a_la_place_de"):
            absents.add(replaced.key)
            people.add(replaced)
        if stand_in := _named_in(row.notes, "remplace_par"):
            absents.add(row.person.key)
            arrived.append(replace(row, person=stand_in, role="", has_signed=True, is_absent=False))
    came = {row.person.key for row in arrived}
    kept = [
        replace(row, has_signed=False, is_absent=True)
        if row.person.key in absents and row.person.key not in came
        else row
        for row in rows
    ]
    return [*kept, *arrived]


def _named_in(notes: str, group: str) -> Participant | None:
    """Return the person that a note names after the words of `group`."""
    opening = "|".join(lexicon("attendance")[group])
    civility = r"(?:(?:M\.|Mme|Mlle|Monsieur|Madame)\s+)?"
    name = r"[A-ZÀ-Ý][\w'’-]*\.?(?:\s+(?:(?:de|du|le|la)\s+|d['’])?[A-ZÀ-Ý][\w'’-]+){1,3}"
    match = re.search(rf"(?i:\b(?:{opening})\s*){civility}(?P<name>{name})", notes)
    return Participant(*split_name(match["name"])) if match else None


def _with_domains(rows: Sequence[_ListRow]) -> list[_ListRow]:
    """Fill a blank structure from the mail's domain: as others write it, else its own words."""
    written: dict[str, str] = {}
    for row in rows:
        if row.structure and (domain := _own_domain(row.person.email)):
            written.setdefault(domain, row.structure)
    return [
        replace(row, structure=written.get(domain) or name_of_domain(domain))
        if not row.structure
        and not word_pattern("attendance", "sans_structure").match(fold(row.role))
        and (domain := _own_domain(row.person.email))
        else row
        for row in rows
    ]


def _own_domain(email: str | None) -> str | None:
    """Return the domain of an address, None where anybody may have one."""
    domain = (email or "").rpartition("@")[2].lower()
    is_common = word_pattern("attendance", "messageries").fullmatch(domain)
    return domain if "." in domain and not is_common else None


def name_of_domain(domain: str) -> str:
    """Return the words of a domain.

    >>> name_of_domain("mission-locale-bray.asso.fr")
    'Mission Locale Bray'
    """
    labels = [label for label in domain.split(".")[:-1] if label not in ("asso", "com", "www")]
    words = re.split(r"[-_]", labels[-1]) if labels else []
    return " ".join(word.capitalize() for word in words)


def _cut_beside(rows: Rows) -> list[Rows]:
    """Split a sheet where a second list stands beside the first under the same headers."""
    header = find_header(rows, wanted=_LISTED, at_least=2)
    if header is None:
        return [rows]
    leading = next(filter(None, header.meanings), "")
    again = header.columns_of(leading)[1:]
    n_names = sum(meaning in ("last_name", "full_name") for meaning in header.meanings)
    if not again or n_names != 1 + len(again):
        return [rows]
    above, below = rows[: header.index], rows[header.index :]
    cuts = [0, *again, len(header.meanings)]
    return [[*above, *(row[start:end] for row in below)] for start, end in pairwise(cuts)]


def _list_rows(rows: Rows) -> Iterator[_ListRow]:
    header = find_header(rows, wanted=_LISTED, at_least=2) or guess_header(rows)
    header = header or find_header(rows, wanted=NAMES, at_least=1)
    if header is None:
        return
    above, body = rows[: max(header.index, 0)], rows[header.index + 1 :]
    titles = [fold(" ".join(row)) for row in above]
    expected = re.compile(r"\b(?:inscri\w*|invite\w*|attendu\w*)\b")
    presence = read_presence(header, body, is_expected=any(map(expected.search, titles)))
    if "signature" in presence.header.meanings and presence.default is not None:
        log.warning("attendance: signature column blank throughout, everybody counted as present")
    is_absent = any(_group_title(row) == "titres_absents" for row in above)
    for row in body:
        group = _group_title(row)
        is_absent = group == "titres_absents" or (is_absent and group is None)
        first, last = _name(header, row)
        if not (first or last) or group or _is_header_again(header, row) or _is_kind_title(row):
            continue
        is_away = is_absent or presence.is_absent(row)
        cell = partial(presence.header.cell, row)
        email, phone = _contact(cell("email"), cell("phone"))
        yield _ListRow(
            person=Participant(first, last, email, phone),
            structure=cell("structure"),
            type_text=cell("structure_type"),
            role=cell("role"),
            commune=" ".join(filter(None, (cell("postal_code"), cell("commune")))),
            commune_code=cell("commune_code"),
            has_signed=not is_away and presence.has_signed(row),
            is_absent=is_away,
            notes=" ; ".join(_notes(presence.header, row)),
        )


def _notes(header: Header, row: Sequence[str]) -> Iterator[str]:
    for cell, meaning in zip(row, header.meanings, strict=False):
        if cell and meaning not in _NO_NOTES:
            yield " ".join(cell.split())


def _group_title(row: Sequence[str]) -> str | None:
    """Read "Excusés :" or "Table 3"."""
    lone = lone_cell(row)
    if not lone:
        return None
    words = fold(re.sub(r"\([^)]{0,200}\)", " ", lone))
    groups = ("titres_absents", "titres_presents", "titres_autres")
    return next((g for g in groups if word_pattern("attendance", g).fullmatch(words)), None)


def _name(header: Header, row: Sequence[str]) -> tuple[str | None, str | None]:
    """Split a cell of both names; notes and totals are no names."""
    first = blank_to_none(header.cell(row, "first_name"))
    last = blank_to_none(header.cell(row, "last_name"))
    whole = " ".join(filter(None, (last, first))) or header.cell(row, "full_name")
    whole = without_represented(Participant(None, whole)).last_name or ""
    first_word = fold(whole).partition(" ")[0]  # "" for a name in another script
    is_name = any(map(str.isalpha, whole)) and first_word not in lexicon("attendance")["totaux"]
    is_name = is_name and not _is_said(whole)
    is_note = "@" in whole or re.search(r"[.:!?]\s|:$|\d{3}", whole)
    if not is_name or is_note or len(whole.split()) > _MAX_NAME_WORDS:
        return None, None
    return (first, last) if first and last else split_name(whole)


def _is_said(cell: str) -> bool:
    """Whether a cell of names says something: « Q'on nous écoute », « ma voisine Yvette »."""
    words = re.findall(r"[^\W\d_]+", cell)
    of_speech = lexicon("attendance")["mots_de_parole"]
    if len(words) < _MIN_SAID or is_whole_name(cell):
        return False
    if fold(words[0]) in of_speech:
        return True
    return not is_first_name(words[0]) and any(word in of_speech for word in words[1:])


def _contact(email: str, phone: str) -> tuple[str | None, str | None]:
    """Mail and telephone may stand in each other's column."""
    both = f"{email} {phone}"
    address, number = _ADDRESS.search(both), _PHONE.search(_ADDRESS.sub(" ", both))
    if number:
        phone = number[0]
    elif address:
        phone = ""
    return blank_to_none(address[0] if address else None), blank_to_none(phone)


def _is_header_again(header: Header, row: Sequence[str]) -> bool:
    filled = [(cell, meaning) for cell, meaning in zip(row, header.meanings, strict=False) if cell]
    return len(filled) > 1 and all(meaning_of(cell) == meaning for cell, meaning in filled)


def _is_kind_title(row: Sequence[str]) -> bool:
    """Whether the row is a merged title or a kind such as "Collectivités"."""
    lone = lone_cell(row)
    is_merged = any(cell and cell == right for cell, right in pairwise(row))
    return lone is not None and (is_merged or type_of(re.sub(r"\([^)]*\)", " ", lone)) != "autre")


def _unswapped(rows: list[_ListRow]) -> list[_ListRow]:
    n_swapped = 0
    for i, row in enumerate(rows):
        first, last = row.person.first_name, row.person.last_name
        if first and last and _is_swapped(first, last):
            rows[i] = replace(row, person=replace(row.person, first_name=last, last_name=first))
            n_swapped += 1
    if n_swapped:
        log.info("attendance: %d rows with first and last name swapped", n_swapped)
    return rows


def _is_swapped(first: str, last: str) -> bool:
    """Capitals decide, else known first names."""
    if first.isupper() != last.isupper() and len(first) > 2:
        return first.isupper()
    return is_first_name(last) and not is_first_name(first)


@dataclass(frozen=True)
class PresenceColumns:
    """The columns of a list that say who came.

    `default` is for persons they leave open, None where a signature is required; `came` are the
    columns of statuses that tell who came, next to who had registered.
    """

    header: Header
    default: bool | None
    came: frozenset[int] = frozenset()

    def has_signed(self, row: Sequence[str]) -> bool:
        """Whether a mark or status says who came; an absence wins."""
        if self.is_absent(row):
            return False
        has_come = any(_is_status(cell, "statuts_venus") for cell in self._cells(row, "status"))
        yes = ("oui", "statuts_a_distance")
        if has_come or any(_is_status(cell, *yes) for cell in self._came_cells(row)):
            return True
        if self.default is not None and not self.came:
            return self.default
        no = lexicon("attendance")["non"]
        marks = self._cells(row, "signature")
        return any(mark.strip() not in _NO_MARK and fold(mark) not in no for mark in marks)

    def is_absent(self, row: Sequence[str]) -> bool:
        """Whether a status, a remark or any bare cell says the person did not come."""
        remarks = fold(" ".join(self._cells(row, "remark", "role", "signature")))
        if word_pattern("attendance", "absents", r"\b{}").search(remarks):
            return True
        if any(_is_status(cell, "statuts_absents") for cell in self._cells(row, "status")):
            return True
        yes = word_pattern("attendance", "oui")
        if any(yes.fullmatch(fold(cell)) for cell in self._cells(row, "cancelled")):
            return True
        bare = word_pattern("attendance", "statuts_absents", _BARE_STATUS)
        cells = zip(row, self.header.meanings, strict=False)
        return any(
            cell and meaning not in _IDENTITY and bare.fullmatch(fold(cell))
            for cell, meaning in cells
        )

    def is_unclear(self, row: Sequence[str]) -> bool:
        """Whether the only status is unknown, where other rows' tell who came."""
        cells = self._came_cells(row)
        is_known = any(_is_status(cell, *_STATUSES) for cell in cells)
        return bool(cells) and not is_known and not self.has_signed(row) and not self.is_absent(row)

    def _came_cells(self, row: Sequence[str]) -> list[str]:
        return [row[column] for column in self.came if column < len(row) and row[column]]

    def _cells(self, row: Sequence[str], *meanings: str) -> list[str]:
        cells = zip(row, self.header.meanings, strict=False)
        return [cell for cell, meaning in cells if cell and meaning in meanings]


def read_presence(header: Header, body: Rows, *, is_expected: bool) -> PresenceColumns:
    """Return how `body` tells who came; people `is_expected` need a mark."""
    signed, header = header.meanings, with_statuses(header, body)
    is_used = any(column_cells(body, column) for column in header.columns_of("signature"))
    came = [
        column
        for column in header.columns_of("status")
        if any(
            _is_status(cell, "statuts_venus", "statuts_a_distance")
            or (signed[column] == "signature" and _is_status(cell, "oui"))
            for cell in column_cells(body, column)
        )
    ]
    return PresenceColumns(header, None if is_used else not is_expected, frozenset(came))


def with_statuses(header: Header, body: Rows) -> Header:
    """Return `header` with the "status" columns whose cells tell presence or absence."""
    meanings = tuple(
        "status" if _has_statuses(column_cells(body, column)) else meaning
        for column, meaning in enumerate(header.meanings)
    )
    return replace(header, meanings=meanings)


def _has_statuses(cells: Sequence[str]) -> bool:
    if not any(_is_status(cell, "statuts_absents", "statuts_venus") for cell in cells):
        return False
    return sum(_is_status(cell, *_STATUSES) for cell in cells) >= _MOST * len(cells)


def _is_status(cell: str, *groups: str) -> bool:
    patterns = (word_pattern("attendance", group, _STATUS) for group in groups)
    return any(pattern.fullmatch(fold(cell)) for pattern in patterns)


def count_remarks(header: Header, body: Rows, others: Collection[int]) -> int:
    """Return how many remarks of a list say more than an absence; `others` are no remarks."""
    presence = read_presence(header, body, is_expected=False)
    columns = [
        column
        for column, meaning in enumerate(presence.header.meanings)
        if meaning in ("remark", "text", None) and column not in others
    ]
    rows = [row for row in _rows_of_persons(presence, body) if not presence.is_absent(row)]
    remarks = [row[column] for row in rows for column in columns if column < len(row)]
    names = [presence.header.cell(row, "full_name", "last_name", "first_name") for row in body]
    return sum(map(_is_said, names)) + sum(
        len(remark.split()) >= _LONG_REMARK or states(remark, is_announced=False)
        for remark in remarks
    )


def count_unclear(header: Header, body: Rows) -> int:
    """Return how many persons have an unknown status where others' tell who came."""
    presence = read_presence(header, body, is_expected=False)
    return sum(map(presence.is_unclear, _rows_of_persons(presence, body)))


def _rows_of_persons(presence: PresenceColumns, body: Rows) -> Iterator[Sequence[str]]:
    totals = lexicon("attendance")["totaux"]
    for row in body:
        name = presence.header.cell(row, "full_name", "last_name", "first_name")
        if lone_cell(row) is None and name and fold(name).partition(" ")[0] not in totals:
            yield row


def rows_of_prose(blocks: Sequence[RawBlock]) -> list[tuple[str, ...]]:
    """Return header and rows of "Présents : Mme Riou (La Criée), M. Kerven"; [] without list."""
    rows: list[tuple[str, ...]] = []
    mark: str | None = None  # of the current list: "x" for present, else "excusé"
    for block in blocks:
        if block.speaker or block.columns:
            mark = None
        elif announced := _announced(block.text):
            mark, rest = announced
            rows += _persons(rest, mark)
        elif mark and block.kind != "heading":
            persons = _persons(block.text, mark)
            rows += persons
            mark = mark if persons else None
        else:
            mark = None
    return [_PROSE_HEADER, *rows] if rows else []


def _announced(text: str) -> tuple[str, str] | None:
    title, colon, rest = text.partition(":")
    words = fold(title)
    n_words = len(words.split()) if colon else max(len(words.split()), len(text.split()))
    if not 0 < n_words <= _MAX_TITLE_WORDS or not words:
        return None
    for mark, group in (("excusé", "titres_absents"), ("x", "titres_presents")):
        if word_pattern("attendance", group).fullmatch(words):
            return mark, rest.strip()
    return None


def _persons(text: str, mark: str) -> list[tuple[str, ...]]:
    rows = [_person(item, mark) for item in _items(text.strip(" ."))]
    persons = [row for row in rows if row]
    return persons if len(persons) == len(rows) else []


def _items(text: str) -> list[str]:
    if ";" in text:
        return [item.strip() for item in text.split(";") if item.strip()]
    parts = re.split(rf"\s*,\s*{_OUTSIDE}|\s+et\s+{_OUTSIDE}", text)
    items = [part.strip() for part in parts if part.strip()]
    are_names = all(map(is_whole_name, items))
    return items if are_names else [text]


def _person(item: str, mark: str) -> tuple[str, ...] | None:
    """Read "Anne Riou (La Criée, gérante)" or "Anne Riou – La Criée"."""
    match = re.fullmatch(r"([^(,:–—]+?)\s*(?:\((.*)\)|(?:,|:|\s[-–—]\s|–|—)\s*(.+))?", item)
    if not match or not is_whole_name(match[1]):
        of = r"\s+(?:de|du|des|pour)\s+(?=(?:l['’]|la |le |les )?[A-ZÉ])"
        name, *structures = re.split(of, item, maxsplit=1)
        return (name, structures[0], "", mark) if structures and is_whole_name(name) else None
    parts = re.split(r"\s*(?:,|\s[-–]\s)\s*", match[2] or match[3] or "")
    facts = [part.strip() for part in parts if part.strip()]
    role = word_pattern("attendance", "fonctions")
    if len(facts) == 2 and role.match(fold(facts[0])):
        facts.reverse()
    return match[1].strip(), facts[0] if facts else "", ", ".join(facts[1:]), mark
