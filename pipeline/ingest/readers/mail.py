"""Read mails (.eml), mailboxes (.mbox) and Outlook messages (.msg).

A mail gives one part, then one for each attachment, named to sort in reading order. [MS-OXMSG] and
[MS-OXPROPS] name Outlook's properties; [MS-OXRTFCP] defines its compressed rich text.
"""

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes, message_from_string
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

import olefile

from pipeline.errors import ReadError
from pipeline.ingest.parts import (
    FileContent,
    RawPart,
    ReadSource,
    corrupt,
    decode,
    no_text,
    protected,
)
from pipeline.ingest.readers.container import DAMAGED
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.ingest.readers.rtf import text_of_rtf
from pipeline.ingest.readers.texts import drafts_of_html
from pipeline.ingest.words import clean, matches, plural_warning

_UNSAFE = re.compile(r"[/\\#\x00-\x1f]+")
_MAX_NAME = 80  # characters of an attachment's name
_MAIL_START = re.compile(rb"(?:\A|(?<=\n)\r?\n)From [^\r\n]*\d[^\r\n]*\r?\n(?=[\w-]+:|>From )")
_IGNORED = frozenset(
    {
        "text/calendar", "text/vcard", "text/x-vcard", "application/pkcs7-signature",
        "application/x-pkcs7-signature", "application/pgp-signature", "application/pgp-keys",
        "message/delivery-status", "text/rfc822-headers", "application/ics",
    }
)  # fmt: skip
_ENCRYPTED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted")
_MAX_NOTICE = 40  # words of a text that only asks to read the HTML

Person = tuple[str, str]  # name, address

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


@dataclass(frozen=True)
class Letter:
    """A mail of any program; senders come first in its people, attachments are (name, bytes)."""

    subject: str
    senders: tuple[Person, ...]
    people: tuple[Person, ...]
    text: str
    recipients: tuple[Person, ...] = ()  # to whom it is addressed, without copies
    attached: tuple[tuple[str, bytes], ...] = ()
    n_images: int = 0
    is_automatic: bool = False  # so its headers say

    @property
    def is_of_machine(self) -> bool:
        """Whether a machine sent it: an absence, a receipt, a failure, a form's notice."""
        is_named = bool(matches("courriels", "objets_automatiques", self.subject))
        is_sent_so = any(_is_machine(address) for _, address in self.senders[:1])
        return self.is_automatic or is_named or is_sent_so


def _is_machine(address: str) -> bool:
    own = address.split("@")[0]
    return bool(matches("courriels", "adresses_automatiques", own, whole=True))


def read_mail(file: FileContent, read: ReadSource) -> tuple[RawPart, ...]:
    """Return a mail's unnamed part, then its attachments, each read by `read`.

    Raises `ReadError` for an encrypted mail, and for one with neither text nor attachment.
    """
    return checked_mail(_parts(message_from_bytes(file.content), file, read, ""), "courriel")


def checked_mail(parts: list[RawPart], what: str) -> tuple[RawPart, ...]:
    """Return the parts of a mail; raise `ReadError` where none holds anything."""
    if not any(part.blocks or part.rows or part.error for part in parts):
        raise no_text(what)
    return tuple(parts)


def read_mailbox(file: FileContent, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the mails as parts « 001 », « 002 »…, each followed by its attachments.

    An unreadable mail is a part with an error. Raises `ReadError` where there is no mail.
    """
    starts = [*_MAIL_START.finditer(file.content)]
    if not 1 <= len(starts) <= file.limits.max_parts:
        raise ReadError(
            f"boîte de {len(starts)} messages",
            f"1 à {file.limits.max_parts} messages",
            "exporter les messages utiles en .eml",
        )
    ends = [*(start.start() for start in starts[1:]), len(file.content)]
    digits = max(3, len(str(len(starts))))
    parts: list[RawPart] = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        content = re.sub(rb"(?m)^>(>*From )", rb"\1", file.content[start.end() : end])
        name = f"{number:0{digits}}"
        try:
            parts += _parts(message_from_bytes(content), file, read, name)
        except ReadError as error:
            parts.append(unread_mail(name, error))
    return tuple(parts)


def unread_mail(name: str, error: ReadError) -> RawPart:
    """Return the part of an unreadable mail."""
    return RawPart((), name=name, channel="mail", error=(error.found, error.do))


def _parts(message: Message, file: FileContent, read: ReadSource, name: str) -> list[RawPart]:
    if message.get_content_type() in _ENCRYPTED:
        raise protected("courriel chiffré ou")
    content = _MailContent()
    content.sort(message)
    letter = Letter(
        subject=clean(header_text(message, "subject")),
        senders=tuple(people_in(message, ("from",))),
        people=tuple(people_in(message, ("from", "reply-to", "to", "cc", "bcc"))),
        text="\n\n".join(content.texts),
        recipients=tuple(people_in(message, ("to",))),
        attached=tuple(content.attached),
        n_images=content.n_images,
        is_automatic=_is_automatic(message),
    )
    return parts_of_letter(letter, file, read, name)


def _is_automatic(message: Message) -> bool:
    """Whether headers say that nobody wrote the mail (RFC 3834, RFC 3462)."""
    submitted = header_text(message, "auto-submitted").strip().lower()
    is_reply = any(message.get(name) for name in ("x-autoreply", "x-autorespond"))
    is_report = message.get_content_type() == "multipart/report"
    return submitted.startswith("auto-") or is_reply or is_report


def parts_of_letter(
    letter: Letter, file: FileContent, read: ReadSource, name: str
) -> list[RawPart]:
    """Return a mail's part, called `name`, then its attachments (« 001-nom.docx »)."""
    blocks, forwarded = blocks_of_mail(
        letter.text,
        sender=" ".join(letter.senders[0]) if letter.senders else "",
        is_forward=bool(matches("courriels", "objets_transfert", letter.subject)),
        recipients=[name or address for name, address in letter.recipients],
    )
    people = [*letter.people, *(person for person in getaddresses(forwarded) if any(person))]
    mail = RawPart(
        tuple(blocks),
        name=name,
        title=letter.subject or None,
        channel="mail",
        taken_for="courriel",
        people=tuple(dict.fromkeys(people)),
        warnings=plural_warning(letter.n_images, "image{} du message non lue{}"),
    )
    parts = [mail, *_attachments(letter.attached, file, read, f"{name}-" if name else "")]
    return list(map(_without_passages, parts)) if letter.is_of_machine else parts


def _without_passages(part: RawPart) -> RawPart:
    """Return a machine's mail, or the one that it gives back, with nothing that anybody says."""
    if part.channel != "mail":
        return part
    blocks = [replace(b, kind="meta", level=None, reason=b.reason or "robot") for b in part.blocks]
    people = tuple(person for person in part.people if not _is_machine(person[1]))
    taken_for = "courriel automatique"
    return replace(part, blocks=tuple(blocks), people=people, taken_for=taken_for)


def _attachments(
    attached: tuple[tuple[str, bytes], ...], file: FileContent, read: ReadSource, prefix: str
) -> Iterator[RawPart]:
    for number, (filename, content) in enumerate(attached, start=1):
        name = f"{prefix}{number:03}-{_UNSAFE.sub('-', filename)[-_MAX_NAME:]}"
        try:
            for part in read(file.inner(content, filename)):
                title = part.title or filename.rsplit(".", 1)[0]
                yield replace(part, name=_joined_name(name, part.name), title=title)
        except ReadError as error:
            yield RawPart((), name=name, title=filename, error=(error.found, error.do))


def _joined_name(name: str, inner: str) -> str:
    """Name an attachment's part; a path in an archive stays a path."""
    if not inner:
        return name
    is_path = "/" in inner or name.lower().endswith(".zip")
    return f"{name}{'/' if is_path else '-'}{inner}"


def header_text(message: Message, name: str) -> str:
    """Return the first header with the lower-case `name` in any encoding, "" for none."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    return _decoded_header(re.sub(r"\r?\n[ \t]+", " ", raw))


def people_in(message: Message, names: tuple[str, ...]) -> list[Person]:
    """Return everyone in the lower-case headers `names`, once each; a missing name is ""."""
    values = [
        re.sub(r"\s+", " ", str(value))
        for name in names
        for key, value in message.raw_items()
        if key.lower() == name
    ]
    people = [
        (clean(_decoded_header(name)).strip("'\" "), clean(address))
        for name, address in getaddresses(values)
    ]
    return list(dict.fromkeys(person for person in people if any(person)))


def _decoded_header(raw: str) -> str:
    # Bytes beyond ASCII, of an undeclared encoding.
    if any("\udc80" <= character <= "\udcff" for character in raw):
        raw = _guessed(raw.encode("ascii", "surrogateescape"))
    try:
        pieces = decode_header(raw)
    except (HeaderParseError, ValueError):
        return raw
    return "".join(
        piece if isinstance(piece, str) else _decoded_piece(piece, charset)
        for piece, charset in pieces
    )


def _decoded_piece(content: bytes, charset: str | None) -> str:
    try:
        return content.decode(charset or "utf-8")
    except (LookupError, ValueError):  # or a name that no encoding can have
        return _guessed(content)


def _guessed(content: bytes) -> str:
    """Decode a header of unknown encoding: a bad one must not hide the mail."""
    try:
        return decode(content)
    except ReadError:
        return content.decode("utf-8", "replace")


@dataclass
class _MailContent:
    texts: list[str] = field(default_factory=list)
    attached: list[tuple[str, bytes]] = field(default_factory=list)
    n_images: int = 0

    def sort(self, message: Message) -> None:
        kind = message.get_content_type()
        if kind == "message/rfc822":  # forwarded as an attachment
            for inner in _inner_messages(message):
                title = clean(header_text(inner, "subject")) or "message"
                self.attached.append((f"{title}.eml", inner.as_bytes()))
        elif kind == "multipart/alternative" and message.is_multipart():
            self.sort(_best(_inner_messages(message)))
        elif message.is_multipart():
            for inner in _inner_messages(message):
                self.sort(inner)
        elif kind not in _IGNORED:
            self._take(message, kind)

    def _take(self, message: Message, kind: str) -> None:
        raw_name = message.get_filename()
        name = clean(_decoded_header(raw_name)) if raw_name else ""
        disposition = message.get_content_disposition()
        if kind.startswith("image/") and (message.get("content-id") or disposition == "inline"):
            self.n_images += 1
        elif name or disposition == "attachment" or not kind.startswith("text/"):
            content = message.get_payload(decode=True)
            content = content if isinstance(content, bytes) else b""
            self.attached.append((name or f"piece.{kind.split('/')[1]}", content))
        else:
            self.texts.append(_text(message))


def _inner_messages(message: Message) -> list[Message]:
    return [inner for inner in message.get_payload() if isinstance(inner, Message)]


def _best(alternatives: list[Message]) -> Message:
    """Return the plain text if it says more than to read the HTML, else the last one with text."""
    shown = [part for part in alternatives if part.get_content_type() not in _IGNORED]
    plain = next(
        (
            part
            for part in shown
            if part.get_content_type() == "text/plain" and len(_text(part).split()) > 2
        ),
        None,
    )
    html = next((part for part in shown if part.get_content_type() == "text/html"), None)
    if plain is not None and html is not None:
        n_words, n_html = len(_text(plain).split()), len(_text(html).split())
        if n_words <= _MAX_NOTICE and n_html > 3 * n_words:
            plain = None
    return plain or (shown[-1] if shown else Message())


def _text(message: Message) -> str:
    content = message.get_payload(decode=True)
    content = content.replace(b"\x00", b"") if isinstance(content, bytes) else b""
    text = decode(content, message.get_content_charset())
    if message.get_content_type() == "text/html":
        return "\n".join(lines_of_html(text))
    if str(message.get_param("format", "")).lower() == "flowed":
        return _unflowed(text, joins_tight=str(message.get_param("delsp", "")).lower() == "yes")
    return text


def lines_of_html(text: str) -> Iterator[str]:
    """Yield lines, a blank one after each, as none was wrapped."""
    for draft in drafts_of_html(text):
        block = draft.block
        bullet = f"{'  ' * (block.level or 0)}• " if block and block.kind == "bullet" else ""
        yield f"{bullet}{block.text if block else draft.text}"
        if draft.text and not draft.text.startswith(">"):
            yield ""


def _unflowed(text: str, *, joins_tight: bool) -> str:
    """Join lines that end in a space to the next of their quote depth (RFC 3676)."""
    lines: list[list[str]] = []  # pieces of each line
    is_soft, depth_above = False, 0
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        body = line[depth:].removeprefix(" ")
        goes_on = is_soft and depth == depth_above
        is_soft = line.endswith(" ") and line.rstrip() != "--"
        body = body[:-1] if is_soft and joins_tight else body
        if goes_on:
            lines[-1].append(body)
        else:
            lines.append([">" * depth + (" " if depth else "") + body])
            depth_above = depth
    return "\n".join(map("".join, lines))


def read_outlook(file: FileContent, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the message as an unnamed part, then its attachments, each read by `read`.

    Raises `ReadError` for a damaged or encrypted message, and for one with neither text nor
    attachment.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(file.content)) as ole:
            parts = _parts_of_message(_Storage(ole, ()), file, read, "")
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


def _parts_of_message(
    message: _Storage, file: FileContent, read: ReadSource, name: str
) -> list[RawPart]:
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
        _text_of_message(message),
        recipients=_recipients(message),
        attached=tuple(attached),
        n_images=n_images,
    )
    parts = parts_of_letter(letter, file, read, name)
    for number, inner in enumerate(messages, start=len(attached) + 1):
        inner_name = f"{name}-{number:03}" if name else f"{number:03}"
        try:
            parts += _parts_of_message(inner, file.inner(b"", inner_name), read, inner_name)
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


def _text_of_message(message: _Storage) -> str:
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
