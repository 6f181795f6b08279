"""Read mails (.eml) and mailboxes (.mbox).

A mail gives one part, then one for each attachment, named to sort in reading order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart, decode
from pipeline.ingest.readers.html_page import drafts_of_html
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.ingest.readers.source import FileContent, ReadSource, no_text, protected
from pipeline.ingest.readers.wording import clean, matches, plural_warning

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
    )
    return parts_of_letter(letter, file, read, name)


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
    return [mail, *_attachments(letter.attached, file, read, f"{name}-" if name else "")]


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
        bullet = f"{'  ' * (block.level or 0)}- " if block and block.kind == "bullet" else ""
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
