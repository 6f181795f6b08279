"""Mails as files of the depot: each once, whole or not at all, for its owner's eyes only.

In:   the bytes of a mail, the folder of a workshop
Out:  depot/<workshop>/mails/<day> <hour> <hash>.eml
"""

import hashlib
import os
import re
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from pipeline.depot import workshop_files
from pipeline.ingest.readers.mail import header_text
from pipeline.study import read_only, text_hash

FOLDER = "mails"
_IDENTITY = ("message-id", "date", "from", "subject")
_NAMED = re.compile(r" ([0-9a-f]{16})\.eml")


def mail_hash(content: bytes) -> str:
    """16 hexadecimal digits of what somebody wrote and sent: Message-ID, date, sender, subject and body.

    What carried it (Received, Delivered-To and the like) does not count: two copies of a mail are one.
    """
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    headers = BytesHeaderParser().parsebytes(head + b"\n\n")
    told = (" ".join(header_text(headers, name).split()) for name in _IDENTITY)
    return text_hash(*told, hashlib.sha256(body.rstrip()).hexdigest())[:16]


def message_hash(headers: Message) -> str:
    """12 hexadecimal digits of a mail's Message-ID, by which a summary names it; of date and subject where it has none."""
    own = header_text(headers, "message-id").strip()
    return text_hash(own or header_text(headers, "date") + header_text(headers, "subject"))[:12]


def day_of(headers: Message) -> str:
    """The day on which a mail says that it was written, where it was written, ISO 8601; "" where it does not say."""
    return _moment(headers)[:10]


def hashes_in(depot: Path) -> set[str]:
    """The hashes of the mails in `depot`, by the names of their files, wherever people have moved them."""
    return {found[1] for path in workshop_files(depot) if (found := _NAMED.search(path.name))}


def write_mail(content: bytes, folder: Path) -> Path:
    """Write a mail into the workshop's `folder`, in one step that a crash cannot cut, and return its path.

    Its temporary name is hidden, which neither a run nor the watch of the depot looks at, and the same however often it is written.
    Raises `StudyError` where the folder cannot be written.
    """
    headers = BytesHeaderParser().parsebytes(content)
    path = folder / FOLDER / f"{_moment(headers) or 'sans date'} {mail_hash(content)}.eml"
    building = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(exist_ok=True)
        building.unlink(missing_ok=True)
        with os.fdopen(os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        building.replace(path)
        _keep(path.parent)
    except OSError as error:
        raise read_only(path.parent, error) from error
    return path


def _moment(headers: Message) -> str:
    """« 2026-03-16 09h42 », or "" where the mail tells no moment."""
    try:
        return f"{parsedate_to_datetime(header_text(headers, 'date')):%Y-%m-%d %Hh%M}"
    except (TypeError, ValueError, OverflowError, IndexError):
        return ""


def _keep(folder: Path) -> None:
    """Have the disk keep the names of `folder`, before the record says that a mail came in."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
