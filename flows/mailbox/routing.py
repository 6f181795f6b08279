"""Find the workshop that a mail is for: by its address, else its subject, else the fallback."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path

from pipeline.depot import Inventory
from pipeline.files import text_hash
from pipeline.ingest.readers.mail import header_text, people_in
from pipeline.ingest.words import find_date
from pipeline.ingest.workshop import date_of, name_territory, name_workshop, read_manifest
from pipeline.settings.sections import MailSettings
from pipeline.text import fold, lexicon

NO_WORKSHOP, SEVERAL, NO_FOLDER = "no_workshop", "several", "no_folder"

# headers of this copy, then the author's
_DELIVERY_HEADERS = (
    "delivered-to",
    "x-delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
)
_RECIPIENT_HEADERS = ("to", "cc", "resent-to", "resent-cc")
_ABBREVIATIONS = {"st": "saint", "ste": "sainte"}
_SHORT = 4  # letters: "Lot" is also a word


@dataclass(frozen=True)
class Route:
    """The folder that a mail goes to; without `folder`, the reason why it waits."""

    folder: str | None
    reason: str = ""


@dataclass(frozen=True)
class _Workshop:
    """A workshop's folder, its folded names without date, and its day if known."""

    folder: str
    names: frozenset[str]
    day: str | None


class MailRouter:
    """Route mails among the present folders of `depot`, by `settings`."""

    def __init__(self, depot: Path, settings: MailSettings) -> None:
        self._workshops = list(_workshops(depot))
        self._user = settings.user.lower()
        self._fallback = self._on_disk(settings.fallback)
        self._addresses: dict[str, str] = {}
        self._words: dict[str, str] = {}
        for key, name in settings.workshops.items():
            if "@" in key:
                self._addresses[key.lower()] = self._on_disk(name)
            elif words := _plain(key):
                self._words[words] = self._on_disk(name)
        self.fingerprint = text_hash(
            settings.model_dump_json(include={"fallback", "workshops"}),
            *(f"{each.folder}={each.day}={sorted(each.names)}" for each in self._workshops),
        )

    def route(self, headers: Message) -> Route:
        """Return the workshop's folder for a mail with these headers."""
        subject = header_text(headers, "subject")
        by_subject = self._by_subject(subject)
        folders = self._by_address(headers, _DELIVERY_HEADERS)
        folders = folders or self._by_address(headers, _RECIPIENT_HEADERS) or by_subject
        # of several, the one that the subject names too, by name or by day
        by_day = folders & self._of_days(subject, folders)
        for candidates in (folders, folders & by_subject, by_day):
            if len(candidates) == 1:
                return self._existing(*candidates)
        if self._fallback:
            return self._existing(self._fallback)
        return Route(None, SEVERAL if folders else NO_WORKSHOP)

    def _on_disk(self, name: str) -> str:
        """Return the folder called `name` in any Unicode form, else `name`."""
        wanted = unicodedata.normalize("NFC", name.strip())
        for workshop in self._workshops:
            if unicodedata.normalize("NFC", workshop.folder) == wanted:
                return workshop.folder
        return name

    def _existing(self, folder: str) -> Route:
        if any(workshop.folder == folder for workshop in self._workshops):
            return Route(folder)
        return Route(None, NO_FOLDER)

    def _by_address(self, headers: Message, names: tuple[str, ...]) -> set[str]:
        """Find addresses by the settings or after a "+"."""
        folders: set[str] = set()
        for _, written in people_in(headers, names):
            address = written.lower()
            local, _, domain = address.rpartition("@")
            mailbox, plus, label = local.partition("+")
            if address in self._addresses:
                folders.add(self._addresses[address])
            elif plus and (names is _DELIVERY_HEADERS or self._is_ours(mailbox, domain)):
                folders |= self._by_label(_plain(label))
        return folders

    def _is_ours(self, mailbox: str, domain: str) -> bool:
        """Whether an address is of this mailbox or its domain, not another recipient's."""
        _, at, our_domain = self._user.rpartition("@")
        return domain == our_domain if at else mailbox == our_domain

    def _by_label(self, label: str) -> set[str]:
        if label in self._words:
            return {self._words[label]}
        squeezed = label.replace(" ", "")
        return {
            workshop.folder
            for workshop in self._workshops
            if any(name.replace(" ", "") == squeezed for name in workshop.names)
        }

    def _by_subject(self, subject: str) -> set[str]:
        """Find whole names in the subject; of several, those whose day it has too."""
        text = f" {_plain(subject)} "
        named = {(words, folder) for words, folder in self._words.items() if f" {words} " in text}
        for workshop in self._workshops:
            for name in workshop.names:
                if f" {name} " in text and _is_meant(name, subject):
                    named.add((name, workshop.folder))
        folders = {folder for name, folder in named if not _is_inside(name, named)}
        if not named and " atelier" in text:
            folders = self._of_days(subject, {workshop.folder for workshop in self._workshops})
        if len(folders) > 1:
            return folders & self._of_days(subject, folders) or folders
        return folders

    def _of_days(self, subject: str, folders: set[str]) -> set[str]:
        days = set(_days(subject))
        return {
            workshop.folder
            for workshop in self._workshops
            if workshop.folder in folders
            and workshop.day
            and (workshop.day in days or workshop.day[5:] in days)
        }


def _workshops(depot: Path) -> Iterator[_Workshop]:
    for folder in Inventory(depot).folders:
        path, manifest = folder.path, read_manifest(folder)
        names = (name_territory(path, manifest), name_workshop(path, manifest), path.name)
        plain = frozenset(map(_plain, names)) - {""}
        yield _Workshop(path.name, plain, date_of(path, manifest))


def _plain(text: str) -> str:
    return " ".join(_ABBREVIATIONS.get(word, word) for word in fold(text).split())


def _is_meant(name: str, subject: str) -> bool:
    """Whether `subject` has the name: a short one needs its capital, as "Lot" does."""
    if len(name) > _SHORT:
        return True
    return any(_plain(word) == name and word[0].isupper() for word in re.findall(r"\w+", subject))


def _is_inside(name: str, named: set[tuple[str, str]]) -> bool:
    return any(f" {name} " in f" {other} " and name != other for other, _ in named)


def _days(subject: str) -> Iterator[str]:
    """Yield 2026-03-12, or 03-12 where the subject has no year."""
    rest = subject
    while match := find_date(rest):
        day, (start, end) = match
        yield day
        rest = f"{rest[:start]} / {rest[end:]}"
    months = "|".join(sorted(_months(), key=len, reverse=True))
    for day, month in re.findall(rf"\b([0-3]?\d)(?:er)? ({months})\b", fold(rest)):
        yield f"{_months()[month]:02}-{int(day):02}"


@cache
def _months() -> dict[str, int]:
    return {fold(word): number for word, number in lexicon("dates")["mois"].items()}
