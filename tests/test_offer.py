"""Offer: which numbers quantify something that exists, what they count, who carries it, and what must not be taken."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from pipeline.offer import list_offers
from pipeline.offer.quantities import find_numbers, total_quantities
from pipeline.publish.report.passages import filled_rows
from pipeline.tables.material import STRUCTURES, UNITS
from pipeline.tables.results import OFFERS
from support.invented import said, study, tag

NAMES = [
    "SCIC Les Paniers de l'Orb",
    "Atelier Garonne",
    "La Recyclerie du Vidourle",
    "MEL",
    "Ressourcerie Le Grenier d'Arques",
]
KNOWN = STRUCTURES.build(
    {"structure_id": name.lower(), "name": name, "is_on_map": True, "is_in_attendance": False}
    for name in NAMES
)


def offers(
    text: str, *, rubrique: str = "offre", posture: str = "force", known: pd.DataFrame = KNOWN
) -> pd.DataFrame:
    """The offers with a quantity."""
    found = listed(text, rubrique=rubrique, posture=posture, known=known)
    return found[found["quantity"].notna()]


def listed(
    text: str, *, rubrique: str = "offre", posture: str = "force", known: pd.DataFrame = KNOWN
) -> pd.DataFrame:
    tables = study(said(None, text=text, rubrique=rubrique, posture=posture))
    return list_offers(tables["units"], tables["tags"], known)


NUMBERS = [
    ("4 000 repas", [4000]),
    ("4\u202f000 repas", [4000]),
    ("1.400 pulls", [1400]),
    ("1,2 M€ de ventes", [1_200_000]),
    ("12 k€ de dons", [12_000]),
    ("3 millions de bouteilles", [3_000_000]),
    ("une quinzaine de vélos", [15]),
    ("une bonne vingtaine", [20]),
    ("deux douzaines d'œufs", [24]),
    ("cinquante-huit logements", [58]),
    ("cent soixante-trois foyers", [163]),
    ("quatre-vingt-dix-sept mille deux cents", [97_200]),
    ("soixante et onze", [71]),
    ("Vingt et un ans, un jardin", [21]),
    ("entre 30 et 40 bénévoles", [35]),
    ("30 à 40 paniers", [35]),
    ("passée de trois à neuf associés", [3, 9]),
    ("en 2023 140 foyers", [2023, 140]),
    ("deux trois salariés", [2, 3]),
    ("un jardin, une serre", []),
    ("quelques dizaines, des centaines", []),
    ("chaque quinzaine", []),
    ("soixante-dix pour cent", [70]),
    ("T4, x2, q1", []),
]


@pytest.mark.parametrize(("text", "values"), NUMBERS)
def test_numbers_in_digits_and_letters_are_read(text: str, values: list[float]) -> None:
    assert [number.value for number in find_numbers(text)] == values


KEPT = [
    ("Recyclerie du Lot : 310 t collectées en 2024", [(None, 310, "tonnes")]),
    ("85 tonnes de déchets verts broyées", [("déchets verts broyés", 85, "tonnes")]),
    ("L'atelier a remis en état 430 vélos l'an passé.", [("vélos remis en état", 430, "vélos")]),
    (
        "régie de quartier : 46 postes, 3,5 ETP d'encadrement",
        [("régie de quartier", 46, "postes"), ("régie de quartier", 3.5, "ETP")],
    ),
    ("Une quinzaine de bénévoles tiennent l'épicerie.", [(None, 15, "bénévoles")]),
    ("Le car-épicerie dessert 27 villages.", [("villages desservis", 27, "villages")]),
    ("marché fermier, 350 paniers / sem.", [("marché fermier", 350, "paniers par semaine")]),
    ("cuisine centrale : 1 900 repas par jour", [("cuisine centrale", 1900, "repas par jour")]),
    ("plus de 40 familles livrées à Agde", [("familles livrées", 40, "familles")]),
    ("foire aux plants, 12 points de vente", [("foire aux plants", 12, "points de vente")]),
    ("Ces haies : 11 km de haies replantées", [("haies replantées", 11, "km")]),
    ("friperie, 80 000 € de chiffre d'affaires", [(None, 80_000, "€")]),
    ("La coop est passée de trois à neuf associés.", [(None, 9, "associés")]),
    ("CHANTIER BOIS = 18 CDDI", [("chantier bois", 18, "CDDI")]),
    ("13 AMAP autour de Béziers", [(None, 13, "AMAP")]),
]


@pytest.mark.parametrize(("text", "expected"), KEPT)
def test_quantities_of_what_exists_are_listed(
    text: str, expected: list[tuple[str, float, str]]
) -> None:
    found = offers(text)
    activities = [None if pd.isna(name) else name for name in found["activity"]]
    read = list(zip(activities, found["quantity"], found["quantity_unit"], strict=True))
    assert read == expected


REFUSED = [
    ("a share", "68 % des meubles sont revendus"),
    ("a ratio", "6 sur 10 retrouvent un emploi"),
    ("a duration", "le garage existe depuis 12 ans, ouvert 5 jours sur 7"),
    ("an hour", "on ferme à 19h, 17h30 le samedi"),
    ("a year", "la SCIC a été créée en 2019 par des maraîchers"),
    ("an ordinal", "la 2e ressourcerie du canton, 1re étape"),
    ("an age", "le président a 68 ans"),
    ("a price", "la révision est à 30 €, 2 € le kilo de linge"),
    ("a price by unit", "on vend le bois 105 €/t"),
    ("a distance", "tout vient de fermes à moins de 20 km, à 15 km de Nîmes"),
    ("a lot's weight", "la cantine achète par sacs de 25 kg"),
    ("what is missing", "il faudrait 40 bénévoles de plus au café"),
    ("what is planned", "le projet d'épicerie embauchera 4 salariés"),
    ("what would be", "on pourrait livrer 60 cantines"),
    ("what is lost", "deux salariés en moins à la recyclerie"),
    ("what is denied", "nous n'avons pas 40 adhérents"),
    ("what is left", "il ne reste que 3 bénévoles"),
    ("a part of what is counted", "la moitié des sociétaires, dont 9 communes"),
    ("a vote", "le règlement a été voté par 41 voix"),
    ("a proper name", "la ressourcerie des Trois Rivières tient bon"),
    ("an article", "une ferme et un café tenus par la commune"),
    ("a vague number", "quelques dizaines de familles viennent"),
]


@pytest.mark.parametrize("text", [case[1] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_other_numbers_are_left(text: str) -> None:
    assert offers(text).empty


@pytest.mark.parametrize(
    ("rubrique", "posture", "n_rows"),
    [
        ("offre", "force", 1),
        ("offre", "difficulte", 1),
        ("offre", "proposition", 0),
        ("offre", "demande", 0),
        ("innovation.territoire", "constat", 1),
        ("innovation.territoire", "difficulte", 0),
        ("enjeux.social", "constat", 0),
    ],
)
def test_only_passages_on_what_exists_are_read(rubrique: str, posture: str, n_rows: int) -> None:
    assert (
        len(offers("la recyclerie emploie 22 salariés", rubrique=rubrique, posture=posture))
        == n_rows
    )


def test_a_noun_outside_the_lexicon_counts_only_in_an_offer() -> None:
    assert len(offers("le collectif prête 14 remorques")) == 1
    assert offers("le collectif prête 14 remorques", rubrique="innovation.territoire").empty


def test_a_rejected_tag_makes_no_offer() -> None:
    tables = study(said(None, unit_id="a", text="la recyclerie emploie 22 salariés"))
    tags = pd.DataFrame([tag("a", "rubrique", "offre", is_assigned=False)])
    assert list_offers(tables["units"], tags, KNOWN).empty


CARRIERS = [
    ("Les Paniers de l'Orb : 14 maraîchers", "scic les paniers de l'orb"),
    ("les panniers de l'Orb : 14 maraîchers", "scic les paniers de l'orb"),
    ("Atelier Garonne, 14 salariés", "atelier garonne"),
    ("ateliers Garonne, 14 salariés", "atelier garonne"),
    ("la recyclerie du Vidourle emploie 22 salariés", "la recyclerie du vidourle"),
    ("l'accueil de Melun, 14 salariés", None),
    ("Un café de Lodève, 14 salariés", None),
    ("au Vidourle, 22 salariés", None),
    ("le Grenier d'Arques, 210 t", "ressourcerie le grenier d'arques"),
    ("Grenier, 210 t", None),
]


@pytest.mark.parametrize(("text", "structure_id"), CARRIERS)
def test_the_structure_is_known_by_its_name_misspelt_or_shortened(
    text: str, structure_id: str | None
) -> None:
    found = offers(text)["structure_id"].tolist()
    assert found == [structure_id] if structure_id else pd.isna(found[0])


def test_the_structure_named_nearest_carries_the_quantity() -> None:
    found = offers("Les Paniers de l'Orb : 14 maraîchers ; Atelier Garonne : 9 salariés")
    assert found["structure_id"].tolist() == ["scic les paniers de l'orb", "atelier garonne"]


def test_a_passage_that_repeats_itself_makes_one_row() -> None:
    assert len(offers("22 salariés, oui, 22 salariés")) == 1


def test_rows_come_in_the_order_of_unit_id_and_nothing_comes_of_nothing() -> None:
    passages: list[dict[str, Any]] = [
        said(None, unit_id=name, text="foire : 12 stands", rubrique="offre", posture="force")
        for name in "cab"
    ]
    tables = study(*passages)
    assert list_offers(tables["units"], tables["tags"], KNOWN)["unit_id"].tolist() == [
        "a",
        "b",
        "c",
    ]
    assert list_offers(UNITS.empty(), tables["tags"].head(0), STRUCTURES.empty()).empty


def test_an_offer_without_a_number_is_listed_without_quantity() -> None:
    (row,) = listed("Une ressourcerie qui prête des vélos pour trois fois rien").to_dict("records")
    assert row["activity"] == "vélos prêtés" and pd.isna(row["quantity"])
    assert listed("La ressourcerie habille et meuble", rubrique="innovation.territoire").empty
    assert listed("une ressourcerie pour le canton", posture="demande").empty


def test_an_offer_tells_its_pillars_and_the_bounds_of_a_range() -> None:
    tables = study(
        said(
            None,
            unit_id="a",
            text="garage solidaire, 30 à 40 voitures par an",
            rubrique="offre",
            posture="force",
        )
    )
    tags = pd.concat(
        [tables["tags"], pd.DataFrame([tag("a", "pilier", "duree-usage")])], ignore_index=True
    )
    (row,) = list_offers(tables["units"], tags, KNOWN).to_dict("records")
    assert (
        row["pillars"],
        row["quantity"],
        row["quantity_low"],
        row["quantity_high"],
    ) == (
        '["duree-usage"]',
        35,
        30,
        40,
    )


@pytest.mark.parametrize(
    ("name", "n_least"),
    [("passages.yaml", 120), ("passages_second.yaml", 72), ("passages_third.yaml", 40)],
)
def test_quantities_of_passages_written_beforehand_are_right_nine_times_in_ten(
    name: str, n_least: int
) -> None:
    """On first sight 0.92 and 0.96, 0.88 and 0.84, 0.92 and 0.85; the errors were then looked at, and what remains is told here."""
    passages = yaml.safe_load((Path(__file__).parent / "offer" / name).read_text(encoding="utf-8"))
    expected = [
        (text, {(float(n), unit) for n, unit in wanted}) for text, wanted in passages["avec"]
    ]
    expected += [(text, set()) for text in passages["sans"]]
    assert len(expected) >= n_least and len(passages["sans"]) * 2 >= len(expected)
    tables = study(
        *[
            said(None, unit_id=f"{n:03d}", text=text, rubrique="offre", posture="force")
            for n, (text, _) in enumerate(expected)
        ]
    )
    found = list_offers(tables["units"], tables["tags"], KNOWN).dropna(subset=["quantity"])
    read = {
        unit_id: set(zip(rows["quantity"], rows["quantity_unit"], strict=True))
        for unit_id, rows in found.groupby("unit_id")
    }
    n_right = sum(
        len(read.get(f"{n:03d}", set()) & wanted) for n, (_, wanted) in enumerate(expected)
    )
    n_wanted = sum(len(wanted) for _, wanted in expected)
    assert n_right / n_wanted >= 0.90 and n_right / len(found) >= 0.90


# structure, quantity (or bounds) of "paniers", and what may be said of them all: quantities, and how many were added
TOTALS = [
    ("one number told twice without a structure is one", [(None, 112), (None, 112)], [112], 0),
    ("one number of one structure told twice is one", [("aa", 112), ("aa", 112)], [112], 0),
    ("one number with its structure and once without is one", [("aa", 112), (None, 112)], [112], 0),
    ("two structures are added", [("aa", 112), ("bb", 40)], [152], 2),
    (
        "two structures of the same number are added",
        [("aa", 112), ("bb", 112), (None, 112)],
        [224],
        2,
    ),
    ("two numbers of one structure stay side by side", [("aa", 112), ("aa", 130)], [130, 112], 0),
    (
        "what nobody can tell apart stays side by side",
        [("aa", 112), ("bb", 40), (None, 30)],
        [112, 40, 30],
        0,
    ),
    ("numbers without structure stay side by side", [(None, 40), (None, 112)], [112, 40], 0),
    ("ranges are added end by end", [("aa", (100, 120)), ("bb", 40)], [(140, 160)], 2),
    ("a range stays a range", [(None, (100, 120)), (None, (100, 120))], [(100, 120)], 0),
]


@pytest.mark.parametrize(
    ("told", "quantities", "n_added"),
    [case[1:] for case in TOTALS],
    ids=[case[0] for case in TOTALS],
)
def test_quantities_are_added_only_where_they_are_certainly_different(
    told: list[Any], quantities: list[Any], n_added: int
) -> None:
    bounds = [
        quantity if isinstance(quantity, tuple) else (quantity, quantity) for _, quantity in told
    ]
    offers = OFFERS.build(
        {
            "unit_id": f"u{place}",
            "offer_id": f"o{place}",
            "structure_id": structure_id,
            "activity": "paniers",
            "quantity": high,
            "quantity_unit": "paniers",
            "quantity_low": low,
            "quantity_high": high,
            "pillars": "[]",
        }
        for place, ((structure_id, _), (low, high)) in enumerate(zip(told, bounds, strict=True))
    )
    expected = tuple(
        quantity if isinstance(quantity, tuple) else (quantity, quantity) for quantity in quantities
    )
    (total,) = total_quantities(filled_rows(offers))
    assert (total.unit, total.ranges, total.n_added) == ("paniers", expected, n_added)
