"""Pseudonymise a workshop: remove personal data from its tables and update the vault.

In:   the tables of ingest_workshop with `people`; the vault's registry; people's choices
Out:  the tables without `people`, names as `[personne 12]`; the registry; the doubtful cases

A person keeps one number over the whole study.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import pandas as pd

from pipeline.communes import name_of
from pipeline.pseudonymise.choices import Choices, DecidedMasker, any_of, every_name
from pipeline.pseudonymise.documents import (
    DOUBTS,
    find_places,
    list_doubts,
    mark_documents,
    names_of,
    write_documents,
)
from pipeline.pseudonymise.identities import Identified, identify_people
from pipeline.pseudonymise.masker import Masker, rename_structures
from pipeline.pseudonymise.masks import PERSON, Mask, Rewriting
from pipeline.pseudonymise.mentions import (
    PossiblePerson,
    best_fits,
    number_names,
    spelt,
)
from pipeline.pseudonymise.roster import build_roster
from pipeline.pseudonymise.vault import VAULT, Person, Registry
from pipeline.settings.sections import PseudonymiseSettings
from pipeline.tables.material import ATTENDANCE
from pipeline.tables.schema import ANONYMOUS_SPEAKER
from pipeline.text import fold_same_length

__all__ = ["TypedTextMasker", "VaultUpdate", "pseudonymise"]


Tables = dict[str, pd.DataFrame]


@dataclass(frozen=True)
class VaultUpdate:
    """The updated registry, and this workshop's doubtful cases."""

    registry: Registry
    doubts: pd.DataFrame = field(default_factory=DOUBTS.empty)


def pseudonymise(
    tables: Tables,
    *,
    registry: Registry | None = None,
    choices: Choices | None = None,
    settings: PseudonymiseSettings,
) -> tuple[Tables, VaultUpdate]:
    """Return the pseudonymised `tables`, without `people`, and the vault's update.

    Block offsets follow the rewritten texts; `path` and `folder` stay as they are, and `registry`
    grows.
    """
    registry = registry or Registry()
    workshop_id, folder = (
        str(tables["workshops"][name].iloc[0]) for name in ("workshop_id", "folder")
    )
    earlier = VAULT.build(
        _vault_row(person, workshop_id) for person in registry.met_in(folder, is_listed=True)
    )
    decided = choices or Choices()
    identified = identify_people(
        tables["people"], tables["attendance"], registry, folder=folder, same=decided.same
    )
    choices = replace(decided, hide=decided.hide | set(settings.hide))
    masker = _masker(tables, earlier, registry, choices, settings)
    clean = {name: table.copy() for name, table in tables.items() if name != "people"}
    marked = mark_documents(
        clean["documents"],
        clean["blocks"],
        masker,
        erased=identified.has_no_words(clean["blocks"]["speaker"]),
    )
    numbers = number_names(
        names_of(marked),
        _possible_persons(tables["people"], identified, registry, folder),
        registry,
        folder=folder,
        name_match=settings.name_match,
    )
    clean["documents"], clean["blocks"], cases = write_documents(
        clean["documents"], clean["blocks"], marked, numbers, registry
    )
    clean["documents"]["title"] = masker.mask_file_names(clean["documents"]["title"])
    clean["receipts"]["left_out"] = masker.mask_texts(clean["receipts"]["left_out"])
    clean["workshops"]["place"] = masker.mask_texts(clean["workshops"]["place"], persons_only=True)
    clean["blocks"] = _clean_blocks(clean["blocks"], identified, masker)
    clean["attendance"] = _clean_attendance(clean["attendance"], identified, masker)
    if folder not in registry.folders:
        registry.folders.append(folder)
    doubtful = [person for person in registry.met_in(folder, is_listed=True) if person.doubt]
    doubts = list_doubts(workshop_id, cases, doubtful)
    return rename_structures(clean, masker), VaultUpdate(registry, doubts)


def _vault_row(person: Person, workshop_id: str) -> dict[str, str | None]:
    names = ("participant_id", "full_name", "first_name", "last_name")
    return {"workshop_id": workshop_id} | {name: getattr(person, name) for name in names}


def _masker(
    tables: Tables,
    earlier: pd.DataFrame,
    registry: Registry,
    choices: Choices,
    settings: PseudonymiseSettings,
) -> DecidedMasker:
    """`earlier` holds the people of the workshop's former lists."""
    roster = build_roster(
        (tables["people"], earlier), tables["structures"]["name"].dropna(), settings.keep
    )
    places = find_places(tables["documents"]["text"], _communes(tables), roster)
    return DecidedMasker(
        replace(roster, places=places),
        name_match=settings.name_match,
        choices=choices,
        registry=registry,
        folder=str(tables["workshops"]["folder"].iloc[0]),
    )


def _communes(tables: Tables) -> set[str]:
    territories = {str(name) for name in tables["workshops"]["territory"].dropna()}
    return territories | {
        name_of(str(code))
        for table in ("attendance", "structures")
        for code in tables[table]["commune_code"].dropna()
    }


def _possible_persons(
    people: pd.DataFrame, identified: Identified, registry: Registry, folder: str
) -> list[PossiblePerson]:
    """Include people of former lists and forgotten ones."""
    columns = ("first_name", "last_name", "full_name")
    present = [
        PossiblePerson.of(
            identified.numbers.get(str(row["participant_id"])),
            *(row[column] if isinstance(row[column], str) else None for column in columns),
        )
        for row in people.to_dict("records")
    ]
    return present + [
        PossiblePerson.of(person.number, person.first_name, person.last_name, person.full_name)
        for person in registry.met_in(folder, is_listed=True)
    ]


def _clean_blocks(blocks: pd.DataFrame, identified: Identified, masker: Masker) -> pd.DataFrame:
    """A named speaker becomes "intervenant", a role stays, a forgotten person goes."""
    speakers = blocks["speaker"]
    others = pd.Series(
        sorted({str(speaker) for speaker in speakers.dropna()} - identified.final.keys()),
        dtype=speakers.dtype,
    )
    masked = masker.mask_texts(others)
    roles = masked.where(masked == others, ANONYMOUS_SPEAKER)
    final = dict(zip(others, roles, strict=True)) | identified.final
    named = blocks.assign(speaker=speakers.map(final, na_action="ignore").astype(speakers.dtype))
    # a blank list would choose no column
    is_erased = pd.Series(identified.has_no_words(speakers), index=named.index, dtype=bool)
    return named[~is_erased].reset_index(drop=True)


def _clean_attendance(
    attendance: pd.DataFrame, identified: Identified, masker: Masker
) -> pd.DataFrame:
    """Forgotten people go; roles lose their names."""
    present = attendance[~attendance["participant_id"].isin(list(identified.forgotten))]
    participants = [
        identified.final.get(participant, participant) for participant in present["participant_id"]
    ]
    clean = present.assign(role=masker.mask_texts(present["role"]))
    clean["participant_id"] = pd.Series(
        participants, index=clean.index, dtype=attendance["participant_id"].dtype
    )
    # two lines of a list may be one person, who signed if either line is signed
    key = list(ATTENDANCE.key)
    signed = clean.groupby(key, dropna=False)["has_signed"].transform("any")
    clean["has_signed"] = signed.astype(bool)
    return clean.drop_duplicates(key).reset_index(drop=True)


class TypedTextMasker(DecidedMasker):
    """Masks typed texts with the names of everybody in the study."""

    _has_language_model = False

    def __init__(
        self,
        registry: Registry,
        *,
        choices: Choices,
        structures: Iterable[str],
        name_match: int,
        # `spelt` names that may stay unless a participant has them; None for anybody's
        colleagues: Collection[str] | None = (),
    ) -> None:
        persons = list(registry.persons.values())
        self._known = [
            PossiblePerson(person.number, (first,), tuple(others))
            for person in persons
            for first, *others in map(str.split, filter(None, every_name(person)))
        ]
        self._colleagues = colleagues and any_of(
            name for name in colleagues if not best_fits(name, self._known, name_match)
        )
        people = VAULT.build(_vault_row(person, "") for person in persons if person.is_listed)
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

    def _decided(self, mask: Mask, text: str) -> Mask:
        decided = super()._decided(mask, text)
        is_name = mask.token == PERSON and not mask.is_sure
        may_stay = is_name and self._may_stay(mask, text)
        return decided._replace(is_readable=True) if may_stay else decided

    def _may_stay(self, mask: Mask, text: str) -> bool:
        if self._colleagues is None:
            name = spelt(text[mask.start : mask.end])
            return not best_fits(name, self._known, self._name_match)
        named = self._colleagues.finditer(fold_same_length(text)) if self._colleagues else ()
        return any(name.start() <= mask.start and mask.end <= name.end() for name in named)
