"""Mask what people type about passages: a theme's name, a reason, the name of weights.

In:   the registry; the words that people decided to keep or to hide; names of structures
Out:  TypedTextMasker: a text without names of known people, titled names, mail addresses, telephones

Short texts typed one at a time: no language model is asked, which a page would wait seconds for.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

from pipeline.pseudonymise.choices import Choices, DecidedMasker
from pipeline.pseudonymise.pseudonyms import is_forgotten
from pipeline.pseudonymise.rewrite import Rewriting
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.vault import VAULT, Person, Registry


class TypedTextMasker(DecidedMasker):
    """Masks texts with everybody whom the study knows, whatever workshop they were met in."""

    _has_language_model = False

    def __init__(self, registry: Registry, *, choices: Choices, structures: Iterable[str], name_match: int) -> None:
        persons = list(registry.persons.values())
        people = VAULT.build(_row(person) for person in persons if person.is_listed)
        unlisted = {
            " ".join(name.split())
            for person in persons
            if not person.is_listed
            for names in person.mentions.values()
            for name in names
            if " " in name
        }
        super().__init__(
            build_roster([people], structures, choices.keep),
            name_match=name_match,
            choices=replace(choices, hide=choices.hide | unlisted),
            registry=registry,
            folder="",
        )
        self.mask = lru_cache(maxsize=50_000)(self._masked)

    def _masked(self, text: str) -> str:
        (masks,) = self.find([(text, [])])
        return Rewriting(text, masks).text

    def _hash_is_known(self, name: str) -> bool:
        if name not in self._known_hashes:
            folders = self._registry.folders or [""]
            self._known_hashes[name] = any(is_forgotten(name, self._registry, folder, self._hidden) for folder in folders)
        return self._known_hashes[name]


def _row(person: Person) -> dict[str, str | None]:
    return {
        "participant_id": person.participant_id,
        "workshop_id": "",
        "full_name": person.full_name,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }
