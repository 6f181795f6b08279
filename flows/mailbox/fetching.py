"""Write each new mail of a mailbox to the depot, once, whole, readable by its owner alone.

Mails that waited are routed again when the rules change. The record (runs/.mail) holds numbers and
hashes alone, no address and no word.
"""

import hashlib
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from flows.mailbox.record import Record, Waiting
from flows.mailbox.routing import MailRouter
from flows.mailbox.server import Mailbox, opened
from flows.refusals import refusal_code, refuse, text_of_mail
from flows.served_flows import can_pass
from pipeline.credentials import read_secret
from pipeline.depot import Inventory
from pipeline.errors import AteliersError, SettingsError, StudyError
from pipeline.files import read_only, text_hash
from pipeline.ingest.parts import MEGABYTE
from pipeline.ingest.readers.mail import header_text
from pipeline.study import Study, locked_file
from pipeline.text import Count

TOO_BIG, UNREADABLE = "too_big", "unreadable"
PASSWORD = "ATELIERS_IMAP_PASSWORD"
FOLDER = "mails"
_SAVED_EVERY = 50  # mails; later ones are read again after a crash, without duplicates
_REPORTS = frozenset({"multipart/report"})  # of a delivery failure or a read receipt


@dataclass
class Fetched:
    """Counts of mails: written (by folder), in the depot already, automatic, refusals, waiting."""

    taken: Counter[str] = field(default_factory=Counter)
    n_known: int = 0
    n_automatic: int = 0
    n_refusals: int = 0  # of people who want no sheet
    n_new_waiting: int = 0
    waiting: list[Waiting] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        waiting = [vars(waiting) for waiting in self.waiting]
        return vars(self) | {"taken": dict(sorted(self.taken.items())), "waiting": waiting}


def fetch_mail(root: Path) -> Fetched:
    """Write the new mails into the depot of the study in `root`.

    Raises `SettingsError` where no mailbox is named, `MissingExtraError` without imap-tools,
    `MailError` where the mailbox fails, and `StudyError` while another reading goes on or where the
    depot cannot be written.
    """
    study = Study.open(root.resolve())
    if not study.settings.mail.host:
        raise SettingsError(
            "« mail.host » est vide dans etude.toml",
            "le serveur IMAP de la boîte à lire",
            "l'y écrire",
        )
    password = read_password(study)
    refusal = StudyError(
        f"une relève des mails de « {study.root} » est déjà en cours",
        "une relève à la fois",
        "attendre qu'elle finisse",
    )
    with locked_file(study.runs / ".fetching", refusal):
        record = Record(study)
        record.taken |= _hashes_in(study.depot)
        router = MailRouter(study.depot, study.settings.mail)
        with opened(study.settings.mail, password) as mailbox:
            return _Reading(study, mailbox, record, router).run()


def read_password(study: Study) -> str | None:
    """Return the mailbox's password, if any; raise `SettingsError`."""
    return read_secret(
        PASSWORD,
        "le mot de passe de la boîte",
        named=study.settings.mail.password_file,
        base=study.root,
    )


class _Reading:
    def __init__(
        self, study: Study, mailbox: Mailbox, record: "Record", router: MailRouter
    ) -> None:
        self._study, self._mailbox, self._record, self._router = study, mailbox, record, router
        self._max_bytes = int(study.settings.ingest.max_file_mb * MEGABYTE)
        self._rules = text_hash(router.fingerprint, str(self._max_bytes))
        self._folder = record.folder(study.settings.mail, mailbox.uid_validity)
        self._fetched = Fetched()

    def run(self) -> Fetched:
        """Read the new mails; what was done is recorded even where the rest fails."""
        uids, folder = self._mailbox.uids(), self._folder
        folder.waiting = {uid: folder.waiting[uid] for uid in uids if uid in folder.waiting}
        again = sorted(folder.waiting) if folder.rules != self._rules else []
        new = [uid for uid in uids if uid > folder.last_uid]
        try:
            for n, uid in enumerate([*again, *new], start=1):
                self._note(uid, self._read(uid))
                if n % _SAVED_EVERY == 0:
                    self._record.save()
            folder.rules = self._rules
        finally:
            self._record.save()
        self._fetched.waiting = [folder.waiting[uid] for uid in sorted(folder.waiting)]
        return self._fetched

    def _read(self, uid: int) -> Waiting | None:
        head = self._mailbox.headers(uid)
        if head is None:
            return _waiting(Message(), UNREADABLE)
        headers, n_bytes = head
        if self._is_refusal(uid, headers):
            self._fetched.n_refusals += 1
            return None
        if _is_automatic(headers):
            self._fetched.n_automatic += 1
            return None
        route = self._router.route(headers)
        if route.folder is None:
            return _waiting(headers, route.reason)
        content = self._mailbox.content(uid) if n_bytes <= self._max_bytes else None
        if n_bytes > self._max_bytes or (content and len(content) > self._max_bytes):
            return _waiting(headers, TOO_BIG)
        if not content:
            return _waiting(headers, UNREADABLE)
        self._take(content, route.folder)
        return None

    def _is_refusal(self, uid: int, headers: Message) -> bool:
        """Note in the vault who wants no mail from the study; raise `VaultError` if it is locked.

        Such a mail is no contribution: it does not go to the depot.
        """
        code = refusal_code(headers, lambda: text_of_mail(self._mailbox.content(uid) or b""))
        return code is not None and refuse(self._study, code)

    def _take(self, content: bytes, folder: str) -> None:
        identity = mail_hash(content)
        if identity in self._record.taken:
            self._fetched.n_known += 1
            return
        write_mail(content, self._study.depot / folder)
        self._record.taken.add(identity)
        self._fetched.taken[folder] += 1

    def _note(self, uid: int, waiting: Waiting | None) -> None:
        folder = self._folder
        if waiting is None:
            folder.waiting.pop(uid, None)
        else:
            self._fetched.n_new_waiting += uid not in folder.waiting
            folder.waiting[uid] = waiting
        folder.last_uid = max(folder.last_uid, uid)


def _waiting(headers: Message, reason: str) -> Waiting:
    return Waiting(message_hash(headers), day_of(headers), reason)


def _is_automatic(headers: Message) -> bool:
    """Whether a program wrote a mail by itself (RFC 3834), as our own notices."""
    submitted = header_text(headers, "auto-submitted").split(";")[0].strip().lower()
    return submitted not in ("", "no") or headers.get_content_type() in _REPORTS


_IDENTITY_HEADERS = ("message-id", "date", "from", "subject")
_HASH_IN_NAME = re.compile(r" ([0-9a-f]{16})\.eml")


def mail_hash(content: bytes) -> str:
    """Return 16 hex digits of Message-ID, date, sender, subject and body.

    Transport headers (Received, Delivered-To) do not count: two copies of a mail are one.
    """
    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    headers = BytesHeaderParser().parsebytes(head + b"\n\n")
    values = (" ".join(header_text(headers, name).split()) for name in _IDENTITY_HEADERS)
    return text_hash(*values, hashlib.sha256(body.rstrip()).hexdigest())[:16]


def message_hash(headers: Message) -> str:
    """Return 12 hex digits of the Message-ID, else of date and subject."""
    identity = header_text(headers, "message-id").strip()
    identity = identity or header_text(headers, "date") + header_text(headers, "subject")
    return text_hash(identity)[:12]


def day_of(headers: Message) -> str:
    """Return the day in a mail's Date header, ISO 8601; "" without one."""
    return _moment(headers)[:10]


def _moment(headers: Message) -> str:
    try:
        return f"{parsedate_to_datetime(header_text(headers, 'date')):%Y-%m-%d %Hh%M}"
    except (TypeError, ValueError, OverflowError, IndexError):
        return ""


def _hashes_in(depot: Path) -> set[str]:
    """Return the hashes in file names, wherever people moved the mails."""
    inventory = Inventory(depot)
    names = [entry.name for entry in inventory.outside]
    names += [file.name for folder in inventory.folders for file in folder.files]
    matches = map(_HASH_IN_NAME.search, names)
    return {match[1] for match in matches if match}


def write_mail(content: bytes, folder: Path) -> Path:
    """Write a mail into the workshop's `folder`, in one step, and return its path.

    Its hidden temporary name is skipped by runs and the watch. Raises `StudyError` where the folder
    cannot be written.
    """
    headers = BytesHeaderParser().parsebytes(content)
    path = folder / FOLDER / f"{_moment(headers) or 'sans date'} {mail_hash(content)}.eml"
    building = path.with_name(f".{path.name}")
    try:
        path.parent.mkdir(exist_ok=True)
        building.unlink(missing_ok=True)
        handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        building.replace(path)
        _force_names_to_disk(path.parent)
    except OSError as error:
        raise read_only(path.parent, error) from error
    return path


def _force_names_to_disk(folder: Path) -> None:
    """Sync the folder to disk before the record says that a mail came in."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_REFUSED_S = 3600.0  # before retrying a refused password: servers lock out insistent clients
_DEFAULT_S = 600.0


class MailRounds:
    """Read the mailbox of the study in `root` until `stop`; `told` gets new mails and failures."""

    def __init__(self, root: Path, *, stop: threading.Event, told: Callable[[str], None]) -> None:
        self._root, self._stop, self._report_line = root, stop, told
        self._fault: str | None = None
        self._refused, self._refused_at = "", 0.0

    def run(self) -> None:
        """Read at once, then every `every_minutes`."""
        while not self._stop.is_set():
            self._stop.wait(self.read_once())

    def read_once(self) -> float:
        """Read once and return the seconds to wait."""
        wait_s, access = _DEFAULT_S, ""
        try:
            study = Study.open(self._root)
            wait_s = study.settings.mail.every_minutes * 60
            access = text_hash(study.settings.mail.model_dump_json(), read_password(study) or "")
            if access == self._refused and time.monotonic() - self._refused_at < _REFUSED_S:
                return wait_s
            fetched = fetch_mail(self._root)
        except (AteliersError, OSError) as error:
            self._report_failure(error, access)
        else:
            self._report_success(fetched)
        return wait_s

    def _report_failure(self, error: Exception, access: str) -> None:
        fault = "" if can_pass(error) else str(error)  # all absences of the server are one failure
        if fault:
            self._refused, self._refused_at = access, time.monotonic()
        if fault != self._fault:
            self._report(str(error))
        self._fault = fault

    def _report_success(self, fetched: Fetched) -> None:
        if self._fault is not None:
            self._report("boîte de nouveau lue")
        self._fault, self._refused = None, ""
        if fetched.taken:
            counts = ", ".join(f"{folder} : {n}" for folder, n in sorted(fetched.taken.items()))
            self._report(f"{Count(fetched.taken.total()):mail pris|mails pris} ({counts})")
        if fetched.n_new_waiting:
            n_waiting = Count(fetched.n_new_waiting)
            self._report(
                f"{n_waiting:mail de plus attend|mails de plus attendent} sur le serveur : "
                f"ateliers fetch-mail {self._root} dit pourquoi"
            )

    def _report(self, line: str) -> None:
        self._report_line(f"{self._root.name} : {line}")
