"""The vault's registry: the person behind each number, and hashes of forgotten persons.

In:   the bytes of an earlier run
Out:  Registry; its bytes go to vault/ and to nothing downstream

Numbers follow the order in which people are met. They are never reused, even for a forgotten
person, and later material never changes them.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any, NamedTuple, TypeVar

from pydantic import TypeAdapter

from pipeline.errors import StudyError, VaultError
from pipeline.tables.schema import Column, Table

# of the file format; raise it when an earlier version would lose data by rewriting the file
_VERSION = 1
VAULT = Table(
    "vault",
    "People of the vault as the search for names takes them; never written to tables/.",
    ("participant_id",),
    (
        Column("participant_id", "text", "Pseudonym: `personne-` and a number never given twice"),
        Column("workshop_id", "text", "Workshop whose files name the person"),
        Column("full_name", "text", "First and last name, or what is known of them", nullable=True),
        Column("first_name", "text", "First name", nullable=True),
        Column("last_name", "text", "Last name", nullable=True),
        Column("email", "text", "Mail address", nullable=True),
        Column("phone", "text", "Telephone, as written", nullable=True),
    ),
)

Entry = TypeVar("Entry", bound="Person | Forgotten")


class Facts(NamedTuple):
    """Facts that distinguish homonyms; `names` are ordered words, `areas` departments."""

    names: frozenset[str]
    emails: frozenset[str]
    phones: frozenset[str]
    structures: frozenset[str]
    areas: frozenset[str]

    @classmethod
    def of(cls, entry: "Person | Forgotten") -> "Facts":
        """Return the facts of a person, or those of an erased one, hashed."""
        return cls(*(frozenset(getattr(entry, kind)) for kind in cls._fields))

    def hashed(self, secret: str) -> "Facts":
        """Return the facts hashed under `secret`."""
        return Facts(
            *(
                frozenset(keyed_hash(secret, kind, fact) for fact in facts)
                for kind, facts in self._asdict().items()
            )
        )

    def contradicts(self, other: "Facts") -> bool:
        """Whether mail, structure and department are all known and all differ."""
        return self.is_elsewhere(other) and _differ(self.areas, other.areas)

    def is_elsewhere(self, other: "Facts") -> bool:
        """Whether mail and structure are known and both differ."""
        return _differ(self.emails, other.emails) and _differ(self.structures, other.structures)

    def shares(self, other: "Facts") -> bool:
        """Whether a mail address, a telephone or a structure is the same."""
        return bool(
            self.emails & other.emails
            or self.phones & other.phones
            or self.structures & other.structures
        )


def _differ(mine: frozenset[str], theirs: frozenset[str]) -> bool:
    return bool(mine and theirs and not mine & theirs)


@dataclass
class Person:
    """A person; `is_listed` if more than texts names it: a list, a mail, a turn to speak."""

    number: int
    is_listed: bool
    # of the workshops where it was met, the first one first
    folders: list[str] = field(default_factory=list)
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    # the folded words of each spelling, in alphabetical order
    names: list[str] = field(default_factory=list)
    emails: list[str] = field(default_factory=list)
    phones: list[str] = field(default_factory=list)
    structures: list[str] = field(default_factory=list)
    areas: list[str] = field(default_factory=list)
    # by folder, the folded names in its texts
    mentions: dict[str, list[str]] = field(default_factory=dict)
    doubt: str = ""  # why a person should look, in French

    @property
    def participant_id(self) -> str:
        """Return the pseudonym."""
        return f"personne-{self.number}"

    @property
    def facts(self) -> Facts:
        """Return the facts that distinguish it from a homonym."""
        return Facts.of(self)

    def learn(self, folder: str, facts: Facts) -> None:
        """Add a workshop's facts, in a fixed order."""
        for kind, new in {"folders": {folder}, **facts._asdict()}.items():
            getattr(self, kind).extend(sorted(new - set(getattr(self, kind))))


@dataclass
class Forgotten:
    """Keyed hashes of an erased person, which keep it erased in later readings."""

    names: list[str]
    emails: list[str]
    phones: list[str]
    structures: list[str]
    areas: list[str]
    mentions: list[str]  # folder and folded name
    has_no_words: bool = False  # its words are erased too

    def is_person(self, facts: Facts) -> bool:
        """Whether hashed `facts` match: an uncontradicted name, a mail or a telephone."""
        own = Facts.of(self)
        has_same_name = bool(own.names & facts.names) and not own.contradicts(facts)
        return has_same_name or bool(own.emails & facts.emails or own.phones & facts.phones)


@dataclass
class Registry:
    """All persons of a study by number; `folders` are those whose texts are numbered."""

    persons: dict[int, Person] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    forgotten: list[Forgotten] = field(default_factory=list)
    last_number: int = 0
    secret: str = field(default_factory=lambda: secrets.token_hex(32))

    @classmethod
    def loads(cls, content: bytes) -> "Registry":
        """Return the registry that `dumps` wrote.

        Raises `VaultError` for a damaged file or a later version, which a rewrite would damage.
        """
        try:
            return cls._loaded(json.loads(content))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise damaged_vault("le registre des personnes") from error

    @classmethod
    def _loaded(cls, read: dict[str, Any]) -> "Registry":
        if (version := read.get("version", 1)) > _VERSION:
            raise VaultError(
                f"le coffre vient d'une version plus récente (format {version})",
                f"le format {_VERSION} ou un plus ancien",
                "mettre ateliers à jour",
            )
        persons = _entries(Person, read["persons"])
        forgotten = _entries(Forgotten, read["forgotten"])
        folders = TypeAdapter(list[str]).validate_python(read["folders"])
        by_number = {person.number: person for person in persons}
        last_number = int(read["last_number"])
        bytes.fromhex(read["secret"])
        if len(by_number) < len(persons) or max(by_number, default=0) > last_number:
            raise ValueError("numbers given twice")
        return cls(by_number, folders, forgotten, last_number, read["secret"])

    def dumps(self) -> bytes:
        """Return the registry as JSON, with stable bytes; indents would be slow."""
        persons = [vars(person) for _, person in sorted(self.persons.items())]
        content = vars(self) | {
            "version": _VERSION,
            "persons": persons,
            "forgotten": [vars(entry) for entry in self.forgotten],
        }
        return (json.dumps(content, ensure_ascii=False, sort_keys=True) + "\n").encode()

    def add(self, *, is_listed: bool) -> Person:
        """Add a person under the next number."""
        self.last_number += 1
        person = self.persons[self.last_number] = Person(self.last_number, is_listed)
        return person

    def met_in(self, folder: str, *, is_listed: bool | None = None) -> list[Person]:
        """Return the persons met in `folder`, by number."""
        here = [person for _, person in sorted(self.persons.items()) if folder in person.folders]
        return [person for person in here if is_listed is None or person.is_listed is is_listed]

    def mentioned(self, folder: str) -> dict[str, int]:
        """Return the number of each folded name in a folder's texts."""
        return {
            name: number
            for number, person in sorted(self.persons.items())
            for name in person.mentions.get(folder, ())
        }

    def forgotten_mentions(self) -> frozenset[str]:
        """Return the hashes of forgotten persons' names in texts."""
        return frozenset(mention for entry in self.forgotten for mention in entry.mentions)

    def erasures(self) -> "Registry":
        """Return what was forgotten alone, under what tells the secret without saying it."""
        key = keyed_hash(self.secret, "registry", "")
        return replace(self, persons={}, folders=[], secret=key)

    def forgotten_as(self, person: Person, forms: Iterable[tuple[str, str]]) -> Forgotten | None:
        """Return the erasure that holds for a person of an earlier registry, if there is one."""
        facts = person.facts.hashed(self.secret)
        mentions = {self.hash_mention(folder, name) for folder, name in forms}
        return next(
            (
                entry
                for entry in self.forgotten
                if entry.is_person(facts) or (mentions and mentions <= set(entry.mentions))
            ),
            None,
        )

    def forget_too(self, later: "Registry") -> int:
        """Take over what a later registry of the study forgot; return how many that adds.

        Raises `StudyError` for a registry with another secret, whose hashes tell nothing here.
        """
        if self.secret != later.secret and (self.last_number or self.forgotten):
            raise StudyError(
                "le coffre de la sauvegarde a une autre clé que celui d'aujourd'hui",
                "une sauvegarde où les personnes effacées depuis se reconnaissent",
                "en choisir une autre ; rien n'a été changé",
            )
        self.secret, self.last_number = later.secret, max(self.last_number, later.last_number)
        new = [entry for entry in later.forgotten if entry not in self.forgotten]
        self.forgotten += new
        return len(new)

    def forget(self, number: int, *, has_no_words: bool, forms: Iterable[tuple[str, str]]) -> None:
        """Erase a person; hashes of `forms`, (folder, folded name), keep it hidden."""
        person = self.persons.pop(number)
        hashed = person.facts.hashed(self.secret)
        mentions = sorted({self.hash_mention(folder, name) for folder, name in forms})
        facts = {kind: sorted(hashes) for kind, hashes in hashed._asdict().items()}
        entry = Forgotten(**facts, mentions=mentions, has_no_words=has_no_words)
        self.forgotten += [entry] if entry not in self.forgotten else []

    def hash_mention(self, folder: str, name: str) -> str:
        """Return the hash of a folded name in a folder; "" is every folder."""
        return keyed_hash(self.secret, "mention", f"{folder}\x1f{name}")


def damaged_vault(what: str) -> VaultError:
    """Return the error for a damaged file; `what` names it."""
    return VaultError(
        f"{what} du coffre est abîmé ou incomplet",
        "le fichier de vault/ tel que le dernier traitement l'a écrit",
        "le remettre d'une sauvegarde de l'étude ; ne pas l'effacer, les numéros des "
        "personnes en dépendent",
    )


def keyed_hash(secret: str, kind: str, fact: str) -> str:
    """Return the HMAC-SHA256 of a fact, 32 hex digits."""
    return hmac.new(
        bytes.fromhex(secret), f"{kind}\x1f{fact}".encode(), hashlib.sha256
    ).hexdigest()[:32]


def _entries(kind: type[Entry], rows: Iterable[dict[str, Any]]) -> list[Entry]:
    """Ignore unknown fields."""
    names = {item.name for item in fields(kind)}
    readable = [{name: row[name] for name in row if name in names} for row in rows]
    return TypeAdapter(list[kind]).validate_python(readable)  # type: ignore[valid-type]
