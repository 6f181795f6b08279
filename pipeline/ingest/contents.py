"""Sort the files of a workshop's folder: documents, attendance lists, maps and rejects.

Every file is a part, a reject or both.
"""

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path

from pipeline.depot import DepotFile, WorkshopFiles
from pipeline.files import file_hash
from pipeline.ingest.attendance import rows_of_prose
from pipeline.ingest.columns import Rows, meaning_of
from pipeline.ingest.parts import Error, RawPart, away_error, parse_json
from pipeline.ingest.readers.exports import SLACK, name_members
from pipeline.ingest.sandbox import FileReaders, FileReading, read_files
from pipeline.ingest.sheets import SortedPart, sort_part
from pipeline.ingest.sheets.roles import legend_of
from pipeline.ingest.territory_map import (
    Pin,
    lighten_zones,
    name_zones,
    read_features,
    read_map_rows,
)
from pipeline.ingest.workshop import Reject, manifests_of, reject
from pipeline.settings.sections import IngestSettings

_EMPTY = ("aucun texte dans ce fichier", "vérifier que c'est le bon fichier, ou le retirer")
_HEAD = 15  # rows of a sheet that may hold its header
_GONE, _CHANGED = away_error("disparu"), away_error("changé")
_BLANK_MAP = (
    "carte sans structure nommée",
    "donner un nom à chaque point ou zone de la carte, puis la redéposer",
)
_RENAMED = (
    "nom qui se confond avec un autre (accents, « # ») ou qui n'est pas en UTF-8 : "
    "lu sous ce nom-ci",
    "renommer le fichier, ou le retirer s'il y est deux fois",
)
_SKIPPED_ADVICE = (
    "le reste du fichier est lu ; recopier dans un document texte ce qui manque, s'il compte"
)


@dataclass(frozen=True)
class Part:
    """A file or a part of one, with what it holds."""

    path: str  # in the depot, with `#part`
    file: str  # `path` without `#part`
    names: tuple[str, ...]  # folders, file, sheet, attachment or archived path
    sha256: str
    raw: RawPart
    sorted: SortedPart
    pins: tuple[Pin, ...] = ()
    listed_pins: tuple[Pin, ...] = ()  # from sheets or tables
    first_path: str | None = None  # before a rename
    lightened: tuple[tuple[str, str], ...] = ()  # (reason, advice) of changed zones

    @property
    def n_words_listed(self) -> int:
        """Return how many words its lists and maps hold; those of speech are its blocks'."""
        if self.pins:
            return sum(len(block.text.split()) for block in self.raw.blocks)
        if self.sorted.blocks and self.raw.rows:
            return 0  # a sheet's cells are all blocks
        tables = (*self.sorted.attendance, *self.sorted.maps)
        return sum(len(cell.split()) for rows in tables for row in rows for cell in row)


@dataclass
class Contents:
    """The parts of a folder in path order, and its rejects."""

    parts: list[Part] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    n_passing: int = 0  # unread files that the system withheld

    @property
    def documents(self) -> list[Part]:
        """Return the parts that hold passages."""
        return [part for part in self.parts if part.sorted.blocks and not part.pins]

    @cached_property
    def lists(self) -> list[Rows]:
        """Return the attendance lists, from prose only where no table is one."""
        tables: list[Rows] = []
        for part in self.parts:
            tables += part.sorted.attendance
        return tables or list(self._prose_lists.values())

    @cached_property
    def list_paths(self) -> set[str]:
        """Return the paths of the parts that list persons or structures."""
        lists = {part.path for part in self.parts if part.sorted.attendance}
        maps = {part.path for part in self.parts if part.sorted.maps or part.pins}
        return maps | (lists or set(self._prose_lists))

    @cached_property
    def _prose_lists(self) -> dict[str, Rows]:
        notes = [part for part in self.parts if part.raw.channel is None]
        lists = {part.path: rows_of_prose(part.sorted.blocks) for part in notes}
        return {path: rows for path, rows in lists.items() if rows}

    @property
    def forms(self) -> list[Rows]:
        """Return the forms that name their respondents."""
        return [rows for part in self.parts for rows in part.sorted.forms]

    @cached_property
    def pins(self) -> list[Pin]:
        """Return the structures of all maps."""
        return name_zones([pin for part in self.parts for pin in (*part.pins, *part.listed_pins)])

    def first_list_rows(self, n_rows: int) -> list[Rows]:
        """Return the lists cut to their first `n_rows` in total."""
        starts = accumulate(map(len, self.lists), initial=0)
        pairs = zip(self.lists, starts, strict=False)
        return [rows[: max(n_rows - start, 0)] for rows, start in pairs]

    def reject_beyond(self, max_listed: int, folder: str) -> list[Reject]:
        """Return a reject of the folder for maps or lists of more than `max_listed` rows."""
        counts = {"cartes": len(self.pins), "listes de présence": sum(map(len, self.lists))}
        advice = (
            "en retirer ce qui n'est pas de cet atelier, ou relever « max_listed » "
            "dans etude.toml, section [ingest]"
        )
        reason = "{} de {} lignes en tout : seules les {} premières sont lues"
        return [
            reject(folder, reason.format(what, n_rows, max_listed), advice)
            for what, n_rows in counts.items()
            if n_rows > max_listed
        ]


def read_contents(
    workshop: WorkshopFiles,
    *,
    settings: IngestSettings,
    on_file: Callable[[int, int], None] | None,
    first_paths: Mapping[str, str] | None = None,
    readers: FileReaders | None = None,
) -> Contents:
    """Return what the files of `workshop` hold, except its manifest.

    A file that is no longer what the inventory has waits for the next run. `on_file` gets the
    numbers of files done and in all; `readers` are reused between calls.
    """
    manifests = manifests_of(workshop)
    files = [file for file in workshop.files if file.path not in manifests]
    n_done = 0

    def count(_: Path) -> None:
        nonlocal n_done
        n_done += 1
        if on_file:
            on_file(n_done, len(files))

    contents = Contents()
    for _path, *why in workshop.unread:
        contents.rejects.append(reject(*why))
    paths = [file.path for file in files]
    readings = read_files(
        paths,
        settings=settings,
        within=(workshop.path.parent,),
        on_file=count,
        readers=readers,
    )
    for file, reading in zip(files, readings, strict=True):
        change = None if reading.error else _changed(file)
        if reading.error or change:
            contents.n_passing += reading.can_pass or bool(change)
            contents.rejects.append(reject(file.name, *(reading.error or change or _GONE)))
            continue
        if file.is_renamed:
            contents.rejects.append(reject(file.name, *_RENAMED))
        first = (first_paths or {}).get(file.name)
        for part in _parts(reading, file, settings.max_outline_points):
            if first:
                part = replace(part, first_path=first + part.path.removeprefix(file.name))
            contents.parts.append(part)
            contents.rejects += _rejects(part)
    contents.parts = _with_legends(_with_members(contents.parts))
    return contents


def _with_members(parts: list[Part]) -> list[Part]:
    """Name the authors of a Slack export, whose list of members is a file of its own."""
    members = {code: name for part in parts if part.raw.left_out for name, code in part.raw.people}
    named: list[Part] = []
    for part in parts:
        if part.raw.taken_for == SLACK:
            raw = replace(part.raw, blocks=name_members(part.raw.blocks, members))
            blocks = name_members(part.sorted.blocks, members)
            part = replace(part, raw=raw, sorted=replace(part.sorted, blocks=blocks))
        named.append(part)
    return named


def _with_legends(parts: list[Part]) -> list[Part]:
    """Sort anew the sheets of coloured post-its by the legend, of their file or another's."""
    legends = {part.path: legend for part in parts if (legend := legend_of(part.raw.rows))}
    if not legends:
        return parts
    of_folder = {color: asked for legend in legends.values() for color, asked in legend.items()}
    of_file: dict[str, dict[str, str]] = {}
    for part in parts:
        of_file.setdefault(part.file, {}).update(legends.get(part.path, {}))
    return [
        replace(
            part,
            sorted=sort_part(
                (), part.raw.rows, part.raw.title or "", of_file[part.file] or of_folder
            ),
        )
        if any(meaning_of(cell) == "color" for row in part.raw.rows[:_HEAD] for cell in row)
        else part
        for part in parts
    ]


def _changed(file: DepotFile) -> Error | None:
    """Return why what was read is not what the inventory has."""
    try:
        return None if file_hash(file.path) == file.content else _CHANGED
    except OSError:
        return _GONE


def _parts(reading: FileReading, file: DepotFile, max_points: int) -> Iterator[Part]:
    name, inside = file.name, file.parts
    taken: set[str] = set()
    for raw in reading.parts:
        own = _free_name(raw.name, taken)
        path, names = (f"{name}#{own}", (*inside, *own.split("/"))) if own else (name, inside)
        pins = _read_json_map(raw)
        content = sort_part(raw.blocks if pins is None else (), raw.rows, raw.title or "")
        listed = [pin for rows in content.maps for pin in read_map_rows(rows)]
        n_features = len(pins or ())
        lighter, lightened = lighten_zones([*(pins or ()), *listed], max_points)
        yield Part(
            path,
            name,
            names,
            file.content,
            raw,
            content,
            pins=tuple(lighter[:n_features]),
            listed_pins=tuple(lighter[n_features:]),
            lightened=tuple(lightened),
        )


def _free_name(name: str, taken: set[str]) -> str:
    number, free = 1, name
    while (composed := unicodedata.normalize("NFC", free)) in taken:
        number += 1
        free = f"{name} ({number})"
    taken.add(composed)
    return free


def _read_json_map(raw: RawPart) -> list[Pin] | None:
    """Return the pins of a JSON map, None for no map."""
    is_meta = len(raw.blocks) == 1 and raw.blocks[0].kind == "meta"
    if not is_meta or not raw.blocks[0].text.lstrip().startswith("{"):
        return None
    try:
        content = parse_json(raw.blocks[0].text)
    except (ValueError, RecursionError):
        return None
    return read_features(content)


def _rejects(part: Part) -> Iterator[Reject]:
    content, listed = part.sorted, part.raw.left_out
    if part.raw.error:
        yield reject(part.path, *part.raw.error)
    elif not (
        content.blocks or content.attendance or content.maps or content.forms or part.pins or listed
    ):
        yield reject(part.path, *(_BLANK_MAP if part.raw.blocks else _EMPTY))
    for reason, advice in part.lightened:
        yield reject(part.path, reason, advice)
    for warning in (*part.raw.warnings, *content.skipped):
        yield reject(part.path, warning, _SKIPPED_ADVICE)
