"""Read zip archives of notes: each file in it as if it lay in the workshop's folder.

In:   the bytes of a .zip
Out:  the parts of its files, named by their path in it (« dossier/nom.docx »); a file that cannot be read is a part with an error
"""

import io
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath

from pipeline.depot import is_junk
from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.container import check_unfolding
from pipeline.ingest.readers.source import Source, corrupt, protected
from pipeline.ingest.readers.wording import clean
from pipeline.ingest.sniff import best_french

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
            "trop d'archives emboîtées", f"{_MAX_ARCHIVES} niveaux au plus", "la décompresser dans le dossier de l'atelier, puis relancer"
        )
    try:
        archive = zipfile.ZipFile(io.BytesIO(source.content))
    except _DAMAGED as error:
        raise corrupt("le fichier .zip") from error
    check_unfolding(archive, source, "archive")
    entries = sorted(((_name(entry), entry) for entry in archive.infolist() if not entry.is_dir()), key=lambda pair: pair[0])
    kept = [(name, entry) for name, entry in entries if not is_junk(PurePosixPath(_shown(name)))]
    if not kept:
        raise ReadError("archive sans document", "au moins un fichier dans l'archive", "vérifier que c'est la bonne archive, ou la retirer")
    n_bytes = sum(entry.file_size for _, entry in kept)
    limits = replace(source.limits, max_unzipped_bytes=max(0, source.limits.max_unzipped_bytes - n_bytes))
    inside = replace(source, limits=limits, n_archives=source.n_archives + 1)
    return tuple(_apart(part for name, entry in kept for part in _parts(archive, name, entry, inside, read)))


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


def _parts(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo, inside: Source, read: ReadSource) -> Iterator[RawPart]:
    """The parts of one file of an archive."""
    shown = _shown(name)
    try:
        own = PurePosixPath(name).name
        for part in read(inside.inner(_content(archive, name, entry, inside), own)):
            yield replace(part, name=f"{shown}/{part.name}" if part.name else shown, title=part.title or PurePosixPath(own).stem)
    except ReadError as error:
        yield RawPart((), name=shown, error=(error.found, error.do))


def _shown(name: str) -> str:
    """The path as a part's name: no control or direction character nor « # », no step upwards."""
    steps = [clean(re.sub(r"[#\x00-\x1f\x7f]", "-", step)) for step in name.split("/")]
    return "/".join(step for step in steps if step not in ("", ".", ".."))[-_MAX_NAME:].strip("/") or "sans nom"


def _content(archive: zipfile.ZipFile, name: str, entry: zipfile.ZipInfo, inside: Source) -> bytes:
    """The bytes of a file of an archive.

    Raises `ReadError` for a name that leaves the archive, a link, a manifest, an encrypted or damaged file, and one larger than the limits.
    """
    if name.startswith("/") or ".." in name.split("/") or re.match(r"[A-Za-z]:", name) or "\x00" in entry.orig_filename:
        raise ReadError(
            "nom de fichier dangereux dans l'archive",
            "un nom sans « .. » ni racine",
            "ne pas décompresser cette archive ; en redemander une",
        )
    if _MANIFEST.fullmatch(PurePosixPath(name).name):
        raise ReadError("atelier.yaml dans une archive", "ce fichier dans le dossier de l'atelier", "le poser à côté de l'archive")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise ReadError("raccourci dans une archive", "le document lui-même", "mettre dans l'archive le document à la place du raccourci")
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
