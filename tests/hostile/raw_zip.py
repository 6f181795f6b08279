"""Zip containers whose headers lie, which no ordinary writer makes."""

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from support.made_files import W, zipped

_ZIP_END = b"PK\x05\x06"


@dataclass
class Entry:
    """One file of a zip container, with what its two headers claim of it; None tells the truth."""

    name: bytes
    content: bytes
    local_name: bytes | None = None
    size: int | None = None
    local_size: int | None = None
    crc: int | None = None
    flags: int = 0
    method: int = 8
    extra: bytes = b""
    attributes: int = 0
    offset: int | None = None  # of the local header that the directory points to


def raw_zip(entries: list[Entry], *, comment: bytes = b"", n_entries: int | None = None) -> bytes:
    """A zip container whose headers say what the entries claim."""
    body, directory = b"", b""
    for entry in entries:
        packed = _packed(entry.content) if entry.method == 8 else entry.content
        crc = zlib.crc32(entry.content) if entry.crc is None else entry.crc
        size = len(entry.content) if entry.size is None else entry.size
        local_size, local_name = (
            size if entry.local_size is None else entry.local_size,
            entry.local_name or entry.name,
        )
        offset = len(body) if entry.offset is None else entry.offset
        common = (20, entry.flags, entry.method, 0, 0, crc, len(packed))
        if entry.offset is None:
            body += (
                struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", *common, local_size, len(local_name), 0)
                + local_name
                + packed
            )
        directory += struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\x01\x02", 0x031E, *common, size, len(entry.name), len(entry.extra), 0, 0, 0, entry.attributes, offset,
        )  # fmt: skip
        directory += entry.name + entry.extra
    n_held = (len(entries) if n_entries is None else n_entries) & 0xFFFF
    end = struct.pack(
        "<4sHHHHIIH", _ZIP_END, 0, 0, n_held, n_held, len(directory), len(body), len(comment)
    )
    return body + directory + end + comment


@lru_cache(maxsize=1)
def _packed(content: bytes) -> bytes:
    """The content as zip containers hold it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def word(xml: str, **claims: object) -> bytes:
    """A Word document whose main part is `xml`, with these claims about it."""
    return raw_zip(
        [
            Entry(b"[Content_Types].xml", b"<Types/>"),
            Entry(b"word/document.xml", xml.encode(), **claims),
        ]
    )  # type: ignore[arg-type]


def body_of(text: str) -> str:
    return f'<w:document xmlns:w="{W}"><w:body>{text}</w:body></w:document>'


def with_entries(container: bytes, changed: Mapping[str, str | bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(container)) as held:
        entries: dict[str, str | bytes] = {name: held.read(name) for name in held.namelist()}
    return zipped(entries | dict(changed))
