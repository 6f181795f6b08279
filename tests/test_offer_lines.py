"""Offer: what an activity is called, which structure carries it, and what is one line though told twice."""

from typing import Any

import pandas as pd
import pytest

from pipeline.offer import list_offers
from pipeline.tables.material import STRUCTURES, WORKSHOPS
from support.invented import said, study

A, B = "vallee-2026-03-12", "plateau-2026-04-02"
KNOWN = STRUCTURES.build(
    {
        "structure_id": key,
        "name": name,
        "commune_code": code,
        "is_on_map": True,
        "is_in_attendance": False,
        "map_workshop_ids": f'["{A}"]',
    }
    for key, name, code in (
        ("grenier", "Ressourcerie Le Grenier d'Arques", "62040"),
        ("marmite", "La Marmite du Trichon", "59512"),
        ("roule", "L'Épicerie qui Roule", "02789"),
        ("ecluse", "Café associatif L'Écluse", "62040"),
        ("velo", "Atelier Pignon Libre", "62040"),
    )
)


def listed(*texts: str, workshops: tuple[str, ...] = ()) -> pd.DataFrame:
    """The offers of passages of workshop A, or of `workshops`."""
    where = workshops or (A,) * len(texts)
    passages: list[dict[str, Any]] = [
        said(
            None,
            unit_id=f"{n:02d}",
            text=text,
            rubrique="offre",
            posture="force",
            workshop_id=workshop_id,
        )
        for n, (text, workshop_id) in enumerate(zip(texts, where, strict=True))
    ]
    tables = study(*passages)
    held = WORKSHOPS.build(
        {"workshop_id": name, "territory": name, "date": name[-10:], "folder": name}
        for name in (A, B)
    )
    return list_offers(tables["units"], tables["tags"], KNOWN, workshops=held)


NAMES = [
    ("Pignon Libre a remis en état 430 vélos", "vélos remis en état"),
    ("quarante vélos repris l'an dernier, avec 6 salariés", "vélos repris"),
    ("on livre 60 paniers de légumes bio par semaine", "paniers de légumes bio livrés"),
    ("La conserverie transforme 30 tonnes de fruits", "fruits transformés"),
    ("Fil & Fripe : 900 t de vêtements triées", "vêtements triés"),
    ("Le vélo-école a formé 85 femmes", "femmes formées"),
    ("Ils ont sauvé 310 t de portes, parquets, sanitaires", "portes, parquets, sanitaires sauvés"),
    ("La crèche parentale accueille vingt-quatre enfants", "enfants accueillis"),
    ("la gare prête raquettes et remorques à 480 familles", "raquettes et remorques prêtées"),
    ("Le Clic → 1 200 personnes dépannées en numérique", "personnes dépannées en numérique"),
    ("6 nounous qui viennent à domicile des 4h du mat", "nounous qui viennent à domicile"),
    ("covoiturage solidaire, 22 chauffeurs bénévoles", "covoiturage solidaire"),
    ("Le groupement d'employeurs réunit 28 structures", "groupement d'employeurs"),
    ("Les Restos : 400 repas/j livrés aux centres aérés", "repas livrés"),
    ("Café des Voisines : garde d'enfants à tour de rôle", "garde d'enfants à tour de rôle"),
    ("Chantier Voilà restaure des pointus avec huit apprentis", "pointus restaurés"),
    ("navette maritime gratuite pour les lycéens", "navette maritime gratuite"),
]


@pytest.mark.parametrize(("text", "name"), NAMES, ids=[case[1] for case in NAMES])
def test_an_activity_is_a_whole_noun_phrase(text: str, name: str) -> None:
    assert listed(text)["activity"].iloc[0] == name


@pytest.mark.parametrize(
    "text",
    [
        "Ludothèque : 3 salariées",  # a lone word
        "Le café associatif de Nontron, 40 bénévoles dans l'association",  # what its name says
        "drêches de la brasserie séchées, 9 t/an",  # cut
        "11 fermes du canton",  # who does it
        "la fiction en 6 épisodes écrite au lycée",
        "les plaquettes du réseau de chaleur, 41 agriculteurs",  # of something else
        "une correction sur le compte rendu, 119 000 gobelets",
    ],
)
def test_no_name_is_given_rather_than_a_bad_one(text: str) -> None:
    assert listed(text)["activity"].isna().all()


@pytest.mark.parametrize(
    "text",
    [
        "la liste d'attente de la crèche compte 60 familles",
        "5 associations se disputent la même salle",
        "250 signatures contre la fermeture de l'école",
        "on a reçu 3 réponses à notre appel",
        "nous sommes 2 salariés pour tout faire",
        "le dernier bus part à 18h30",
        "besoin de 15 logements d'urgence",
        "on a gardé l'escalier et le carrelage",
    ],
)
def test_what_is_no_offer_is_not_listed(text: str) -> None:
    assert listed(text).empty


NO_OFFERS = [
    "+ gaufres excellentes",
    "SIAE = 1re marche pour des femmes qui n'avaient jamais travaillé",
    "Les Couseuses de l'Alma : on est onze et la boîte est à nous",
    "deuxième vie, troisième lieu : notre slogan",
    "trouve que la ressourcerie est trop loin pour les gens du marais",
    "si on avait un local on ouvrirait aussi la friperie",
    "le comité de pilotage se réunit en mairie",
    "on trouve pas d'atelier à un prix normal",
    "j'ai refait ma chambre",
    "merci pour la tarte",
    "super galettes ce midi, vive le bio local !",
]


@pytest.mark.parametrize("text", NO_OFFERS)
def test_compliments_slogans_and_wishes_are_no_offers(text: str) -> None:
    assert listed(text).empty


def test_a_lone_word_is_no_name_of_an_activity() -> None:
    found = listed("« on se prête tout » : 45 outils", "les vélos : 12 bénévoles")
    assert found["activity"].isna().all() and found["quantity"].tolist() == [45, 12]


STRUCTURES_SAID = [
    ("La ressourcerie du Pré a collecté 412 tonnes d'objets", "Ressourcerie du Pré"),
    ("l'AMAP de Lodève compte 60 adhérents", "AMAP de Lodève"),
    ("le chantier d'insertion du marais a formé 112 personnes", "Chantier d'insertion du marais"),
    (
        "Garderie itinérante Les P'tits Sonneurs, 3 communes",
        "Garderie itinérante Les P'tits Sonneurs",
    ),
    ("La Boussole accompagne 90 familles", "La Boussole"),
    ("l'Ecluse a Arques, 45 couverts", "Café associatif L'Écluse"),
    ("et la marmite elle nourrit cent vingt personnes", "La Marmite du Trichon"),
    ("la ressourcerie emploie 11 salariés", "Ressourcerie Le Grenier d'Arques"),
    ("le camion-épicerie de Vervins : 27 arrêts", "L'Épicerie qui Roule"),
    ("une conserverie avec 4 salariés", None),
    ("La ferme de [personne] livre 40 paniers", None),
    ("Les légumes vont à l'épicerie sociale de Moirans, 210 familles", None),
]


@pytest.mark.parametrize(("text", "name"), STRUCTURES_SAID)
def test_a_structure_is_found_in_the_passage_too(text: str, name: str | None) -> None:
    found = listed(text)["structure_name"].iloc[0]
    assert (None if pd.isna(found) else found) == name


# passages, and the lines they make
LINES = [
    (
        "people told in other words are one line",
        (
            "Le chantier d'insertion du marais a formé 112 personnes",
            "le chantier d'insertion : 112 bénéficiaires",
        ),
        1,
    ),
    (
        "with and without its structure",
        ("Pignon Libre : 640 vélos remis en circulation / an", "640 vélos réparés"),
        1,
    ),
    (
        "two quantities of one activity of one structure",
        ("Pignon Libre a réparé 430 vélos", "Pignon Libre, 450 vélos remis en état"),
        1,
    ),
    (
        "two activities of one structure",
        ("Pignon Libre a réparé 430 vélos", "Pignon Libre a vendu 90 vélos"),
        2,
    ),
    (
        "two structures",
        ("Pignon Libre a réparé 430 vélos", "La Marmite du Trichon a réparé 430 vélos"),
        2,
    ),
    (
        "a small number of two unnamed kinds",
        ("une conserverie, 3 salariés", "une laverie, 3 salariés"),
        2,
    ),
    (
        "an activity without quantity told twice",
        ("Café associatif L'Écluse à Arques", "Le café associatif L'Écluse dépanne tout le monde"),
        1,
    ),
]


@pytest.mark.parametrize(
    ("texts", "n_lines"), [case[1:] for case in LINES], ids=[c[0] for c in LINES]
)
def test_what_is_said_twice_is_one_line(texts: tuple[str, ...], n_lines: int) -> None:
    found = listed(*texts)
    assert len(found) == len(texts) and found["offer_id"].nunique() == n_lines


def test_lines_of_two_workshops_are_apart_unless_one_structure_says_so() -> None:
    unnamed = listed("une friperie, 300 clients", "une friperie, 300 clients", workshops=(A, B))
    named = listed(
        "Pignon Libre, 430 vélos réparés", "Pignon Libre, 430 vélos réparés", workshops=(A, B)
    )
    assert (unnamed["offer_id"].nunique(), named["offer_id"].nunique()) == (2, 1)


def test_what_stands_beside_a_recognised_number_has_its_structure() -> None:
    found = listed("Pignon Libre : 640 vélos réparés", "640 vélos réparés, 1 380 adhérents")
    assert set(found["structure_id"]) == {"velo"}


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("Pignon Libre a réparé 430 vélos en 2024", 2024),
        ("Pignon Libre a réparé 430 vélos l'an passé", 2025),
        ("Pignon Libre a réparé 430 vélos cette année", 2026),
        ("Pignon Libre a réparé 430 vélos", None),
        ("ouvert depuis 2019, 430 vélos réparés", None),
    ],
)
def test_the_year_is_that_of_the_passage_or_told_from_the_workshop(
    text: str, year: int | None
) -> None:
    found = listed(text)["year"].iloc[0]
    assert (None if pd.isna(found) else int(found)) == year


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("La coopérative livre 130 repas par jour à des personnes âgées", "personnes âgées"),
        ("navette gratuite pour les lycéens, 40 places", "lycéens"),
        ("Thiérache Présence va chez 310 personnes âgées", "personnes âgées"),
        ("la ressourcerie emploie 11 salariés", None),
    ],
)
def test_whom_it_is_for_is_said_in_the_passage(text: str, public: str | None) -> None:
    found = listed(text)["public"].iloc[0]
    assert (None if pd.isna(found) else found) == public
