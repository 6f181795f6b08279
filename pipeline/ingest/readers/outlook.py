"""Read Outlook messages (.msg) into the same parts as a .eml.

[MS-OXMSG] and [MS-OXPROPS] name the properties; [MS-OXRTFCP] defines the compressed rich text.
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
from pipeline.ingest.readers.mail import (
    Letter,
    Person,
    checked_mail,
    lines_of_html,
    parts_of_letter,
    unread_mail,
)
from pipeline.ingest.readers.rtf import text_of_rtf
from pipeline.ingest.readers.source import FileContent, ReadSource, corrupt, protected
from pipeline.ingest.readers.wording import clean

_SUBJECT, _BODY, _HTML, _RTF, _HEADERS, _CLASS = 0x0037, 0x1000, 0x1013, 0x1009, 0x007D, 0x001A
_SENDER = (0x0C1A, 0x5D01, 0x0C1F)  # sender: name, SMTP address, address
_FROM = (0x0042, 0x5D02, 0x0065)  # on whose behalf
_RECIPIENT = (0x3001, 0x39FE, 0x3003)
_RECIPIENT_TYPE, _TO = 0x0C15, 1
_DATA, _LONG_NAME, _NAME = 0x3701, 0x3707, 0x3704
_METHOD, _CONTENT_ID, _HIDDEN = 0x3705, 0x3712, 0x7FFE
_CODEPAGES = (0x3FDE, 0x3FFD)  # of the HTML, of 8-bit texts
_UTF_8 = 65001
_TEXT, _TEXT_8, _BINARY = 0x001F, 0x001E, 0x0102
_NUMBERS = (0x0003, 0x000B)  # fixed-width types
_EMBEDDED = 5  # a message
_MAX_CHILDREN = 2000  # recipients or attachments
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM")
_RTF_START = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    b"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
    b"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
_WINDOW = 4096  # bytes that compressed rich text may refer back
_MAX_RTF_BYTES = 20_000_000


def read_outlook(file: FileContent, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the message as an unnamed part, then its attachments, each read by `read`.

    Raises `ReadError` for a damaged or encrypted message, and for one with neither text nor
    attachment.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(file.content)) as ole:
            parts = _parts(_Storage(ole, ()), file, read, "")
    except ReadError:
        raise
    except DAMAGED as error:
        raise corrupt("le message Outlook") from error
    return checked_mail(parts, "message Outlook")


class _Storage:
    """One folder of the compound file: the properties of a message, recipient or attachment."""

    def __init__(self, ole: olefile.OleFileIO, path: tuple[str, ...]) -> None:
        self._ole, self.path = ole, path
        self._paths = [tuple(entry) for entry in ole.listdir(streams=True)]
        self._streams = {entry[-1].lower(): entry for entry in self._paths if entry[:-1] == path}
        self._numbers = self._fixed_properties()
        pages = [page for page in map(self.number, _CODEPAGES) if page]
        self._codepage = f"cp{pages[0]}" if pages and pages[0] != _UTF_8 else None

    def _fixed_properties(self) -> dict[int, int]:
        """Return the numbers by id; a message's list has a longer header than others."""
        content = self._stream("__properties_version1.0")
        is_message = not self.path or self.path[-1].lower().startswith("__substg1.0_3701")
        start = 8
        if is_message:
            start = 24 if self.path else 32
        entries = (
            struct.unpack_from("<HHII", content, at) for at in range(start, len(content) - 15, 16)
        )
        return {property_id: value for kind, property_id, _, value in entries if kind in _NUMBERS}

    def _stream(self, name: str) -> bytes:
        path = self._streams.get(name)
        return bytes(self._ole.openstream(path).read()) if path else b""

    def bytes(self, property_id: int, kind: int = _BINARY) -> bytes:
        return self._stream(f"__substg1.0_{property_id:04x}{kind:04x}")

    def text(self, property_id: int) -> str:
        """Return a text in 16 bits or in the message's code page, "" for none."""
        wide = self.bytes(property_id, _TEXT)
        if wide:
            return wide.decode("utf-16-le", errors="replace").rstrip("\x00")
        return decode(self.bytes(property_id, _TEXT_8).rstrip(b"\x00"), self._codepage)

    def html(self) -> str:
        return decode(self.bytes(_HTML).rstrip(b"\x00"), self._codepage) or self.text(_HTML)

    def number(self, property_id: int) -> int | None:
        return self._numbers.get(property_id)

    def children(self, start: str) -> Iterator["_Storage"]:
        """Yield the subfolders whose name begins with `start`, in order."""
        depth = len(self.path)
        folders = {
            path[: depth + 1]
            for path in self._paths
            if len(path) > depth + 1
            and path[:depth] == self.path
            and path[depth].lower().startswith(start)
        }
        yield from (_Storage(self._ole, folder) for folder in sorted(folders)[:_MAX_CHILDREN])


def _parts(message: _Storage, file: FileContent, read: ReadSource, name: str) -> list[RawPart]:
    message_class = message.text(_CLASS).lower()
    if "smime" in message_class and "multipartsigned" not in message_class:
        raise protected("courriel chiffré ou")
    attached: list[tuple[str, bytes]] = []
    messages: list[_Storage] = []
    n_images = 0
    for attachment in message.children("__attach_version1.0_"):
        may_embed = attachment.number(_METHOD) in (_EMBEDDED, None)
        embedded = [*attachment.children("__substg1.0_3701000d")] if may_embed else []
        messages += embedded
        if embedded:
            continue
        if _is_picture(attachment):
            n_images += 1
        else:
            filename = clean(attachment.text(_LONG_NAME) or attachment.text(_NAME)) or "piece"
            attached.append((filename, attachment.bytes(_DATA)))
    sender, people = _people(message)
    senders = (sender,) if any(sender) else ()
    subject = clean(message.text(_SUBJECT))
    letter = Letter(
        subject,
        senders,
        people,
        _text(message),
        recipients=_recipients(message),
        attached=tuple(attached),
        n_images=n_images,
    )
    parts = parts_of_letter(letter, file, read, name)
    for number, inner in enumerate(messages, start=len(attached) + 1):
        inner_name = f"{name}-{number:03}" if name else f"{number:03}"
        try:
            parts += _parts(inner, file.inner(b"", inner_name), read, inner_name)
        except ReadError as error:  # unreadable, or too deep
            parts.append(unread_mail(inner_name, error))
    return parts


def _is_picture(attachment: _Storage) -> bool:
    is_image = attachment.bytes(_DATA).startswith(_PICTURES)
    return is_image and bool(attachment.text(_CONTENT_ID) or attachment.number(_HIDDEN))


def _people(message: _Storage) -> tuple[Person, tuple[Person, ...]]:
    headers = message_from_string(re.sub(r"\r\n?", "\n", message.text(_HEADERS)))
    addresses = [address for _, address in getaddresses([str(headers.get("from", ""))])]
    senders = [_person(message, properties) for properties in (_FROM, _SENDER)]
    named = next((name for name, _ in senders if name), "")
    candidates = [address for _, address in senders] + [
        address for address in addresses if "@" in address
    ]
    sender = (named, next(filter(None, candidates), ""))
    others = [
        _person(recipient, _RECIPIENT) for recipient in message.children("__recip_version1.0_")
    ]
    return sender, tuple(dict.fromkeys(person for person in (sender, *others) if any(person)))


def _recipients(message: _Storage) -> tuple[Person, ...]:
    recipients = message.children("__recip_version1.0_")
    return tuple(
        _person(recipient, _RECIPIENT)
        for recipient in recipients
        if recipient.number(_RECIPIENT_TYPE) in (_TO, None)
    )


def _person(storage: _Storage, properties: tuple[int, int, int]) -> Person:
    name, *addresses = (clean(storage.text(property_id)) for property_id in properties)
    address = next((address for address in addresses if "@" in address), "")
    return ("" if name == address else name.strip("'\""), address)


def _text(message: _Storage) -> str:
    plain = message.text(_BODY).replace("\r\n", "\n").replace("\r", "\n")
    if len(plain.split()) > 2:
        return plain
    html = message.html()
    if html.strip():
        return "\n".join(lines_of_html(html))
    rich = unpacked(message.bytes(_RTF))
    return text_of_rtf(rich) if rich else plain


def unpacked(content: bytes) -> bytes:
    """Return Outlook's compressed rich text unpacked, b"" for none.

    Raises `ReadError` where it is damaged or unfolds beyond 20 MB.
    """
    if len(content) < 16:
        return b""
    size, raw_size, kind = struct.unpack_from("<II4s", content)
    if kind == b"MELA":  # uncompressed
        return content[16 : 16 + raw_size]
    if kind != b"LZFu" or raw_size > _MAX_RTF_BYTES:
        raise corrupt("le texte enrichi du message")
    return _expanded(content[16 : 4 + size], raw_size)


def _expanded(packed: bytes, raw_size: int) -> bytes:
    """Expand runs of eight tokens, each a byte or a reference into the last 4 kB."""
    window = bytearray(_RTF_START.ljust(_WINDOW, b"\x00"))
    window_at, packed_at, text = len(_RTF_START), 0, bytearray()
    while packed_at < len(packed) and len(text) < raw_size:
        control, packed_at = packed[packed_at], packed_at + 1
        for bit in range(8):
            if packed_at >= len(packed):
                break
            if not control >> bit & 1:
                token, packed_at = packed[packed_at : packed_at + 1], packed_at + 1
            else:
                reference = int.from_bytes(packed[packed_at : packed_at + 2], "big")
                offset, length = divmod(reference, 16)
                packed_at += 2
                if offset == window_at % _WINDOW:
                    return bytes(text)
                token = _referred(window, offset, length + 2, window_at)
            for byte in token:
                window[window_at % _WINDOW] = byte
                window_at += 1
            text += token
    return bytes(text[:raw_size])


def _referred(window: bytearray, offset: int, length: int, window_at: int) -> bytes:
    """A reference that reaches its own start repeats itself."""
    period = (window_at - offset) % _WINDOW or _WINDOW
    return bytes(window[(offset + i % period) % _WINDOW] for i in range(length))
