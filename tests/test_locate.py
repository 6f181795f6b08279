"""Where things were said: names of files, headings, prefixes, announcements and tables of invented workshops, with what they tell."""

import re

import pytest

from pipeline.ingest.locate import locate_blocks, read_names
from pipeline.ingest.locate.cues import LocatedBlock, read_cues, split_prefix
from pipeline.ingest.locate.lines import aside_of, is_idea
from pipeline.ingest.locate.spoken import announced_question, announced_table
from pipeline.ingest.parts import FileContent, RawBlock, RawPart
from pipeline.ingest.readers.texts import read_plain
from pipeline.ingest.sheets import sort_part

NAMES = [  # path inside the workshop, table, question, channel
    ("Table 2 - question 3.docx", 2, "q3", None),
    ("TABLE 9.docx", 9, None, None),
    ("table11_notes.docx", 11, None, "notes"),
    ("T3.txt", 3, None, None),
    ("T04-Q1.txt", 4, "q1", None),
    ("Table trois.odt", 3, None, None),
    ("groupe 4.md", 4, None, None),
    ("Groupe_2_notes_finales.docx", 2, None, "notes"),
    ("G4.docx", 4, None, None),
    ("3eme table.doc", 3, None, None),
    ("CR table n°3 v2.docx", 3, None, "notes"),
    ("Table2.docx", 2, None, None),
    ("NotesTable7.docx", 7, None, "notes"),
    ("notes table 3 (2).docx", 3, None, "notes"),
    ("Table-10_final.docx", 10, None, None),
    ("Table B – saisie.pptx", 2, None, None),
    ("trame_table-A.docx", 1, None, None),
    ("2026-03-12_table_4_q2.docx", 4, "q2", None),
    ("tables/3.docx", 3, None, None),
    ("Tables/04.docx", 4, None, None),
    ("questions/2.txt", None, "q2", None),
    ("q2/Table 1.docx", 1, "q2", None),
    ("Question 2/notes.docx", None, "q2", "notes"),
    ("Tour 2/T3.txt", 3, "q2", None),
    ("besoins et menaces/table 2.docx", 2, "q1", None),
    ("2 - ce qui marche chez nous.docx", None, "q2", None),
    ("01_besoins.txt", None, "q1", None),
    ("04 - ameliorations.txt", None, "q4", None),
    ("Freins et leviers.odt", None, "q3", None),
    ("world café - tour 1.docx", None, "q1", None),
    ("enregistrement table 5.srt", 5, None, None),
    ("Restitution.vtt", None, "resume", "resume"),
    ("Table 4 restitution.docx", 4, "resume", "resume"),
    ("Synthèse des rapporteurs.pdf", None, "resume", "resume"),
    ("synthèse post-its.xlsx", None, None, "postit"),
    ("panneau_postits.csv", None, None, "postit"),
    ("appel tel 3 avril.txt", None, None, "telephone"),
    ("entretien téléphonique Mme Le Bihan.docx", None, None, "telephone"),
    ("mail de la mairie.docx", None, None, "mail"),
    # what must not be taken for a table, a question or a call
    ("appel à projets.docx", None, None, None),
    ("table 12 mars 2026.docx", None, None, None),
    ("notes tour 3-4.odt", None, None, "notes"),
    ("notes tours 1 et 2.md", None, None, "notes"),
    ("T1_T2.docx", None, None, None),
    ("tables 3 et 4.docx", None, None, None),
    ("Notes 3.docx", None, None, "notes"),
    ("photo 5.docx", None, None, None),
    ("Groupe de Marie.docx", None, None, None),
    ("TABLE A LANGER.docx", None, None, None),
    ("Table d’hôtes.docx", None, None, None),
    ("Groupe ESS.docx", None, None, None),
    ("divers/annuaire 2.docx", None, None, None),
    ("Besoins d'accompagnement des structures du bassin minier.docx", None, None, None),
]


@pytest.mark.parametrize(("path", "table", "question", "channel"), NAMES)
def test_a_path_tells_table_question_and_channel(
    path: str, table: int | None, question: str | None, channel: str | None
) -> None:
    place = read_names(path.split("/"))
    assert (place.table_number, place.question, place.channel) == (table, question, channel)


HEADINGS = [
    ("Besoins et menaces", "q1"),
    ("Les besoins non couverts", "q1"),
    ("Nos préoccupations", "q1"),
    ("Les défis du territoire", "q1"),
    ("De quoi les habitants ont-ils besoin ?", "q1"),
    ("Ce qui ne va pas sur le territoire", "q1"),
    ("Problèmes du territoire", "q1"),
    ("Besions et mennaces", "q1"),
    (
        "Quels sont les besoins et menaces environnementaux et sociaux repérés sur le territoire ?",
        "q1",
    ),
    (
        "Quels sont les besoin et menaces environementaux et sociaux repérés sur notre territoire",
        "q1",
    ),
    ("Ce qui marche chez nous", "q2"),
    ("Les réponses existantes", "q2"),
    ("Q2 : réponses qui marchent", "q2"),
    ("Qu'est-ce qui marche déjà ?", "q2"),
    ("Ce dont nous sommes fiers", "q2"),
    ("Bonnes pratiques", "q2"),
    ("Belles histoires d'ici", "q2"),
    ("Ce que l'on fait déjà bien", "q2"),
    ("Qui répond déjà à ces besoins, et comment ?", "q2"),
    ("Q3 - forces / difficultés", "q3"),
    ("Freins et atouts", "q3"),
    ("Points forts, points faibles", "q3"),
    ("Ce qui marche / ce qui coince", "q3"),
    ("Ce qui ne marche pas", "q3"),
    ("Les + et les -", "q3"),
    ("Question 3 – Organisation, gouvernance, viabilité", "q3"),
    ("Gouvernance et modèle économique", "q3"),
    ("Pistes d'amélioration", "q4"),
    ("Pistes d'ameliorrations", "q4"),
    ("Idées", "q4"),
    ("Rêvons !", "q4"),
    ("Fragilités", "q3"),
    ("Fragilités du territoire", "q1"),
    ("Fragilités sociales", "q1"),
    ("Besoins d'amélioration", "q4"),
    ("Que faudrait-il changer ?", "q4"),
    ("Les solutions à construire", "q4"),
    ("Question 2", "q2"),
    ("3ème tour", "q3"),
    ("Première question", "q1"),
    ("Question IV", "q4"),
    ("Tour 1 : ce qui marche", "q2"),  # what it asks outweighs its number
    ("Question 5", "autre"),
    ("Dernière question", "q4"),
    ("Avant-dernier tour", "q3"),
    ("Mise en commun", "resume"),
    ("Retour des rapporteurs", "resume"),
    ("Divers", "autre"),
    # subjects, not questions
    ("Tours 3 et 4", None),
    ("Q1-Q2", None),
    ("Mobilité", None),
    ("Marchés publics", None),
    ("Le projet de tiers-lieu", None),
    ("Accueil des nouveaux habitants", None),
    ("Solutions", None),  # existing or wished for: the heading alone does not say
]


@pytest.mark.parametrize(("heading", "question"), HEADINGS)
def test_a_heading_is_known_by_what_it_asks(heading: str, question: str | None) -> None:
    assert read_cues(heading).question == question


PREFIXES = [
    ("[T4] la maison de santé ferme", 4, None, "la maison de santé ferme"),
    ("T4 – la maison de santé ferme", 4, None, "la maison de santé ferme"),
    ("Table 4 : la maison de santé ferme", 4, None, "la maison de santé ferme"),
    ("[Table quatre] la maison de santé ferme", 4, None, "la maison de santé ferme"),
    ("Table B : la maison de santé ferme", 2, None, "la maison de santé ferme"),
    ("Groupe 3 – plus de vétérinaire", 3, None, "plus de vétérinaire"),
    ("[T2-Q3] le bail se termine", 2, "q3", "le bail se termine"),
    ("Q2 T4 : la criée coopérative", 4, "q2", "la criée coopérative"),
    ("Q1 - les loyers flambent", None, "q1", "les loyers flambent"),
    ("Question 2 : le garage prête des voitures", None, "q2", "le garage prête des voitures"),
    ("Rapporteur du groupe 3 : la halle est vide", 3, None, "la halle est vide"),
    ("Rapporteuse T4 - la halle est vide", 4, None, "la halle est vide"),
    ("Table 1 (rapporteuse Sylvie) : la halle est vide", 1, None, "la halle est vide"),
    ("Karim, table 2 : la halle est vide", 2, None, "la halle est vide"),
    ("Table 2 – Le Nouvion : la halle est vide", 2, None, "Le Nouvion : la halle est vide"),
]


@pytest.mark.parametrize(("line", "table", "question", "rest"), PREFIXES)
def test_a_prefix_is_told_from_its_passage(
    line: str, table: int | None, question: str | None, rest: str
) -> None:
    prefix = split_prefix(line)
    assert prefix is not None
    assert (prefix.location.table_number, prefix.location.question, prefix.rest) == (
        table,
        question,
        rest,
    )


@pytest.mark.parametrize(
    "line",
    [
        "Table 12h30 le midi",
        "2 médecins pour 6 000 habitants",
        "Tour de France du vélo",
        "T3",
        "5 % du budget",
    ],
)
def test_a_line_without_prefix_has_none(line: str) -> None:
    assert split_prefix(line) is None


IDEAS = [  # what follows « Question 1 : », and whether it is an idea
    ("notes de Maëlle (stagiaire à la mairie)", False),
    ("retranscription (désolé, écrit vite)", False),
    ("version relue par Yann, 12/06", False),
    ("notes de frais refusées, les bénévoles avancent l'essence", True),
    ("les bus ne passent plus le soir", True),
    ("un congélateur commun, même petit", True),
    ("La crèche a fermé en juin dernier", True),
    ("Trop cher.", True),
    ("plus d'un tiers des puits pollués", True),
    ("Mobilité", False),
    ("le logement des jeunes", False),
    ("Le Nouvion-en-Thiérache", False),
    ("Vivre, habiter, travailler dans le Trégor", False),
    ("besoins et menaces, sociaux ou environnementaux", False),
    ("et si on changeait tout ?", False),
    ("ce qui marche bien chez nous", False),
    ("", False),
]


@pytest.mark.parametrize(("rest", "expected"), IDEAS)
def test_an_idea_after_a_prefix_is_told_from_a_title(rest: str, expected: bool) -> None:
    assert is_idea(rest) is expected


META = [
    ("Prise de notes : Nolwenn (relu par Paul)", True),
    ("Notes prises par Nolwenn", True),
    ("Animation : Fatima R.", True),
    ("Participants : cinq personnes, dont deux élues", True),
    ("Lannion, 12 mars 2026", True),
    ("Rapporteure : Maëlle", True),
    ("Nolwenn Riou – secrétaire de séance", True),
    ("Rapporteur, Yann de Kergariou", True),
    ("Aïcha (preneuse de notes)", True),
    ("Port de pêche – rapporteurs : à trouver", False),
    ("la salle des fêtes – animation", False),
    ("Animation, jeunesse et sport", False),
    ("Difficulté : toujours les mêmes douze personnes", False),
    ("Force : la mairie prête la salle", False),
    ("Le 12 mars la salle était vide", False),
]


@pytest.mark.parametrize(("line", "expected"), META)
def test_circumstances_are_told_from_what_was_said(line: str, expected: bool) -> None:
    assert bool(aside_of(line, in_head=True)) is expected


def test_a_label_that_may_open_a_passage_is_circumstance_only_before_the_first_passage() -> None:
    assert bool(aside_of("Lieu : salle des fêtes de Plouha", in_head=True))
    assert not bool(aside_of("Lieu : il en manque un pour répéter", in_head=False))


# A document a case: its path, then a line a block, « # » a heading, « - » a bullet; after « => » table and question, x for no passage.
DOCUMENTS = [
    """Notes Guingamp/Groupe B.txt
    # Compte rendu du groupe 2 => x
    Participants : Aline, Bob, Chloé => x
    # Besoins : => x
    - plus de bus le soir => 2 q1
    - logements vides au centre => 2 q1
    # Ce qui existe déjà : => x
    - la recyclerie des Monts, 12 salariés => 2 q2
    # Forces / faiblesses => x
    - trésorerie fragile, gouvernance à revoir => 2 q3
    # Et demain ? => x
    - une plateforme logistique commune => 2 q4""",
    """CR table 4.md
    ## Question n°3 => x
    ### Faiblesses => x
    - besoin de bénévoles formés => 4 q3
    ### Besoins => x
    - un local chauffé => 4 q3
    ## Divers => x
    - la salle était trop petite => 4 autre""",
    """saisie/tout.txt
    # QUESTION 1 : BESOINS ET MENACES => x
    # Table 1 : => x
    - déserts médicaux => 1 q1
    # Table 2 : => x
    - précarité des étudiants => 2 q1
    # QUESTION 2 : RÉPONSES QUI FONCTIONNENT => x
    # Table 1 : => x
    - épicerie itinérante du Trégor => 1 q2""",
    """tables/toutes.txt
    # Table 1 => x
    # Q1 => x
    - salaires trop bas => 1 q1
    # Q4 => x
    - prime de transport => 1 q4
    # Table 2 => x
    - écoles qui ferment => 2 -
    # Q1 => x
    - plus de dentiste => 2 q1""",
    """notes en vrac.txt
    T1 : la maison médicale ferme en juin => 1 -
    T1 : plus de crèche le mercredi => 1 -
    T2 : les jeunes partent à Rennes => 2 -
    une personne demande où est le parking => - -""",
    """table 6.txt
    Logement : les T2 sont introuvables => 6 -
    T3 : 750 € par mois, c'est trop => 6 -
    T2 : 600 € dans le centre => 6 -""",
    """passage d'une table à l'autre.md
    ## Tour 1 : besoins => x
    - [T1] la fibre n'arrive pas => 1 q1
    - (pas entendu la table 3) => - q1
    ## Tour 2 => x
    - [T3] la criée coopérative => 3 q2""",
    """table 1 (relu).txt
    q1: les bus, les médecins => 1 q1
    q2: la coop de Lannion => 1 q2
    q4: un poste commun => 1 q4""",
    """Table 3.odt
    # Nos forces, nos faiblesses, nos problèmes => x
    ## Table 3 => x
    ### Forces => x
    - la criée prête son quai => 3 q3
    ### Problèmes => x
    - deux trésoriers en trois ans => 3 q3
    # Problèmes => x
    - les dunes reculent => 3 q1""",
    """Groupe 1.docx
    # Ce qui marche, ce qui coince => x
    ## Ce qui marche => x
    - la régie du marché couvert => 1 q3
    ## Les réponses existantes => x
    - le taxi à la demande => 1 q2""",
    """Table 7.txt
    # Question 1 : la maternité de Paimpol a fermé, on accouche à 50 km => 7 q1
    des chambres vides au-dessus des commerces => 7 q1
    Question 2 : le ramassage des fanes, 40 foyers => 7 q2
    la chorale du port recrute => 7 q2
    Question 4 : Il faut un four commun => 7 q4
    une halle le soir => 7 q4""",
    """Groupe 8.txt
    # Question 1 : l'eau, le sol => x
    Le puits communal est à sec. => 8 q1
    # Question 2 : ce que les acteurs d'ici réussissent déjà bien => x
    La conserverie mobile. => 8 q2""",
    """notes téléphone Inès.txt
    j'ai circulé dans la salle => - -
    tbl 2 au vol => x
    les bus du soir manquent => 2 -
    tbl 3 / q1 => x
    la digue fuit => 3 q1""",
    """cahier de Paul.odt
    Table 6, Paul a la plume => x
    # Les besoins => x
    - la digue fuit => 6 q1
    # À améliorer => x
    - un bail plus long => 6 q4""",
    """mur des rapporteuses (post-it).txt
    Rapporteuse table 1 : on a surtout parlé des digues => 1 resume
    et du froid => 1 resume
    Rapporteuse table 2 (Mona) : la criée coopérative => 2 resume""",
    """deux tables.txt
    Table 2 : on n'a pas de pédiatre => 2 -
    les écoles ferment => 2 -
    Table 3 : le foncier part à des promoteurs => 3 -
    plus un terrain pour les maraîchers => 3 -""",
    """Table 9.txt
    # Tour 1 – Ce qui nous inquiète ici => x
    l'érosion de la côte => 9 q1
    # Tour 3 – Ce qui coince / ce qui nous porte => x
    - Difficulté : les financements annuels => 9 q3
    - Freins : => x
    - les loyers du port => 9 q3""",
    """Atelier de Vervins.txt
    Table trois, notes de Corinne => x
    1. Quels sont les besoins et menaces ? => x
    plus de soignants => 3 q1
    2. Quelles réponses fonctionnent bien ? => x
    la maison de santé => 3 q2""",
    """grp_bleu.txt
    Table : 4 => x
    Date : 3 juin 2026 => x
    # Q.1 Besoins => x
    - crèches saturées => 4 q1""",
    """grp_vert.txt
    # N° de table : 5 - Rapporteur : Bob => x
    # 1er tour => x
    - canicules dans les écoles => 5 q1""",
    """cr.txt
    I. Les besoins du territoire => x
    Des logements saisonniers manquent. => - q1
    IV. Les pistes => x
    Une équipe partagée. => - q4""",
    """mots inconnus.txt
    # Besoins => x
    - plus de kinés => - q1
    # Pépinières et berceaux => x
    - la couveuse de Redon => - -
    # Q1 => x
    # Mobilité => x
    - le car du matin => - q1""",
    """pistes.txt
    Pistes d'amélioration - toutes tables => x
    [Table 1] un guichet unique => 1 q4
    [T3] une foncière solidaire => 3 q4""",
    """Restitution orale.docx
    # Restitution orale => x
    # Table 1 => x
    On a surtout parlé d'eau et de digues. => 1 resume
    # Table 2 => x
    # Besoins => x
    Le sujet, c'est l'isolement des aînés. => 2 resume""",
    """restitution à deux voix.txt
    Paul, table 1 : => x
    L'eau d'abord, et les haies. => 1 resume
    Table 2 (rapporteuse : Maud) => x
    Les écoles. => 2 resume""",
    """plénière.txt
    La table 1 insiste sur la mobilité. => 1 resume
    Elle demande des navettes. => 1 resume
    Pour la table 3, tout tourne autour de la relève. => 3 resume""",
    """Synthèse table 3.txt
    # Synthèse de la table 3 => x
    # Besoins => x
    - eau potable menacée => 3 q1
    # Ce qui marche => x
    - jardin partagé => 3 q2
    # Idées => x
    - un lieu commun => 3 q4""",
    """appel Mme Kervella.txt
    Appel téléphonique de Mme Kervella, mardi 14h => x
    - la navette ne passe plus au hameau => - distance""",
    """divers/inconnu.txt
    Le marché du samedi attire 300 personnes. => - -
    Les besoins sont énormes dans les villages. => - -
    # Mobilité => x
    Il faudrait un hangar plus grand. => - -""",
]


def _example(case: str) -> tuple[list[str], list[RawBlock], list[str]]:
    """Path, blocks and expectations of a case; a line without expectation is an error, so that no example checks nothing."""
    path, *lines = [line.strip() for line in case.strip().split("\n")]
    blocks: list[RawBlock] = []
    expected: list[str] = []
    for line in lines:
        assert "=>" in line, f"no expectation: {line}"
        text, told = (side.strip() for side in line.split("=>"))
        mark = re.match(r"(#+|-) ", text)
        kind = "paragraph" if not mark else "bullet" if mark[1] == "-" else "heading"
        blocks.append(
            RawBlock(
                text[mark.end() :] if mark else text,
                kind,
                len(mark[1]) if mark and kind == "heading" else 0 if mark else None,
            )
        )
        expected.append(told)
    return path.split("/"), blocks, expected


def _told(block: LocatedBlock) -> str:
    if block.kind in ("meta", "heading"):
        return "x"
    return f"{'-' if block.table_number is None else block.table_number} {block.question or '-'}"


@pytest.mark.parametrize("case", DOCUMENTS, ids=lambda case: case.split("\n")[0])
def test_each_line_of_a_document_is_placed_by_what_stands_above_it(case: str) -> None:
    names, blocks, expected = _example(case)
    placed = locate_blocks(RawPart(tuple(blocks)), blocks, names=names)
    lines = [block.text for block in blocks]
    told = [_told(block) for block in placed if block.kind != "meta" or block.text in lines]
    assert told == expected
    written, read = ([*"".join(block.text for block in some)] for some in (blocks, placed))
    assert [sign for sign in read if sign != " "] == [sign for sign in written if sign != " "]


CHANNELS = [
    ("Table 3.docx", ["la halle est vide"], "notes"),
    ("post-its table 3.docx", ["la halle est vide"], "postit"),
    ("Restitution.docx", ["Table 1 : la halle est vide"], "resume"),
    (
        "20 mars.txt",
        ["Appel de M. Riou (comité des fêtes), 14h", "il propose de rouvrir la halle"],
        "telephone",
    ),
    (
        "message.txt",
        [
            "De : Anne Riou <a.riou@example.org>",
            "À : atelier@example.org",
            "Objet : suite",
            "La halle est vide.",
        ],
        "mail",
    ),
]


@pytest.mark.parametrize(("name", "lines", "channel"), CHANNELS)
def test_the_channel_is_told_by_name_or_first_lines(
    name: str, lines: list[str], channel: str
) -> None:
    blocks = [RawBlock(line) for line in lines]
    assert {
        block.channel for block in locate_blocks(RawPart(tuple(blocks)), blocks, names=[name])
    } == {channel}


WALLS = [  # lines of post-its as typed, and where each passage was said
    (
        "Mur des post-it\n\n(T6) des cuves d'eau de pluie\nun verger derrière l'école\n(T2) une navette le samedi matin\nun banc\nun four\nun abri",
        ["6 -", "- -", "2 -", "- -", "- -", "- -"],
    ),
    (
        "Post-its du hall\n\n[table 3] le bar associatif\nplus de bancs\nun puits (T5)\nun four\nun abri (table 2, question 4)",
        ["3 -", "- -", "5 -", "- -", "2 q4"],
    ),
    ("Mur des post-it (question 3)\nun bureau qui s'use\ndes statuts trop vieux", ["- q3", "- q3"]),
    # what opens a part holds for it; what is in brackets may be anything
    (
        "Table 2 : on attend le bac.\nLe soir surtout.\nTable 3 : la criée ferme.",
        ["2 -", "2 -", "3 -"],
    ),
    ("(T1)\nun abribus\nun banc", ["1 -", "1 -"]),
    ("Le four (du bourg)\nun banc (pour 3)\nle bal (2 fois)", ["- -", "- -", "- -"]),
]


@pytest.mark.parametrize(("text", "expected"), WALLS)
def test_a_mark_in_brackets_holds_for_its_line_which_stays_a_passage(
    text: str, expected: list[str]
) -> None:
    (part,) = read_plain(FileContent(text.encode(), "mur.txt"))
    placed = locate_blocks(part, part.blocks, names=["notes.txt"])
    told = [_told(block) for block in placed if block.kind not in ("meta", "heading")]
    assert told == expected


SHEETS = [  # names, rows, what each passage tells
    (
        ["saisie.xlsx"],
        [
            ("Table", "Q1", "Q2"),
            ("1", "manque de bus le soir", "garage solidaire"),
            ("2", "eau trop chère", ""),
        ],
        ["1 q1 manque de bus le soir", "1 q2 garage solidaire", "2 q1 eau trop chère"],
    ),
    (
        ["postits.xlsx"],
        [
            ("Question", "Table 1", "Table 2"),
            ("Besoins", "manque de bus", "- eau chère\n- logement froid"),
            ("Idées", "navette", ""),
        ],
        ["1 q1 manque de bus", "2 q1 eau chère", "2 q1 logement froid", "1 q4 navette"],
    ),
    (
        ["x.xlsx"],
        [
            ("Table 3 – question 2", "", ""),
            ("n°", "post-it", "couleur"),
            ("1", "vélobus du bourg", "jaune"),
        ],
        ["3 q2 vélobus du bourg"],
    ),
    (
        ["x.xlsx"],
        [
            ("table", "question", "texte"),
            ("1", "Q1", "eau"),
            ("", "", "bus"),
            ("", "Q2", "jardin"),
            ("", "", "halle"),
            ("2", "Q1", "loyers"),
            ("", "", "soins"),
        ],
        ["1 q1 eau", "1 q1 bus", "1 q2 jardin", "1 q2 halle", "2 q1 loyers", "2 q1 soins"],
    ),
    (
        ["y.csv"],
        [
            ("1", "Q1", "la nappe baisse chaque été"),
            ("1", "Q2", "un atelier vélo à Pontivy"),
            ("2", "Q3", "une trésorerie à sec"),
        ],
        [
            "1 q1 la nappe baisse chaque été",
            "1 q2 un atelier vélo à Pontivy",
            "2 q3 une trésorerie à sec",
        ],
    ),
    (
        ["classeur.xlsx", "1-Table 2"],
        [
            ("Besoins", "Réponses", "Améliorations"),
            ("déserts médicaux", "maison de santé", "un poste partagé"),
        ],
        ["2 q1 déserts médicaux", "2 q2 maison de santé", "2 q4 un poste partagé"],
    ),
    (
        ["postits.xlsx"],
        [("Table 1", ""), ("moins de voitures", "rose"), ("Table 2", ""), ("une halle", "bleu")],
        ["1 - moins de voitures", "2 - une halle"],
    ),
    (
        ["x.xlsx"],
        [
            ("Tour", "Table", "Verbatim"),
            ("1", "T3", "on manque d'eau"),
            ("2", "1 et 2", "le jardin des Prés"),
        ],
        ["3 q1 on manque d'eau", "- q2 le jardin des Prés"],
    ),
    (
        ["x.csv"],
        [
            ("prénom", "nom", "question", "idée"),
            ("Anne", "Riou", "Q4", "une halle couverte pour le marché"),
        ],
        ["- q4 une halle couverte pour le marché"],
    ),
    (
        ["x.xlsx"],  # a title merged over the columns, and a section of the same kind
        [
            ("Post-its : ce qui manque",) * 3,
            ("", "", ""),
            ("Thème", "Post-it", "Table"),
            ("", "un vétérinaire", "Table 4"),
            ("Question 2",) * 3,
            ("", "le bac de Landévennec", "Table 5"),
            ("Matinée",) * 3,
            ("", "la Cuma", "Table 5"),
        ],
        ["4 q1 un vétérinaire", "5 q2 le bac de Landévennec", "5 q2 la Cuma"],
    ),
    (
        ["y.xlsx"],  # two cells that agree are two passages of two tables
        [("Question", "Table 1", "Table 2"), ("Q1", "le bus", "le bus"), ("Q2", "la Cuma", "")],
        ["1 q1 le bus", "2 q1 le bus", "1 q2 la Cuma"],
    ),
    (
        ["x.xlsx"],  # the last row has no table: it is not the table above it
        [
            ("table", "question", "texte"),
            ("1", "Q1", "eau"),
            ("1", "Q1", "bus"),
            ("2", "Q4", "halle"),
            ("", "Q4", "ranger les feutres"),
        ],
        ["1 q1 eau", "1 q1 bus", "2 q4 halle", "- q4 ranger les feutres"],
    ),
]


@pytest.mark.parametrize(("names", "rows", "expected"), SHEETS)
def test_a_cell_is_placed_by_its_row_its_header_or_its_sheet(
    names: list[str], rows: list[tuple[str, ...]], expected: list[str]
) -> None:
    held = sort_part((), rows)
    placed = locate_blocks(RawPart((), rows=tuple(rows)), held.blocks, names=names)
    assert [f"{_told(block)} {block.text}" for block in placed if block.kind == "cell"] == expected


QUESTIONS_ALOUD = [
    ("alors on commence, question trois, dites comme ça vient", "q3"),
    ("bon on passe à la quatre, euh, améliorer", "q4"),
    ("on passe à la deuxième question", "q2"),
    ("allez on enchaîne sur ce qui marche", "q2"),
    ("et maintenant on passe aux forces et aux difficultés", "q3"),
    ("première question donc les besoins", "q1"),
    ("on passe à la question suivante, ce qu'il faudrait améliorer, en vrai, pas des rêves", "q4"),
    ("merci, on change : à l'intérieur de vos associations, comment va la vie ?", "q3"),
    ("notez ici ce qui marche bien, puis on lit ensemble", "q2"),
    # what is said on a question, or back to one, announces none
    ("comme on a dit à la question deux", None),
    ("ben moi les besoins je les vois tous les jours à la permanence", None),
    ("il faut améliorer la gouvernance de la coopérative", None),
    ("on passe la main à la commune", None),
]


@pytest.mark.parametrize(("turn", "question"), QUESTIONS_ALOUD)
def test_a_question_is_heard_when_it_is_announced(turn: str, question: str | None) -> None:
    assert announced_question(turn) == question


TABLES_ALOUD = [
    ("oui donc nous à la une euh le gros truc", 1),
    ("alors la deux, euh, le froid surtout", 2),
    ("la trois, on a une idée très concrète", 3),
    ("table quatre, c'est à vous", 4),
    ("pour la table cinq on a parlé d'eau", 5),
    ("nous on est le groupe 7 et on a ri", 7),
    ("et je suis pas d'accord avec la six", None),
    ("la une des journaux en a parlé", None),
    ("la deux fois on est venus pour rien", None),
]


@pytest.mark.parametrize(("turn", "table"), TABLES_ALOUD)
def test_a_table_is_heard_at_the_start_of_a_turn(turn: str, table: int | None) -> None:
    assert announced_table(turn, by_letter=True) == table


def _place_turns(
    turns: list[tuple[str | None, str]], name: str, n_tables: int | None = None
) -> list[LocatedBlock]:
    blocks = [RawBlock(text, "cue", speaker=speaker) for speaker, text in turns]
    return locate_blocks(
        RawPart(tuple(blocks), channel="transcript"), blocks, names=[name], n_tables=n_tables
    )


LONG = "l'eau revient tout le temps chez nous, les digues aussi, et l'argent manque pour tout"
REPORTS = [  # who speaks, what they say, the table expected
    ("Animatrice", "on commence la restitution, table une", None),
    ("Aline Riou", f"alors {LONG}", 1),
    ("Animatrice", "merci Aline, table deux", None),
    ("Bob", f"euh nous c'est la mobilité, {LONG}", 2),
    ("Salle", "on n'entend rien au fond", None),
    ("Inconnu", f"bonjour {LONG}", 3),
    ("Chloé", f"nous à la quatre {LONG}", 4),
    ("Bob", "je reviens sur les bus", 2),
    ("Dan", f"et pour finir {LONG}", 5),
]


def test_a_reporter_keeps_her_table_and_the_order_tells_those_who_announce_none() -> None:
    placed = _place_turns(
        [(speaker, text) for speaker, text, _ in REPORTS], "plénière.vtt", n_tables=5
    )
    assert [block.table_number for block in placed] == [table for *_, table in REPORTS]
    assert {(block.question, block.channel) for block in placed} == {("resume", "transcript")}


def test_a_reporter_is_left_without_table_where_the_order_leaves_a_doubt() -> None:
    turns = [("A", f"la une {LONG}"), ("B", f"bonjour {LONG}"), ("C", f"la quatre {LONG}")]
    assert [block.table_number for block in _place_turns([*turns], "Restitution.vtt")] == [
        1,
        None,
        4,
    ]


def test_a_recording_of_a_table_follows_the_questions_announced() -> None:
    turns = [
        ("Facilitatrice", "bonjour, table quatre, première question : les besoins"),
        ("P1", "le bus ne passe plus"),
        ("Facilitatrice", "dernière question, qu'est-ce qu'il faudrait améliorer"),
        ("P1", "des navettes"),
    ]
    assert [_told(block) for block in _place_turns([*turns], "audio_0012.vtt")] == [
        "4 q1",
        "4 q1",
        "4 q4",
        "4 q4",
    ]


def test_who_leads_may_just_ask_and_a_question_asked_is_no_passage() -> None:
    turns = [
        ("Nadia", "alors, question 1, qu'est-ce qui manque ici ?"),
        ("Paul", "un médecin"),
        ("Nadia", "Et qu'est-ce qu'il faudrait améliorer ?"),
        ("Paul", "et qu'est-ce qui marche, personne ne le dit"),
    ]
    assert [_told(block) for block in _place_turns([*turns], "audio.vtt")] == [
        "x",
        "- q1",
        "x",
        "- q4",
    ]


BY_PLACE = [  # after q1, q2 and q3 announced by Nadia: who says what, and where it was said
    (("Nadia", "Dernière question, vous feriez quoi demain ?"), "x", "- q4"),
    (("Nadia", "Et pour finir, qu'est-ce qu'on pourrait faire de mieux."), "x", "- q4"),
    (("Nadia", "On termine par ce qu'il faudrait changer."), "x", "- q4"),
    (("Nadia", "Pour conclure, qu'est-ce qui vous plairait ?"), "x", "- q4"),
    (("Nadia", "L'ultime question, vos envies."), "x", "- q4"),
    (("Nadia", "La dernière, allez, vos rêves."), "x", "- q4"),
    (("Nadia", "Question suivante, les anciens ?"), "x", "- q4"),
    # a remark of hers, or what somebody else closes with
    (("Nadia", "Et pour finir avec ça, le bal du port a repris."), "- q3", "- q3"),
    (("Nadia", "J'ai une dernière question pour toi, combien de voiliers ?"), "- q3", "- q3"),
    (("Nadia", "La dernière fois vous parliez du bac ?"), "- q3", "- q3"),
    (("Paul", "Et pour finir, moi je dirais que le bal doit revenir."), "- q3", "- q3"),
    (("Paul", "C'était la dernière question du conseil municipal."), "- q3", "- q3"),
]


@pytest.mark.parametrize(("turn", "where", "after"), BY_PLACE)
def test_a_question_is_announced_by_its_place_in_the_list(
    turn: tuple[str, str], where: str, after: str
) -> None:
    turns = [
        ("Nadia", "alors, question 1, qu'est-ce qui manque ici ?"),
        ("Paul", "un médecin"),
        ("Nadia", "deuxième question, ce qui marche"),
        ("Paul", "la criée"),
        ("Nadia", "question trois, vos forces et vos difficultés"),
        ("Paul", "le bureau vieillit"),
        turn,
        ("Anne", "une halle couverte"),
    ]
    placed = _place_turns([*turns], "audio.vtt")
    assert [_told(block) for block in placed[-2:]] == [where, after]


def test_an_announcement_by_place_is_cut_from_what_follows_it() -> None:
    turns = [
        ("Nadia", "question trois, vos forces et vos difficultés"),
        ("Paul", "le bureau vieillit"),
        ("Nadia", "Merci Paul. On termine par la dernière, ce qu'on améliore. Le bal est vide."),
        ("Nadia", "On a fini le tour, avant-dernière question, le fonctionnement interne."),
    ]
    placed = _place_turns([*turns], "audio.vtt")
    said = [(_told(block), block.text) for block in placed]
    assert said[2:] == [
        ("- q3", "Merci Paul."),
        ("x", "On termine par la dernière, ce qu'on améliore."),
        ("- q4", "Le bal est vide."),
        ("x", "On a fini le tour, avant-dernière question, le fonctionnement interne."),
    ]


CONVERSATIONS = [  # messages, and where each was said
    [
        ("Animatrice", "un message par idée", "x"),
        ("Léa", "Table 4 Q1 : plus de bus", "4 q1"),
        ("Ali", "T2 - Q1 - la halle est vide", "2 q1"),
        ("Animatrice", "On passe à la question 2 !", "x"),
        ("Ali", "la fête du port", "- q2"),
        ("Léa", "T4 : le taxi à la demande", "4 q2"),
    ],
    [("Léa", "Bonsoir, plus de bus chez nous", "- distance"), ("Ali", "T2 vides", "- distance")],
]


@pytest.mark.parametrize("said", CONVERSATIONS)
def test_messages_written_during_the_workshop_tell_tables_and_questions(
    said: list[tuple[str, str, str]],
) -> None:
    blocks = [RawBlock(text, speaker=author) for author, text, _ in said]
    part = RawPart(tuple(blocks), channel="mail", taken_for="conversation WhatsApp")
    placed = locate_blocks(part, blocks, names=["_chat.txt"])
    told = [_told(block) for block in placed if block.reason != "location"]
    assert told == [where for *_, where in said]
    assert {block.channel for block in placed} == {"mail" if "distance" in told[0] else "notes"}


SPOKEN_IN_NOTES = [  # name, lines, who says what
    (
        "appels notés.txt",
        [
            "3/4 Mme Roux (06 12 34 56 78) - sa fille ne trouve pas de logement",
            "M. Ly, le 5 avril : il prête son hangar",
            "Karim Benali 12/4 : demande une salle pour la boxe",
            "14/4, anonyme : plus de bus le soir",
        ],
        ["Mme Roux", "M. Ly", "Karim Benali", None],
    ),
    (
        "divers.txt",
        ["Tel Mme Petit 12/4 : plus de médecin", "Appel de M. Ly : la crèche ferme"],
        ["Mme Petit", "M. Ly"],
    ),
    (
        "courriel et appel.txt",
        [
            "De : Anne Riou <a@example.org>",
            "À : atelier@example.org",
            "Objet : suite",
            "La halle est vide.",
            "Appel de M. Ly (maraîcher), 14/4",
            "- la digue fuit",
        ],
        ["Anne Riou", "M. Ly"],
    ),
    (
        "CR réunion.txt",
        [
            "Mme Riou signale que la halle est vide. Elle demande un bail. Les bus manquent.",
            "Selon M. Petit, la digue fuit.",
        ],
        ["Mme Riou", None, "M. Petit"],
    ),
    (
        "restitution.txt",
        ["# Table 2 (rapporteuse : Léa Riou)", "- la halle est vide", "# Table 3", "- la digue"],
        ["Léa Riou", None],
    ),
    (
        "retour des tables.txt",
        ["Table 2 – Rapporteur : nous voulons une halle", "Rapporteuse T3 : la digue"],
        ["Table 2 – Rapporteur", "Rapporteuse T3"],
    ),
]


@pytest.mark.parametrize(("name", "lines", "speakers"), SPOKEN_IN_NOTES)
def test_notes_tell_who_said_it(name: str, lines: list[str], speakers: list[str | None]) -> None:
    blocks = [
        RawBlock(line.lstrip("# "), "heading", 1) if line.startswith("#") else RawBlock(line)
        for line in lines
    ]
    placed = locate_blocks(RawPart(tuple(blocks)), blocks, names=[name])
    assert [block.speaker for block in placed if block.kind not in ("meta", "heading")] == speakers


def test_a_long_run_is_cut_where_it_announces_a_question() -> None:
    talk = " ".join(["les bus ne passent plus le soir et les gens restent chez eux"] * 4)
    placed = _place_turns(
        [(None, f"{talk} alors bon question deux vous avez dix minutes, le garage tourne bien")],
        "table 2.vtt",
    )
    assert [_told(block) for block in placed] == ["2 -", "2 q2"]
    assert placed[1].text.startswith("alors bon question deux")


INSIDE = [  # a turn, its pieces, and the question after it
    (
        "je coupe la clim si ça gêne bon alors deuxième question, les réponses",
        ["je coupe la clim si ça gêne", "bon alors deuxième question, les réponses"],
        "q2",
    ),
    (
        "on a perdu le micro par terre allez question quatre",
        ["on a perdu le micro par terre", "allez question quatre"],
        "q4",
    ),
    ("oui bon alors question trois", ["oui bon alors question trois"], "q3"),
    ("comme on a dit pour les bus alors question deux c'est pareil", None, None),
    ("c'est une vraie question alors deux trois bus par jour ça suffit pas", None, None),
    ("merci à vous pour l'accueil alors la table deux est où", None, None),
]


@pytest.mark.parametrize(("turn", "pieces", "question"), INSIDE)
def test_a_turn_is_cut_where_a_question_is_announced_inside_it(
    turn: str, pieces: list[str] | None, question: str | None
) -> None:
    placed = _place_turns([("Facilitateur", turn), ("P1", "la source tarit")], "audio.vtt")
    assert [block.text for block in placed[:-1]] == (pieces or [turn])
    assert placed[-1].question == question


def test_notes_of_a_recording_tell_its_table_and_round() -> None:
    blocks = [RawBlock("table 6, tour 3", "meta"), RawBlock("la trésorerie est à sec", "cue")]
    placed = locate_blocks(
        RawPart(tuple(blocks), channel="transcript"), blocks, names=["audio.vtt"]
    )
    assert [_told(block) for block in placed] == ["x", "6 q3"]


LONE_LINES = [  # the only line of a file, (kind, text) of its blocks, channel
    (
        "Appel de Mme Riou le 3/4 : elle dit que les bus manquent",
        [("meta", "Appel de Mme Riou le 3/4 :"), ("paragraph", "elle dit que les bus manquent")],
        "telephone",
    ),
    (
        "M. Petit a appelé, il voudrait une halle",
        [("meta", "M. Petit a appelé,"), ("paragraph", "il voudrait une halle")],
        "telephone",
    ),
    (
        "Tel Mme Dupont 3/4 - souhaite un guichet",
        [("meta", "Tel Mme Dupont 3/4 -"), ("paragraph", "souhaite un guichet")],
        "telephone",
    ),
    (
        "Appel de M. Le Goff : besoin d'un local",
        [("meta", "Appel de M. Le Goff :"), ("paragraph", "besoin d'un local")],
        "telephone",
    ),
    (
        "Appel de Mme Riou le 3/4 elle dit que les bus manquent",
        [("paragraph", "Appel de Mme Riou le 3/4 elle dit que les bus manquent")],
        "telephone",
    ),
    (
        "Appel de Mme Dufour (asso Marais), 0639987713, vendredi vers 11h : elle propose une veille",
        [
            ("meta", "Appel de Mme Dufour (asso Marais), 0639987713, vendredi vers 11h :"),
            ("paragraph", "elle propose une veille"),
        ],
        "telephone",
    ),
    (
        "Appel de Mme Dufour (asso Marais), 0639987713, vendredi 20/03 vers 11h",
        [("meta", "Appel de Mme Dufour (asso Marais), 0639987713, vendredi 20/03 vers 11h")],
        "telephone",
    ),
    (
        "Entretien téléphonique avec M. Le Goff, président de l'AMAP, le 12 mars",
        [("meta", "Entretien téléphonique avec M. Le Goff, président de l'AMAP, le 12 mars")],
        "telephone",
    ),
    (
        "Message vocal de M. Kerven, 14:05 : il manque un médecin",
        [("meta", "Message vocal de M. Kerven, 14:05 :"), ("paragraph", "il manque un médecin")],
        "telephone",
    ),
    (
        "il faudrait un local plus grand",
        [("paragraph", "il faudrait un local plus grand")],
        "notes",
    ),
    (
        "Qu'est-ce qu'il faudrait améliorer ?",
        [("heading", "Qu'est-ce qu'il faudrait améliorer ?")],
        "notes",
    ),
    (
        "Note : les bus ne passent plus le soir",
        [("meta", "Note :"), ("paragraph", "les bus ne passent plus le soir")],
        "notes",
    ),
    *(
        (f"{head} {said}", [("meta", head), ("paragraph", said)], "telephone")
        for head, said in (
            ("Tél Mme Maurel 26/09 :", "sa ressourcerie cherche un hangar de 300 m2"),
            ("Tel M. Robic 12/10 14h :", "3 familles sans logement à Carmaux"),
            ("Appel M. Robic 25/09 :", "12 enfants sur liste d'attente à la crèche"),
            ("Téléphone Mme Roux, 2/10 :", "la crèche a perdu 12 places"),
            ("Coup de fil de Mme Roux 2/10 :", "besoin de 200 chaises pour le marché couvert"),
        )
    ),
    *(
        (line, [("meta", line)], "telephone")
        for line in (
            "Tél : 06 12 34 56 78",
            "Appel de Mme Roux : le 3 mars à 14 h",
            "Appel de Mme Roux : durée 12 minutes",
        )
    ),
]


@pytest.mark.parametrize(
    ("line", "shown", "channel"), LONE_LINES, ids=[line for line, *_ in LONE_LINES]
)
def test_a_note_of_one_line_says_what_it_says(
    line: str, shown: list[tuple[str, str]], channel: str
) -> None:
    block = RawBlock(line)
    placed = locate_blocks(RawPart((block,)), [block], names=["note.txt"])
    assert [(one.kind, one.text) for one in placed] == shown
    assert {one.channel for one in placed} == {channel}


LABELLED = [  # a line, whether it is a circumstance at the head of a document, and below
    ("Rapporteur : Anne Petit", True, True),
    ("Rapporteure : Maud, table 4", True, True),
    ("Rapporteur : nous avons surtout parlé des transports", False, False),
    ("Rapporteur : la table souhaite un guichet", False, False),
    ("Rapporteur : surtout les transports du soir et le logement des jeunes", False, False),
    ("Animateur : Karim B. (MJC de Bray), bénévole depuis dix ans", True, True),
    ("Animation : équipe de la CRESS", True, True),
    ("animatrice Maud", True, True),
    ("animation jeunesse absente", False, False),
    ("Prise de notes : Anne Petit, chargée de mission à la CRESS des Hauts-de-France", True, True),
    ("Notes : Jean et Marie (CRESS)", True, True),
    ("Note : les bus ne passent plus après 19 h", False, False),
    ("Note : bus du soir", False, False),
    ("Notes de la table 3 : les bus ne passent plus", False, False),
    ("Remarque : le guichet unique est attendu", False, False),
    ("À retenir : mutualiser les emplois, partager un comptable", False, False),
    ("Nota : Gwenaëlle Riou", True, True),
    ("Conclusion : Mme Kerven", True, True),
    ("Bilan : Anne Petit et M. Kerven.", True, True),
    ("Secrétariat : Mme Le Goff, Yann Petit", True, True),
    ("Remarque de Yann Petit.", True, True),
    ("Question de M. Kerven", True, True),
    ("Intervention de Mme Riou :", True, True),
    ("Conclusion : Mme Kerven prête sa grange", False, False),
    ("Conclusion : navettes du soir", False, False),
    ("Remarque de Yann : il faut une navette", False, False),
    ("Remarque de bon sens.", False, False),
    ("Force : Anne Petit", False, False),
    ("Lieu : salle polyvalente de la mairie annexe du quartier Est", True, True),
    ("Date : 12 mars 2026, de 14 h à 16 h 30, à la mairie", True, True),
    ("Participants : 12 personnes dont 4 élus et 3 salariés de l'ESAT", True, True),
    ("Présents : Mme Riou (La Criée), M. Kerven, qui représente la mairie", True, True),
    ("Nombre de participants : 12 dont 3 élus et 2 agents", True, True),
    ("Contact : il faudrait un guichet unique", False, False),
    ("12/03/2026 - il manque des bus le soir", False, False),
    ("Vervins, 19 mai 2026", True, False),
    ("Thème : la mobilité", True, True),
    ("Thème : les jeunes ne peuvent plus sortir le soir", False, False),
    ("Objet : compte rendu de l'atelier territorial du 19 mai 2026 à Vervins", True, True),
]


@pytest.mark.parametrize(
    ("line", "at_head", "below"), LABELLED, ids=[line for line, *_ in LABELLED]
)
def test_a_label_before_a_name_or_a_fact_is_a_circumstance_and_before_words_a_passage(
    line: str, at_head: bool, below: bool
) -> None:
    assert [bool(aside_of(line, in_head=place)) for place in (True, False)] == [at_head, below]


def test_what_a_role_said_is_read_under_that_role() -> None:
    lines = [
        "Table 4",
        "Rapporteur : Anne Petit",
        "Rapporteur : on manque de bus",
        "Note : la halle est pleine",
    ]
    blocks = [RawBlock(line) for line in lines]
    placed = locate_blocks(RawPart(tuple(blocks)), blocks, names=["notes.txt"])
    shown = [(block.kind, block.table_number, block.speaker, block.text) for block in placed[1:]]
    assert shown == [
        ("meta", 4, None, "Rapporteur : Anne Petit"),
        ("meta", 4, None, "Rapporteur :"),
        ("paragraph", 4, "Rapporteur", "on manque de bus"),
        ("meta", 4, None, "Note :"),
        ("paragraph", 4, None, "la halle est pleine"),
    ]


@pytest.mark.parametrize(
    "label",
    [
        "Nota",
        "Nota bene",
        "NB",
        "Remarque",
        "Remarques",
        "Conclusion",
        "En conclusion",
        "Observation",
        "Note",
    ],
)
def test_a_label_that_only_announces_does_not_stay_before_what_was_said(label: str) -> None:
    blocks = [
        RawBlock("Table 4"),
        RawBlock("la navette part trop tôt le matin"),
        RawBlock(f"{label} : le guichet unique est attendu"),
    ]
    placed = locate_blocks(RawPart(tuple(blocks)), blocks, names=["notes.txt"])
    assert (placed[-1].kind, placed[-1].text) == ("paragraph", "le guichet unique est attendu")


def _read(text: str, name: str) -> list[LocatedBlock]:
    (part,) = read_plain(FileContent(text.encode(), name))
    placed = locate_blocks(part, part.blocks, names=[name])
    return [block for block in placed if block.kind not in ("meta", "heading")]


def test_a_line_tells_its_table_question_and_speaker_as_a_reader_sees_them() -> None:
    pad = "== Constats ==\n* Rémi : le plateau se vide\n* Sabrina : les gens se cachent\n* Rémi : rien le soir\n"
    assert [b.speaker for b in _read(pad, "pad table 2.txt")] == ["Rémi", "Sabrina", "Rémi"]
    told = "RESTITUTION\n\nTable 1 – rapporteure : Nadia Ferrand\nLes bus manquent le soir.\n\nTable 3, par Idriss Benali\nLa digue fuit depuis un an.\n"
    assert [(b.table_number, b.speaker) for b in _read(told, "restitution orale.txt")] == [
        (1, "Nadia Ferrand"),
        (3, "Idriss Benali"),
    ]
