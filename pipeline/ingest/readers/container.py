"""Open zip containers and the XML in them without being hurt: bombs, DTDs, entities and passwords are refused.

In:   the bytes of a zip container
Out:  its entries' bytes and XML trees

Check an OLE compound file (.xls) before a library follows its sectors: a chain that turns round would fill the memory.

Read zip archives of notes: each file in it as if it lay in the workshop's folder.
"""

import io
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

import olefile
from lxml import etree

from pipeline.depot import is_junk
from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart, best_french
from pipeline.ingest.readers.source import Source, corrupt, protected
from pipeline.ingest.readers.wording import clean

_STRICT, _USUAL = (
    b"http://purl.oclc.org/ooxml/wordprocessingml/main",
    b"http://schemas.openxmlformats.org/wordprocessingml/2006/main",
)
_SMALL = 1_000_000  # bytes: an entry below this may have any ratio


class Container:
    """The entries of a zip container, checked against the source's limits; `what` names the format for messages."""

    def __init__(self, source: Source, what: str) -> None:
        self._what = what
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source.content))
        except (zipfile.BadZipFile, OSError, EOFError, ValueError, NotImplementedError) as error:
            raise corrupt(f"le {what}") from error
        check_unfolding(self._zip, source, what)
        self.names = frozenset(self._zip.namelist())

    def read(self, name: str) -> bytes:
        """The bytes of entry `name`, b"" where there is none.

        Raises `ReadError` where the entry is damaged or encrypted.
        """
        if name not in self.names:
            return b""
        try:
            return self._zip.read(name)
        except (
            zipfile.BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            NotImplementedError,
        ) as error:
            raise corrupt(f"le {self._what}") from error
        except RuntimeError as error:  # what zipfile says of an encrypted entry
            raise protected(self._what) from error

    def xml(self, name: str) -> etree._Element | None:
        """The root element of entry `name`, or None where there is none.

        Raises `ReadError` for malformed XML and for any DTD.
        """
        content = self.read(name).replace(_STRICT, _USUAL)
        return parse_xml(content, self._what) if content else None


def check_unfolding(container: zipfile.ZipFile, source: Source, what: str) -> None:
    """Raise `ReadError` where the container holds too many entries or unfolds beyond the limits."""
    entries = container.infolist()
    limits = source.limits
    swollen = any(
        entry.file_size > max(_SMALL, limits.max_ratio * entry.compress_size) for entry in entries
    )
    if (
        len(entries) > limits.max_entries
        or sum(entry.file_size for entry in entries) > limits.max_unzipped_bytes
        or swollen
    ):
        raise ReadError(
            f"{what} qui se déplie démesurément (bombe de compression)",
            "un fichier enregistré par son logiciel",
            "ne pas ouvrir ce fichier ; en redemander une copie à son auteur",
        )


def parse_xml(content: bytes, what: str) -> etree._Element:
    """Return the root element of `content`, without network, entities or huge trees.

    Raises `ReadError` for malformed XML and for any DTD.
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
    except etree.XMLSyntaxError as error:
        if getattr(error, "code", None) == etree.ErrorTypes.ERR_NO_MEMORY:
            raise MemoryError from error
        raise corrupt(f"le {what}") from error
    except ValueError as error:
        raise corrupt(f"le {what}") from error
    refuse_dtd(root, what)
    return root


def refuse_dtd(root: etree._Element, what: str) -> None:
    """Raise `ReadError` where the document declares a DTD, the door to entity attacks; no office suite writes one."""
    if root.getroottree().docinfo.internalDTD is not None:
        raise ReadError(
            f"{what} avec une DTD interdite",
            "un document sans DTD",
            "l'ouvrir, l'enregistrer de nouveau dans son logiciel, puis le redéposer",
        )


_FIRST_TABLE = 68  # where the header names the first sector of that chain
_LAST_SECTOR = 0xFFFFFFFA  # numbers from here on mean an end, no sector
# What olefile and our readers raise at a bad compound file.
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


def check_chains(content: bytes, what: str) -> None:
    """Raise `ReadError` where the sectors of a stream, the directory or the tables go round or lie outside; `what` has its article."""
    try:
        with olefile.OleFileIO(io.BytesIO(content)) as held:
            held.loadminifat()
            starts = [held.first_dir_sector, held.root.isectStart]
            small: list[int] = []
            for entry in held.direntries:
                if entry is not None and entry.entry_type == olefile.STGTY_STREAM and entry.size:
                    (small if entry.size < held.minisectorcutoff else starts).append(
                        entry.isectStart
                    )
            starts.append(held.first_mini_fat_sector)
            is_whole = _tables_end(content, held.sectorsize) and all(
                _ends(start, held.fat) for start in starts
            )
            is_whole = is_whole and all(_ends(start, held.minifat) for start in small)
    except DAMAGED as error:
        raise corrupt(what) from error
    if not is_whole:
        raise corrupt(what)


def _tables_end(content: bytes, sector_size: int) -> bool:
    """True where the chain of sectors that tell where the table of sectors lies comes to an end; short files have none."""
    (sector,) = struct.unpack_from("<I", content, _FIRST_TABLE)
    for _ in range(len(content) // sector_size + 1):
        if sector >= _LAST_SECTOR:
            return True
        (sector,) = struct.unpack_from("<I", content, sector_size * (sector + 2) - 4)
    return False


def _ends(sector: int, table: Sequence[int]) -> bool:
    """True where the chain that begins at `sector` comes to an end within its table."""
    for _ in range(len(table) + 1):
        if sector >= _LAST_SECTOR:
            return True
        if sector >= len(table):
            return False
        sector = table[sector]
    return False


ReadSource = Callable[[Source], tuple[RawPart, ...]]

_MAX_ARCHIVES = 2  # an archive, and archives in it
_UTF8_NAMES, _ENCRYPTED = 0x800, 0x1  # flags of an entry
_MANIFEST = re.compile(r"atelier\.ya?ml", re.IGNORECASE)
_MAX_NAME = 200  # characters kept of a path
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


def read_archive(source: Source, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the parts of the files in an archive, in order of path, each read by `read`; what systems leave behind is passed over.

    Raises `ReadError` for a damaged, monstrous or blank archive, and for archives within archives within archives.
    """
    if source.n_archives >= _MAX_ARCHIVES:
        raise ReadError(
            "trop d'archives emboîtées",
            f"{_MAX_ARCHIVES} niveaux au plus",
            "la décompresser dans le dossier de l'atelier, puis relancer",
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(source.content))
    except _DAMAGED as error:
        raise corrupt("le fichier .zip") from error
    check_unfolding(archive, source, "archive")
    entries = sorted(
        ((_name(entry), entry) for entry in archive.infolist() if not entry.is_dir()),
        key=lambda pair: pair[0],
    )
    kept = [(name, entry) for name, entry in entries if not is_junk(PurePosixPath(_shown(name)))]
    if not kept:
        raise ReadError(
            "archive sans document",
            "au moins un fichier dans l'archive",
            "vérifier que c'est la bonne archive, ou la retirer",
        )
    n_bytes = sum(entry.file_size for _, entry in kept)
    limits = replace(
        source.limits, max_unzipped_bytes=max(0, source.limits.max_unzipped_bytes - n_bytes)
    )
    inside = replace(source, limits=limits, n_archives=source.n_archives + 1)
    return tuple(
        _apart(part for name, entry in kept for part in _parts(archive, name, entry, inside, read))
    )


def _name(entry: zipfile.ZipInfo) -> str:
    """The path of an entry in NFC with « / »; names without a sign of their encoding are read in what looks most like French."""
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAMES and not name.isascii():
        name = _redecoded(entry.orig_filename) or name
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _redecoded(name: str) -> str | None:
    """The name that zipfile took for cp437, as UTF-8 (macOS) or in the code page of Windows that reads best; None where neither fits."""
    try:
        written = name.encode("cp437")
    except UnicodeEncodeError:
        return None
    return best_french(written, ("cp850", "cp1252"))


def _parts(
    archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo, inside: Source, read: ReadSource
) -> Iterator[RawPart]:
    """The parts of one file of an archive."""
    shown = _shown(name)
    try:
        own = PurePosixPath(name).name
        for part in read(inside.inner(_content(archive, name, entry, inside), own)):
            yield replace(
                part,
                name=f"{shown}/{part.name}" if part.name else shown,
                title=part.title or PurePosixPath(own).stem,
            )
    except ReadError as error:
        yield RawPart((), name=shown, error=(error.found, error.do))


def _shown(name: str) -> str:
    """The path as a part's name: no control or direction character nor « # », no step upwards."""
    steps = [clean(re.sub(r"[#\x00-\x1f\x7f]", "-", step)) for step in name.split("/")]
    return (
        "/".join(step for step in steps if step not in ("", ".", ".."))[-_MAX_NAME:].strip("/")
        or "sans nom"
    )


def _content(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo, inside: Source) -> bytes:
    """The bytes of a file of an archive.

    Raises `ReadError` for a name that leaves the archive, a link, a manifest, an encrypted or damaged file, and one larger than the limits.
    """
    if (
        name.startswith("/")
        or ".." in name.split("/")
        or re.match(r"[A-Za-z]:", name)
        or "\x00" in entry.orig_filename
    ):
        raise ReadError(
            "nom de fichier dangereux dans l'archive",
            "un nom sans « .. » ni racine",
            "ne pas décompresser cette archive ; en redemander une",
        )
    if _MANIFEST.fullmatch(PurePosixPath(name).name):
        raise ReadError(
            "atelier.yaml dans une archive",
            "ce fichier dans le dossier de l'atelier",
            "le poser à côté de l'archive",
        )
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ReadError(
            "raccourci dans une archive",
            "le document lui-même",
            "mettre dans l'archive le document à la place du raccourci",
        )
    if entry.flag_bits & _ENCRYPTED:
        raise protected("fichier d'archive")
    inside.check_size(entry.file_size)
    try:
        return archive.read(entry)
    except _DAMAGED as error:
        raise corrupt("un fichier de l'archive") from error
    except RuntimeError as error:
        raise protected("fichier d'archive") from error


def _apart(parts: Iterator[RawPart]) -> Iterator[RawPart]:
    """The parts with names of their own: an archive may hold two files of one name."""
    seen: dict[str, int] = {}
    for part in parts:
        seen[part.name] = n_seen = seen.get(part.name, 0) + 1
        yield part if n_seen == 1 else replace(part, name=f"{part.name} ({n_seen})")
