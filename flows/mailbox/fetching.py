"""Read a mailbox once: what is new, and what waited where the rules have changed since.

The story: look at the headers of each → leave what no person wrote → find its workshop → fetch it → write it once → remember it.
Cut anywhere, the next reading goes on: a mail is in the depot before the record says that it was read, and its name tells that it is there.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from pathlib import Path
from typing import Any

from flows.mailbox.arrivals import day_of, hashes_in, mail_hash, message_hash, write_mail
from flows.mailbox.placing import Placing
from flows.mailbox.record import FolderRecord, Record, Waiting
from flows.mailbox.server import Mailbox, opened
from pipeline.errors import SettingsError, StudyError
from pipeline.i18n import _
from pipeline.ingest.readers.mail import header_text
from pipeline.ingest.readers.source import MEGABYTE
from pipeline.secret import read_secret
from pipeline.study import Study, held, text_hash

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
        raise SettingsError(_("« mail.host » est vide dans etude.toml"), _("le serveur IMAP de la boîte à lire"), _("l'y écrire"))
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
    return read_secret(PASSWORD, "le mot de passe de la boîte", named=study.settings.mail.password_file, base=study.root)


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
            for n, uid in enumerate([*again, *(uid for uid in uids if uid > seen.last_uid)], start=1):
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
    found = _("une relève des mails de « {root} » est déjà en cours").format(root=study.root)
    with held(study.runs / ".fetching", StudyError(found, _("une relève à la fois"), _("attendre qu'elle finisse"))):
        yield
