"""Read messages saved by Outlook (.msg): the properties of its compound file that say who wrote what, and what is attached.

In:   the bytes of a .msg
Out:  the same parts as for a .eml; names of properties are those of Microsoft's [MS-OXMSG] and [MS-OXPROPS]

Unpack the compressed rich text of Outlook messages ([MS-OXRTFCP]).
"""

import io
import re
import struct
from collections.abc import Iterator
from email import message_from_string
from email.utils import getaddresses

import olefile

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart, decode
from pipeline.ingest.readers.container import DAMAGED
from pipeline.ingest.readers.mail import Letter, ReadSource, lines_of_html, parts_of_letter
from pipeline.ingest.readers.rtf import text_of_rtf
from pipeline.ingest.readers.source import Source, corrupt, no_text, protected
from pipeline.ingest.readers.wording import clean

_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArial"
    b"Times New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096
_MAX_BYTES = 20_000_000


def unpacked(content: bytes) -> bytes:
    """Return the rich text of `content`, b"" where there is none.

    Raises `ReadError` where it is damaged or unfolds beyond 20 MB.
    """
    if len(content) < 16:
        return b""
    size, raw_size, kind = struct.unpack_from("<II4s", content)
    if kind == b"MELA":  # stored as it is
        return content[16 : 16 + raw_size]
    if kind != b"LZFu" or raw_size > _MAX_BYTES:
        raise corrupt("le texte enrichi du message")
    return _expanded(content[16 : 4 + size], raw_size)


def _expanded(packed: bytes, raw_size: int) -> bytes:
    """The text of runs of eight tokens, each a byte or a reference to what stood in the last 4 kB."""
    window = bytearray(_START.ljust(_WINDOW, b"\x00"))
    at, place, written = len(_START), 0, bytearray()
    while place < len(packed) and len(written) < raw_size:
        control, place = packed[place], place + 1
        for bit in range(8):
            if place >= len(packed):
                break
            if not control >> bit & 1:
                token, place = packed[place : place + 1], place + 1
            else:
                offset, length = divmod(int.from_bytes(packed[place : place + 2], "big"), 16)
                place += 2
                if offset == at % _WINDOW:  # the end
                    return bytes(written)
                token = _referred(window, offset, length + 2, at)
            for byte in token:
                window[at % _WINDOW] = byte
                at += 1
            written += token
    return bytes(written[:raw_size])


def _referred(window: bytearray, offset: int, length: int, at: int) -> bytes:
    """`length` bytes of the window from `offset` on; one that reaches its own start repeats itself."""
    own = (at - offset) % _WINDOW
    return bytes(
        window[(offset + step % own) % _WINDOW if own else (offset + step) % _WINDOW]
        for step in range(length)
    )


_SUBJECT, _BODY, _HTML, _RTF, _HEADERS, _CLASS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D, 0x001A
_SENDER, _FROM = (
    (0x0C1A, 0x5D01, 0x0C1F),
    (0x0042, 0x5D02, 0x0065),
)  # name, SMTP address, address: who sent, for whom
_RECIPIENT = (0x3001, 0x39FE, 0x3003)
_DATA, _LONG_NAME, _NAME, _METHOD, _CONTENT_ID, _HIDDEN = (
    0x3701,
    0x3707,
    0x3704,
    0x3705,
    0x3712,
    0x7FFE,
)
_CODEPAGES = (0x3FDE, 0x3FFD)  # of the HTML, of 8-bit texts
_TEXT, _TEXT_8, _BINARY = 0x001F, 0x001E, 0x0102  # types of properties
_EMBEDDED = 5  # method of an attachment that is a message
_MAX_CHILDREN = 2000  # recipients or attachments


def read_outlook(source: Source, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the message as a part without a name, then its attachments, each read by `read`; a message in it likewise.

    Raises `ReadError` for a damaged or encrypted message, and for one with neither text nor attachment.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(source.content)) as held:
            parts = _parts(_Storage(held, ()), source, read, "")
    except ReadError:
        raise
    except DAMAGED as error:
        raise corrupt("le message Outlook") from error
    if not any(part.blocks or part.rows or part.error for part in parts):
        raise no_text("message Outlook")
    return tuple(parts)


class _Storage:
    """The properties of a message, recipient or attachment: the streams of one folder of the compound file."""

    def __init__(self, held: olefile.OleFileIO, path: tuple[str, ...]) -> None:
        self._held, self.path = held, path
        self._names = {
            entry[-1].lower(): entry
            for entry in held.listdir(streams=True)
            if tuple(entry[:-1]) == path
        }
        self._fixed = self._fixed_properties()
        pages = [page for page in map(self.number, _CODEPAGES) if page]
        self._codepage = f"cp{pages[0]}" if pages and pages[0] != 65001 else None

    def bytes(self, property_id: int, kind: int = _BINARY) -> bytes:
        """The bytes of a property, b"" where there is none."""
        entry = self._names.get(f"__substg1.0_{property_id:04x}{kind:04x}")
        return self._held.openstream(entry).read() if entry else b""

    def text(self, property_id: int) -> str:
        """The text of a property, in 16 bits or in the message's code page, "" where there is none."""
        wide = self.bytes(property_id, _TEXT)
        if wide:
            return wide.decode("utf-16-le", errors="replace").rstrip("\x00")
        return decode(self.bytes(property_id, _TEXT_8).rstrip(b"\x00"), self._codepage)

    def html(self) -> str:
        """The HTML of a message, "" where there is none."""
        return decode(self.bytes(_HTML).rstrip(b"\x00"), self._codepage) or self.text(_HTML)

    def number(self, property_id: int) -> int | None:
        """The number of a fixed-width property, or None."""
        return self._fixed.get(property_id)

    def children(self, start: str) -> Iterator["_Storage"]:
        """The folders of this one whose name begins with `start`, in order."""
        depth = len(self.path)
        folders = {
            tuple(entry[: depth + 1])
            for entry in self._held.listdir(streams=True)
            if len(entry) > depth + 1
            and tuple(entry[:depth]) == self.path
            and entry[depth].lower().startswith(start)
        }
        yield from (_Storage(self._held, folder) for folder in sorted(folders)[:_MAX_CHILDREN])

    def _fixed_properties(self) -> dict[int, int]:
        """The 32-bit properties by id; the header of the list is longer in a message than in its recipients and attachments."""
        entry = self._names.get("__properties_version1.0")
        content = self._held.openstream(entry).read() if entry else b""
        is_message = not self.path or self.path[-1].lower().startswith("__substg1.0_3701")
        start = (24 if self.path else 32) if is_message else 8
        found = (
            struct.unpack_from("<HHII", content, at) for at in range(start, len(content) - 15, 16)
        )
        return {
            property_id: value for kind, property_id, _, value in found if kind in (0x0003, 0x000B)
        }


def _parts(message: _Storage, source: Source, read: ReadSource, name: str) -> list[RawPart]:
    if (
        "smime" in message.text(_CLASS).lower()
        and "multipartsigned" not in message.text(_CLASS).lower()
    ):
        raise protected("courriel chiffré ou")
    files: list[tuple[str, bytes]] = []
    inner: list[_Storage] = []
    n_images = 0
    for attachment in message.children("__attach_version1.0_"):
        embedded = (
            [*attachment.children("__substg1.0_3701000d")]
            if attachment.number(_METHOD) in (_EMBEDDED, None)
            else []
        )
        if embedded:
            inner += embedded
        elif _is_picture(attachment):
            n_images += 1
        else:
            files.append(
                (
                    clean(attachment.text(_LONG_NAME) or attachment.text(_NAME)) or "piece",
                    attachment.bytes(_DATA),
                )
            )
    senders, people = _people(message)
    letter = Letter(
        clean(message.text(_SUBJECT)), senders, people, _text(message), tuple(files), n_images
    )
    parts = parts_of_letter(letter, source, read, name)
    for number, embedded_message in enumerate(inner, start=len(files) + 1):
        parts += _inner_parts(
            embedded_message, source, read, f"{name}-{number:03}" if name else f"{number:03}"
        )
    return parts


def _inner_parts(message: _Storage, source: Source, read: ReadSource, name: str) -> list[RawPart]:
    """The parts of a message inside another; one that cannot be read, or lies too deep, is a part with an error."""
    try:
        return _parts(message, source.inner(b"", name), read, name)
    except ReadError as error:
        return [RawPart((), name=name, channel="mail", error=(error.found, error.do))]


def _is_picture(attachment: _Storage) -> bool:
    """True for a picture shown inside the text, such as a logo."""
    is_image = attachment.bytes(_DATA)[:4].startswith((b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM"))
    return is_image and bool(attachment.text(_CONTENT_ID) or attachment.number(_HIDDEN))


def _text(message: _Storage) -> str:
    """The plain text where it has words, else the HTML, else the rich text."""
    plain = message.text(_BODY).replace("\r\n", "\n").replace("\r", "\n")
    if len(plain.split()) > 2:
        return plain
    html = message.html()
    rich = unpacked(message.bytes(_RTF)) if not html.strip() else b""
    return "\n".join(lines_of_html(html)) if html.strip() else text_of_rtf(rich) if rich else plain


def _people(message: _Storage) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]:
    """The sender, and everyone with the sender first, as (name, address); addresses within an Exchange server are left out."""
    headers = message_from_string(re.sub(r"\r\n?", "\n", message.text(_HEADERS)))
    told = [pair for pair in getaddresses([str(headers.get("from", ""))]) if "@" in pair[1]]
    senders = [_person(message, properties) for properties in (_FROM, _SENDER)]
    first = next((pair for pair in senders if pair[0]), ("", ""))
    address = next((pair[1] for pair in senders if pair[1]), told[0][1] if told else "")
    sender = (first[0], address)
    others = [
        _person(recipient, _RECIPIENT) for recipient in message.children("__recip_version1.0_")
    ]
    people = tuple(dict.fromkeys(pair for pair in (sender, *others) if any(pair)))
    return ((sender,) if any(sender) else ()), people


def _person(held: _Storage, properties: tuple[int, int, int]) -> tuple[str, str]:
    name, *addresses = (clean(held.text(property_id)) for property_id in properties)
    address = next((found for found in addresses if "@" in found), "")
    return ("" if name == address else name.strip("'\""), address)
