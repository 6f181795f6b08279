"""Who is whom: one number a person over the study, in tables as in texts; numbers in order of meeting, given once."""

import pandas as pd
import pytest

from pipeline.pseudonymise import pseudonymise
from pipeline.pseudonymise.choices import Choices
from pipeline.pseudonymise.identities import (
    HOMONYM,
    PERHAPS_ONE,
    PERHAPS_TWO,
    UNLISTED,
    name_words,
)
from pipeline.pseudonymise.mentions import AMBIGUOUS, PossiblePerson, number_names, spelt
from pipeline.pseudonymise.vault import Registry
from pipeline.settings.sections import PseudonymiseSettings
from pipeline.tables import material as dictionary
from pipeline.tables.schema import Table

LISTED = [
    "Soazig Le Floch",
    "Jean-Marc Thébault",
    "Marie Kerdoncuff",
    "Paul Kerdoncuff",
    "Yann Thébaud",
]

# (names in the order met, the number of each): 1 to 5 are the list's, the next ones are given in order of meeting
NAMES = [
    (
        ["Soazig Le Floch", "Le Floch", "Soazig", "S. Le Floch", "LE FLOCH Soazig", "soazig"],
        [1, 1, 1, 1, 1, 1],
    ),
    (["JM Thébault", "J.-M. Thébault", "Jean-Marc T.", "Thébault", "Jean Marc"], [2, 2, 2, 2, 2]),
    (["Soazigg", "Le Floc'h", "Soazic Le Floch"], [1, 1, 1]),
    (["Kerdoncuff", "Marie Kerdoncuff", "Paul K.", "Kerdoncuff"], [6, 3, 4, 6]),
    (["Thébaud", "Thébault"], [5, 2]),
    (["Ghislaine", "Ghislaine Morin", "G. Morin", "Morin", "Ghislaine"], [6, 6, 6, 6, 6]),
    (["Ghislaine Morin", "Ghislaine Petit", "Ghislaine", "Petit"], [6, 7, 8, 7]),
    (["Morin", "Josette Morin", "MORIN Josette", "Josète Morin"], [6, 6, 6, 6]),
    (["Baptiste", "Odile", "Baptiste", "Soazig"], [6, 7, 6, 1]),
    (["Le", "", "de"], None),
]


def _people(names: list[str]) -> tuple[Registry, list[PossiblePerson]]:
    registry, people = Registry(), []
    for name in names:
        first, _, last = name.partition(" ")
        person = registry.add(is_listed=True)
        person.first_name, person.last_name, person.folders = first, last, ["Pays de Quimper"]
        people.append(PossiblePerson.of(person.number, first, last, None))
    return registry, people


def _numbers(
    names: list[str],
    registry: Registry,
    people: list[PossiblePerson],
    folder: str = "Pays de Quimper",
) -> list[int | None]:
    given = [spelt(name) for name in names]
    found = number_names(given, people, registry, folder=folder, name_match=85)
    return [found.get(name) for name in given]


@pytest.mark.parametrize(("names", "numbers"), [case for case in NAMES if case[1]])
def test_names_of_one_person_have_one_number_and_a_name_that_fits_several_has_its_own(
    names, numbers
):
    assert _numbers(names, *_people(LISTED)) == numbers


@pytest.mark.parametrize(("names", "numbers"), [case for case in NAMES if case[1]])
def test_reading_again_changes_nothing_and_no_order_of_later_names_does(names, numbers):
    registry, people = _people(LISTED)
    _numbers(names, registry, people)
    before = registry.dumps()
    assert _numbers(names, registry, people) == numbers
    assert registry.dumps() == before
    assert (
        _numbers(["Ghislaine Morin-Petit", *reversed(names)], registry, people)[1:] == numbers[::-1]
    )


def test_a_name_that_fits_several_is_a_doubt():
    registry, people = _people(LISTED)
    _numbers(["Kerdoncuff", "Ghislaine Morin", "Ghislaine Petit", "Ghislaine"], registry, people)
    assert {number for number, person in registry.persons.items() if person.doubt == AMBIGUOUS} == {
        6,
        9,
    }


def test_an_unlisted_name_is_another_person_in_another_workshop_and_a_whole_listed_one_is_not():
    registry, people = _people(LISTED)
    assert _numbers(["Josiane", "Josiane Petit"], registry, people) == [6, 6]
    assert _numbers(["Josiane", "Josiane Petit", "Soazig"], registry, [], "Brest") == [7, 7, 8]
    registry.persons[1].names = ["floch le soazig"]
    assert _numbers(["Soazig Le Floch"], registry, [], "Morlaix") == [1]


def test_a_later_whole_name_joins_the_one_person_known_by_its_first_name():
    registry, people = _people(LISTED)
    assert _numbers(["Josiane"], registry, people) == [6]
    assert _numbers(["Josiane Petit", "Josiane Roux"], registry, people) == [6, 7]


# --- over workshops -------------------------------------------------------------------------------------------------

REDON, VANNES, SEDAN = "Redon 2026-04-09", "Vannes 2026-05-12", "Sedan 2026-06-03"
Row = tuple[
    str, str, str | None, str | None, str | None
]  # first name, last name, mail, structure, INSEE code


def _workshop(folder: str, rows: list[Row], text: str = "un mot") -> dict[str, pd.DataFrame]:
    """What ingest returns of a workshop with a list and one document of one block."""
    workshop_id = folder.lower().replace(" ", "-")
    ids = [f"{workshop_id}-p{place:02d}" for place in range(1, len(rows) + 1)]
    document = {
        "document_id": folder,
        "workshop_id": workshop_id,
        "path": f"{folder}/notes.txt",
        "sha256": "0",
        "channel": "notes",
    }
    block = {
        "document_id": folder,
        "block_order": 0,
        "start_char": 0,
        "end_char": len(text),
        "kind": "paragraph",
        "channel": "notes",
    }
    people = [
        {
            "participant_id": own,
            "workshop_id": workshop_id,
            "full_name": f"{row[0]} {row[1]}",
            "first_name": row[0],
            "last_name": row[1],
        }
        | {"email": row[2], "phone": None, "origin": "attendance"}
        for own, row in zip(ids, rows, strict=True)
    ]
    attendance = [
        {
            "participant_id": own,
            "workshop_id": workshop_id,
            "structure_id": row[3],
            "commune_code": row[4],
            "has_signed": True,
        }
        for own, row in zip(ids, rows, strict=True)
    ]
    text_columns = [
        "participant_id",
        "workshop_id",
        "full_name",
        "first_name",
        "last_name",
        "email",
        "phone",
        "origin",
    ]
    return {
        "workshops": _built(
            dictionary.WORKSHOPS,
            [{"workshop_id": workshop_id, "territory": folder.split()[0], "folder": folder}],
        ),
        "documents": _built(
            dictionary.DOCUMENTS, [document | {"n_chars": len(text), "text": text}]
        ),
        "blocks": _built(dictionary.BLOCKS, [block]),
        "rejects": dictionary.REJECTS.empty(),
        "receipts": dictionary.RECEIPTS.empty(),
        "attendance": _built(dictionary.ATTENDANCE, attendance),
        "structures": dictionary.STRUCTURES.empty(),
        "catchments": dictionary.CATCHMENTS.empty(),
        "people": pd.DataFrame(people, columns=text_columns, dtype="str"),
    }


def _built(table: Table, rows: list[dict[str, object]]) -> pd.DataFrame:
    return table.build(rows)


def _met(*workshops: dict[str, pd.DataFrame]) -> tuple[list[list[str]], Registry, list[str]]:
    """The participants of each workshop, the registry after the last, and the texts."""
    registry, participants, texts = Registry(), [], []
    for tables in workshops:
        clean, kept = pseudonymise(tables, registry=registry, settings=PseudonymiseSettings())
        registry = kept.registry
        participants.append(list(clean["attendance"]["participant_id"]))
        texts.append(str(clean["documents"]["text"][0]))
    return participants, registry, texts


SAME = [  # lines that are the first one's person: mail or structure may change, and the name's spelling where one of them does not
    ("Hélène", "Garnier", "h.garnier@example.org", "fournil", "35236"),
    ("GARNIER", "Hélène", None, None, None),
    ("Hélène", "Garnier", "helene@example.com", "fournil", "08409"),
    ("Hélène", "Garnier", "helene@example.com", "mairie", "35236"),
    ("Hélène", "Garnié", "h.garnier@example.org", None, None),
    ("Helene", "Garnier", None, "lavoir", "08409"),
    ("H.", "Garnier", "h.garnier@example.org", None, None),
]
OTHERS = [  # not her: everything else differs, or another name stands at her structure's address
    (("Hélène", "Garnier", "helene@example.com", "mairie", "08409"), HOMONYM),
    (("Hélène", "Garnières", None, None, None), PERHAPS_ONE),
    (("Luc", "Moreau", "h.garnier@example.org", "fournil", "35236"), ""),
    (("Hélène", "Tanguy", None, "fournil", "35236"), ""),
]


@pytest.mark.parametrize("row", SAME)
def test_one_person_at_two_workshops_has_one_number(row):
    participants, registry, _ = _met(_workshop(REDON, [SAME[0]]), _workshop(SEDAN, [row]))
    assert participants == [["personne-1"], ["personne-1"]]
    assert registry.persons[1].folders == [REDON, SEDAN]


@pytest.mark.parametrize(("row", "doubt"), OTHERS)
def test_a_homonym_who_contradicts_is_another_person_and_a_doubt(row, doubt):
    participants, registry, _ = _met(_workshop(REDON, [SAME[0]]), _workshop(SEDAN, [row]))
    assert participants == [["personne-1"], ["personne-2"]]
    assert registry.persons[2].doubt == doubt


@pytest.mark.parametrize("row", [row for row, doubt in OTHERS if doubt])
def test_two_persons_that_a_person_says_are_one_have_one_number(row):
    workshops = [_workshop(REDON, [SAME[0]]), _workshop(SEDAN, [row])]
    _, registry, _ = _met(*workshops)
    same = frozenset({name_words(f"{row[0]} {row[1]}")})
    for _ in range(2):
        for tables in workshops:
            clean, kept = pseudonymise(
                tables,
                registry=registry,
                choices=Choices(same=same),
                settings=PseudonymiseSettings(),
            )
            registry = kept.registry
            assert list(clean["attendance"]["participant_id"]) == ["personne-1"]
            assert kept.doubts.empty
    assert list(registry.persons) == [1]
    assert registry.last_number == 2, "a number is given once"


def test_one_name_with_another_mail_and_structure_is_one_person_and_a_doubt():
    _, registry, _ = _met(_workshop(REDON, [SAME[0]]), _workshop(VANNES, [SAME[3]]))
    assert registry.persons[1].doubt == PERHAPS_TWO


def test_a_speaker_that_no_list_names_and_no_first_name_tells_is_asked_once():
    def labelled(folder: str, *labels: str) -> dict[str, pd.DataFrame]:
        tables = _workshop(folder, [(label, "", None, None, None) for label in labels])
        people = tables["people"].assign(origin="transcript", last_name=None)
        return tables | {"people": people.assign(full_name=people["first_name"])}

    _, registry, _ = _met(labelled(REDON, "Teddo", "Anne"))
    assert [person.doubt for person in registry.persons.values()] == [UNLISTED, ""]
    listed = _workshop(REDON, [("Teddo", "", None, None, None)])
    _, registry, _ = _met(labelled(REDON, "Teddo"), listed)
    assert [person.doubt for person in registry.persons.values()] == [""], "a list names her now"


def test_texts_carry_the_numbers_of_the_list_and_of_other_workshops_lists():
    people = [("Hélène", "Garnier", None, None, None), ("Idrissa", "Sow", None, None, None)]
    participants, _, texts = _met(
        _workshop(
            REDON, people, "Mme Garnier et Idrissa ont vu Josiane ; I. Sow rappelle Josiane."
        ),
        _workshop(
            SEDAN,
            [("Odile", "Roche", None, None, None)],
            "Josiane et Hélène Garnier ont appelé Odile.",
        ),
    )
    assert participants == [["personne-1", "personne-2"], ["personne-4"]]
    assert texts == [
        "Mme [personne 1] et [personne 2] ont vu [personne 3] ; [personne 2] rappelle [personne 3].",
        "[personne 5] et [personne 1] ont appelé [personne 4].",
    ]


def test_a_workshop_read_again_after_others_keeps_every_number_and_a_newcomer_gets_the_next():
    first = _workshop(REDON, [SAME[0]], "Mme Garnier a vu Josiane.")
    _, registry, texts = _met(first, _workshop(SEDAN, [("Odile", "Roche", None, None, None)]))
    assert texts[0] == "Mme [personne 1] a vu [personne 2]."
    longer = _workshop(
        REDON,
        [("Anton", "Brel", None, None, None), SAME[0]],
        "Anton et Josiane. Mme Garnier a vu Josiane.",
    )
    clean, kept = pseudonymise(longer, registry=registry, settings=PseudonymiseSettings())
    assert (
        clean["documents"]["text"][0]
        == "[personne 4] et [personne 2]. Mme [personne 1] a vu [personne 2]."
    )
    assert list(clean["attendance"]["participant_id"]) == ["personne-4", "personne-1"]
    assert sorted(kept.registry.persons) == [1, 2, 3, 4]


def test_a_person_named_in_texts_before_a_list_came_keeps_the_number():
    _, registry, texts = _met(_workshop(REDON, [], "Hélène Garnier et Mme Tanguy sont passées."))
    assert texts[0] == "[personne 1] et Mme [personne 2] sont passées."
    clean, _ = pseudonymise(
        _workshop(REDON, [("Maud", "Tanguy", None, None, None), SAME[0]]),
        registry=registry,
        settings=PseudonymiseSettings(),
    )
    assert list(clean["attendance"]["participant_id"]) == ["personne-2", "personne-1"]
