"""What was read of a mailbox, kept in the study: numbers and hashes alone, no address and no word of anybody.

In:   runs/.mail
Out:  the last number read in each folder, the mails that wait, a hash of each mail that came in

Mails as files of the depot: each once, whole or not at all, for its owner's eyes only.

Read a mailbox once: what is new, and what waited where the rules have changed since.

The mailbox of a served study: read every so many minutes; what fails is told once and tried again.
"""

import hashlib
import json
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from flows.mailbox.placing import Placing
from flows.mailbox.server import Mailbox, opened
from flows.served_flows import can_pass
from pipeline.credentials import read_secret
from pipeline.depot import workshop_files
from pipeline.errors import AteliersError, SettingsError, StudyError
from pipeline.files import read_only, text_hash, write_bytes
from pipeline.ingest.readers.mail import header_text
from pipeline.ingest.readers.source import MEGABYTE
from pipeline.settings.sections import MailSettings
from pipeline.study import Study, locked_file
from pipeline.text import Count

_FORMAT = 1
_NAME = ".mail"  # hidden and without a suffix: runs/*.json are the records of runs


@dataclass(frozen=True)
class Waiting:
    """A mail left on the server: a hash of its Message-ID, the day it was written (« » where it does not say), and why it waits."""

    message: str
    day: str
    reason: str


@dataclass
class FolderRecord:
    """Of one folder: under `uid_validity`, mails up to `last_uid` were looked at; `waiting` by UID were not placed by the rules `rules`."""

    uid_validity: int = 0
    last_uid: int = 0
    rules: str = ""
    waiting: dict[int, Waiting] = field(default_factory=dict)


class Record:
    """The record of a study; `taken` are the hashes of all mails that came in, whatever became of their files."""

    def __init__(self, study: Study) -> None:
        self._path = study.runs / _NAME
        content = self._read()
        self.taken: set[str] = set(content["taken"])
        self._folders = {key: _folder(entry) for key, entry in content["folders"].items()}

    @property
    def n_waiting(self) -> int:
        """How many mails the last readings left on servers."""
        return sum(len(folder.waiting) for folder in self._folders.values())

    def folder(self, settings: MailSettings, uid_validity: int) -> FolderRecord:
        """What was read of the folder that `settings` name; nothing where its mails have been numbered anew."""
        key = text_hash(settings.host, settings.user, settings.folder)[:16]
        if key not in self._folders or self._folders[key].uid_validity != uid_validity:
            self._folders[key] = FolderRecord(uid_validity)
        return self._folders[key]

    def save(self) -> None:
        """Write it, in one step."""
        folders = {key: asdict(folder) for key, folder in sorted(self._folders.items())}
        content = {"format": _FORMAT, "folders": folders, "taken": sorted(self.taken)}
        write_bytes(self._path, (json.dumps(content, indent=1) + "\n").encode(), mode=0o600)

    def _read(self) -> dict[str, Any]:
        """The content of the file, or of a new one.

        Raises `StudyError` where it is damaged or of another format.
        """
        if not self._path.is_file():
            return {"folders": {}, "taken": []}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["format"] == _FORMAT:
                return dict(content)
        except (ValueError, KeyError, TypeError) as error:
            raise self._unreadable() from error
        raise self._unreadable()

    def _unreadable(self) -> StudyError:
        return StudyError(
            f"« {self._path} » est illisible",
            "le fichier qu'une relève de mails a laissé",
            "le retirer : la boîte sera relue, sans doubler les mails qui sont dans depot/",
        )


def _folder(entry: dict[str, Any]) -> FolderRecord:
    waiting = {int(uid): Waiting(**told) for uid, told in entry["waiting"].items()}
    return FolderRecord(**{**entry, "waiting": waiting})


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
        with os.fdopen(
            os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
        ) as file:
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


TOO_BIG, UNREADABLE = "too_big", "unreadable"
PASSWORD = "ATELIERS_IMAP_PASSWORD"
_SAVED_EVERY = 50  # mails; those since would be looked at again, and not doubled
_NOTICES = frozenset({"multipart/report"})  # of a mail that could not be delivered, or was read


@dataclass
class Fetched:
    """What a reading brought: mails by folder of the depot, those that were there already, those of machines, those that wait."""

    taken: Counter[str] = field(default_factory=Counter)
    n_known: int = 0
    n_automatic: int = 0
    n_new_waiting: int = 0
    waiting: list[Waiting] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For a machine."""
        return {
            "taken": dict(sorted(self.taken.items())),
            "n_known": self.n_known,
            "n_automatic": self.n_automatic,
            "n_new_waiting": self.n_new_waiting,
            "waiting": [vars(waiting) for waiting in self.waiting],
        }


def fetch_mail(root: Path) -> Fetched:
    """Write the mails that came since the last reading into the depot of the study in `root`, and return what came.

    Raises `SettingsError` where no mailbox is named, `MissingExtraError` without imap-tools, `MailError` where the mailbox fails, and
    `StudyError` while another reading goes on or where the depot cannot be written.
    """
    study = Study.open(root.resolve())
    if not study.settings.mail.host:
        raise SettingsError(
            "« mail.host » est vide dans etude.toml",
            "le serveur IMAP de la boîte à lire",
            "l'y écrire",
        )
    password = read_password(study)
    with _alone(study):
        record = Record(study)
        record.taken |= hashes_in(study.depot)
        placing = Placing(study.depot, study.settings.mail)
        with opened(study.settings.mail, password) as mailbox:
            return _Reading(study, mailbox, record, placing).go()


def read_password(study: Study) -> str | None:
    """The password of the mailbox; None where none is set.

    Raises `SettingsError` for a file that is missing, blank or readable by others.
    """
    return read_secret(
        PASSWORD,
        "le mot de passe de la boîte",
        named=study.settings.mail.password_file,
        base=study.root,
    )


class _Reading:
    """One reading of one folder."""

    def __init__(self, study: Study, mailbox: Mailbox, record: Record, placing: Placing) -> None:
        self._study, self._mailbox, self._record, self._placing = study, mailbox, record, placing
        self._max_bytes = int(study.settings.ingest.max_file_mb * MEGABYTE)
        self._rules = text_hash(placing.fingerprint, str(self._max_bytes))
        self._seen: FolderRecord = record.folder(study.settings.mail, mailbox.uid_validity)
        self._fetched = Fetched()

    def go(self) -> Fetched:
        """Look at all that is to be looked at; what was done is remembered even where the rest fails."""
        uids, seen = self._mailbox.uids(), self._seen
        there = set(uids)
        seen.waiting = {uid: told for uid, told in seen.waiting.items() if uid in there}
        again = sorted(seen.waiting) if seen.rules != self._rules else []
        try:
            for n, uid in enumerate(
                [*again, *(uid for uid in uids if uid > seen.last_uid)], start=1
            ):
                self._remember(uid, self._look(uid))
                if n % _SAVED_EVERY == 0:
                    self._record.save()
            seen.rules = self._rules
        finally:
            self._record.save()
        self._fetched.waiting = [told for _, told in sorted(seen.waiting.items())]
        return self._fetched

    def _look(self, uid: int) -> Waiting | None:
        """Take a mail in, or leave it for good; else say why it waits."""
        found = self._mailbox.headers(uid)
        if found is None:
            return _waiting(Message(), UNREADABLE)
        headers, n_bytes = found
        if _is_automatic(headers):
            self._fetched.n_automatic += 1
            return None
        placed = self._placing.place(headers)
        if placed.folder is None:
            return _waiting(headers, placed.reason)
        content = self._mailbox.content(uid) if n_bytes <= self._max_bytes else None
        if n_bytes > self._max_bytes or (content and len(content) > self._max_bytes):
            return _waiting(headers, TOO_BIG)
        if not content:
            return _waiting(headers, UNREADABLE)
        self._take(content, placed.folder)
        return None

    def _take(self, content: bytes, folder: str) -> None:
        """Write a mail, unless it came in before."""
        own = mail_hash(content)
        if own in self._record.taken:
            self._fetched.n_known += 1
            return
        write_mail(content, self._study.depot / folder)
        self._record.taken.add(own)
        self._fetched.taken[folder] += 1

    def _remember(self, uid: int, told: Waiting | None) -> None:
        seen = self._seen
        if told is None:
            seen.waiting.pop(uid, None)
        else:
            self._fetched.n_new_waiting += uid not in seen.waiting
            seen.waiting[uid] = told
        seen.last_uid = max(seen.last_uid, uid)


def _waiting(headers: Message, reason: str) -> Waiting:
    return Waiting(message_hash(headers), day_of(headers), reason)


def _is_automatic(headers: Message) -> bool:
    """Whether a program wrote a mail by itself (RFC 3834): an absence, a notice of ours, which would otherwise be read for ever."""
    told = header_text(headers, "auto-submitted").split(";")[0].strip().lower()
    return told not in ("", "no") or headers.get_content_type() in _NOTICES


@contextmanager
def _alone(study: Study) -> Iterator[None]:
    """Read the mailbox for one process at a time.

    Raises `StudyError` while another does.
    """
    found = f"une relève des mails de « {study.root} » est déjà en cours"
    with locked_file(
        study.runs / ".fetching",
        StudyError(found, "une relève à la fois", "attendre qu'elle finisse"),
    ):
        yield


_REFUSED_S = (
    3600.0  # before a password that was refused is tried again: servers lock whoever insists
)
_DEFAULT_S = 600.0


class MailRounds:
    """Reads the mailbox of the study in `root` until `stop`; settings are read again each time."""

    def __init__(self, root: Path, *, stop: threading.Event, told: Callable[[str], None]) -> None:
        self._root, self._stop, self._told_to = root, stop, told
        self._fault: str | None = None
        self._refused, self._refused_at = "", 0.0

    def run(self) -> None:
        """Read at once, then every `every_minutes`."""
        while not self._stop.is_set():
            self._stop.wait(self._read())

    def _read(self) -> float:
        """Read once; return the seconds to wait."""
        wait_s, chosen = _DEFAULT_S, ""
        try:
            study = Study.open(self._root)
            wait_s = study.settings.mail.every_minutes * 60
            chosen = text_hash(study.settings.mail.model_dump_json(), read_password(study) or "")
            if chosen == self._refused and time.monotonic() - self._refused_at < _REFUSED_S:
                return wait_s
            fetched = fetch_mail(self._root)
        except (AteliersError, OSError) as error:
            self._failed(error, chosen)
        else:
            self._succeeded(fetched)
        return wait_s

    def _failed(self, error: Exception, chosen: str) -> None:
        """Tell a failure, once until it is another; those of a server that is away are one, whatever words they have."""
        fault = "" if can_pass(error) else str(error)
        if fault:
            self._refused, self._refused_at = chosen, time.monotonic()
        if fault != self._fault:
            self._told(str(error))
        self._fault = fault

    def _succeeded(self, fetched: Fetched) -> None:
        if self._fault is not None:
            self._told("boîte de nouveau lue")
        self._fault, self._refused = None, ""
        if fetched.taken:
            counts = ", ".join(f"{folder} : {n}" for folder, n in sorted(fetched.taken.items()))
            self._told(f"{Count(fetched.taken.total()):mail pris|mails pris} ({counts})")
        if fetched.n_new_waiting:
            how = f"ateliers fetch-mail {self._root}"
            self._told(
                f"{Count(fetched.n_new_waiting):mail de plus attend|mails de plus attendent} sur le serveur : {how} dit pourquoi"
            )

    def _told(self, line: str) -> None:
        self._told_to(f"{self._root.name} : {line}")
