"""What a mail is, whatever wrote it: from its text and attachments to parts, the mail first.

In:   a letter
Out:  one part a mail and one an attachment, named so that they sort in reading order

Read mails (.eml) and mailboxes (.mbox): what was written, who wrote to whom, and what is attached.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart, decode
from pipeline.ingest.readers.html_page import drafts_of_html
from pipeline.ingest.readers.mail_body import blocks_of_mail, matches
from pipeline.ingest.readers.source import Source, no_text, protected
from pipeline.ingest.readers.wording import clean

ReadSource = Callable[[Source], tuple[RawPart, ...]]

_UNSAFE = re.compile(r"[/\\#\x00-\x1f]+")
_MAX_NAME = 80  # characters of an attachment's name kept in the part's name


@dataclass(frozen=True)
class Letter:
    """A mail: its people are (name, address), senders first; `text` is plain, `attached` are (name, bytes)."""

    subject: str
    senders: tuple[tuple[str, str], ...]
    people: tuple[tuple[str, str], ...]
    text: str
    attached: tuple[tuple[str, bytes], ...] = ()
    n_images: int = 0


def parts_of_letter(letter: Letter, source: Source, read: ReadSource, name: str) -> list[RawPart]:
    """Return the part of a mail, called `name`, then those of its attachments (« 001-nom.docx »), each read by `read`."""
    sender = " ".join(letter.senders[0]) if letter.senders else ""
    blocks, forwarded = blocks_of_mail(
        letter.text, sender=sender, is_forward=bool(matches("objets_transfert", letter.subject))
    )
    people = [*letter.people, *(person for person in getaddresses(forwarded) if any(person))]
    own = RawPart(
        tuple(blocks),
        name=name,
        title=letter.subject or None,
        channel="mail",
        people=tuple(dict.fromkeys(people)),
        warnings=tuple(_warnings(letter.n_images)),
    )
    return [own, *_attachments(letter.attached, source, read, f"{name}-" if name else "")]


def _warnings(n_images: int) -> Iterator[str]:
    """What was left out."""
    if n_images:
        yield f"{n_images} image{'s' if n_images > 1 else ''} du message non lue{'s' if n_images > 1 else ''}"


def _attachments(
    attached: tuple[tuple[str, bytes], ...], source: Source, read: ReadSource, prefix: str
) -> Iterator[RawPart]:
    """The parts of the attachments; one that cannot be read is a part with an error."""
    for number, (filename, content) in enumerate(attached, start=1):
        name = f"{prefix}{number:03}-{_UNSAFE.sub('-', filename)[-_MAX_NAME:]}"
        try:
            for part in read(source.inner(content, filename)):
                yield replace(
                    part,
                    name=_joined(name, part.name),
                    title=part.title or filename.rsplit(".", 1)[0],
                )
        except ReadError as error:
            yield RawPart((), name=name, title=filename, error=(error.found, error.do))


def _joined(name: str, inner: str) -> str:
    """The name of a part of an attachment; a path in an archive stays a path."""
    return (
        f"{name}{'/' if '/' in inner or name.lower().endswith('.zip') else '-'}{inner}"
        if inner
        else name
    )


def lines_of_html(text: str) -> Iterator[str]:
    """Yield the lines of an HTML mail, a blank line after each paragraph: none of its lines was wrapped."""
    for draft in drafts_of_html(text):
        block = draft.block
        bullet = f"{'  ' * (block.level or 0)}- " if block and block.kind == "bullet" else ""
        yield f"{bullet}{block.text if block else draft.text}"
        if draft.text and not draft.text.startswith(">"):
            yield ""


_MAIL_START = re.compile(rb"(?:\A|(?<=\n)\r?\n)From [^\r\n]*\d[^\r\n]*\r?\n(?=[\w-]+:|>From )")
_IGNORED = frozenset(
    {
        "text/calendar", "text/vcard", "text/x-vcard", "application/pkcs7-signature", "application/x-pkcs7-signature",
        "application/pgp-signature", "application/pgp-keys", "message/delivery-status", "text/rfc822-headers", "application/ics",
    }
)  # fmt: skip
_MAX_NOTICE = 40  # words of a plain text that may only ask to read the HTML
_ENCRYPTED = frozenset(
    {"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"}
)


def read_mail(source: Source, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the mail as a part without a name, then its attachments (« 001-nom.docx »), each read by `read`.

    Raises `ReadError` for an encrypted mail, and for one with neither text nor attachment.
    """
    parts = _parts(message_from_bytes(source.content), source, read, "")
    if not any(part.blocks or part.rows or part.error for part in parts):
        raise no_text("courriel")
    return tuple(parts)


def read_mailbox(source: Source, read: ReadSource) -> tuple[RawPart, ...]:
    """Return the mails of a mailbox as parts « 001 », « 002 »…, each followed by its attachments (« 001-001-nom.docx »).

    A mail that cannot be read is a part with an error. Raises `ReadError` where there is no mail.
    """
    starts = [*_MAIL_START.finditer(source.content)]
    ends = [*(found.start() for found in starts[1:]), len(source.content)]
    if not starts or len(starts) > source.limits.max_parts:
        raise ReadError(
            f"boîte de {len(starts)} messages",
            f"1 à {source.limits.max_parts} messages",
            "exporter les messages utiles en .eml",
        )
    digits = max(3, len(str(len(starts))))
    parts: list[RawPart] = []
    for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
        content = re.sub(rb"(?m)^>(>*From )", rb"\1", source.content[start.end() : end])
        name = f"{number:0{digits}}"
        try:
            parts += _parts(message_from_bytes(content), source, read, name)
        except ReadError as error:
            parts.append(RawPart((), name=name, channel="mail", error=(error.found, error.do)))
    return tuple(parts)


def _parts(message: Message, source: Source, read: ReadSource, name: str) -> list[RawPart]:
    """The parts of one mail; `name` is its own part's name."""
    if message.get_content_type() in _ENCRYPTED:
        raise protected("courriel chiffré ou")
    held = _Content()
    held.sort(message)
    letter = Letter(
        subject=clean(header_text(message, "subject")),
        senders=tuple(people_in(message, ("from",))),
        people=tuple(people_in(message, ("from", "reply-to", "to", "cc", "bcc"))),
        text="\n\n".join(held.texts),
        attached=tuple(held.attached),
        n_images=held.n_images,
    )
    return parts_of_letter(letter, source, read, name)


def header_text(message: Message, name: str) -> str:
    """The text of the first header called `name` (in lower case), whatever its encoding; "" where there is none."""
    raw = next((str(value) for key, value in message.raw_items() if key.lower() == name), "")
    return _decoded(re.sub(r"\r?\n[ \t]+", " ", raw))


def _decoded(raw: str) -> str:
    if any(
        "\udc80" <= sign <= "\udcff" for sign in raw
    ):  # bytes beyond ASCII, sent without saying how they are encoded
        raw = _guessed(raw.encode("ascii", "surrogateescape"))
    try:
        pieces = decode_header(raw)
    except (HeaderParseError, ValueError):
        return raw
    return "".join(
        piece if isinstance(piece, str) else _piece(piece, charset) for piece, charset in pieces
    )


def _piece(content: bytes, charset: str | None) -> str:
    try:
        return content.decode(charset or "utf-8")
    except (
        LookupError,
        ValueError,
    ):  # an encoding that is unknown, or whose name no encoding can bear
        return _guessed(content)


def _guessed(content: bytes) -> str:
    """The text of a header that does not tell its encoding; one that is no text must not hide what the mail says."""
    try:
        return decode(content)
    except ReadError:
        return content.decode("utf-8", "replace")


def people_in(message: Message, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """(Name, address) of everyone in the headers `names` (in lower case), each once; a name is "" where the header gives none."""
    values = [
        re.sub(r"\s+", " ", str(value))
        for name in names
        for key, value in message.raw_items()
        if key.lower() == name
    ]
    found = [
        (clean(_decoded(name)).strip("'\" "), clean(address))
        for name, address in getaddresses(values)
    ]
    return list(dict.fromkeys((name, address) for name, address in found if name or address))


@dataclass
class _Content:
    """The texts and attachments of a mail, sorted out of its tree."""

    texts: list[str] = field(default_factory=list)
    attached: list[tuple[str, bytes]] = field(default_factory=list)
    n_images: int = 0

    def sort(self, message: Message) -> None:
        """Sort out `message` and what it contains; of alternatives, the plain text that has words, else the HTML."""
        kind, filename = message.get_content_type(), _filename(message)
        if kind == "message/rfc822":
            self._forwarded(message)
        elif kind == "multipart/alternative" and message.is_multipart():
            self.sort(_best([part for part in message.get_payload() if isinstance(part, Message)]))
        elif message.is_multipart():
            for part in message.get_payload():
                if isinstance(part, Message):
                    self.sort(part)
        elif kind in _IGNORED:
            return
        elif kind.startswith("image/") and (
            message.get("content-id") or message.get_content_disposition() == "inline"
        ):
            self.n_images += 1
        elif (
            filename
            or message.get_content_disposition() == "attachment"
            or not kind.startswith("text/")
        ):
            content = message.get_payload(decode=True)
            self.attached.append(
                (
                    filename or f"piece.{kind.split('/')[1]}",
                    content if isinstance(content, bytes) else b"",
                )
            )
        else:
            self.texts.append(_text(message))

    def _forwarded(self, message: Message) -> None:
        """A mail sent on as an attachment is an attachment that is a mail."""
        for inner in message.get_payload():
            if isinstance(inner, Message):
                title = clean(header_text(inner, "subject")) or "message"
                self.attached.append((f"{title}.eml", inner.as_bytes()))


def _best(alternatives: list[Message]) -> Message:
    """The plain text, unless it has no words or only says that the HTML should be read; else the last alternative that shows text."""
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
        plain = None if n_words <= _MAX_NOTICE and n_html > 3 * n_words else plain
    return plain or (shown[-1] if shown else Message())


def _filename(message: Message) -> str:
    raw = message.get_filename()
    return clean(_decoded(raw)) if raw else ""


def _text(message: Message) -> str:
    """The text of a part, HTML as lines, soft line ends of « format=flowed » undone."""
    content = message.get_payload(decode=True)
    charset = message.get_content_charset()
    text = decode(content.replace(b"\x00", b"") if isinstance(content, bytes) else b"", charset)
    if message.get_content_type() == "text/html":
        return "\n".join(lines_of_html(text))
    if str(message.get_param("format", "")).lower() == "flowed":
        return _unflowed(text, joins_tight=str(message.get_param("delsp", "")).lower() == "yes")
    return text


def _unflowed(text: str, *, joins_tight: bool) -> str:
    """`text` with each line that ends in a space joined to the next of the same quote depth (RFC 3676)."""
    joined: list[list[str]] = []  # the pieces of each line
    is_soft, above = False, 0
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        body = line[depth:].removeprefix(" ")
        goes_on, is_soft = is_soft and depth == above, line.endswith(" ") and line.rstrip() != "--"
        body = body[:-1] if is_soft and joins_tight else body
        if goes_on:
            joined[-1].append(body)
        else:
            joined.append([">" * depth + (" " if depth else "") + body])
            above = depth
    return "\n".join(map("".join, joined))
