"""Write safe XML text, read XML and archives from elsewhere without harm, make GUIDs."""

import re
import uuid
import zipfile
import zlib
from pathlib import Path
from typing import Any

from lxml import etree

from pipeline.errors import StudyError

_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """Replace characters that XML refuses, or that end a line elsewhere, by blanks.

    The length, hence offsets, stay the same.
    """
    return _REFUSED.sub(" ", text).replace("\u2028", " ").replace("\u2029", " ")


def one_line(text: str) -> str:
    """Put `text` on one line with single blanks, for an attribute."""
    return " ".join(xml_text(text).split())


def root_element(namespace: str, tag: str, **attributes: str) -> Any:
    """Return an element whose namespace is the default one."""
    nsmap: dict[Any, str] = {None: namespace}
    return etree.Element(f"{{{namespace}}}{tag}", attributes, nsmap)


def parse_xml(content: bytes, name: str, expected: str) -> Any:
    """Return the root element, without entities, network or comments.

    Raises `StudyError` for broken XML, with its line, and for any document type, which can carry
    entity attacks.
    """
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        message = f"{name}, ligne {error.lineno} : XML illisible"
        raise StudyError(message, expected, _EXPORT_AGAIN) from error
    if root.getroottree().docinfo.internalDTD is not None:
        message = f"{name} déclare un type de document (DTD), interdit ici"
        raise StudyError(message, expected, "ne pas s'en servir ; en redemander une copie")
    return root


_EXPORT_AGAIN = "l'exporter à nouveau depuis le logiciel"
_MAX_ENTRIES, _MAX_BYTES, _MAX_RATIO = 50_000, 500_000_000, 200
_READ_SUFFIXES = (".qde", ".txt", ".xml")  # no picture, sound or video
_SMALL = 1_000_000  # bytes: an entry below this may have any ratio
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


class Archive:
    """An archive from elsewhere; nothing is extracted to the disk."""

    def __init__(self, path: Path, expected: str) -> None:
        """Open a file that should be `expected`.

        Raises `StudyError` for no archive, one that unfolds beyond measure, or a path outside.
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
        entries = [
            entry
            for entry in self._zip.infolist()
            if entry.filename.lower().endswith(_READ_SUFFIXES)
        ]
        is_bomb = any(
            entry.file_size > max(_SMALL, _MAX_RATIO * entry.compress_size) for entry in entries
        )
        n_bytes = sum(entry.file_size for entry in entries)
        if is_bomb or len(self.names) > _MAX_ENTRIES or n_bytes > _MAX_BYTES:
            raise self._swollen()
        if any(map(_leads_outside, self.names)):
            raise StudyError(
                f"« {self._file} » contient un nom de fichier dangereux",
                "des noms sans « .. » ni racine",
                "ne pas décompresser ce fichier ; en redemander une copie",
            )

    def read(self, name: str) -> bytes:
        """Return an entry's bytes, of a kind checked at opening.

        Raises `StudyError` where it is damaged or encrypted, or the total read is too large.
        """
        self._n_bytes += self._zip.getinfo(name).file_size
        if self._n_bytes > _MAX_BYTES:
            raise self._swollen()
        try:
            return self._zip.read(name)
        except _DAMAGED as error:
            raise self._damaged() from error
        except RuntimeError as error:  # what zipfile raises for an encrypted entry
            message = f"« {self._file} » est chiffré"
            raise StudyError(message, self._expected, "l'exporter sans mot de passe") from error

    def _swollen(self) -> StudyError:
        return StudyError(
            f"« {self._file} » se déplie démesurément (bombe de compression)",
            "un fichier enregistré par son logiciel",
            "ne pas ouvrir ce fichier ; en redemander une copie",
        )

    def _damaged(self) -> StudyError:
        message = f"« {self._file} » n'est pas une archive lisible"
        return StudyError(message, self._expected, _EXPORT_AGAIN)


def _leads_outside(name: str) -> bool:
    path = name.replace("\\", "/")
    return path.startswith("/") or ".." in path.split("/") or bool(re.match(r"[A-Za-z]:", path))


_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "ateliers-territoires")


def guid(kind: str, *ids: str) -> str:
    """Return a GUID that is the same in every export."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join((kind, *ids))))


def plain_guid(written: str | None) -> str:
    """Return a GUID in lower case without braces, or ""."""
    return (written or "").strip().strip("{}").lower()
