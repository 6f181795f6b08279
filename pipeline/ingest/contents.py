"""What the files of a workshop's folder hold: documents, attendance lists, maps, and what could not be read.

In:   the files of a folder
Out:  Contents; every file is a part, a reject or both

Read lists of participants written as prose: "Présents : Mme Riou (La Criée), M. Kerven", or a title and its bullets.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path, PurePath

from pipeline.depot import list_folder, name_files, text_of
from pipeline.ingest.child import away_error
from pipeline.ingest.columns import is_whole_name
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.sandbox import Reading, read_files
from pipeline.ingest.sheets import Rows as ContentsRows
from pipeline.ingest.sheets import SortedPart, sort_part
from pipeline.ingest.territory_map.shapes import (
    Pin,
    is_geojson,
    lighten_zones,
    name_zones,
    read_features,
    read_map_rows,
)
from pipeline.ingest.workshop import Reject, is_manifest
from pipeline.settings.stages import IngestSettings
from pipeline.text import fold, lexicon

_HEADER = ("Nom et prénom", "Structure", "Fonction", "Présence")
_MAX_TITLE_WORDS = 7
_OUTSIDE = r"(?![^()]*\))"  # of brackets

Rows = list[tuple[str, ...]]


def rows_of_prose(blocks: Sequence[RawBlock]) -> Rows:
    """Return a header and one row a person listed; [] where no title announces a list."""
    found = [row for row in _listed(blocks) if row]
    return [_HEADER, *found] if found else []


def _listed(blocks: Sequence[RawBlock]) -> Iterator[tuple[str, ...]]:
    mark: str | None = None  # of the list that goes on: "x" for who came, "excusé" for who did not
    for block in blocks:
        if block.speaker or block.columns:
            mark = None
            continue
        announced = _announced(block.text)
        if announced:
            mark, rest = announced
            yield from _persons(rest, mark)
        elif mark and block.kind != "heading":
            rows = list(_persons(block.text, mark))
            mark = mark if rows else None
            yield from rows
        else:
            mark = None


def _announced(text: str) -> tuple[str, str] | None:
    """(Mark, what follows on the line) where a text opens a list of persons."""
    title, colon, rest = text.partition(":")
    words = fold(title)
    if (
        not words
        or len(words.split()) > _MAX_TITLE_WORDS
        or (not colon and len(text.split()) > _MAX_TITLE_WORDS)
    ):
        return None
    for mark, group in (("excusé", "titres_absents"), ("x", "titres_presents")):
        if re.fullmatch(_titles(group), words):
            return mark, rest.strip()
    return None


@cache
def _titles(group: str) -> str:
    return "|".join(f"(?:{pattern})" for pattern in lexicon("attendance")[group])


def _persons(text: str, mark: str) -> Iterator[tuple[str, ...]]:
    """The persons that a line lists; nobody where one of its items names none."""
    items = _items(text)
    rows = [_person(item, mark) for item in items]
    if all(rows):
        yield from (row for row in rows if row)


def _items(text: str) -> list[str]:
    """The items of a line: between semicolons, else between commas where each names a person, else the line."""
    bare = text.strip(" .")
    if not bare:
        return []
    if ";" in bare:
        return [item.strip() for item in bare.split(";") if item.strip()]
    parts = [
        part.strip()
        for part in re.split(rf"\s*,\s*{_OUTSIDE}|\s+et\s+{_OUTSIDE}", bare)
        if part.strip()
    ]
    return parts if all(is_whole_name(re.sub(r"\([^)]*\)", "", part)) for part in parts) else [bare]


def _person(item: str, mark: str) -> tuple[str, ...] | None:
    """The row of "Anne Riou (La Criée, gérante)", "Anne Riou, La Criée, gérante" or "Anne Riou – La Criée"; None where no name opens it."""
    found = re.fullmatch(r"([^(,:–—]+?)\s*(?:\((.*)\)|(?:,|:|\s[-–—]\s|–|—)\s*(.+))?", item)
    if not found or not is_whole_name(found[1]):
        halves = re.split(
            r"\s+(?:de|du|des|pour)\s+(?=(?:l['’]|la |le |les )?[A-ZÉ])", item, maxsplit=1
        )
        return (
            (halves[0], halves[1], "", mark)
            if len(halves) == 2 and is_whole_name(halves[0])
            else None
        )
    told = [
        part.strip()
        for part in re.split(r"\s*(?:,|\s[-–—]\s)\s*", found[2] or found[3] or "")
        if part.strip()
    ]
    is_role_first = len(told) == 2 and bool(
        re.match(rf"(?:{'|'.join(lexicon('attendance')['fonctions'])})", fold(told[0]))
    )
    structure, role = (
        (told[1], told[0]) if is_role_first else ((told[0] if told else ""), ", ".join(told[1:]))
    )
    return found[1].strip(), structure, role, mark


_EMPTY = ("aucun texte dans ce fichier", "vérifier que c'est le bon fichier, ou le retirer")
_GONE = away_error("disparu")
_BLANK_MAP = (
    "carte sans structure nommée",
    "donner un nom à chaque point ou zone de la carte, puis la redéposer",
)
_NO_MAP = (
    "fichier JSON qui n'est pas une carte",
    "déposer la carte en .geojson, avec le nom de chaque structure",
)
_RENAMED = (
    "nom qui se confond avec un autre (accents, « # ») ou qui n'est pas en UTF-8 : lu sous ce nom-ci",
    "renommer le fichier, ou le retirer s'il y est deux fois",
)
_SKIPPED_ADVICE = (
    "le reste du fichier est lu ; recopier dans un document texte ce qui manque, s'il compte"
)


@dataclass(frozen=True)
class Part:
    """A file or a part of one: its `path` in the depot with `#part`, its file's hash, what its reader found and what that is."""

    path: str
    file: str  # the same without `#part`
    names: tuple[
        str, ...
    ]  # of folders, file, sheet, attachment or path in an archive, inside the workshop
    sha256: str
    raw: RawPart
    held: SortedPart
    pins: tuple[Pin, ...] = ()  # of a map's file
    listed: tuple[Pin, ...] = ()  # of its sheets or tables
    first_path: str | None = None  # of what was renamed since it was first read
    lightened: tuple[
        tuple[str, str], ...
    ] = ()  # (reason, advice) of what was changed in the zones of both


@dataclass
class Contents:
    """The parts of a folder in order of path, and what could not be read."""

    parts: list[Part] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    n_passing: int = 0  # of the files that were not read: how many the system kept from being read

    @property
    def documents(self) -> list[Part]:
        """The parts in which something was said."""
        return [part for part in self.parts if part.held.blocks and not part.pins]

    @cached_property
    def lists(self) -> list[ContentsRows]:
        """The attendance lists; without any table of them, those that notes hold in plain words."""
        tables = [rows for part in self.parts for rows in part.held.attendance]
        return tables or list(self._prose.values())

    @cached_property
    def listing(self) -> set[str]:
        """The paths of the parts that list persons or structures."""
        tables = {part.path for part in self.parts if part.held.attendance}
        maps = {part.path for part in self.parts if part.held.maps or part.pins}
        return maps | (tables or set(self._prose))

    @cached_property
    def _prose(self) -> dict[str, ContentsRows]:
        """The lists that notes hold in plain words, by the path of the part."""
        notes = [part for part in self.parts if part.raw.channel is None]
        found = {part.path: rows_of_prose(part.held.blocks) for part in notes}
        return {path: rows for path, rows in found.items() if rows}

    @property
    def forms(self) -> list[ContentsRows]:
        """The forms whose respondents are named."""
        return [rows for part in self.parts for rows in part.held.forms]

    @property
    def pins(self) -> list[Pin]:
        """The structures of all maps."""
        return name_zones([pin for part in self.parts for pin in (*part.pins, *part.listed)])


def read_contents(
    folder: Path,
    *,
    depot: Path,
    settings: IngestSettings,
    on_file: Callable[[int, int], None] | None,
    first_paths: Mapping[str, str] | None = None,
) -> Contents:
    """Return what the files of `folder` hold, its manifest left out; `on_file` is told how many files are done of how many."""
    listing = list_folder(folder, depot=depot)
    paths = [path for path in listing.files if not (path.parent == folder and is_manifest(path))]
    names = name_files(listing.files, depot=depot)
    n_done = 0

    def count(_: Path) -> None:
        nonlocal n_done
        n_done += 1
        if on_file:
            on_file(n_done, len(paths))

    contents = Contents()
    for path, reason, advice in listing.unread:
        contents.rejects.append(_reject(text_of(path.relative_to(depot)), reason, advice))
    for reading in read_files(paths, settings=settings, within=(depot,), on_file=count):
        name = names[reading.path]
        sha256 = None if reading.error else _hash(reading.path)
        if reading.error or sha256 is None:
            contents.n_passing += reading.can_pass or not reading.error
            contents.rejects.append(_reject(name, *(reading.error or _GONE)))
            continue
        if PurePath(name).parts[1:] != reading.path.relative_to(folder).parts:
            contents.rejects.append(_reject(name, *_RENAMED))
        first = (first_paths or {}).get(name)
        for part in _parts(reading, name, folder, sha256, settings.max_outline_points):
            contents.parts.append(
                replace(part, first_path=first + part.path[len(name) :]) if first else part
            )
            contents.rejects += _rejects(part)
    return contents


def _reject(path: str, reason: str, advice: str) -> Reject:
    return {"path": path, "reason": reason, "advice": advice}


def _hash(path: Path) -> str | None:
    """sha256 of a file's bytes, or None where it is there no more."""
    try:
        with path.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError:
        return None


def _parts(
    reading: Reading, name: str, folder: Path, sha256: str, max_points: int
) -> Iterator[Part]:
    inside = PurePath(text_of(reading.path.relative_to(folder))).parts
    taken: set[str] = set()
    for raw in reading.parts:
        own = _free_name(raw.name, taken)
        path, names = (f"{name}#{own}", (*inside, *own.split("/"))) if own else (name, inside)
        features = _features(raw) if _is_json(raw) else None
        held = sort_part(() if features is not None else raw.blocks, raw.rows)
        listed = [pin for rows in held.maps for pin in read_map_rows(rows)]
        pins, lightened = lighten_zones([*(features or ()), *listed], max_points)
        n_features = len(pins) - len(listed)
        mapped = tuple(pins[:n_features]), tuple(pins[n_features:])
        yield Part(path, name, names, sha256, raw, held, *mapped, lightened=tuple(lightened))


def _free_name(name: str, taken: set[str]) -> str:
    """The name of a part, numbered where another part of its file has it, in whatever Unicode form; it is then taken."""
    number, free = 1, name
    while (composed := unicodedata.normalize("NFC", free)) in taken:
        number += 1
        free = f"{name} ({number})"
    taken.add(composed)
    return free


def _is_json(raw: RawPart) -> bool:
    """True for what the reader of JSON returns, from a file or an archive: one meta block that is an object or a list."""
    return (
        len(raw.blocks) == 1
        and raw.blocks[0].kind == "meta"
        and raw.blocks[0].text.lstrip()[:1] in ("{", "[")
    )


def _features(raw: RawPart) -> list[Pin] | None:
    """The pins of a JSON file, [] where it is no map; None where the file is no JSON after all."""
    try:
        content = json.loads(raw.blocks[0].text)
        if "\\u" in raw.blocks[0].text:  # an escape can make half a character, which no table holds
            content = json.loads(json.dumps(content, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    return read_features(content) if is_geojson(content) else []


def _is_map(raw: RawPart) -> bool:
    return is_geojson(json.loads(raw.blocks[0].text))


def _rejects(part: Part) -> Iterator[Reject]:
    """What of a part could not be read."""
    if part.raw.error:
        yield _reject(part.path, *part.raw.error)
    elif not (part.held.blocks or part.held.attendance or part.held.maps or part.pins):
        reason, advice = (
            _EMPTY if not part.raw.blocks else _BLANK_MAP if _is_map(part.raw) else _NO_MAP
        )
        yield _reject(part.path, reason, advice)
    for reason, advice in part.lightened:
        yield _reject(part.path, reason, advice)
    for warning in (*part.raw.warnings, *part.held.left):
        yield _reject(part.path, warning, _SKIPPED_ADVICE)
