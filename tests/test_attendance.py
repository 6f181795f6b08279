"""Who was in the room: invented attendance lists and what they tell, names that are one structure or two, types in the fiche's terms."""

import random
import unicodedata
from pathlib import Path
from random import Random
from types import ModuleType

import pytest

from pipeline import gather as shared_structures
from pipeline.communes.tables import LINKS, by_slug, ending_with, sorted_slugs
from pipeline.gather import StructureRow, gather_workshops, share_ids
from pipeline.ingest import ingest_workshop
from pipeline.ingest import people as people_module
from pipeline.ingest.attendance import Attendance, count_remarks, read_attendance
from pipeline.ingest.columns import header_of, meaning_of
from pipeline.ingest.contents import Contents, Part
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.people import (
    PEOPLE,
    Mention,
    Participant,
    WorkshopCommunes,
    WorkshopPeople,
    is_elected,
    is_lone_person,
    join_structures,
    type_of,
)
from pipeline.ingest.readers.blocks import blocks_of_rows
from pipeline.ingest.sheets import sort_part
from pipeline.ingest.sheets.kinds import read_sheet
from pipeline.ingest.stage import enter_correspondents
from pipeline.ingest.territory_map import Pin
from pipeline.ingest.words import split_name
from pipeline.ingest.workshop import Commune
from pipeline.pseudonymise import pseudonymise
from pipeline.pseudonymise.vault import Registry
from pipeline.settings import Settings
from pipeline.structure_names import NameIndex, StructureName, are_one
from pipeline.tables import TABLES
from pipeline.tables.material import ATTENDANCE, WORKSHOPS
from pipeline.text import fold

Rows = list[tuple[str, ...]]

HEADER = ("Nom", "Prénom", "Structure", "Fonction", "Signature")


def _read(rows: Rows) -> tuple[list[Attendance], WorkshopPeople]:
    roster = WorkshopPeople("tregor-2026-10-01")
    return read_attendance([rows], roster), roster


TITLES = [
    ("Nom", "last_name"),
    ("NOM Prénom", "full_name"),
    ("Prénom", "first_name"),
    ("Organisme représenté", "structure"),
    ("Type de structure", "structure_type"),
    ("Statut juridique", "structure_type"),
    ("Qualité", "role"),
    ("Comune", "commune"),
    ("adresse mail pro", "email"),
    ("N° de téléphone", "phone"),
    ("Émargement", "signature"),
    ("rayon_km", "radius"),
    ("N° table", "table"),
    ("Post-it", "text"),
    ("Ce qui marche", None),
    ("Table 3", None),
    ("", None),
]


@pytest.mark.parametrize(("title", "meaning"), TITLES)
def test_a_column_is_known_by_what_its_header_means(title: str, meaning: str | None) -> None:
    assert meaning_of(title) == meaning


KINDS = [
    ([HEADER, ("Riou", "Anne", "La Criée", "gérante", "x")], "attendance"),
    (
        [
            ("Feuille d'émargement", "", ""),
            ("Nom et prénom", "Structure", "Signature"),
            ("Anne Riou", "La Criée", "x"),
        ],
        "attendance",
    ),
    ([("nom", "prenom", "mail"), ("Riou", "Anne", "a@example.org")], "attendance"),
    ([("structure", "commune", "rayon"), ("La Criée", "Lannion", "12")], "map"),
    ([("Nom", "Commune", "Zone de chalandise (km)"), ("La Criée", "Lannion", "12")], "map"),
    ([("structure", "type", "commune"), ("La Criée", "SCIC", "Lannion")], "map"),
    ([("table", "question", "texte"), ("1", "Q1", "moins de voitures")], "speech"),
    ([("nom", "question", "verbatim"), ("Anne", "Q1", "moins de voitures")], "speech"),
    ([("structure", "idée"), ("La Criée", "une halle couverte")], "speech"),
]


@pytest.mark.parametrize(("rows", "kind"), KINDS)
def test_a_sheet_is_known_by_its_columns_and_not_by_its_name(rows: Rows, kind: str) -> None:
    assert read_sheet(rows).kind == kind


def test_the_header_is_found_under_titles_and_repeated_headers_and_totals_are_no_persons() -> None:
    rows = [
        ("Atelier du Trégor", "", "", "", ""),
        ("", "", "", "", ""),
        HEADER,
        ("Riou", "Anne", "La Criée", "gérante", "x"),
        HEADER,
        ("Total", "1", "", "", ""),
    ]
    attendances, roster = _read(rows)
    assert [(entry.structure, entry.role, entry.has_signed) for entry in attendances] == [
        ("La Criée", "gérante", True)
    ]
    assert [(person.first_name, person.last_name) for person in roster.people] == [("Anne", "Riou")]


def test_a_person_listed_twice_is_one_and_a_person_for_two_structures_has_two_attendances() -> None:
    rows = [
        HEADER,
        ("LE GOFF", "Yann", "La Criée", "gérant", ""),
        ("Le Goff", "Yann", "La Criée", "gérant", "x"),
        ("Yann", "LE GOFF", "Mairie de Plouha", "conseiller municipal", "x"),
        ("Le Goff", "Yann", "", "", ""),
    ]
    attendances, roster = _read(rows)
    assert [person.full_name for person in roster.people] == ["Yann LE GOFF"]
    assert [(entry.structure, entry.structure_type, entry.has_signed) for entry in attendances] == [
        ("La Criée", None, True),
        ("Mairie de Plouha", "élu", True),
    ]


SIGNED = [
    ("x", True),
    ("X", True),
    ("oui", True),
    ("A. R.", True),
    ("✓", True),
    ("", False),
    ("non", False),
    ("absente", False),
    ("excusée", False),
    ("-", False),
]


@pytest.mark.parametrize(("mark", "expected"), SIGNED)
def test_a_mark_is_a_signature_and_an_excuse_is_none(mark: str, expected: bool) -> None:
    attendances, _ = _read(
        [HEADER, ("Riou", "Anne", "La Criée", "", mark), ("Kerven", "Bob", "La Criée", "", "x")]
    )
    assert attendances[0].has_signed is expected


def test_a_list_without_signatures_counts_everybody_but_a_list_of_registrations_nobody() -> None:
    rows = [("Nom", "Prénom", "Structure"), ("Riou", "Anne", "La Criée")]
    assert _read(rows)[0][0].has_signed
    assert _read([HEADER, ("Riou", "Anne", "La Criée", "", "")])[0][0].has_signed
    assert not _read([("Liste des inscrits", "", ""), *rows])[0][0].has_signed


NAMES = [
    ("RIOU Anne", "Anne", "RIOU"),
    ("Anne RIOU", "Anne", "RIOU"),
    ("Anne Riou", "Anne", "Riou"),
    ("Riou Anne", "Anne", "Riou"),
    ("Riou, Anne", "Anne", "Riou"),
    ("Mme Anne Riou (mairie)", "Anne", "Riou"),
    ("LE GOFF Yann", "Yann", "LE GOFF"),
    ("de KERGARIOU Maëlle", "Maëlle", "de KERGARIOU"),
    ("Riou", None, "Riou"),
    ("de Sousa Kelyane", "Kelyane", "de Sousa"),
    ("Le Goff", None, "Le Goff"),
    ("Da Costa", None, "Da Costa"),
    ("du Halgouët Tifenn", "Tifenn", "du Halgouët"),
]


@pytest.mark.parametrize(("cell", "first", "last"), NAMES)
def test_a_name_in_one_cell_is_split(cell: str, first: str | None, last: str | None) -> None:
    assert split_name(cell) == (first, last)


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [
        ("de", "Kergariou", "de Kergariou"),
        ("Du", None, "Du"),
        ("Anne", "de La Tour", "Anne de La Tour"),
    ],
)
def test_a_particle_is_nobody_s_first_name(first: str, last: str | None, full: str) -> None:
    roster = WorkshopPeople("w")
    roster.add(Participant(first, last))
    assert roster.people[0].first_name in (None, "Anne")
    assert roster.people[0].full_name == full


SECTIONS = [  # a row of a list, and whether it is a person
    (("Élus et agents",) * 5, False),
    (("Associations du canton", "", "", "", ""), False),
    (("", "Collectivités", "", "", ""), False),
    (("", "", "Habitants", "", ""), False),
    (("Kerven", "", "", "", ""), True),
    (("Kerven", "", "", "", "Kerven"), True),  # signed in full
    (("Kerven", "Bob", "", "", ""), True),
]


@pytest.mark.parametrize(("row", "is_person"), SECTIONS)
def test_the_title_of_a_group_of_rows_is_nobody(row: tuple[str, ...], is_person: bool) -> None:
    attendances, roster = _read([HEADER, ("Riou", "Anne", "La Criée", "", "x"), row])
    assert len(attendances) == len(roster.people) == 1 + is_person


CONTACTS = [  # header and cell, address and telephone
    (("Téléphone / courriel", "01 99 00 21 21"), None, "01 99 00 21 21"),
    (
        ("Téléphone / courriel", "01.99.00.21.21 ou a.riou@example.org"),
        "a.riou@example.org",
        "01.99.00.21.21",
    ),
    (("Mail", "a.riou@example.org / 2026"), "a.riou@example.org", None),
    (("Tél", "+33 1 99 00 21 21"), None, "+33 1 99 00 21 21"),
    (("Tél", "a.riou@example.org"), "a.riou@example.org", None),
    (("Courriel", "n'en a pas"), None, None),
]


@pytest.mark.parametrize(("column", "email", "phone"), CONTACTS)
def test_an_address_and_a_telephone_are_told_apart_in_any_column(
    column: tuple[str, str], email: str | None, phone: str | None
) -> None:
    _, roster = _read([("Nom", "Prénom", column[0]), ("Riou", "Anne", column[1])])
    assert (roster.people[0].email, roster.people[0].phone) == (email, phone)


def test_a_person_is_found_by_part_of_the_name_only_where_one_fits() -> None:
    roster = WorkshopPeople(
        "w",
        [
            Participant("Anne", "Riou"),
            Participant("Karim", "Benali"),
            Participant("Karim", "Le Dû"),
            Participant("Jean-Marc", "Thoor"),
        ],
    )
    found = {
        name: roster.find_name(name)
        for name in ("Mme Riou", "Anne", "K. Benali", "JM Thoor", "Karim", "Mme Personne", "")
    }
    assert found == {
        "Mme Riou": "w-p01",
        "Anne": "w-p01",
        "K. Benali": "w-p02",
        "JM Thoor": "w-p04",
        "Karim": None,
        "Mme Personne": None,
        "": None,
    }


def test_correspondents_are_known_by_address_or_name_and_services_are_nobody() -> None:
    roster = WorkshopPeople("w", [Participant("Anne", "Riou", "compta@example.org")])
    mail = [
        ("", "compta@example.org"),
        ("Bob Kerven", "bob@example.org"),
        ("Ateliers CRESS", "ateliers@example.fr"),
        ("", "yann.legoff@example.org"),
        ("", "info@example.org"),
    ]
    assert enter_correspondents(mail, roster) == ["w-p01", "w-p02", None, "w-p03", None]
    assert roster.people[2].full_name == "Yann Legoff"


PLACES = WorkshopCommunes([], "Trégor", ["Lannion", "Plouha", "Le Vieux-Marché", "Saint-Brieuc"])
SAME = [
    ("Les Couseuses de l'Alma", "Couseuses de l'Alma"),
    ("Fil & Fripe", "Fil et Fripe"),
    ("La Chaîne Trégoroise", "LA CHAINE TREGOROISE"),
    ("Les Paniers du Léguer (SCIC)", "Paniers du Léguer"),
    ("Ressourcerie Le Grenier de Plouha", "Le Grenier de Plouha"),
    ("Café associatif L'Écluse", "L'Ecluse"),
    ("Groupement d'employeurs Argoat", "GE Argoat"),
    ("SCIC Bocage Énergie Trégor", "SCIC Bocage Énergie"),
    ("Association Marais Vivant", "Marais Vivant"),
    ("Communauté d'agglomération du Pays de Saint-Brieuc", "CAPSB"),
    ("Garage solidaire Le Bon Train", "Garage Le Bontrain"),
    ("Ville de Lannion", "Mairie de Lannion"),
    ("Energie Voisine", "Énergie Voisinne"),
    ("Relais des Deux Caps", "Relais des 2 Caps"),
]
DIFFERENT = [
    ("Relais des Deux Caps", "Relais des Trois Caps"),
    ("Jardin Lacordaire", "École Lacordaire"),
    ("Mairie de Lannion", "Mairie de Plouha"),
    ("Ville de Lannion", "CCAS de Lannion"),
    ("Jardin d'insertion de Lannion", "Jardin partagé de Kerampont"),
    ("collectif des mamans de l'école Jules-Verne", "École Jules-Verne"),
    ("La Filature Commune", "Commune de Plouha"),
    ("Épicerie La Passerelle", "Épicerie La Tournelle"),
]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_spellings_of_one_structure_are_one(first: str, second: str) -> None:
    assert are_one(StructureName(first), StructureName(second), PLACES.words, 85)
    assert are_one(StructureName(second), StructureName(first), PLACES.words, 85)


@pytest.mark.parametrize(("first", "second"), DIFFERENT)
def test_structures_that_share_words_stay_two(first: str, second: str) -> None:
    assert not are_one(StructureName(first), StructureName(second), PLACES.words, 85)
    assert not are_one(StructureName(second), StructureName(first), PLACES.words, 85)


def test_a_common_name_is_joined_with_its_commune_and_named_after_it() -> None:
    mentions = [
        Mention("Comité des fêtes", "22222", is_on_map=True),
        Mention("Comité des fêtes de Plouha", None, "association"),
        Mention("Mission locale", "lannion", "réseau"),
    ]
    structures, ids = join_structures(
        mentions, PLACES, territory="Trégor", name_match=85, workshop_id="tregor"
    )
    assert ids == ["comite-fetes-plouha", "comite-fetes-plouha", "mission-locale-lannion"]
    assert structures[
        ["name", "structure_type", "is_on_map", "is_in_attendance"]
    ].values.tolist() == [
        ["Comité des fêtes de Plouha", "association", True, True],
        ["Mission locale", "réseau d'accompagnement", False, True],
    ]


TYPES = [
    ("SCOP", "", "coopérative"),
    ("SCIC", "", "coopérative"),
    ("cooperative", "", "coopérative"),
    ("Asso.", "", "association"),
    ("association (ACI)", "", "association"),
    ("MJC", "", "association"),
    ("entreprise sociale (ACI)", "", "entreprise sociale"),
    ("entreprise d'insertion", "", "entreprise sociale"),
    ("SIAE", "", "entreprise sociale"),
    ("Réseau", "", "réseau d'accompagnement"),
    ("groupe d'habitants", "", "groupe d'acteurs"),
    ("mouvement citoyen", "", "mouvement citoyen"),
    ("mairie", "", "collectivité"),
    ("collectivité / syndicat mixte", "", "collectivité"),
    ("Élue", "", "élu"),
    ("particulier", "", "autre"),
    ("exploitation agricole", "", "autre"),
    ("extraterrestre", "", "autre"),
    ("", "SCOP Menuiserie du Port", "coopérative"),
    ("", "Mairie de Plouha", "collectivité"),
    ("", "CRESS Bretagne", "réseau d'accompagnement"),
    ("", "La Criée", None),
]


@pytest.mark.parametrize(("type_text", "name", "expected"), TYPES)
def test_a_type_is_said_in_the_terms_of_the_fiche(
    type_text: str, name: str, expected: str | None
) -> None:
    assert type_of(type_text, name) == expected


ELECTED = [
    ("collectivité (élue)", "adjointe à l'action sociale", "collectivité", True),
    ("collectivité", "Élue à l'ESS", "collectivité", True),
    ("commune", "conseiller municipal", "collectivité", True),
    ("collectivité", "vice-président", "collectivité", True),
    ("collectivité", "maire", "collectivité", True),
    ("association", "président", "association", False),
    ("association", "vice-présidente", "association", False),
    ("collectivité", "chargée de mission", "collectivité", False),
    ("réseau", "conseillère", "réseau d'accompagnement", False),
]


@pytest.mark.parametrize(("type_text", "role", "kind", "expected"), ELECTED)
def test_an_elected_official_is_known_by_type_or_role(
    type_text: str, role: str, kind: str, expected: bool
) -> None:
    assert is_elected(type_text, role, kind) is expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", True),
        ("particulier", True),
        ("maraîcher retraité", True),
        ("habitante", True),
        ("Les Maraîchers du Léguer", False),
    ],
)
def test_a_person_for_herself_has_no_structure(name: str, expected: bool) -> None:
    assert is_lone_person(name) is expected


COMMUNES = [
    ("St-Brieuc", "", "22278"),
    ("22300 LANNION", "", "22113"),
    ("Ville-Imaginaire", "", "ville-imaginaire"),
    ("Imaginaire", "", "imaginaire"),
    ("Lannion", "22113", "22113"),
    ("Plouha", "", "22222"),
    ("Le Vieux", "", "22387"),
    ("", "", None),
]


@pytest.mark.parametrize(("name", "code", "expected"), COMMUNES)
def test_a_commune_is_its_code_or_the_slug_of_its_full_name(
    name: str, code: str, expected: str | None
) -> None:
    places = WorkshopCommunes(
        [Commune("22222", "Plouha")], "Trégor", ["Lannion", "Le Vieux-Marché", "Saint-Brieuc"]
    )
    assert places.code_of(name, code) == expected


def test_a_list_inside_a_document_leaves_what_was_said() -> None:
    cells = [
        [[RawBlock(cell)] if cell else [] for cell in row]
        for row in (("Nom", "Prénom", "Signature"), ("Riou", "Anne", "x"))
    ]
    held = sort_part(
        [
            RawBlock("Table 5", "heading", 1),
            *blocks_of_rows(cells),
            RawBlock("la halle est vide", "bullet", 0),
        ],
        (),
    )
    assert [block.text for block in held.blocks] == ["Table 5", "la halle est vide"]
    assert held.attendance == ([("Nom", "Prénom", "Signature"), ("Riou", "Anne", "x")],)


SYLLABLES = [
    "ba",
    "co",
    "di",
    "fu",
    "ga",
    "la",
    "mi",
    "no",
    "pe",
    "ra",
    "sa",
    "ti",
    "vo",
    "zu",
    "bre",
    "cha",
    "dro",
    "fli",
    "gru",
    "tri",
]


def _word(draw: random.Random) -> str:
    return "".join(draw.choice(SYLLABLES) for _ in range(draw.randint(2, 4))).title()


def test_a_long_list_of_structures_is_not_compared_with_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """1,200 names are 720,000 pairs; all of them took a minute, and 6,000 names never ended."""
    draw = random.Random(1)
    kinds = ("Association", "Épicerie", "Café associatif", "SCIC", "Ressourcerie")
    mentions = [
        Mention(
            f"{draw.choice(kinds)} {_word(draw)} {_word(draw)}",
            "22113",
            is_on_map=draw.random() < 0.5,
        )
        for _ in range(1_200)
    ]
    mentions += [Mention("Comité des fêtes", f"{code}") for code in range(10_000, 10_300)]
    calls = counted_calls(monkeypatch, people_module, "are_one")
    structures, ids = join_structures(
        mentions, PLACES, territory="Trégor", name_match=85, workshop_id="tregor"
    )
    assert (
        len(calls) < 30 * len(mentions)
        and len(ids) == len(mentions)
        and 1_100 < len(structures) <= 1_201
    )


def test_a_long_list_of_persons_is_not_compared_with_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw, roster = random.Random(1), WorkshopPeople("w")
    calls = [
        counted_calls(monkeypatch, people_module, name) for name in ("are_one_person", "fits_name")
    ]
    for place in range(800):
        roster.add(Participant(_word(draw), _word(draw), f"{place}@example.org"))
        roster.find_name(_word(draw))
    assert sum(map(len, calls)) < 30 * 800 and len(roster.people) > 700


def counted_calls(monkeypatch: pytest.MonkeyPatch, module: ModuleType, name: str) -> list[None]:
    """One entry a call of `module.name` from now on."""
    calls, original = list[None](), getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args: calls.append(None) or original(*args))
    return calls


@pytest.mark.parametrize("name_match", [60, 85, 100])
def test_every_name_that_may_be_one_structure_s_is_among_those_compared(name_match: int) -> None:
    draw = random.Random(name_match)
    written = [name for pair in (*SAME, *DIFFERENT) for name in pair]
    written += [
        "Mairie",
        "CCAS",
        "Comité des fêtes",
        "Comité des fêtes de Plouha",
        "Le Fil (ex La Bobine)",
        "La Bobine",
        "ADMR",
    ]
    written += [
        "ADMR - Aide à Domicile en Milieu Rural",
        "RQNQ (Régie de Quartier Nord Quinquis)",
        "Foyer rural Le Vieux-Marché",
    ]
    names = [
        StructureName(_misspelt(name, draw), draw.choice(["22222", "22113", None]))
        for name in (*written, *written)
    ]
    index = NameIndex(names, PLACES.words, name_match)
    n_joined = 0
    for place, named in enumerate(names):
        one = {
            other
            for other in range(place)
            if are_one(named, names[other], PLACES.words, name_match)
        }
        assert one <= {group for group, _ in index.near(named)}
        n_joined += len(one)
        index.add(named, place)
    assert n_joined > 40


def _misspelt(name: str, draw: random.Random) -> str:
    place, letter = draw.randrange(len(name)), draw.choice("aeist")
    return draw.choice(
        [name, name, name[:place] + name[place + 1 :], name[:place] + letter + name[place:]]
    )


def test_a_commune_whose_name_ends_so_is_found_as_among_all() -> None:
    for ending in ("menehould", "nouvion", "marche", "omer", "xyz"):
        names = [name for name in sorted_slugs() if name.endswith(f"-{ending}")]
        plain = [
            name for name in names if name.removesuffix(f"-{ending}").split("-")[-1] not in LINKS
        ]
        assert [place.slug for place in ending_with(ending)] == [
            place.slug for name in plain for place in by_slug()[name] if place.kind == "commune"
        ]


def test_what_is_beyond_the_limit_of_lists_and_maps_is_told_and_the_first_are_read() -> None:
    rows = [("Nom", "Prénom", "Signature"), ("Riou", "Anne", "x"), ("Kerven", "Ian", "x")]
    lists = [Part("l.csv", "l.csv", (), "", RawPart(()), sort_part((), rows)) for _ in range(3)]
    assert [len(first) for first in Contents(lists).first_list_rows(4)] == [3, 1, 0]
    chart = Part("c.csv", "c.csv", (), "", RawPart(()), sort_part((), ()), (), (Pin("A"),) * 101)
    contents = Contents([chart])
    (told,) = contents.reject_beyond(100, "Trégor")
    assert (
        told["reason"] == "cartes de 101 lignes en tout : seules les 100 premières sont lues"
        and "max_listed" in told["advice"]
    )
    assert contents.reject_beyond(101, "Trégor") == []


def test_structures_of_many_workshops_are_not_compared_each_with_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    draw = random.Random(1)
    names = [f"Association {_word(draw)} {_word(draw)}" for _ in range(400)]
    rows = [
        StructureRow(workshop, f"{workshop}-{place}", name, "22113")
        for workshop in range(3)
        for place, name in enumerate(names)
    ]
    calls = counted_calls(monkeypatch, shared_structures, "are_one")
    ids = share_ids(rows, ["Trégor"])
    assert len(calls) < 30 * len(rows) and len(set(ids.values())) == len(set(names))


STATUSES = [  # the header of a column, its cells, who came
    ("Statut", ("Attending", "Not attending", "Attending"), (True, False, True)),
    ("Statut de la commande", ("Validé", "Annulé", "Validé"), (True, False, True)),
    ("Statut", ("Inscrit", "Liste d'attente", "Inscrite"), (True, False, True)),
    ("Attendee Status", ("Checked In", "Attending", "No Show"), (True, False, False)),
    ("État", ("confirmé", "désistement", "excusé·e"), (True, False, False)),
    ("Suivi", ("Présente", "N'est pas venu", "Annulé par mail le 3 mars"), (True, False, False)),
    ("", ("venue", "absente", "ne vient plus"), (True, False, False)),
    ("Observations", ("", "Désistement", ""), (True, False, True)),
    ("Suivi", ("à rappeler", "Absent", "allergique aux noix"), (True, False, True)),
    ("Présence", ("Présent", "Excusée", "Présente"), (True, False, True)),
    ("Émargement", ("x", "no show", "x"), (True, False, True)),
    ("Type de structure", ("Annulé", "Validé", "Validé"), (False, True, True)),
    ("Participation", ("oui", "non", "oui"), (True, False, True)),
    ("Présente ?", ("oui", "non", "excusée"), (True, False, False)),
    ("Adhésion", ("oui", "non", "oui"), (True, True, True)),  # yes to something else
    ("Statut", ("présent", "en visio", "excusée"), (True, True, False)),
    ("Statut", ("Visio", "à distance", "absente"), (True, True, False)),
    ("Statut", ("distanciel", "sur Zoom", "annulé"), (True, True, False)),
    (
        "Statut",
        ("en distanciel le matin", "connectée via Teams", "n'a pas pu venir"),
        (True, True, False),
    ),
    ("Statut", ("présente", "oui", "non"), (True, True, False)),
    ("Statut", ("venu", "arrivée en retard", "partie à 15 h"), (True, True, True)),
    ("Statut", ("présent", "retard (train)", "a dû partir avant la fin"), (True, True, True)),
    ("Statut", ("présent", "inscrite en visio", "visio annulée"), (True, False, False)),
    ("Statut", ("oui", "annulé", "oui"), (True, False, True)),
]
OTHER_THINGS = [  # the header and cells of a column that says nothing of who came
    ("Modalité souhaitée", ("visio", "présentiel", "visio")),
    ("Contact préféré", ("téléphone", "mail", "téléphone")),
    ("Adhésion", ("oui", "oui", "non")),
]


@pytest.mark.parametrize(("title", "cells"), OTHER_THINGS)
def test_how_people_would_come_is_no_sign_that_they_came(
    title: str, cells: tuple[str, ...]
) -> None:
    people = (("Riou", "Anne", "x"), ("Kerven", "Bob", ""), ("Morel", "Lucie", ""))
    rows = [
        ("Nom", "Prénom", "Signature", title),
        *((*person, cell) for person, cell in zip(people, cells, strict=True)),
    ]
    attendances, _ = _read(rows)
    assert [entry.has_signed for entry in attendances] == [True, False, False]


UNKNOWN = [  # the cells of a column of statuses, what is said of those nobody understands
    (
        ("présent", "présente", "à confirmer par Luc", "absent", "chez le dentiste"),
        ("liste de présence : 1 statut non compris, compté comme non présent",),
    ),
    (
        ("présent", "absent", "venu", "prévenu", "VIP"),
        ("liste de présence : 2 statuts non compris, comptés comme non présents",),
    ),
    (("présent", "absent", "venu", "en visio", "inscrit"), ()),
    (
        ("inscrit", "annulé", "VIP", "inscrit", "inscrit"),
        (),
    ),  # nobody is told to have come: all who did not cancel count
]


@pytest.mark.parametrize(("cells", "left"), UNKNOWN)
def test_a_status_that_is_not_understood_is_told(
    cells: tuple[str, ...], left: tuple[str, ...]
) -> None:
    people = [
        ("Riou", "Anne"),
        ("Kerven", "Bob"),
        ("Morel", "Lucie"),
        ("Petit", "Yann"),
        ("Le Goff", "Zoé"),
    ]
    rows = [
        ("Nom", "Prénom", "Statut"),
        *((*person, cell) for person, cell in zip(people, cells, strict=True)),
    ]
    assert sort_part((), tuple(rows)).skipped == left


def test_a_list_exported_with_english_headers_has_no_person_called_after_them() -> None:
    rows = [
        ("Full name", "Company", "Attendee status"),
        ("Anne Riou", "Régie", "Checked in"),
        ("Bob Kerven", "ADMR", "No show"),
    ]
    attendances, roster = _read(rows)
    assert [(entry.structure, entry.has_signed) for entry in attendances] == [
        ("Régie", True),
        ("ADMR", False),
    ]
    assert len(roster.people) == 2


@pytest.mark.parametrize(("title", "cells", "came"), STATUSES)
def test_a_status_is_known_by_what_the_cells_say(
    title: str, cells: tuple[str, ...], came: tuple[bool, ...]
) -> None:
    people = (
        ("Riou", "Anne", "anne@example.org"),
        ("Kerven", "Bob", "bob@example.org"),
        ("Morel", "Lucie", "lucie@example.org"),
    )
    rows = [
        ("Nom", "Prénom", "Email", title),
        *((*person, cell) for person, cell in zip(people, cells, strict=True)),
    ]
    assert read_sheet(rows).kind == "attendance"
    attendances, roster = _read(rows)
    assert tuple(entry.has_signed for entry in attendances) == came
    assert len(roster.people) == 3


def test_who_cancelled_is_not_counted_where_nobody_signed() -> None:
    rows = [
        ("Liste des inscrits", "", ""),
        ("Nom", "Prénom", "Statut"),
        ("Riou", "Anne", "Validé"),
        ("Kerven", "Bob", "Annulé"),
    ]
    attendances, roster = _read(rows)
    assert [entry.participant_id for entry in attendances] == ["tregor-2026-10-01-p01"]
    assert [person.full_name for person in roster.people] == ["Anne Riou", "Bob Kerven"]


def test_words_that_only_look_like_a_status_change_nothing() -> None:
    rows = [
        ("Nom", "Prénom", "Structure", "Fonction"),
        ("Riou", "Anne", "SCIC Présent", "présidente"),
        ("Refusé", "Bob", "Les Absents", ""),
    ]
    attendances, _ = _read(rows)
    assert [(entry.structure, entry.has_signed) for entry in attendances] == [
        ("SCIC Présent", True),
        ("Les Absents", True),
    ]


FIRST = ["Anne", "ANNE", "Zoë", unicodedata.normalize("NFD", "Zoë"), "名", "\u200bAnne", "A."]
FIRST += ["Jean-Marie", "de", "Mme", "[", "(", "\\", ""]
LAST = ["Riou", "RIOU", "Rióu", "名", "", "de Sousa", "D’ARC", "(Riou)", "Ivanov", "Иванов", "*"]
STRUCTURE = [
    "La Criée",
    unicodedata.normalize("NFD", "La Criée"),
    "LA CRIÉE (SCOP)",
    "CCAS",
    "CCAS / La Criée",
]
STRUCTURE += [
    "Comité des fêtes",
    "Ferme de Zoë Riou",
    "Ferme Riou",
    "Riou (EI)",
    "particulier",
    "名名",
    "((",
    "",
    ".",
]
STRUCTURE += ["élue et présidente de La Criée"]
OTHERS = (
    ["", "a@x.org", "A@X.ORG"],
    ["Lannion", "Plouha", ""],
    ["gérante", "élue", "M. (", ""],
    ["x", "", "excusé"],
)
CELLS = (LAST, FIRST, STRUCTURE, *OTHERS)
LISTED = ("Nom", "Prénom", "Structure", "Courriel", "Commune", "Fonction", "Signature")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_whatever_people_type_twice_no_table_has_a_key_twice(tmp_path: Path, seed: int) -> None:
    chance, settings = Random(seed), Settings()
    registry, workshops = Registry(), []
    for name in ("Trégor 2026-01-01", "Bray 2026-02-01"):
        folder = tmp_path / name
        folder.mkdir()
        rows = [LISTED, *([chance.choice(cells) for cells in CELLS] for _ in range(40))]
        (folder / "liste.csv").write_text(
            "\n".join(map(";".join, [*rows, *rows[:9]])), encoding="utf-8"
        )
        placed = [
            [chance.choice(STRUCTURE), chance.choice(["Lannion", ""]), "12"] for _ in range(15)
        ]
        (folder / "carte.csv").write_text(
            "\n".join(map(";".join, [["structure", "commune", "rayon"], *placed])), encoding="utf-8"
        )
        raw = ingest_workshop(folder, depot=tmp_path, settings=settings.ingest)
        clean, kept = pseudonymise(raw, registry=registry, settings=settings.pseudonymise)
        registry = Registry.loads(kept.registry.dumps())
        workshops.append(clean)
    for table_name, rows in gather_workshops(
        workshops
    ).items():  # checked there, by the data dictionary
        assert not rows.duplicated(list(TABLES[table_name].key)).any()


def test_two_structures_of_a_workshop_never_share_an_id_in_the_study() -> None:
    chance = Random(21)
    own = ["x", "x-2", "x-3", "x-ailleurs", "x-ailleurs-2", "x-lannion"]
    for _ in range(300):
        rows = [
            StructureRow(
                workshop,
                structure_id,
                chance.choice(["Fil", "CCAS", "Comité des fêtes"]),
                chance.choice([None, "22113"]),
            )
            for workshop in range(3)
            for structure_id in chance.sample(own, chance.randint(0, 4))
        ]
        ids = share_ids(rows, [])
        for workshop in range(3):
            shared = [
                ids[row.workshop, row.structure_id] for row in rows if row.workshop == workshop
            ]
            assert len(set(shared)) == len(shared)


def test_one_person_on_two_lines_has_signed_where_either_line_is_signed() -> None:
    people = PEOPLE.build(
        {
            "participant_id": f"w-p0{n}",
            "workshop_id": "w",
            "full_name": name,
            "first_name": "Jean-Marc",
            "last_name": name.split()[1],
        }
        | {"origin": "attendance"}
        for n, name in ((1, "Jean-Marc Riou"), (2, "Jean-Marc RIOU"))
    )
    attendance = ATTENDANCE.build(
        {"participant_id": f"w-p0{n}", "workshop_id": "w", "has_signed": has_signed}
        for n, has_signed in ((1, False), (2, True))
    )
    blank = {name: table.empty() for name, table in TABLES.items()}
    workshop = WORKSHOPS.build([{"workshop_id": "w", "territory": "T", "folder": "W"}])
    tables = {
        name: blank[name]
        for name in ("documents", "blocks", "structures", "catchments", "rejects", "receipts")
    }
    tables |= {"workshops": workshop, "attendance": attendance, "people": people}
    clean, _ = pseudonymise(tables, settings=Settings().pseudonymise)
    assert clean["attendance"][["participant_id", "has_signed"]].values.tolist() == [
        ["personne-1", True]
    ]
    assert clean["blocks"].columns.tolist() == blank["blocks"].columns.tolist()


NAMES_COLUMN = [  # a cell of a list's column of names, and who it is: nobody where it says something
    ("Q'on nous écoute", None),
    ("ma voisine Yvette", None),
    ("Mon cousin Gaétan", None),
    ("il faut plus de bus le soir", None),
    ("pas de train", None),
    ("La suppléante de Mme Roux", "suppléance de Roux"),
    ("Vient pour M. Roux", "suppléance de Roux"),
    ("remplaçante d'Yvonne Roux", "suppléance de Yvonne Roux"),
    ("Le Goff Yann", "Yann Le Goff"),
    ("Mme Le Roux", "Le Roux"),
    ("Ma Li", "Ma Li"),
    ("sa mamadou", "mamadou sa"),
    ("Mon Patrick", "Patrick Mon"),
    ("Ali Va", "Ali Va"),
    ("Soizic est une autre Kerven", "Soizic est une autre Kerven"),
    ("un élu de Lannion", "un élu de Lannion"),
]


@pytest.mark.parametrize("column", ["Nom et prénom", "Nom"])
@pytest.mark.parametrize(("cell", "name"), NAMES_COLUMN)
def test_what_a_cell_of_names_says_is_nobody_and_a_deputy_is_somebody(
    cell: str, name: str | None, column: str
) -> None:
    rows = [(column, "Rôle"), ("Anne Riou", "scribe"), (cell, "dort mal"), ("Éric Cloarec", "")]
    attendances, roster = _read(rows)
    names = [person.full_name for person in roster.people if person.last_name != "Roux"]
    own = {fold(name)} if name else set()
    assert {fold(each or "") for each in names} - {fold("Yvonne Roux")} == {
        "anne riou",
        "eric cloarec",
        *own,
    }
    assert len(attendances) == 2 + len(own)


def test_what_cells_of_names_say_is_counted_as_remarks() -> None:
    rows = [("Nom", "Structure"), ("Anne Riou", "Scop"), ("Q'on nous écoute", "Scop")]
    assert count_remarks(header_of(rows[0], 0), rows[1:], ()) == 1


DEPUTIES = [  # two cells of one person, and its name
    ("Morel (suppléante de Mme Roux)", "Morel", "Morel"),
    ("Mme Morel, représente M. Roux", "Mme Morel", "Morel"),
    ("Mme Morel pour Mme Roux", "Morel", "Morel"),
    ("Suppléante de Mme Roux", "Représente Mme Roux", "suppléance de Roux"),
    ("Représente Mme Roux", "p/o Mme Roux", "suppléance de Roux"),
    ("La suppléante de Mme Roux", "p/o Mme Roux", "suppléance de Roux"),
    ("Morel, remplaçante d'Anne Roux", "Morel (représentante d'Anne Roux)", "Morel"),
]


@pytest.mark.parametrize(("one", "other", "name"), DEPUTIES)
def test_a_deputy_is_one_person_whatever_is_said_of_whom_they_stand_for(
    one: str, other: str, name: str
) -> None:
    roster = WorkshopPeople("w")
    ids = {roster.add(Participant(*split_name(cell))) for cell in (one, other)}
    assert len(ids) == 1 and [person.full_name for person in roster.people] == [name]


def test_the_deputies_of_two_people_are_two_and_who_is_represented_is_neither() -> None:
    roster = WorkshopPeople("w")
    for first, last in (
        ("Claire", "Morel (suppléante de Mme Roux)"),
        ("Claire (représente Mme Roux)", "Morel"),
        ("Représente", "Roux"),
        ("p/o", "Blanchet"),
        (None, "Roux"),
        ("Remplacine", "Pourcel"),
    ):
        roster.add(Participant(first, last))
    assert [person.full_name for person in roster.people] == [
        "Claire Morel",
        "suppléance de Roux",
        "suppléance de Blanchet",
        "Roux",
        "Remplacine Pourcel",
    ]
