"""Pseudonymise a workshop: the same tables without personal data, and what goes to the vault.

In:   the tables of ingest_workshop, `people` included; the vault's registry; people's choices
Out:  the tables without `people`, names as `[personne 12]`, other personal data as fixed tokens;
      the registry and the doubtful cases

A person has one number over the whole study, given once (pseudonymise/vault.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pandas as pd

from pipeline.communes import name_of
from pipeline.pseudonymise.choices import (
    Choices,
    DecidedMasker,
)
from pipeline.pseudonymise.documents import (
    DOUBTS,
    find_places,
    list_doubts,
    mark_documents,
    names_of,
    write_documents,
)
from pipeline.pseudonymise.identities import (
    Identified,
    PossiblePerson,
    identify_people,
    is_forgotten,
    number_names,
)
from pipeline.pseudonymise.masker import Masker, Rewriting, rename_structures
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.vault import VAULT, Person, Registry
from pipeline.settings.sections import PseudonymiseSettings
from pipeline.tables.material import ATTENDANCE

__all__ = ["TypedTextMasker", "VaultUpdate", "pseudonymise"]

ANONYMOUS_SPEAKER = "intervenant"

Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class VaultUpdate:
    """What goes to the vault: everybody met so far, and the cases of this workshop that a person
    should look at.
    """

    registry: Registry
    doubts: pd.DataFrame = field(default_factory=DOUBTS.empty)


def pseudonymise(
    tables: Tables,
    *,
    known: Registry | None = None,
    choices: Choices | None = None,
    settings: PseudonymiseSettings,
) -> tuple[Tables, VaultUpdate]:
    """Return `tables` without personal data and without `people`, and what goes to the vault;
    `known` stays as it is.

    Texts are rewritten and the offsets of blocks carried over exactly; `path` and `folder` stay as
    they are.
    """
    registry = known.copy() if known else Registry()
    workshop_id, folder = (
        str(tables["workshops"][name].iloc[0]) for name in ("workshop_id", "folder")
    )
    earlier = _listed_before(registry, folder, workshop_id)
    identified = identify_people(tables["people"], tables["attendance"], registry, folder=folder)
    decided = choices or Choices()
    chosen = replace(decided, hide=decided.hide | set(settings.hide))
    masker = _masker(tables, earlier, registry, chosen, settings)
    clean = {name: table.copy() for name, table in tables.items() if name != "people"}
    marked = mark_documents(
        clean["documents"],
        clean["blocks"],
        masker,
        erased=identified.has_no_words(clean["blocks"]["speaker"]),
    )
    people = _candidates(tables["people"], identified, registry, folder)
    numbers = number_names(
        names_of(marked), people, registry, folder=folder, name_match=settings.name_match
    )
    clean["documents"], clean["blocks"], cases = write_documents(
        clean["documents"], clean["blocks"], marked, numbers, registry
    )
    clean["documents"]["title"] = masker.mask_texts(clean["documents"]["title"])
    clean["workshops"]["place"] = masker.mask_texts(clean["workshops"]["place"], persons_only=True)
    clean["blocks"] = _blocks(clean["blocks"], identified, masker)
    clean["attendance"] = _attendance(clean["attendance"], identified, masker)
    registry.folders += [folder] if folder not in registry.folders else []
    doubtful = [person for person in registry.met_in(folder, is_listed=True) if person.doubt]
    return rename_structures(clean, masker), VaultUpdate(
        registry, list_doubts(workshop_id, cases, doubtful)
    )


def _listed_before(registry: Registry, folder: str, workshop_id: str) -> pd.DataFrame:
    """Whom earlier lists of the workshop named, though the present one may not."""
    return VAULT.build(
        {
            "participant_id": person.participant_id,
            "workshop_id": workshop_id,
            "full_name": person.full_name,
            "first_name": person.first_name,
            "last_name": person.last_name,
        }
        for person in registry.met_in(folder, is_listed=True)
    )


def _masker(
    tables: Tables,
    earlier: pd.DataFrame,
    registry: Registry,
    choices: Choices,
    settings: PseudonymiseSettings,
) -> DecidedMasker:
    roster = build_roster(
        (tables["people"], earlier), tables["structures"]["name"].dropna(), settings.keep
    )
    places = find_places(tables["documents"]["text"], _communes(tables), roster)
    folder = str(tables["workshops"]["folder"].iloc[0])
    return DecidedMasker(
        replace(roster, places=places),
        name_match=settings.name_match,
        choices=choices,
        registry=registry,
        folder=folder,
    )


def _communes(tables: Tables) -> set[str]:
    """The territory's name and those of the communes of lists and maps."""
    codes = (
        *tables["attendance"]["commune_code"].dropna(),
        *tables["structures"]["commune_code"].dropna(),
    )
    return {str(name) for name in tables["workshops"]["territory"].dropna()} | {
        name_of(str(code)) for code in codes
    }


def _candidates(
    people: pd.DataFrame, identified: Identified, registry: Registry, folder: str
) -> list[PossiblePerson]:
    """Whom a name in the workshop's texts may mean: those its lists name now, or named before,
    forgotten ones too.
    """
    names = ("first_name", "last_name", "full_name")
    rows = [
        PossiblePerson.of(
            identified.numbers.get(str(row["participant_id"])),
            *(_text(row[name]) for name in names),
        )
        for row in people.to_dict("records")
    ]
    before = registry.met_in(folder, is_listed=True)
    return rows + [
        PossiblePerson.of(person.number, person.first_name, person.last_name, person.full_name)
        for person in before
    ]


def _text(cell: object) -> str | None:
    return cell if isinstance(cell, str) else None


def _blocks(blocks: pd.DataFrame, identified: Identified, masker: Masker) -> pd.DataFrame:
    """Blocks whose speakers are final ids: a speaker still named becomes "intervenant", a role
    stays, somebody forgotten leaves a blank.
    """
    speakers = blocks["speaker"]
    others = pd.Series(
        sorted({str(speaker) for speaker in speakers.dropna()} - identified.ids),
        dtype=speakers.dtype,
    )
    masked = masker.mask_texts(others)
    final = (
        dict(zip(others, masked.where(masked == others, ANONYMOUS_SPEAKER), strict=True))
        | identified.final
    )
    named = blocks.assign(speaker=speakers.map(final, na_action="ignore").astype(speakers.dtype))
    is_gone = pd.Series(
        identified.has_no_words(speakers), index=named.index, dtype=bool
    )  # a blank list would choose no column
    return named[~is_gone].reset_index(drop=True)


def _attendance(attendance: pd.DataFrame, identified: Identified, masker: Masker) -> pd.DataFrame:
    """The attendance under final ids, one row a person and structure, roles without names; nobody
    forgotten is in it.
    """
    present = attendance[~attendance["participant_id"].isin(list(identified.forgotten))]
    participants = [
        identified.final.get(participant, participant) for participant in present["participant_id"]
    ]
    treated = present.assign(role=masker.mask_texts(present["role"]))
    treated["participant_id"] = pd.Series(
        participants, index=treated.index, dtype=attendance["participant_id"].dtype
    )
    key = list(
        ATTENDANCE.key
    )  # two lines of a list may be one person of the study, who signed if either line is signed
    treated["has_signed"] = (
        treated.groupby(key, dropna=False)["has_signed"].transform("any").astype(bool)
    )
    return treated.drop_duplicates(key).reset_index(drop=True)


class TypedTextMasker(DecidedMasker):
    """Masks texts with everybody whom the study knows, whatever workshop they were met in."""

    _has_language_model = False

    def __init__(
        self, registry: Registry, *, choices: Choices, structures: Iterable[str], name_match: int
    ) -> None:
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
            self._known_hashes[name] = any(
                is_forgotten(name, self._registry, folder, self._hidden) for folder in folders
            )
        return self._known_hashes[name]


def _row(person: Person) -> dict[str, str | None]:
    return {
        "participant_id": person.participant_id,
        "workshop_id": "",
        "full_name": person.full_name,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }
