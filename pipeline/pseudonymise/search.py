"""Find a person of the vault by what is known of it, and list the names that must hide it for good once it is erased.

In:   the registry; a name, a mail address, a telephone or a participant_id
Out:  persons; names by folder
"""

import re

from pipeline.french import is_word
from pipeline.pseudonymise.identities import digits_of, name_words
from pipeline.pseudonymise.pseudonyms import spelt
from pipeline.pseudonymise.vault import Facts, Person, Registry
from pipeline.pseudonymise.words import is_first_name, listed

_ID = re.compile(r"\[?personne[- ](\d+)\]?", re.IGNORECASE)


def find_people(registry: Registry, wanted: str) -> list[Person]:
    """Return whom `wanted` may mean, in order of number: those with the whole name before those with a part of it."""
    everybody = [person for _, person in sorted(registry.persons.items())]
    number, text = _ID.fullmatch(wanted.strip()), wanted.strip()
    if number:
        return [person for person in everybody if person.number == int(number[1])]
    if "@" in text:
        return [person for person in everybody if text.casefold() in person.emails]
    if digits_of(text):
        return [person for person in everybody if digits_of(text) in person.phones]
    words = set(name_words(spelt(text)).split())
    exact = [person for person in everybody if any(set(spelt(name).split()) == words for name in person.names)]
    return exact or [person for person in everybody if words and any(words <= set(spelt(name).split()) for name in person.names)]


def is_forgotten_person(registry: Registry, wanted: str) -> bool:
    """Whether `wanted` names somebody erased; of a participant_id, whether it was ever given."""
    text, number = wanted.strip(), _ID.fullmatch(wanted.strip())
    if number:
        return 0 < int(number[1]) <= registry.last_number
    facts = Facts(*(frozenset(filter(None, fact)) for fact in ((name_words(text),), (text.casefold(),), (digits_of(text),), (), ())))
    hashed, hidden = facts.hashed(registry.secret), registry.forgotten_mentions()
    forms = {registry.hash_mention("", form) for form in (spelt(text), name_words(spelt(text)))}
    return bool(forms & hidden) or any(entry.is_person(hashed) for entry in registry.forgotten)


def lasting_forms(person: Person) -> list[tuple[str, str]]:
    """(folder, name as `spelt`) pairs that mean this person: "" for its whole names, which do anywhere; a folder for parts of them."""
    wholes = {spelt(name) for name in person.names if len(name.split()) > 1}
    first, last = (spelt(name or "") for name in (person.first_name, person.last_name))
    if first and last:
        wholes |= {f"{first} {last}", f"{last} {first}", f"{first[0]} {last}"}
    parts = {(folder, name) for folder, names in person.mentions.items() for name in names}
    if last and is_telling(last):
        parts |= {(folder, last) for folder in person.folders}
    return sorted({("", whole) for whole in wholes} | parts)


def is_name_word(word: str) -> bool:
    """Whether a word of a name, as `spelt`, is more than an initial, a particle or a function word."""
    return len(word) > 2 and word not in listed("particules") | listed("jamais") | listed("civilites")


def is_telling(name: str) -> bool:
    """Whether a name alone tells its person: no first name, no common word."""
    return len(name) > 2 and not is_first_name(name) and not is_word(name)
