"""What disappears and what stays: French sentences with the answer inside. `[[…]]` must go, everything else must stay as it is."""

import re

import pandas as pd
import pytest

from pipeline.pseudonymise import pseudonymise
from pipeline.pseudonymise.choices import Choices, lasting_forms
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.roster import NOBODY
from pipeline.pseudonymise.vault import VAULT
from pipeline.settings.sections import PseudonymiseSettings
from pipeline.tables import TABLES
from pipeline.tables import material as dictionary
from pipeline.text import without_numbers

WORKSHOP = "pays-de-redon-2026-04-09"
PEOPLE = [
    ("Nolwenn", "Guéguin", "n.gueguin@example.org", "06 39 98 44 21"),
    ("Jean-Claude", "Rouxel", None, None),
    ("Rose", "Marchandise", None, None),
    ("Florence", "Carentoir", "flo@example.org", None),
    ("Idrissa", "Ndoye", None, "0639 98 10 10"),
]
STRUCTURES = [
    "La Ferme de Gaël",
    "Recyclerie Rouxel & Fils",
    "SCIC Vilaine Énergies (Redon)",
    "Café Chez Nolwenn",
]

WITH_A_LIST = [
    "le compost, c'est [[Nolwenn]] qui sait, ou [[Mme|Guéguin]]",
    "[[GUÉGUIN Nolwenn]] remplace [[JC Rouxel]], [[J.-C. Rouxel]] et [[N. Guéguin]]",
    "demander à [[idrissa]], il a les clés, sinon [[nolwenn guéguin]]",
    "d'après [[Nolwen Guegin]] et [[Guéguen]], le bac est plein",
    "La Ferme de Gaël livre le Café Chez Nolwenn et la Recyclerie Rouxel & Fils",
    "Rose trémière et marchandise en vrac : la rose attire les abeilles",
    "[[Rose Marchandise]] a planté des rosiers, [[Rose]] arrose",
    "trois bacs ([[Rose]]), [[Rose M.]] passe mardi, [[Mme|Marchandise]] jeudi",
    "[[Ndoye]] garde le four, ndole et gombo au menu",
    "on écrit à Florence, à Carentoir et à Redon",
    "voir avec [[Florence Carentoir]]",
    "le marché de gros d'[[Idrissa]] au bord de l'Oust",
]
WITHOUT_A_LIST = [
    "[[Mme|Kerleau]] et le [[docteur|Phan]] quittent Allaire",
    "[[MM.|Daniel]], [[Briand]] et [[Da Costa]], [[Mmes|Le Guen]] et [[Oury]] sont élus",
    "M. le maire et Mme la présidente remercient Monsieur tout-le-monde",
    "Rapporteuse : [[Typhaine Lorand]] (Pays de Redon), prise de notes : [[A. Morvan]]",
    "« on n'a pas de car », dit [[Ousmane]], 19 ans",
    "merci [[Zohra]] et bravo à [[Jean-Yves]] !",
    "la famille [[Ndiaye]] loue chez [[Marie-Jo]], à La Gacilly",
    "[[Aziliz Corbel]] anime l'atelier, [[Kévin D.]] tient la caisse",
    "lycée Jean-Brito, rue Marie-Curie, place de la République, salle Anne de Bretagne",
    "Saint-Nicolas-de-Redon, la Sainte-Anne et l'école Notre-Dame",
    "Claire comme de l'eau de roche, la Marine nationale ne recrute pas",
    "Pierre sèche, olive noire, avril pluvieux, mai aussi",
    "France Travail et France Services reçoivent le mardi, les gîtes de France aussi",
    "ADEME, CCAS, MJC : trois guichets, un seul Cheval de retour",
    "Les Compagnons de Saint-Vincent et Croq'Jardin ouvrent à Lorient",
    "À Vannes comme à Rennes, la Vilaine déborde ; l'Oust et l'Aff aussi",
]
CONTACTS = [
    (
        "connexion depuis 82.64.12.7 hier, puis [192.168.1.24]",
        "connexion depuis [numéro] hier, puis [[numéro]]",
    ),
    (
        "voir http://10.0.0.12/tableau ; ping 2a01:cb08:8c2:5100:1d3f:22aa:9c1e:4f10",
        "voir http://[numéro]/tableau ; ping [numéro]",
    ),
    (
        "fe80::1ff:fe23:4567:890a, carte 00:1A:2b:3c:4D:5e ou 00-1a-2b-3c-4d-5e",
        "[numéro], carte [numéro] ou [numéro]",
    ),
    ("appeler le 06 39 98 12 40 avant midi", "appeler le [téléphone] avant midi"),
    ("01 99.00.83.46, 0639 98 36 36 ou 01-99-00-27-55", "[téléphone], [téléphone] ou [téléphone]"),
    ("+33 (0)6 39 98 61 07 / 0033639986107", "[téléphone] / [téléphone]"),
    ("tél : +32 470 12 34 56", "tél : [téléphone]"),
    ("écrire à lea.m@example.fr", "écrire à [courriel]"),
    ("écrire à lea.m (at) example.fr", "écrire à [courriel]"),
    ("au 14 bis rue des Tanneurs, 35600 Redon.", "au [adresse]."),
    ("au 7 ter coursive Ella-Maillart, 35600 Redon", "au [adresse]"),
    ("9 Le Haut Bignon 35600 Sainte-Marie", "[adresse]"),
    ("11, traboule du Puits, bât. C – 56350 Saint-Jean-la-Poterie.", "[adresse]."),
    ("21 digue du Mail\n35600 Redon", "[adresse]"),
    ("0 639 98 72 51 le soir", "[téléphone] le soir"),
    ("0639 9 87 251 ou 06.399.8.72.51", "[téléphone] ou [téléphone]"),
    ("chez elle, 3 impasse du Lavoir", "chez elle, [adresse]"),
    ("12 rue des lilas 56350 allaire", "[adresse]"),
    ("né le 3 mai 1961 à Pipriac", "né le [date de naissance] à Pipriac"),
    ("sur facebook.com/nolwenn.g ou @nolwenn_g", "sur [compte] ou [compte]"),
]
NUMBERS_THAT_STAY = [
    "version 10.2.0.14, article 12.1.3.2, et le point 2.1.3.4 de la convention",
    "de 10:15:30 à 11:40:05, le 12.03.2026, ratio 12:30:45:10, prix 1.234.567 puis 300.12.10.5",
    "la rubrique 5.12.13.14.15 du code, et : a::b",
    "12 500 € de 2019 à 2025, 0,40 € le repas, 1.500 foyers, 35 600 habitants",
    "SIRET 552 081 317 06639, code postal 56350, article 0612",
    "14 €/m² rue de la Gare, 41° place du Marché, 12 places en crèche, 3 cours de cuisine",
    "le 12/03/2026 à 19 h 30, du 05.06.2026 au 07.08.2026 10 h",
    "12 fermes bio, 35600 Redon ; 3 km de piste, 35600 Redon ; le 14 juin, 35600 Redon",
    "en 2025, une halle, 35600 Redon ; table 4 La navette, 35600 Redon ; 1 élu sur 35600 Redonnais",
    "0 150 000 28 repas, 0.639987251, 05 06 2026 09 h 30",
    "01 02 2026, 20 000 km, 2 000 m² et 400 k€",
]

PLACES = [  # `*` before a name that is a place in the whole workshop
    "quartier *Ginette, plus de médecin\n*Ginette : 38° en mai\nla dalle de *Ginette fond",
    "les habitants de *Solange attendent\nsalle municipale de *Solange",
    "ils vivent à *Berthold\nmarché à *Berthold le jeudi",
    "on étouffe, les gens à *Ginette dorment dehors\nles jeunes de *Ginette",
    "quartier *Ginette, plus de médecin\n[[Ginette]] propose un car\ngâteau de [[Ginette]]",
    "quartier *Ginette, plus de médecin\n[[Ginette]] : oui, nous on ferme\ngâteau de [[Ginette]]",
    "quartier *Ginette, plus de médecin\nvoir avec [[Mme|Ginette]]\ngâteau de [[Ginette]]",
    "quartier *Ginette, plus de médecin\n[[Ginette Le Bras]] tricote\ngâteau de [[Ginette]]",
    "on envoie les jeunes à [[Ginette]]\nredemander à [[Ginette]]\ngâteau de [[Ginette]]",
    "le quartier de Ginette est loin\ncité Ginette Hamon\ngâteau de [[Ginette]]",
    "habitants de [[Nolwenn]]\ngâteau de [[Nolwenn]]",
]


def _tables(
    *texts: str, people: bool = True, speakers: tuple[str | None, ...] = ()
) -> dict[str, pd.DataFrame]:
    """One document of one block a text, its bullet signs outside the blocks, with what ingest returns beside it."""
    text, blocks = "", []
    for order, block in enumerate(texts):
        text += "- "
        blocks.append(
            {
                "document_id": "d",
                "block_order": order,
                "start_char": len(text),
                "end_char": len(text) + len(block),
                "kind": "bullet",
            }
        )
        blocks[-1] |= {"channel": "notes", "speaker": speakers[order] if speakers else None}
        text += block + "\n"
    document = {
        "document_id": "d",
        "workshop_id": WORKSHOP,
        "path": "Redon/notes de Nolwenn.txt",
        "sha256": "0",
        "channel": "notes",
    }
    document |= {
        "title": "notes de Nolwenn" if people else None,
        "n_chars": len(text),
        "text": text,
    }
    listed = PEOPLE if people else []
    workshop = {
        "workshop_id": WORKSHOP,
        "territory": "Pays de Redon",
        "place": "Salle Anne de Bretagne",
        "folder": "Redon",
    }
    return {
        "workshops": dictionary.WORKSHOPS.build([workshop]),
        "documents": dictionary.DOCUMENTS.build([document]),
        "blocks": dictionary.BLOCKS.build(blocks),
        "receipts": dictionary.RECEIPTS.empty(),
        "rejects": dictionary.REJECTS.empty(),
        "attendance": dictionary.ATTENDANCE.build(
            {
                "participant_id": f"{WORKSHOP}-p{n}",
                "workshop_id": WORKSHOP,
                "role": "bénévole",
                "has_signed": True,
            }
            for n in range(1, len(listed) + 1)
        ),
        "structures": dictionary.STRUCTURES.build(
            {
                "structure_id": name.lower().replace(" ", "-"),
                "name": name,
                "is_on_map": False,
                "is_in_attendance": True,
            }
            for name in (STRUCTURES if people else [])
        ),
        "catchments": dictionary.CATCHMENTS.empty(),
        "people": _people(*listed),
    }


def _people(*rows: tuple[str | None, str | None, str | None, str | None]) -> pd.DataFrame:
    return VAULT.build(
        {
            "participant_id": f"{WORKSHOP}-p{number}",
            "workshop_id": WORKSHOP,
            "full_name": f"{first} {last}" if first and last else None,
            "first_name": first,
            "last_name": last,
            "email": email,
            "phone": phone,
        }
        for number, (first, last, email, phone) in enumerate(rows, 1)
    ).assign(origin="attendance")


def _texts(tables: dict[str, pd.DataFrame]) -> list[str]:
    """The texts of the blocks, persons' numbers left out: they are the subject of test_pseudonyms.py."""
    text = tables["documents"]["text"][0]
    spans = zip(tables["blocks"]["start_char"], tables["blocks"]["end_char"], strict=True)
    return [without_numbers(text[start:end]) for start, end in spans]


def _clean(*texts: str, people: bool = False, keep: tuple[str, ...] = ()) -> list[str]:
    clean, _ = pseudonymise(
        _tables(*texts, people=people), settings=PseudonymiseSettings(keep=keep)
    )
    return _texts(clean)


def _expected(example: str) -> str:
    """`[[Mme|Roy]]` becomes "Mme [personne]"."""
    return re.sub(
        r"\[\[(?:([^|\]]*)\|)?[^\]]*\]\]",
        lambda match: f"{match[1]} [personne]" if match[1] else "[personne]",
        example,
    )


def _plain(example: str) -> str:
    return re.sub(r"\[\[([^\]]*)\]\]", lambda match: match[1].replace("|", " "), example)


def test_names_of_the_attendance_list_disappear_and_structures_stay() -> None:
    assert _clean(*map(_plain, WITH_A_LIST), people=True) == [
        _expected(example) for example in WITH_A_LIST
    ]


def test_unlisted_names_disappear_and_places_and_common_words_stay() -> None:
    assert _clean(*map(_plain, WITHOUT_A_LIST)) == [
        _expected(example) for example in WITHOUT_A_LIST
    ]


@pytest.mark.parametrize(("text", "clean"), CONTACTS)
def test_telephones_mail_addresses_and_accounts_become_fixed_tokens(text: str, clean: str) -> None:
    assert _clean(text) == [clean]


@pytest.mark.parametrize("example", PLACES)
def test_a_first_name_is_a_place_where_the_workshop_says_so_and_nothing_makes_it_a_person(
    example: str,
) -> None:
    plain = _plain(example.replace("*", ""))
    assert _clean(plain, people="Nolwenn" in example) == [_expected(example.replace("*", ""))]


def test_a_commune_of_the_attendance_list_is_a_place_and_a_particle_of_a_listed_name_is_no_name() -> (
    None
):
    tables = _tables("le car de Rémy", "De mon côté, des fruits")
    tables["attendance"]["commune_code"] = "remy"
    tables["people"] = _people(("De La", "Structure", None, None), *PEOPLE[1:])
    clean, _ = pseudonymise(tables, settings=PseudonymiseSettings())
    assert _texts(clean) == ["le car de Rémy", "De mon côté, des fruits"]


def test_quantities_prices_dates_and_postal_codes_stay() -> None:
    assert _clean(*NUMBERS_THAT_STAY) == NUMBERS_THAT_STAY


def test_a_word_that_the_settings_keep_is_never_hidden() -> None:
    assert _clean("l'atelier de Josiane ouvre") == ["l'atelier de [personne] ouvre"]
    assert _clean("l'atelier de Josiane ouvre", keep=("atelier de Josiane",)) == [
        "l'atelier de Josiane ouvre"
    ]


def test_a_word_that_the_settings_hide_is_hidden_wherever_it_stands() -> None:
    settings = PseudonymiseSettings(hide=("Ogre", "le grand blond"))
    clean, _ = pseudonymise(
        _tables("ogre ou Ogre, comme le Grand Blond", people=False), settings=settings
    )
    assert _texts(clean) == ["[personne] ou [personne], comme [personne]"]


def test_a_text_too_long_to_parse_at_once_is_read_to_its_end() -> None:
    long = "on a parlé du four à pain et de la halle, longtemps. " * 3
    masker = Masker(NOBODY, name_match=85, longest=40)
    clean = masker.mask_texts(pd.Series([long + "Mme Kerleau clôt la séance"]))
    assert list(clean) == [long + "Mme [personne] clôt la séance"]


def test_blocks_hold_the_same_text_as_before_but_for_the_tokens() -> None:
    examples = [
        *map(_plain, [*WITH_A_LIST, *WITHOUT_A_LIST]),
        *(text for text, _ in CONTACTS),
        *NUMBERS_THAT_STAY,
    ]
    before = _tables(*examples)
    after, _ = pseudonymise(before, settings=PseudonymiseSettings())
    text = after["documents"]["text"][0]
    assert after["documents"]["n_chars"][0] == len(text)
    assert without_numbers(text) == "".join(f"- {block}\n" for block in _texts(after)), (
        "the text between blocks is untouched"
    )
    for was, now in zip(examples, _texts(after), strict=True):
        pieces = [
            re.escape(piece)
            for piece in re.split(
                r"\[(?:personne|téléphone|courriel|adresse|date de naissance|compte|numéro)\]", now
            )
        ]
        assert re.fullmatch(".+".join(pieces), was, re.DOTALL), f"{was!r} → {now!r}"
    for name in (
        "workshops",
        "documents",
        "blocks",
        "rejects",
        "receipts",
        "attendance",
        "structures",
        "catchments",
    ):
        TABLES[name].check(after[name])


def test_no_name_is_left_in_any_column_but_path_and_people_are_gone() -> None:
    tables = _tables(
        "[T1] Nolwenn : oui",
        "un mot",
        "un autre",
        speakers=(f"{WORKSHOP}-p1", "Yannick Le Bihan", "Animatrice"),
    )
    tables["workshops"]["place"] = "chez Nolwenn Guéguin"
    tables["attendance"]["role"] = [
        "adjointe de Jean-Claude Rouxel",
        "élue",
        "élu",
        None,
        "gérante",
    ]
    tables["structures"].loc[0, ["structure_id", "name"]] = [
        "ei-rose-marchandise",
        "EI Rose Marchandise",
    ]
    tables["attendance"]["structure_id"] = ["ei-rose-marchandise", None, None, None, None]
    clean, _ = pseudonymise(tables, settings=PseudonymiseSettings())
    assert "people" not in clean
    assert list(clean["blocks"]["speaker"]) == ["personne-1", "intervenant", "Animatrice"]
    assert clean["workshops"]["place"][0] == "chez [personne]"
    assert clean["structures"]["name"][0] == "EI [personne]"
    assert (
        clean["attendance"]["structure_id"][0]
        == clean["structures"]["structure_id"][0]
        == "ei-personne"
    )
    assert clean["documents"]["title"][0] == "notes de [personne]"
    assert clean["documents"]["path"][0] == "Redon/notes de Nolwenn.txt"
    everything = " ".join(
        str(value)
        for table in clean.values()
        for value in table.drop(columns=["path", "folder"], errors="ignore").to_numpy().ravel()
    )
    assert not re.search(
        r"Nolwenn Guéguin|Rouxel,|Rouxel (?!&)|Bihan|Marchandise|marchandise", everything
    )


def test_a_person_keeps_its_pseudonym_and_newcomers_get_the_next_number() -> None:
    _, kept = pseudonymise(_tables("un mot"), settings=PseudonymiseSettings())
    tables = _tables("un mot", speakers=(f"{WORKSHOP}-p1",))
    tables["people"] = _people(
        ("Yves", "Hamon", None, None),
        ("rouxel", "JEAN CLAUDE", "jc@example.org", None),
        (None, None, "x@example.org", None),
    )
    tables["attendance"] = tables["attendance"].head(3)
    clean, again = pseudonymise(tables, registry=kept.registry, settings=PseudonymiseSettings())
    assert list(clean["attendance"]["participant_id"]) == ["personne-6", "personne-2", "personne-7"]
    assert clean["blocks"]["speaker"][0] == "personne-6"
    assert list(again.registry.persons) == [1, 2, 3, 4, 5, 6, 7], "nobody leaves the registry"
    assert again.registry.persons[2].emails == ["jc@example.org"]
    _, last = pseudonymise(tables, registry=again.registry, settings=PseudonymiseSettings())
    assert last.registry.dumps() == again.registry.dumps(), "reading again changes nothing"


def test_one_person_for_two_structures_keeps_both_rows_and_a_duplicate_none() -> None:
    tables = _tables("un mot")
    tables["people"] = _people(
        ("Maud", "Leray", None, None), ("Leray", "Maud", None, None), ("Maud", "Leray", None, None)
    )
    tables["attendance"] = dictionary.ATTENDANCE.build(
        {
            "participant_id": f"{WORKSHOP}-p{n}",
            "workshop_id": WORKSHOP,
            "structure_id": structure,
            "has_signed": True,
        }
        for n, structure in enumerate(("fournil", "fournil", "gite"), 1)
    )
    clean, kept = pseudonymise(tables, settings=PseudonymiseSettings())
    assert clean["attendance"][["participant_id", "structure_id"]].values.tolist() == [
        ["personne-1", "fournil"],
        ["personne-1", "gite"],
    ]
    assert len(kept.registry.persons) == 1


def test_a_workshop_without_documents_or_people_is_returned_as_it_is() -> None:
    tables = _tables(people=False) | {"documents": dictionary.DOCUMENTS.empty()}
    clean, kept = pseudonymise(tables, settings=PseudonymiseSettings())
    assert clean["documents"].empty
    assert not kept.registry.persons


def test_the_doubts_of_a_next_reading_name_nobody_who_was_forgotten() -> None:
    texts = (
        "voir avec Rouxel pour le devis, on passe chez les Morvan, dit ndoye, vu hier",
        "la place du docteur Ndoye est libre",
    )
    settings = PseudonymiseSettings()
    _, kept = pseudonymise(_tables(*texts), settings=settings)
    assert "Rouxel pour le devis" in " ".join(kept.doubts["context"]), (
        "the vault may name those it knows"
    )
    assert list(kept.doubts["words"]) == ["Morvan", "Ndoye"]
    for number in (2, 5):
        kept.registry.forget(
            number, has_no_words=False, forms=lasting_forms(kept.registry.persons[number])
        )
    _, again = pseudonymise(_tables(*texts), registry=kept.registry, settings=settings)
    assert list(again.doubts["words"]) == ["Morvan"]
    (context,) = again.doubts["context"]
    assert "[personne] pour le devis" in context
    assert not re.search("rouxel|ndoye", context, re.IGNORECASE)


def test_a_forgotten_surname_in_small_letters_stays_hidden_once_the_list_no_longer_has_it() -> None:
    texts = ("d'après rouxel, la chaudière tient", "Rouxel a dit oui", "la rose de nolwenn")
    _, kept = pseudonymise(_tables(*texts), settings=PseudonymiseSettings())
    for number in (2, 3):
        kept.registry.forget(
            number, has_no_words=False, forms=lasting_forms(kept.registry.persons[number])
        )
    clean, _ = pseudonymise(
        _tables(*texts, people=False), registry=kept.registry, settings=PseudonymiseSettings()
    )
    assert _texts(clean) == [
        "d'après [personne], la chaudière tient",
        "[personne] a dit oui",
        "la rose de [personne]",
    ]


DECIDED = [  # what "garder" on the word leaves hidden, and what it opens
    ("les Jardins de Rose ouvrent", "Rose", "les Jardins de Rose ouvrent"),
    ("Mme Rose a demandé deux bancs", "Rose", "Mme [personne] a demandé deux bancs"),
    ("voir avec Rouxel", "Rouxel", "voir avec [personne]"),
    (
        "c'est Florence qui gère, dit Florence",
        "Florence",
        "c'est [personne] qui gère, dit [personne]",
    ),
    ("avec Kermorvan, dit Kermorvan", "Kermorvan", "avec Kermorvan, dit Kermorvan"),
    ("chez Mme Kermorvan", "Kermorvan", "chez Mme [personne]"),
    ("d'après Guéguen", "Guéguen", "d'après Guéguen"),
    ("d'après Kermorvan-Guéguen", "kermorvan gueguen", "d'après Kermorvan-Guéguen"),
]


@pytest.mark.parametrize(("text", "kept", "clean"), DECIDED)
def test_a_word_kept_readable_opens_neither_a_titled_mention_nor_the_listed_person(
    text: str, kept: str, clean: str
) -> None:
    tables, _ = pseudonymise(
        _tables(text), choices=Choices(frozenset({kept})), settings=PseudonymiseSettings()
    )
    assert _texts(tables) == [clean]


TITLES = [
    ("CR_entretien_Mme_Kerbrat", "CR_entretien_Mme_[personne]"),
    ("entretien-yann-kermarrec", "entretien-[personne]"),
    ("CR_Yann_Kermarrec_v2", "CR_[personne]_v2"),
    ("interview_fatima_2026.m4a", "interview_[personne]_2026.m4a"),
    ("Table 3 - Josiane (suite)", "Table 3 - [personne] (suite)"),
    ("compte-rendu-table-3_q1", "compte-rendu-table-3_q1"),
    ("Saint-Nicolas-de-Redon_grand-cafe_rose", "Saint-Nicolas-de-Redon_grand-cafe_rose"),
]


@pytest.mark.parametrize(("name", "clean"), TITLES)
def test_a_name_in_a_file_name_disappears_whatever_joins_its_words(name: str, clean: str) -> None:
    masker = Masker(NOBODY, name_match=85)
    assert masker.mask_file_names(pd.Series([name])).tolist() == [clean]
