"""What a mail is, whatever wrote it: from its text and attachments to parts, the mail first.

In:   a letter
Out:  one part a mail and one an attachment, named so that they sort in reading order
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.utils import getaddresses

from pipeline.errors import ReadError
from pipeline.ingest.parts import RawPart
from pipeline.ingest.readers.html_page import drafts_of_html
from pipeline.ingest.readers.mail_body import blocks_of_mail
from pipeline.ingest.readers.mail_lexicon import matches
from pipeline.ingest.readers.source import Source

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
    blocks, forwarded = blocks_of_mail(letter.text, sender=sender, is_forward=bool(matches("objets_transfert", letter.subject)))
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


def _attachments(attached: tuple[tuple[str, bytes], ...], source: Source, read: ReadSource, prefix: str) -> Iterator[RawPart]:
    """The parts of the attachments; one that cannot be read is a part with an error."""
    for number, (filename, content) in enumerate(attached, start=1):
        name = f"{prefix}{number:03}-{_UNSAFE.sub('-', filename)[-_MAX_NAME:]}"
        try:
            for part in read(source.inner(content, filename)):
                yield replace(part, name=_joined(name, part.name), title=part.title or filename.rsplit(".", 1)[0])
        except ReadError as error:
            yield RawPart((), name=name, title=filename, error=(error.found, error.do))


def _joined(name: str, inner: str) -> str:
    """The name of a part of an attachment; a path in an archive stays a path."""
    return f"{name}{'/' if '/' in inner or name.lower().endswith('.zip') else '-'}{inner}" if inner else name


def lines_of_html(text: str) -> Iterator[str]:
    """Yield the lines of an HTML mail, a blank line after each paragraph: none of its lines was wrapped."""
    for draft in drafts_of_html(text):
        block = draft.block
        bullet = f"{'  ' * (block.level or 0)}- " if block and block.kind == "bullet" else ""
        yield f"{bullet}{block.text if block else draft.text}"
        if draft.text and not draft.text.startswith(">"):
            yield ""
