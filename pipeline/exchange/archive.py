"""The .qdpx as an archive: written the same for the same content, read without unfolding a bomb. Nothing is ever extracted to the disk.

In:   entries' names and bytes; or a file
Out:  an archive's bytes; or its entries
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from pipeline.errors import StudyError

_THEN = (1980, 1, 1, 0, 0, 0)
_MAX_ENTRIES, _MAX_BYTES, _MAX_RATIO = 50_000, 500_000_000, 200
_READ = (".qde", ".txt", ".xml")
_SMALL = 1_000_000  # bytes: an entry below this may have any ratio
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


def pack(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """An archive of `entries` in their order, all of the same date."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries:
            entry = zipfile.ZipInfo(name, _THEN)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            archive.writestr(entry, content)
    return out.getvalue()


class Archive:
    """The entries of an archive from elsewhere, read one by one."""

    def __init__(self, path: Path, expected: str) -> None:
        """Open a file that should be `expected`.

        Raises `StudyError` for what is no archive, unfolds beyond measure, or names a place outside itself.
        """
        self._file, self._expected, self._n_bytes = path.name, expected, 0
        if not path.is_file():
            raise StudyError(f"pas de fichier « {path} »", expected, "vérifier le chemin")
        try:
            self._zip = zipfile.ZipFile(path)
        except _DAMAGED as error:
            raise self._damaged() from error
        self.names = self._zip.namelist()
        try:
            self._check()
        except StudyError:
            self._zip.close()
            raise

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def _check(self) -> None:
        """Raise `StudyError` for what unfolds beyond measure; pictures, sounds and videos are never unfolded here."""
        entries = [entry for entry in self._zip.infolist() if entry.filename.lower().endswith(_READ)]
        is_swollen = any(entry.file_size > max(_SMALL, _MAX_RATIO * entry.compress_size) for entry in entries)
        if is_swollen or len(self.names) > _MAX_ENTRIES or sum(entry.file_size for entry in entries) > _MAX_BYTES:
            raise self._swollen()
        if any(map(_leaves, self.names)):
            found = f"« {self._file} » contient un nom de fichier dangereux"
            raise StudyError(found, "des noms sans « .. » ni racine", "ne pas décompresser ce fichier ; en redemander une copie")

    def read(self, name: str) -> bytes:
        """The bytes of an entry, of a kind that `_check` looked at.

        Raises `StudyError` where it is damaged or encrypted, or where one entry read again and again comes to too much.
        """
        self._n_bytes += self._zip.getinfo(name).file_size
        if self._n_bytes > _MAX_BYTES:
            raise self._swollen()
        try:
            return self._zip.read(name)
        except _DAMAGED as error:
            raise self._damaged() from error
        except RuntimeError as error:  # what zipfile says of an encrypted entry
            raise StudyError(f"« {self._file} » est chiffré", self._expected, "l'exporter sans mot de passe") from error

    def _swollen(self) -> StudyError:
        found = f"« {self._file} » se déplie démesurément (bombe de compression)"
        return StudyError(found, "un fichier enregistré par son logiciel", "ne pas ouvrir ce fichier ; en redemander une copie")

    def _damaged(self) -> StudyError:
        return StudyError(f"« {self._file} » n'est pas une archive lisible", self._expected, "l'exporter à nouveau depuis le logiciel")


def _leaves(name: str) -> bool:
    """Whether the name of an entry leads out of the archive."""
    steps = name.replace("\\", "/")
    return steps.startswith("/") or ".." in steps.split("/") or re.match(r"[A-Za-z]:", steps) is not None
