"""Which workshop a mail is for: by the address it was sent to, else by its subject, else the one that takes the rest.

In:   the headers of a mail; the folders of the depot, the [mail] settings
Out:  a folder's name, or why there is none
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from email.message import Message
from functools import cache
from pathlib import Path

from pipeline.depot import folders_of
from pipeline.files import text_hash
from pipeline.ingest.readers.mail import header_text, people_in
from pipeline.ingest.words import find_date
from pipeline.ingest.workshop import date_of, name_territory, name_workshop, read_manifest
from pipeline.settings.sections import MailSettings
from pipeline.text import fold, lexicon

NO_WORKSHOP, SEVERAL, NO_FOLDER = "no_workshop", "several", "no_folder"

_CARRIED_TO = (
    "delivered-to",
    "x-delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
)  # of this very copy
_WRITTEN_TO = ("to", "cc", "resent-to", "resent-cc")
_ABBREVIATED = {"st": "saint", "ste": "sainte"}
_SHORT = 4  # letters: "Lot" is also a word, and counts with its capital alone


@dataclass(frozen=True)
class Place:
    """A workshop as mails may call it: its folder, folded names without date, its day (ISO 8601) where it is told."""

    folder: str
    names: frozenset[str]
    day: str | None


@dataclass(frozen=True)
class Placed:
    """Where a mail goes; without `folder`, why it waits."""

    folder: str | None
    reason: str = ""


class Placing:
    """The rules of a study: the folders of `depot` as they are now, and what `settings` say."""

    def __init__(self, depot: Path, settings: MailSettings) -> None:
        self._places = list(_places(depot))
        self._user = settings.user.lower()
        self._fallback = _on_disk(settings.fallback, self._places)
        named = {key: _on_disk(name, self._places) for key, name in settings.workshops.items()}
        self._addresses = {key.lower(): folder for key, folder in named.items() if "@" in key}
        self._words = {
            _plain(key): folder for key, folder in named.items() if _plain(key) and "@" not in key
        }
        told = [f"{place.folder}={place.day}={sorted(place.names)}" for place in self._places]
        self.fingerprint = text_hash(
            settings.model_dump_json(include={"fallback", "workshops"}), *told
        )

    def place(self, headers: Message) -> Placed:
        """Return the folder of the workshop that a mail with these headers is for."""
        subject = header_text(headers, "subject")
        by_subject = self._by_subject(subject)
        for addressed in (
            self._by_address(headers, _CARRIED_TO),
            self._by_address(headers, _WRITTEN_TO),
        ):
            if addressed:
                return self._settled(addressed, by_subject, subject)
        return self._settled(by_subject, by_subject, subject)

    def _settled(self, named: set[str], by_subject: set[str], subject: str) -> Placed:
        """The one folder of `named`; of several, the one that the subject names too, by name or by day; else the fallback."""
        for kept in (named, named & by_subject, named & self._of_days(subject, named)):
            if len(kept) == 1:
                (folder,) = kept
                return self._there(folder)
        if self._fallback:
            return self._there(self._fallback)
        return Placed(None, SEVERAL if named else NO_WORKSHOP)

    def _there(self, folder: str) -> Placed:
        return (
            Placed(folder)
            if any(place.folder == folder for place in self._places)
            else Placed(None, NO_FOLDER)
        )

    def _by_address(self, headers: Message, names: tuple[str, ...]) -> set[str]:
        """The folders that the addresses in the headers `names` tell: as the settings say, or after a « + »."""
        found: set[str] = set()
        for _, address in people_in(headers, names):
            written = address.lower()
            local, _, domain = written.rpartition("@")
            own, plus, label = local.partition("+")
            if written in self._addresses:
                found.add(self._addresses[written])
            elif plus and (names is _CARRIED_TO or self._is_ours(own, domain)):
                found |= self._called(_plain(label))
        return found

    def _is_ours(self, own: str, domain: str) -> bool:
        """Whether an address that others may have been sent a mail by is one of this mailbox or of its house."""
        _, at, house = self._user.rpartition("@")
        return domain == house if at else own == house

    def _called(self, label: str) -> set[str]:
        """The folders that a label names whole."""
        if label in self._words:
            return {self._words[label]}
        squeezed = label.replace(" ", "")
        return {
            place.folder
            for place in self._places
            if any(name.replace(" ", "") == squeezed for name in place.names)
        }

    def _by_subject(self, subject: str) -> set[str]:
        """The folders that words of `subject` name; a name inside a longer one does not count, several of a name are told apart by day."""
        text = f" {_plain(subject)} "
        said = {(words, folder) for words, folder in self._words.items() if f" {words} " in text}
        said |= {
            (name, place.folder)
            for place in self._places
            for name in place.names
            if f" {name} " in text and _is_meant(name, subject)
        }
        folders = {
            folder
            for name, folder in said
            if not any(f" {name} " in f" {other} " and name != other for other, _ in said)
        }
        if not said and " atelier" in text:
            folders = self._of_days(subject, {place.folder for place in self._places})
        return (
            (folders & self._of_days(subject, folders) or folders) if len(folders) > 1 else folders
        )

    def _of_days(self, subject: str, folders: set[str]) -> set[str]:
        """Those of `folders` whose day `subject` tells, with or without the year."""
        days = set(_days(subject))
        return {
            place.folder
            for place in self._places
            if place.folder in folders
            and place.day
            and (place.day in days or place.day[5:] in days)
        }


def _places(depot: Path) -> Iterator[Place]:
    """The workshops that have a folder, even an empty one."""
    for path in folders_of(depot):
        manifest = read_manifest(path, depot=depot)
        names = {
            _plain(name_territory(path, manifest)),
            _plain(name_workshop(path, manifest)),
            _plain(path.name),
        } - {""}
        yield Place(path.name, frozenset(names), date_of(path, manifest))


def _on_disk(name: str, places: Sequence[Place]) -> str:
    """The folder called `name`, whichever way its accents are kept; `name` itself where there is none."""
    wanted = unicodedata.normalize("NFC", name.strip())
    return next(
        (place.folder for place in places if unicodedata.normalize("NFC", place.folder) == wanted),
        name,
    )


def _plain(text: str) -> str:
    """`text` folded, "St" and "Ste" in full."""
    return " ".join(_ABBREVIATED.get(word, word) for word in fold(text).split())


def _is_meant(name: str, subject: str) -> bool:
    """Whether a name is one in `subject`: a short one needs its capital, as "Lot" does."""
    if len(name) > _SHORT:
        return True
    return any(_plain(word) == name and word[0].isupper() for word in re.findall(r"\w+", subject))


def _days(subject: str) -> Iterable[str]:
    """The days that `subject` tells: 2026-03-12, or 03-12 where it tells no year."""
    rest = subject
    while found := find_date(rest):
        yield found[0]
        rest = f"{rest[: found[1][0]]} / {rest[found[1][1] :]}"
    months = "|".join(sorted(_months(), key=len, reverse=True))
    for day, month in re.findall(rf"\b([0-3]?\d)(?:er)? ({months})\b", fold(rest)):
        yield f"{_months()[month]:02}-{int(day):02}"


@cache
def _months() -> dict[str, int]:
    return {fold(word): number for word, number in lexicon("dates")["mois"].items()}
