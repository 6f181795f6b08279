"""Names told from places, things and structures by the words around: `[[…]]` must go, everything else must stay as it is."""

import re

import pandas as pd
import pytest

from pipeline.pseudonymise import VAULT
from pipeline.pseudonymise.masker import Masker
from pipeline.pseudonymise.masks import Mask
from pipeline.pseudonymise.rewrite import Rewriting, settle_masks
from pipeline.pseudonymise.roster import build_roster

PEOPLE = [("Odile", "Leroy"), ("Luc", "Godin"), ("Marion", "Auray"), ("Josette", "Le Dantec"), ("Hugo", "Grand"), ("Rose", "Bertin")]

BRANDS_AND_SIGNS = [
    "Leroy Merlin reprend les palettes, [[Leroy]] les charge",
    "deux poêles Godin à donner, [[Luc Godin]] les apporte",
    "le bistrot Chez Josette a rouvert, on dîne chez [[Josette]]",
    "Chez Josette, c'est le nom du bar, pas chez [[Josette]]",
    "on commande chez Kiloutou et chez Biocoop",
    "le GRETA forme, l'ETTI Armand d'Épinal recrute",
    "Maître Renard, c'est le nom du gîte",
    "La Petite Rose sert à midi, [[Rose Bertin]] fait la salle",
    "le grand café, le Grand Tour et [[Hugo Grand]]",
]
PLACES = [
    "le mur du four d'Auray a été refait, [[Marion Auray]] l'a vu",
    "à Auray le train passe, de Lannion à Auray aussi",
    "Auray, Lannion et Redon ont signé",
    "[[Mme|Auray]] n'est pas d'Auray",
    "l'idée d'[[Auray]], c'est le covoiturage",
    "les élus de Vincent, dans le Jura, et la bière de [[Vincent]]",
    "le PNR du Morvan aide les fermes",
]
RARE_NAMES = [
    "[[Wendeline]] raconte que la navette est pleine",
    "redemander à [[Sabiha]] la clé du four",
    "je ne vois plus [[Kaltoum]] le samedi",
    "[[Txomin]] et [[Maddi]] tiennent la buvette",
    "témoignage de [[Malia T.]], aide à domicile",
    "[[Nanou]] au bar, [[Titouan]] à la caisse",
    "[[M.|Avril]] sera là en avril, [[Mme|Janvier]] aussi",
    "[[Tonton|Pacôme]] garde le rucher",
    "[[Sandrine Hoareau]] écrit, et non [[Hoarau]]",
    "« on ne nous écoute pas », [[Kerbrat]], table 4",
    "c'est [[Kerbrat]] qui garde la caisse",
]
TIED_NAMES = [
    "[[Zorica]] et son mari cousent, la [[Zorica]] de la table 2 aussi",
    "une bénévole, [[Zorica]], et un élu",
    "[[Zorica]] + [[Lise]] : affiches, Biocoop et [[Lise]] : gâteaux",
    "Mesdames, Messieurs, MM. [[Achard]] et [[Mestre]], [[M.|Guyot]] et [[Mme|Abbé]]",
    "[[Jojo]] le mécano passe jeudi",
    "[[Jean de Kerguelen]] signe, un jean troué à recoudre",
    "[[LÉA]] a les clés, la DRAC non",
    "[[Y. B.]], 34 ans, et [[Nadia B]] témoignent",
    "pour 12, contre 1 ([[Duchemin]])",
]
SMALL_LETTERS = [
    "mme [[le goff]] et mr [[dupuis]] sont là, mme la maire aussi, madame [[rose]] arrive",
    "pas vu [[momo]], [[lulu]] et [[nono]] sont au four",
    "[[josette]] part à la retraite, la rose du jardin aussi",
    "[[jean-mi]], retraité, bricole au garage",
    "elle s'appelle [[prudence]] et gère la prudence du budget",
    "[[rose]] et [[marion]] ont les clés",
    "pour [[léa]], c'est loin, ben oui",
]


def _masks(text: str) -> list[Mask]:
    people = VAULT.build(
        {"participant_id": f"p{n}", "workshop_id": "w", "full_name": f"{first} {last}", "first_name": first, "last_name": last}
        for n, (first, last) in enumerate(PEOPLE)
    )
    (masks,) = Masker(build_roster([pd.DataFrame(people)], [], []), name_match=85).find([(text, [])])
    return masks


def _clean(text: str) -> str:
    return Rewriting(text, settle_masks(text, _masks(text), (0, len(text)))).text


def _expected(example: str) -> str:
    return re.sub(r"\[\[(?:([^|\]]*)\|)?[^\]]*\]\]", lambda match: f"{match[1]} [personne]" if match[1] else "[personne]", example)


def _plain(example: str) -> str:
    return re.sub(r"\[\[([^\]]*)\]\]", lambda match: match[1].replace("|", " "), example)


@pytest.mark.parametrize("example", [*BRANDS_AND_SIGNS, *PLACES, *RARE_NAMES, *TIED_NAMES, *SMALL_LETTERS])
def test_a_name_is_hidden_and_its_namesake_stays(example: str) -> None:
    assert "[[" in example or _plain(example) == example
    assert _clean(_plain(example)) == _expected(example)


def test_a_listed_surname_left_as_a_place_is_a_case_to_look_at() -> None:
    text = "le marché d'Auray est complet"
    (case,) = _masks(text)
    assert (case.is_kept, text[case.start : case.end]) == (True, "Auray")
    assert "lieu" in case.doubt
