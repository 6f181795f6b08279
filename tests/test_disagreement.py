"""A passage is said to disagree where its words say so, and never because it tells of what works."""

import pytest

from pipeline.cluster.quotes import quote_themes
from pipeline.text import load_cues
from support.invented import said, study

AGREES = [
    "tout le monde est d'accord, il faut des bancs",
    "on est tous d'accord sur le manque de bus",
    "personne ne conteste que l'eau baisse",
    "aucun désaccord là-dessus, la salle est trop petite",
    "l'association met en réserve la moitié du résultat, des réserves impartageables",
    "avec des réserves d'eau suffisantes on passerait l'été",
    "la réserve naturelle attire du monde",
    "le loyer, ça ne fait plus débat entre nous",
    "sans réserve, on veut cette navette",
    "notre avis est partagé par les voisins, il manque un médecin",
    "covoiturage solidaire, 22 chauffeurs bénévoles pour les rendez-vous médicaux",
    "le garage solidaire répare au prix des pièces",
    "pas d'accord-cadre avec le département, chacun négocie seul",
    "le débat public a réuni 80 personnes, toutes veulent la gare",
    "la cantine est bio à 60 %, les enfants mangent mieux",
    "nous partageons cet avis : la trésorerie est à sec",
    "il est d'accord avec la table, les jeunes partent",
    "personne n'est contre une crèche ici",
    "les élus sont d'accord pour prêter la salle",
    "le local est contre la mairie, facile à trouver",
]
DISAGREES = [
    "faut pas exagérer, il y a bien assez de bancs",
    "un participant n'est pas d'accord avec la table",
    "deux maraîchers ne sont pas du tout d'accord : l'eau a toujours monté ici",
    "les avis sont partagés sur le parking",
    "moi je ne suis pas convaincue, les jeunes viennent quand on les appelle",
    "ça fait débat : certains veulent fermer la rue",
    "désaccord entre voisins sur le composteur",
    "une élue conteste ce chiffre, il y aurait assez de logements",
    "la table émet des réserves sur la régie",
    "pour moi c'est un faux problème, les bus sont vides",
    "ce n'est pas un problème ici, on trouve des bénévoles",
    "c'est faux, le médecin prend encore des patients",
    "une dame dit le contraire : elle a eu sa place en crèche tout de suite",
    "au contraire, la cantine n'a jamais été aussi bonne",
    "les agriculteurs sont contre, ils disent que l'eau ne manque pas",
    "les avis divergent sur les éoliennes",
    "il n'y a pas consensus sur l'école",
    "tous ne sont pas convaincus par la monnaie locale",
    "on n'est pas de cet avis au fond de la salle",
    "la moitié de la table s'y oppose",
]


@pytest.mark.parametrize(
    ("text", "is_disagreement"),
    [*((text, False) for text in AGREES), *((text, True) for text in DISAGREES)],
)
def test_words_tell_a_disagreement(text: str, is_disagreement: bool) -> None:
    assert load_cues("desaccord").are_in(text) is is_disagreement


@pytest.mark.parametrize(
    ("text", "posture", "roles"),
    [
        # what works answers a need, and does not contradict it
        ("le garage solidaire répare au prix des pièces", "force", []),
        ("les avis sont partagés sur le parking", "constat", ["contraire"]),
        # who agrees, whatever the posture
        ("on est tous d'accord sur le manque de bus", "force", []),
    ],
)
def test_a_theme_quotes_one_that_disagrees_or_none(
    text: str, posture: str, roles: list[str]
) -> None:
    made = study(
        said("cars", 1, text="plus de car le soir", posture="difficulte"),
        said("cars", 2, text="il manque un bus pour le lycée", posture="difficulte"),
        said("cars", 3, text=text, posture=posture),
    )
    themes = made["themes"].assign(quotes='["u000", "u001"]')
    quotes = quote_themes(made["units"], made["tags"], themes, made["theme_members"])
    shown = quotes[quotes["role"] == "contraire"]
    assert (shown["role"].tolist(), set(shown["unit_id"])) == (roles, {"u002"} if roles else set())
