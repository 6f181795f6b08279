"""Which lines of notes, minutes and pages state something, which only name; all invented before the rule was written."""

import pytest

from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.locate.cues import LocatedBlock
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.tables.schema import ASIDES

STATING, NAMING = "states", "names"
LINES = [  # half of them hard: long labels that only name, short ones that state
    (STATING, "Point de vigilance : il n'y a plus de médecin"),
    (STATING, "Rapporteur : nous demandons une navette le mardi et le samedi"),
    (NAMING, "Rapporteur : Maud"),
    (NAMING, "Présents : Maud Riou, Karim Benali, Odile Tessier, Jean-Paul Lacombe"),
    (NAMING, "Lieu : salle des fêtes de Gournay"),
    (STATING, "Enjeu majeur : garder l'école ouverte"),
    (STATING, "À retenir : la halte-garderie ferme trop tôt"),
    (STATING, "Constat partagé : les loyers ont doublé"),
    (NAMING, "Animation : Claire Vasseur et Hugo Lemaître, du pôle développement local"),
    (NAMING, "Rapporteure de la table 3 : Mme Sylvie Le Goff, présidente du comité des fêtes"),
    (NAMING, "Heure de début : 18 h 30, fin prévue à 20 h 45 au plus tard"),
    (NAMING, "Objet : compte rendu de la deuxième réunion de concertation du 14 mars 2026"),
    (NAMING, "Document de travail : notes brutes de la table 2 relues par l'équipe d'animation"),
    (STATING, "Idée : un car pour tous"),
    (STATING, "Proposition : mutualiser les salles"),
    (STATING, "Frein : on ne sait pas à qui s'adresser"),
    (STATING, "Attention : personne ne vient le soir"),
    (NAMING, "Secrétaire de séance : Yvon Marec"),
    (NAMING, "Excusés : Mme le maire de Forges, M. Adam, le représentant de la mission locale"),
    (NAMING, "Date : jeudi 12 mars 2026"),
    (NAMING, "Table 4 : mobilités"),
    (NAMING, "Thème : accès aux soins et vieillissement de la population"),
    (NAMING, "Nombre de participants : 14"),
    (STATING, "Demande : que la mairie ouvre le foyer le mercredi"),
    (STATING, "Besoin : des bénévoles pour conduire les anciens chez le médecin"),
    (STATING, "Karim : on n'a jamais eu autant de demandes"),
    (NAMING, "Animatrice : Nadia Ferrand (CPTS du Pays de Bray)"),
    (STATING, "Animatrice : est-ce que quelqu'un veut ajouter un mot sur le transport ?"),
    (NAMING, "Participants : 6 habitants, 2 élus, 1 salariée de l'EHPAD"),
    (NAMING, "Scribe : Lucie, stagiaire au PETR"),
    (STATING, "Remarque du scribe : le ton est monté au sujet de la maison médicale"),
    (STATING, "Témoignage : ma mère attend depuis huit mois un rendez-vous chez l'ophtalmo"),
    (NAMING, "Prochaine réunion : mardi 5 mai à 18 h, foyer rural de Saint-Saëns"),
    (NAMING, "Rédaction : équipe d'animation du contrat local de santé, version du 2 avril"),
    (NAMING, "Contact : Julie Perrin, 02 35 00 00 00"),
    (STATING, "Conclusion : il faut un lieu ouvert le samedi"),
    (STATING, "Accord de tous : la priorité est le transport à la demande"),
    (STATING, "Désaccord : certains préfèrent une ligne régulière"),
    (NAMING, "Ordre du jour : accueil, tour de table, travail par groupes, restitution"),
    (NAMING, "Groupe B : élus et techniciens des communautés de communes"),
    (STATING, "Il n'y a plus de médecin à Gournay"),
    (STATING, "Les jeunes partent et ne reviennent pas"),
    (NAMING, "Compte rendu de la réunion publique du 3 avril"),
    (NAMING, "Liste des personnes présentes"),
    (NAMING, "Tour de table et présentation de la démarche"),
    (STATING, "On manque de bras dans les associations"),
    (STATING, "Tel Mme Riou 12/4 : elle ne trouve personne pour garder sa mère le week-end"),
    (STATING, "Appel de M. Gosse le 3 mai : le car ne passe plus au hameau depuis la rentrée"),
    (NAMING, "Tel Mme Riou 12/4 : 06 12 34 56 78"),
    (STATING, "tél. président du club de foot, 14/03 - il cherche deux éducateurs diplômés"),
    (NAMING, "Appel du 3 mai, Mme Gosse, Neufchâtel"),
    (
        STATING,
        "Mme Leroux (rappelée le 9/4) : trouve que l'atelier était trop court pour parler du logement",
    ),
    (
        STATING,
        "Nos atouts : un tissu associatif dense, des bénévoles fidèles, un marché très vivant",
    ),
    (STATING, "Ce qui marche : le bus des services publics du jeudi"),
    (
        NAMING,
        "Cadre : programme Petites villes de demain, deuxième phase de consultation des habitants",
    ),
    (STATING, "Parole d'habitante : ici tout le monde se connaît"),
    (NAMING, "Président de séance : M. Dominique Auber, vice-président chargé des solidarités"),
    (STATING, "Dominique Auber : pas de budget cette année"),
    (NAMING, "Support : nappe en papier, feutres, gommettes de couleur et fiches cartonnées"),
    (STATING, "Manque criant : orthophoniste"),
    (STATING, "Alerte : fermeture de la trésorerie en juin"),
    (NAMING, "Légende : R = rapporteur, H = habitant, E = élu, T = technicien"),
    (STATING, "Question posée par une élue : pourquoi le guichet n'ouvre-t-il que deux matinées ?"),
    (STATING, "Solution évoquée : covoiturage entre voisins"),
    (NAMING, "Durée : 1 h 45 dont 20 minutes de restitution en plénière"),
    (NAMING, "Voix : 3"),
    (STATING, "NB : la plupart des gens du groupe n'avaient pas le permis"),
    (
        NAMING,
        "Diffusion : participants, maires des communes, conseil départemental, agence régionale de santé",
    ),
    (NAMING, "Maud, rapporteuse"),
    (STATING, "Le car du mardi : supprimé sans prévenir personne"),
    (NAMING, "Photo : la nappe de la table 3 à la fin de l'atelier"),
    (NAMING, "Crédit photo : Ville de Gournay"),
    (NAMING, "recopié par Émilie"),
    (NAMING, "Fin de la table à 17 h 50"),
    (NAMING, "La séance est levée à 16h05."),
    (NAMING, "Étaient là : Marc Peyrat, Rachida, Corentin Faure"),
    (STATING, "La réunion publique a déçu tout le monde"),
]
# read otherwise than a person would: as a line, and as a heading
MISREAD = {
    "paragraph": {
        "Groupe B : élus et techniciens des communautés de communes",
        "Compte rendu de la réunion publique du 3 avril",
        "Tour de table et présentation de la démarche",
        "Appel du 3 mai, Mme Gosse, Neufchâtel",
    },
    "heading": {
        "Groupe B : élus et techniciens des communautés de communes",
        "On manque de bras dans les associations",
        "tél. président du club de foot, 14/03 - il cherche deux éducateurs diplômés",
        "Manque criant : orthophoniste",
        "Légende : R = rapporteur, H = habitant, E = élu, T = technicien",
        "Question posée par une élue : pourquoi le guichet n'ouvre-t-il que deux matinées ?",
        "Le car du mardi : supprimé sans prévenir personne",
    },
}
HEADS = [  # who sits there and who writes, above the first passage; and ideas that look like it
    (NAMING, "À table : Maud Riou (vice-présidente), K. Benali, deux agents du gymnase"),
    (NAMING, "Présents à la table : Maud Riou, Karim Benali, Odile Tessier"),
    (NAMING, "présent·es : Maud Riou, Karim B. + 1 dame dont on n'a pas le nom"),
    (NAMING, "(ont participé : Maud Riou, K. Benali, deux élus de Forges)"),
    (NAMING, "scribe = Maud Riou (MJC) / avec Karim Benali"),
    (NAMING, "mêmes personnes + Karim Benali venu du gymnase"),
    (NAMING, "Maud Riou prend les notes"),
    (STATING, "À table on parle surtout de la cantine et du prix des repas"),
    (STATING, "Maud Riou note que le car ne passe plus"),
    (STATING, "Les mêmes personnes portent tout, on s'épuise"),
]
NOTES_OF_NOTES = [  # what the scribe or the facilitator says of the notes
    (NAMING, "voilà c'est tout, pardon pour les fautes"),
    (NAMING, "fin du pad, merci de ne plus y toucher"),
    (NAMING, "(faire relire à Mme Riou avant diffusion)"),
    (NAMING, "reste : photos des panneaux dans le téléphone de Karim"),
    (NAMING, "(22h05 on s'arrête, le gardien ferme)"),
    (NAMING, "Rappel des règles : chacun écrit seul, puis on met en commun"),
    (NAMING, "Cinq minutes par table, dans l'ordre des numéros."),
    (NAMING, "La table 6 n'a pas désigné de rapporteur."),
    (NAMING, "Corrections de Mme Riou reportées, version à transmettre"),
    (NAMING, "Hello, pour les absents, dites ici ce que vous auriez dit jeudi"),
    (NAMING, "prises sur le vif par Karim, à remettre au propre"),
    (NAMING, "recopie des nappes – ce qui est souligné l'était"),
    (NAMING, "Racontez-nous en commentaire ce qui marche chez vous."),
    (STATING, "Des décisions prises en direct par les habitants"),
    (STATING, "Le tour de table de 20 minutes exclut les timides, personne n'ose"),
    (STATING, "faire relire les dossiers par un comptable"),
    (STATING, "Quinze minutes par patient chez le médecin, c'est trop court"),
    (STATING, "Il reste une photo de classe de 1912 à la mairie, personne ne la voit"),
    (STATING, "On arrête l'éclairage à 22h"),
    (STATING, "La table 6 n'a pas de médecin dans son village"),
]
PAGES = [  # what web pages and wikis leave around the text, and passages that look like it
    (NAMING, "Photo : Jean Martin"),
    (NAMING, "Crédit : Ville de Gournay"),
    (NAMING, "Figure 2"),
    (NAMING, "Figure 3 : répartition des votes par table"),
    (NAMING, "Lire aussi"),
    (NAMING, "Lire aussi : Le bilan de la première réunion"),
    (NAMING, "Partager sur Facebook"),
    (NAMING, "Partager sur Twitter Facebook LinkedIn"),
    (NAMING, "À lire également"),
    (NAMING, "Accueil > Actualités > Concertation"),
    (NAMING, "Accueil | Contact | Mentions légales"),
    (NAMING, "© Communauté de communes 2026"),
    (NAMING, "Crédits photos : DR"),
    (NAMING, "Illustration 4 – la nappe"),
    (NAMING, "Télécharger le document (PDF, 2 Mo)"),
    (NAMING, "Imprimer cette page"),
    (NAMING, "Retour en haut de page"),
    (NAMING, "Modifier | Modifier le code"),
    (NAMING, "Catégories : Concertation | Santé"),
    (NAMING, "[[Fichier:nappe.jpg|thumb|La nappe]]"),
    (NAMING, "Suivez-nous sur les réseaux sociaux"),
    (NAMING, "Publié le 3 mars 2026"),
    (NAMING, "Dernière modification : 12/03/2026 à 14:02"),
    (NAMING, "Page 3 sur 12"),
    (NAMING, "Voir aussi"),
    (NAMING, "Haut de page"),
    (NAMING, "[modifier]"),
    (NAMING, "Sommaire"),
    (NAMING, "Articles similaires"),
    (NAMING, "{{Portail|Normandie}}"),
    (STATING, "Photo de famille interdite au foyer, on ne comprend pas"),
    (STATING, "Partager les locaux entre associations"),
    (STATING, "Partager une navette sur le secteur de Forges"),
    (STATING, "Crédit : les banques ne prêtent plus aux jeunes agriculteurs"),
    (STATING, "Lire aux enfants à la bibliothèque"),
    (STATING, "Voir plus souvent les élus sur le terrain"),
    (STATING, "Imprimer un annuaire des services"),
    (STATING, "Figure locale, le boucher part à la retraite"),
    (STATING, "Télécharger un dossier MDPH est impossible sans réseau"),
    (STATING, "Contact avec les familles à renforcer"),
]


def _read(line: str, kind: str) -> list[LocatedBlock]:
    """Return the blocks of `line` among other lines of notes."""
    blocks = [
        RawBlock("Notes de la table 2", "heading", 1),
        RawBlock("Les habitants parlent du car depuis longtemps."),
        RawBlock(line, kind, 2 if kind == "heading" else None),
        RawBlock("On voudrait aussi un marché couvert.", "bullet", 0),
    ]
    return locate_blocks(RawPart(tuple(blocks)), blocks, names=["notes.docx"])[2:-1]


def _states(blocks: list[LocatedBlock]) -> str:
    return STATING if any(block.kind not in ("heading", "meta") for block in blocks) else NAMING


@pytest.mark.parametrize("kind", ["paragraph", "heading"])
@pytest.mark.parametrize(("expected", "line"), LINES, ids=[line for _, line in LINES])
def test_a_line_that_states_something_is_a_passage_and_one_that_names_is_not(
    expected: str, line: str, kind: str
) -> None:
    blocks = _read(line, kind)
    assert (_states(blocks) == expected) is (line not in MISREAD[kind])
    assert "".join("".join(block.text for block in blocks).split()) == "".join(line.split())
    assert {block.reason for block in blocks if block.kind == "meta"} <= ASIDES.keys()


@pytest.mark.parametrize(("expected", "line"), PAGES, ids=[line for _, line in PAGES])
def test_what_a_page_leaves_around_its_text_is_no_passage(expected: str, line: str) -> None:
    assert _states(_read(line, "paragraph")) == expected


@pytest.mark.parametrize(("expected", "line"), HEADS, ids=[line for _, line in HEADS])
def test_who_sits_at_the_table_is_no_passage_above_the_first(expected: str, line: str) -> None:
    blocks = [RawBlock("Notes de la table 2", "heading", 1), RawBlock(line)]
    blocks += [RawBlock("On voudrait un marché couvert.", "bullet", 0)]
    assert (
        _states(locate_blocks(RawPart(tuple(blocks)), blocks, names=["n.docx"])[1:-1]) == expected
    )


@pytest.mark.parametrize(("expected", "line"), NOTES_OF_NOTES, ids=[x for _, x in NOTES_OF_NOTES])
def test_what_is_said_of_the_notes_is_no_passage(expected: str, line: str) -> None:
    assert _states(_read(line, "paragraph")) == expected


def test_a_word_above_a_list_of_its_own_is_its_heading() -> None:
    lines = [("Écoles", 0), ("une classe ferme chaque année", 1), ("La cantine coûte cher", 0)]
    blocks = [RawBlock("Q1 besoins", "heading", 1)]
    blocks += [RawBlock(text, "bullet", level) for text, level in lines]
    located = locate_blocks(RawPart(tuple(blocks)), blocks, names=["n.docx"])
    assert [block.kind for block in located] == ["heading", "heading", "bullet", "bullet"]
    assert {block.question for block in located} == {"q1"}
