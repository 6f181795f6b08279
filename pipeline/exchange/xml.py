"""Text that XML can hold, and XML from elsewhere read without being hurt by it.

In:   any text; the bytes of an XML file
Out:  the same text without what XML refuses; its root element

The .qdpx as an archive: written the same for the same content, read without unfolding a bomb. Nothing is ever extracted to the disk.

The GUIDs of what is exchanged, made of our own ids, so that two exports of one study are the same.
"""

import io
import re
import uuid
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lxml import etree

from pipeline.errors import StudyError

_REFUSED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """`text` with a blank for each character that XML refuses or that ends a line elsewhere: never longer or shorter."""
    return _REFUSED.sub(" ", text).replace("\u2028", " ").replace("\u2029", " ")


def one_line(text: str) -> str:
    """`text` as an attribute can hold it: one line, single blanks."""
    return " ".join(xml_text(text).split())


def root_element(namespace: str, tag: str, **attributes: str) -> Any:
    """An element that declares its namespace as the usual one."""
    nsmap: dict[Any, str] = {None: namespace}
    return etree.Element(f"{{{namespace}}}{tag}", attributes, nsmap)


def parse_xml(content: bytes, name: str, expected: str) -> Any:
    """Return the root element, without entities, network or comments.

    Raises `StudyError` for broken XML, with its line, and for any document type, the door to entity attacks.
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
        raise StudyError(
            f"{name}, ligne {error.lineno} : XML illisible",
            expected,
            "l'exporter à nouveau depuis le logiciel",
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise StudyError(
            f"{name} déclare un type de document (DTD), interdit ici",
            expected,
            "ne pas s'en servir ; en redemander une copie",
        )
    return root


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
        entries = [
            entry for entry in self._zip.infolist() if entry.filename.lower().endswith(_READ)
        ]
        is_swollen = any(
            entry.file_size > max(_SMALL, _MAX_RATIO * entry.compress_size) for entry in entries
        )
        if (
            is_swollen
            or len(self.names) > _MAX_ENTRIES
            or sum(entry.file_size for entry in entries) > _MAX_BYTES
        ):
            raise self._swollen()
        if any(map(_leaves, self.names)):
            found = f"« {self._file} » contient un nom de fichier dangereux"
            raise StudyError(
                found,
                "des noms sans « .. » ni racine",
                "ne pas décompresser ce fichier ; en redemander une copie",
            )

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
            raise StudyError(
                f"« {self._file} » est chiffré", self._expected, "l'exporter sans mot de passe"
            ) from error

    def _swollen(self) -> StudyError:
        found = f"« {self._file} » se déplie démesurément (bombe de compression)"
        return StudyError(
            found,
            "un fichier enregistré par son logiciel",
            "ne pas ouvrir ce fichier ; en redemander une copie",
        )

    def _damaged(self) -> StudyError:
        return StudyError(
            f"« {self._file} » n'est pas une archive lisible",
            self._expected,
            "l'exporter à nouveau depuis le logiciel",
        )


def _leaves(name: str) -> bool:
    """Whether the name of an entry leads out of the archive."""
    steps = name.replace("\\", "/")
    return (
        steps.startswith("/")
        or ".." in steps.split("/")
        or re.match(r"[A-Za-z]:", steps) is not None
    )


_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "ateliers-territoires")


def guid(kind: str, *ids: str) -> str:
    """The GUID of the thing of a `kind` that `ids` name: always the same, and never that of another kind or other ids."""
    return str(uuid.uuid5(_NAMESPACE, "\0".join((kind, *ids))))


def plain_guid(written: str | None) -> str:
    """A GUID as other tools write it, without braces and in small letters; empty where there is none."""
    return (written or "").strip().strip("{}").lower()
