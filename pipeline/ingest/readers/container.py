"""Open zip containers, their XML and OLE compound files safely.

Bombs, DTDs, entities, passwords and circular sector chains are refused.
"""

import io
import posixpath
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import PurePosixPath

import olefile
from lxml import etree

from pipeline.depot import is_hidden, is_junk
from pipeline.errors import ReadError
from pipeline.ingest.parts import (
    FileContent,
    Limits,
    RawPart,
    ReadSource,
    best_french,
    corrupt,
    protected,
)
from pipeline.ingest.words import clean

_STRICT = b"http://purl.oclc.org/ooxml/wordprocessingml/main"
_USUAL = b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_SMALL = 1_000_000  # bytes; smaller entries may have any ratio
DAMAGED_ENTRY = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
)
DAMAGED_ZIP = (*DAMAGED_ENTRY[:-1], OSError)
# Raised for a bad compound file.
DAMAGED = (
    OSError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
    struct.error,
)
_FIRST_TABLE = 68  # header offset of the chain's first sector
_LAST_SECTOR = 0xFFFFFFFA  # numbers from here on mean an end
_MAX_ARCHIVES = 2  # one inside the other
_UTF8_NAMES, _ENCRYPTED = 0x800, 0x1
_MANIFEST = re.compile(r"atelier\.ya?ml", re.IGNORECASE)
_MAX_NAME = 200  # characters of a path


class Container:
    """A zip container within the limits; `what` names its format in messages."""

    def __init__(self, file: FileContent, what: str) -> None:
        self._what = what
        self._zip = _open_zip(file, f"le {what}", what)
        self.names = frozenset(self._zip.namelist())

    def read(self, name: str) -> bytes:
        """Return an entry's bytes, b"" for none; raise `ReadError` if damaged or encrypted."""
        if name not in self.names:
            return b""
        return _read_entry(self._zip, name, f"le {self._what}", self._what)

    def xml(self, name: str) -> etree._Element | None:
        """Return an entry's root element, None for none; raise `ReadError` for bad XML or a DTD."""
        content = self.read(name).replace(_STRICT, _USUAL)
        return parse_xml(content, self._what) if content else None

    def relations(self, name: str) -> dict[str, tuple[str, str]]:
        """Return an Office entry's relations: (kind, entry) by id."""
        folder, own = posixpath.split(name)
        root = self.xml(f"{folder}/_rels/{own}.rels")
        relations: dict[str, tuple[str, str]] = {}
        for relation in () if root is None else root:
            path = posixpath.join("/", folder, relation.get("Target", ""))
            kind = relation.get("Type", "").rsplit("/", 1)[-1]
            relations[relation.get("Id", "")] = (kind, posixpath.normpath(path).lstrip("/"))
        return relations


def _open_zip(file: FileContent, whole: str, what: str) -> zipfile.ZipFile:
    try:
        container = zipfile.ZipFile(io.BytesIO(file.content))
    except DAMAGED_ZIP as error:
        raise corrupt(whole) from error
    entries, limits = container.infolist(), file.limits
    check_unfolding(entries, limits, what)
    return container


def check_unfolding(entries: Sequence[zipfile.ZipInfo], limits: Limits, what: str) -> None:
    """Raise `ReadError` for the entries of a container that would unfold beyond the limits."""
    is_bomb = (
        len(entries) > limits.max_entries
        or sum(entry.file_size for entry in entries) > limits.max_unzipped_bytes
        or any(
            entry.file_size > max(_SMALL, limits.max_ratio * entry.compress_size)
            for entry in entries
        )
    )
    if is_bomb:
        raise ReadError(
            f"{what} qui se déplie démesurément (bombe de compression)",
            "un fichier enregistré par son logiciel",
            "ne pas ouvrir ce fichier ; en redemander une copie à son auteur",
        )


def _read_entry(
    container: zipfile.ZipFile, entry: str | zipfile.ZipInfo, whole: str, what: str
) -> bytes:
    try:
        return container.read(entry)
    except DAMAGED_ZIP as error:
        raise corrupt(whole) from error
    except RuntimeError as error:  # encrypted entry
        raise protected(what) from error


def parse_xml(content: bytes, what: str) -> etree._Element:
    """Parse without network, entities or huge trees, and return the root element.

    Raises `ReadError` for malformed XML and for any DTD, which allows entity attacks.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise corrupt(f"le {what}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        do = "l'ouvrir, l'enregistrer de nouveau dans son logiciel, puis le redéposer"
        raise ReadError(f"{what} avec une DTD interdite", "un document sans DTD", do)
    return root


def check_chains(content: bytes, what: str) -> None:
    """Raise `ReadError` if an OLE sector chain loops or leaves its table; `what` has its article.

    A library that follows such a chain fills the memory.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as ole:
            ole.loadminifat()
            starts = [ole.first_dir_sector, ole.root.isectStart, ole.first_mini_fat_sector]
            small_starts: list[int] = []
            for entry in ole.direntries:
                if entry is not None and entry.entry_type == olefile.STGTY_STREAM and entry.size:
                    is_small = entry.size < ole.minisectorcutoff
                    (small_starts if is_small else starts).append(entry.isectStart)
            is_whole = (
                _tables_end(content, ole.sectorsize)
                and all(_ends(start, ole.fat) for start in starts)
                and all(_ends(start, ole.minifat) for start in small_starts)
            )
    except DAMAGED as error:
        raise corrupt(what) from error
    if not is_whole:
        raise corrupt(what)


def _tables_end(content: bytes, sector_size: int) -> bool:
    (sector,) = struct.unpack_from("<I", content, _FIRST_TABLE)
    for _ in range(len(content) // sector_size + 1):
        if sector >= _LAST_SECTOR:
            return True
        (sector,) = struct.unpack_from("<I", content, sector_size * (sector + 2) - 4)
    return False


def _ends(sector: int, table: Sequence[int]) -> bool:
    for _ in range(len(table) + 1):
        if sector >= _LAST_SECTOR:
            return True
        if sector >= len(table):
            return False
        sector = table[sector]
    return False


def read_archive(file: FileContent, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the parts of an archive's files in path order, each read by `read`.

    System files are ignored. Raises `ReadError` for a damaged, oversized or blank archive, and for
    more than one level of archives inside it.
    """
    if file.n_archives >= _MAX_ARCHIVES:
        raise ReadError(
            "trop d'archives emboîtées",
            f"{_MAX_ARCHIVES} niveaux au plus",
            "la décompresser dans le dossier de l'atelier, puis relancer",
        )
    archive = _open_zip(file, "le fichier .zip", "archive")
    named = [(entry_path(entry), entry) for entry in archive.infolist() if not entry.is_dir()]
    entries = [
        (path, entry)
        for path, entry in sorted(named, key=lambda pair: pair[0])
        if not is_junk(PurePosixPath(_part_name(path)))
    ]
    if not entries:
        raise ReadError(
            "archive sans document",
            "au moins un fichier dans l'archive",
            "vérifier que c'est la bonne archive, ou la retirer",
        )
    n_bytes = sum(entry.file_size for _, entry in entries)
    n_left = max(0, file.limits.max_unzipped_bytes - n_bytes)
    inside = replace(
        file,
        limits=replace(file.limits, max_unzipped_bytes=n_left),
        n_archives=file.n_archives + 1,
    )
    parts = (
        part
        for path, entry in entries
        for part in _archived_parts(archive, path, entry, inside, read)
    )
    return tuple(_with_own_names(parts))


def entry_path(entry: zipfile.ZipInfo) -> str:
    """Read a name without encoding as UTF-8 (macOS) or the Windows code page most like French."""
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAMES and not name.isascii():
        with suppress(UnicodeEncodeError):
            name = best_french(entry.orig_filename.encode("cp437"), ("cp850", "cp1252")) or name
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _part_name(path: str) -> str:
    """Remove control and direction characters, « # » and steps upwards."""
    steps = [clean(re.sub(r"[#\x00-\x1f\x7f]", "-", step)) for step in path.split("/")]
    name = "/".join(step for step in steps if step not in ("", ".", ".."))
    return name[-_MAX_NAME:].strip("/") or "sans nom"


def _archived_parts(
    archive: zipfile.ZipFile,
    path: str,
    entry: zipfile.ZipInfo,
    inside: FileContent,
    read: ReadSource,
) -> Iterator[RawPart]:
    part_name, own = _part_name(path), PurePosixPath(path)
    try:
        if _MANIFEST.fullmatch(own.name):
            raise ReadError(
                "atelier.yaml dans une archive",
                "ce fichier dans le dossier de l'atelier",
                "le poser à côté de l'archive",
            )
        check_entry(path, entry)
        if is_hidden(PurePosixPath(path)):
            raise ReadError("nom caché, dans une archive", "un nom sans point devant", "le changer")
        inside.check_size(entry.file_size)
        content = _read_entry(archive, entry, "un fichier de l'archive", "fichier d'archive")
        for part in read(inside.inner(content, own.name)):
            yield replace(
                part,
                name=f"{part_name}/{part.name}" if part.name else part_name,
                title=part.title or own.stem,
            )
    except ReadError as error:
        yield RawPart((), name=part_name, error=(error.found, error.do))


def check_entry(path: str, entry: zipfile.ZipInfo) -> None:
    """Raise `ReadError` for a path outside the archive, a link and an encrypted file."""
    leaves = path.startswith("/") or ".." in path.split("/") or re.match(r"[A-Za-z]:", path)
    if leaves or "\x00" in entry.orig_filename:
        raise ReadError(
            "nom de fichier dangereux dans l'archive",
            "un nom sans « .. » ni racine",
            "ne pas décompresser cette archive ; en redemander une",
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ReadError(
            "raccourci dans une archive",
            "le document lui-même",
            "mettre dans l'archive le document à la place du raccourci",
        )
    if entry.flag_bits & _ENCRYPTED:
        raise protected("fichier d'archive")


def _with_own_names(parts: Iterator[RawPart]) -> Iterator[RawPart]:
    n_by_name: dict[str, int] = {}
    for part in parts:
        n_by_name[part.name] = n_parts = n_by_name.get(part.name, 0) + 1
        yield part if n_parts == 1 else replace(part, name=f"{part.name} ({n_parts})")
