"""Open zip containers and the XML in them without being hurt: bombs, DTDs, entities and passwords are refused.

In:   the bytes of a zip container
Out:  its entries' bytes and XML trees
"""

import io
import zipfile
import zlib

from lxml import etree

from pipeline.errors import ReadError
from pipeline.ingest.readers.source import Source, corrupt, protected

_STRICT, _USUAL = b"http://purl.oclc.org/ooxml/wordprocessingml/main", b"http://schemas.openxmlformats.org/wordprocessingml/2006/main"
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
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
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
    swollen = any(entry.file_size > max(_SMALL, limits.max_ratio * entry.compress_size) for entry in entries)
    if len(entries) > limits.max_entries or sum(entry.file_size for entry in entries) > limits.max_unzipped_bytes or swollen:
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
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, remove_comments=True, remove_pis=True
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
