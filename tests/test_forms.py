"""Forms and lists of attendance told apart by what their columns hold; the tools' exports are invented, and no tool's name counts."""

from pathlib import Path

import pytest

from pipeline.ingest import ingest_workshop
from pipeline.ingest.attendance import enter_respondents
from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.locate.cues import LocatedBlock
from pipeline.ingest.parts import FileContent, Limits, RawPart
from pipeline.ingest.people import WorkshopPeople
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.sheets import sort_part
from pipeline.ingest.sheets.kinds import read_sheet
from pipeline.settings.sections import IngestSettings
from support.made_files import docx, w_p, w_table

Rows = list[tuple[str, ...]]

BUSES, HALL, DESK = (
    "Les bus ne passent plus le soir",
    "La halle couverte tourne bien",
    "Un guichet unique pour tous",
)
DOCTOR, SHOP, TIME = (
    "Le médecin part sans remplaçant",
    "L'épicerie sert cent familles",
    "Du temps pour se voir",
)
ANNE, KARIM = ("Anne Riou", "anne@example.org"), ("Karim Lefebvre", "karim@example.org")

FORMS: list[tuple[str, Rows, list[str]]] = [  # what it looks like, its rows, what its passages say
    (
        "questions above long answers, each row dated",
        [
            (
                "Horodateur",
                "Nom et prénom",
                "Adresse e-mail",
                "Quels besoins voyez-vous ?",
                "Qu'est-ce qui marche bien ?",
                "Que faudrait-il améliorer ?",
            ),
            ("12/03/2026 14:05:33", *ANNE, BUSES, HALL, DESK),
            ("12/03/2026 15:11:02", *KARIM, DOCTOR, SHOP, TIME),
        ],
        [BUSES, HALL, DESK, DOCTOR, SHOP, TIME],
    ),
    (
        "short answers to questions, structure and commune given",
        [
            (
                "ID",
                "Heure de début",
                "Heure de fin",
                "Adresse de messagerie",
                "Nom",
                "Votre structure",
                "Votre commune",
                "Le besoin prioritaire du territoire ?",
                "Une idée pour demain ?",
            ),
            (
                "1",
                "3/12/26 14:05:33",
                "3/12/26 14:09:10",
                "anne@example.org",
                "Anne Riou",
                "La Criée",
                "Lannion",
                "des bus",
                "un guichet unique",
            ),
            (
                "2",
                "3/12/26 14:06:33",
                "3/12/26 14:19:10",
                "karim@example.org",
                "Karim Lefebvre",
                "CCAS",
                "Plouha",
                "un médecin",
                "se voir plus",
            ),
        ],
        ["des bus", "un guichet unique", "un médecin", "se voir plus"],
    ),
    (
        "a code of the question before it, answers by choice beside them",
        [
            (
                "ID de la réponse",
                "Date de soumission",
                "[nom]Nom",
                "[prenom]Prénom",
                "[courriel]Courriel",
                "[q1]Quels sont les besoins et menaces du territoire ?",
                "[adh]Êtes-vous adhérent de la CRESS ?",
            ),
            ("1", "2026-03-12 14:05:33", "Riou", "Anne", "anne@example.org", BUSES, "Oui"),
            ("2", "2026-03-13 09:00:01", "Lefebvre", "Karim", "karim@example.org", DOCTOR, "Non"),
            (
                "3",
                "2026-03-13 09:40:12",
                "Morel",
                "Lucie",
                "lucie@example.org",
                "La sécheresse touche les maraîchers",
                "Oui",
            ),
        ],
        [BUSES, DOCTOR, "La sécheresse touche les maraîchers"],
    ),
    (
        "headers that ask nothing above two columns of sentences",
        [
            ("Nom", "Prénom", "Mail", "Les besoins selon moi", "Mes pistes"),
            ("Riou", "Anne", "anne@example.org", BUSES, DESK),
            ("Lefebvre", "Karim", "karim@example.org", DOCTOR, TIME),
        ],
        [BUSES, DESK, DOCTOR, TIME],
    ),
    (
        "a title above the header, remarks at the end",
        [
            ("Enquête auprès des acteurs", "", "", "", ""),
            (
                "Nom complet",
                "Email",
                "Organisation",
                "Quelles sont vos difficultés ?",
                "Commentaires",
            ),
            (
                "Anne Riou",
                "anne@example.org",
                "La Criée",
                "Trop peu de bénévoles au bureau",
                "Merci de nous avoir écoutés",
            ),
        ],
        ["Trop peu de bénévoles au bureau", "Merci de nous avoir écoutés"],
    ),
    (
        "no name at all, structures and communes that are no map",
        [
            ("Horodateur", "Structure", "Commune", "Quels besoins pour votre commune ?"),
            ("12/03/2026 14:05", "La Criée", "Lannion", BUSES),
            ("12/03/2026 15:05", "CCAS", "Plouha", DOCTOR),
        ],
        [BUSES, DOCTOR],
    ),
    (
        "a name alone beside short answers",
        [
            ("Horodateur", "Nom", "Votre besoin prioritaire ?"),
            ("12/03/2026 14:05", "Anne Riou", "des bus"),
            ("12/03/2026 14:07", "Karim Lefebvre", "un médecin"),
            ("12/03/2026 14:09", "Lucie Morel", "de l'eau"),
        ],
        ["des bus", "un médecin", "de l'eau"],
    ),
]


@pytest.mark.parametrize(("why", "rows", "passages"), FORMS, ids=[why for why, *_ in FORMS])
def test_the_answers_to_a_form_are_passages_and_its_respondents_no_attendance(
    why: str, rows: Rows, passages: list[str]
) -> None:
    held = sort_part((), tuple(rows))
    assert read_sheet(rows).kind in ("form", "speech")
    assert (held.attendance, held.maps) == ((), ())
    assert [block.text for block in held.blocks if block.kind == "cell"] == passages


LISTS: list[
    tuple[str, Rows, list[str], tuple[str, ...]]
] = [  # what it looks like, its rows, its passages, what is said to be left
    (
        "a signed list with remarks",
        [
            ("Nom", "Prénom", "Structure", "Signature", "Remarques"),
            ("Riou", "Anne", "La Criée", "x", "souhaite être recontactée pour le projet de halle"),
            ("Kerven", "Bob", "CCAS", "", "excusé"),
        ],
        [],
        ("liste de présence : 1 remarque non reprise comme passage",),
    ),
    (
        "a list to be signed on paper, with remarks",
        [
            ("Nom et prénom", "Mail", "Émargement", "Observations"),
            ("Anne Riou", "a@example.org", "", ""),
            ("Bob Kerven", "b@example.org", "", "arrivera vers 15 h"),
        ],
        [],
        ("liste de présence : 1 remarque non reprise comme passage",),
    ),
    (
        "a list without signatures and with one note",
        [
            ("Nom", "Prénom", "Email", "Commentaire"),
            ("Riou", "Anne", "a@example.org", ""),
            ("Kerven", "Bob", "b@example.org", "végétarien"),
        ],
        [],
        (),
    ),
    (
        "a list with a note on one person, under a header that might be anything",
        [
            ("Nom", "Prénom", "Structure", "Notes", "À savoir"),
            ("Riou", "Anne", "La Criée", "", ""),
            ("Kerven", "Bob", "CCAS", "il manque un guichet unique", ""),
            ("Morel", "Lucie", "AMAP", "", "vient de loin et repart en train"),
        ],
        [],
        ("liste de présence : 2 remarques non reprises comme passages",),
    ),
    (
        "registrations with a status and a question asked: present, and passages",
        [
            (
                "Date de la commande",
                "Nom",
                "Prénom",
                "Email",
                "Statut",
                "Quels besoins voyez-vous sur le territoire ?",
            ),
            ("01/03/2026 10:12", "Riou", "Anne", "a@example.org", "Attending", BUSES),
            ("02/03/2026 11:30", "Kerven", "Bob", "b@example.org", "Not attending", DOCTOR),
        ],
        [BUSES, DOCTOR],
        (),
    ),
    (
        "registrations dated one by one, paid, with a choice",
        [
            ("Date", "Nom", "Prénom", "Email", "Tarif", "Repas végétarien ?"),
            ("01/03/2026 10:12", "Riou", "Anne", "a@example.org", "Gratuit", "Oui"),
            ("02/03/2026 11:30", "Kerven", "Bob", "b@example.org", "Gratuit", "Non"),
        ],
        [],
        (),
    ),
]


@pytest.mark.parametrize(("why", "rows", "passages", "left"), LISTS, ids=[why for why, *_ in LISTS])
def test_a_list_of_attendance_stays_one_whatever_is_noted_beside_it(
    why: str, rows: Rows, passages: list[str], left: tuple[str, ...]
) -> None:
    held = sort_part((), tuple(rows))
    assert read_sheet(rows).kind == ("both" if passages else "attendance")
    assert held.attendance == (tuple(rows),)
    said = [block.text for block in held.blocks if block.kind == "cell"]
    assert (said, held.skipped) == (passages, left)


def test_what_a_form_asks_by_choice_is_counted() -> None:
    assert sort_part((), tuple(FORMS[2][1])).skipped == (
        "questionnaire : 1 colonne laissée de côté",
    )


def test_the_respondents_of_a_form_are_known_by_name_and_mail() -> None:
    roster = WorkshopPeople("w")
    enter_respondents([rows for _, rows, _ in FORMS[:3]], roster)
    assert [(person.full_name, person.email, person.origin) for person in roster.people] == [
        ("Anne Riou", "anne@example.org", "form"),
        ("Karim Lefebvre", "karim@example.org", "form"),
        ("Lucie Morel", "lucie@example.org", "form"),
    ]


def test_a_form_laid_out_in_a_document_is_one_too() -> None:
    _, rows, passages = FORMS[3]
    (part,) = read_source(
        FileContent(docx(w_p("Enquête") + w_table(*rows)), "enquete.docx", Limits())
    )
    held = sort_part(part.blocks, part.rows)
    assert held.attendance == ()
    assert len(held.forms) == 1
    assert set(passages) <= {block.text for block in held.blocks}


def test_a_form_in_a_folder_gives_its_questions_and_counts_nobody_present(tmp_path: Path) -> None:
    folder = tmp_path / "Trégor 2026-05-19"
    folder.mkdir()
    lines = [";".join(row) for row in FORMS[0][1]]
    (folder / "reponses.csv").write_text("\n".join(lines), encoding="utf-8")
    tables = ingest_workshop(folder, depot=tmp_path, settings=IngestSettings())
    said = tables["blocks"][tables["blocks"]["kind"] == "cell"]
    assert said["question"].tolist() == ["q1", "q2", "q4"] * 2
    assert said["speaker"].nunique() == len(tables["people"]) == 2
    assert (len(tables["attendance"]), len(tables["rejects"])) == (0, 0)


NUMBERED = [  # a header above 1, 2, 3, 1, 2; whether it names tables in a form, and beside ideas alone
    ("Combien de salariés ?", False, False),
    ("Nombre de bénévoles", False, False),
    ("Note de 1 à 5 du soutien des élus", False, False),
    ("Sur une échelle de 1 à 5, êtes-vous soutenus ?", False, False),
    ("Votre note", False, False),
    ("Depuis combien d'années ?", False, False),
    ("Emplois", False, False),
    ("Nappe", False, True),
    ("Table", True, True),
    ("Groupe n°", True, True),
    ("Îlot", True, True),
]


@pytest.mark.parametrize(
    ("title", "in_form", "beside_ideas"), NUMBERED, ids=[title for title, *_ in NUMBERED]
)
def test_small_numbers_answered_are_no_tables(
    title: str, in_form: bool, beside_ideas: bool
) -> None:
    numbers, answers = ["1", "2", "3", "1", "2"], [BUSES, HALL, DESK, DOCTOR, SHOP]
    stamps, names = (
        [f"12/03/2026 14:0{place}:33" for place in range(5)],
        ["Riou", "Kerven", "Morel", "Petit", "Le Goff"],
    )
    asked, told = ("Qu'est-ce qui marche bien ?",), ("Post-it",)
    forms = [
        [
            ("Horodateur", "Nom", title, *asked),
            *zip(stamps, names, numbers, answers, strict=True),
        ],
        [("Horodateur", title, *told), *zip(stamps, numbers, answers, strict=True)],
        [(title, *asked), *zip(numbers, answers, strict=True)],
    ]
    for rows, is_table in (
        *((form, in_form) for form in forms),
        ([(title, *told), *zip(numbers, answers, strict=True)], beside_ideas),
    ):
        tables = {block.text: block.table_number for block in _placed(rows) if block.kind == "cell"}
        assert tables == dict(
            zip(answers, map(int, numbers) if is_table else [None] * 5, strict=True)
        )


def test_numbers_of_a_dated_sheet_without_header_are_no_tables() -> None:
    rows = [
        (f"12/03/2026 14:0{place}:33", str(number), text)
        for place, (number, text) in enumerate(((1, BUSES), (2, HALL), (1, DESK)))
    ]
    assert [block.table_number for block in _placed(rows) if block.text in (BUSES, HALL, DESK)] == [
        None
    ] * 3


def _placed(rows: Rows) -> list[LocatedBlock]:
    part = RawPart((), rows=tuple(rows))
    return locate_blocks(part, sort_part((), part.rows).blocks, names=["saisie.xlsx"])


LONG_ANSWERS = [
    "Notre bureau tient bon mais la caisse est vide depuis deux ans",
    "On manque de bénévoles pour ouvrir le samedi, et les plus anciens fatiguent",
    "La trésorerie passe tout juste, la subvention arrive toujours trop tard",
]
ASKED_OF_A_STRUCTURE = [  # a header that holds a word of who answers, its question
    ("Points forts et points faibles de votre organisation", "q3"),
    ("Les difficultés de votre structure", "q3"),
    ("La vie de votre association, en quelques mots", None),
    ("Besoins non couverts de votre commune", "q1"),
    ("Le réseau mobile chez vous", None),
    ("Votre fonction et votre quotidien", None),
    ("Ce que vit votre entreprise", "q3"),
    ("Organisation", None),
]


@pytest.mark.parametrize(
    ("title", "question"), ASKED_OF_A_STRUCTURE, ids=[title for title, _ in ASKED_OF_A_STRUCTURE]
)
@pytest.mark.parametrize(
    "first",
    [
        ("Date", "Nom", "Courriel"),
        ("Horodateur", "Groupe d'âge", "Secteur"),
        ("Nom", "Prénom", "Structure"),
    ],
)
def test_sentences_are_answers_whatever_words_their_header_holds(
    title: str, question: str | None, first: tuple[str, ...]
) -> None:
    whos = [
        ("12/03/2026 14:05", "Riou", "riou@example.org"),
        ("13/03/2026 09:10", "Kerven", "k@example.org"),
        ("14/03/2026 11:00", "Morel", "m@example.org"),
    ]
    if first[0] == "Horodateur":
        whos = [(stamp, "30-45", "Sport") for stamp, *_ in whos]
    if first[0] == "Nom":
        whos = [
            ("Riou", "Anne", "La Criée"),
            ("Kerven", "Bob", "CCAS"),
            ("Morel", "Lucie", "AMAP du Porhoët"),
        ]
    rows = [
        (*first, title, "Qu'est-ce qui marche bien ?"),
        *(
            (*who, said, HALL + str(place))
            for place, (who, said) in enumerate(zip(whos, LONG_ANSWERS, strict=True))
        ),
    ]
    told = {block.text: block.question for block in _placed(rows) if block.kind == "cell"}
    assert told == dict.fromkeys(LONG_ANSWERS, question) | {
        HALL + str(place): "q2" for place in range(3)
    }
    assert sort_part((), tuple(rows)).attendance == ()


WHO = [  # a header and cells that say who answers, however long
    (
        "Nom de votre structure",
        [
            "Centre communal d'action sociale de la ville de Lannion",
            "Association pour le développement de l'emploi à Bray",
        ],
    ),
    (
        "Votre fonction dans la structure",
        [
            "Chargée de mission développement social et économique",
            "Directeur des services à la population",
        ],
    ),
    (
        "Structure représentée (si besoin)",
        ["Communauté de communes du Pays de Bray", "Pôle Est de la Mission locale du Trégor"],
    ),
    ("Commune d'intervention", ["Lannion", "toutes les communes du Trégor et au-delà"]),
]


@pytest.mark.parametrize(("title", "cells"), WHO, ids=[title for title, _ in WHO])
def test_long_names_of_who_answers_are_no_answers(title: str, cells: list[str]) -> None:
    rows = [("Date", "Nom", "Courriel", title, "Qu'est-ce qui marche bien ?")]
    rows += [
        ("12/03/2026 14:05", name, "a@example.org", cell, said)
        for name, cell, said in zip(("Riou", "Petit"), cells, (HALL, SHOP), strict=True)
    ]
    assert [block.text for block in _placed(rows) if block.kind == "cell"] == [HALL, SHOP]


@pytest.mark.parametrize(
    "title", ["Les difficultés de votre structure", "La vie de votre association, en quelques mots"]
)
def test_sentences_in_a_table_of_a_document_are_answers_too(title: str) -> None:
    rows = [
        ("Nom", "Courriel", title),
        *(
            (f"Riou {place}", f"a{place}@example.org", said)
            for place, said in enumerate(LONG_ANSWERS)
        ),
    ]
    (part,) = read_source(FileContent(docx(w_table(*rows)), "enquete.docx", Limits()))
    placed = locate_blocks(part, sort_part(part.blocks, part.rows).blocks, names=["enquete.docx"])
    assert [block.text for block in placed if block.kind == "cell"] == LONG_ANSWERS


STAMPS = [f"12/03/2026 14:0{place}:33" for place in range(4)]
IDEAS = [BUSES, HALL, DESK, DOCTOR]
SECTORS, COUNTS, CHOICES = (
    ["Culture", "Santé", "Culture", "Culture"],
    ["3", "17", "0", "42"],
    ["Oui", "Non", "Oui", "Oui"],
)
LEFT = [  # the columns beside one of answers, how many of them are left out
    ([("Nom", ["Riou", "Kerven", "Morel", "Petit"]), ("Courriel", ["a@example.org"] * 4)], 0),
    (
        [
            ("Série", ["1", "2", "3", "4"]),
            ("Votre nom", ["Anne Riou", "Bob Kerven", "Lucie Morel", "Yann Petit"]),
        ],
        0,
    ),
    ([("Acceptez-vous d'être recontacté ?", CHOICES)], 1),
    (
        [
            ("Langue de départ", ["fr"] * 4),
            ("Dernière page", ["3"] * 4),
            ("Tête de série", ["8812", "417", "1290", "77"]),
        ],
        0,
    ),
    ([("Nom", ["Riou", "Kerven", "Morel", "Petit"]), ("Êtes-vous adhérent ?", CHOICES)], 1),
    (
        [
            ("Quel est votre secteur ?", SECTORS),
            ("Combien de salariés ?", COUNTS),
            ("Êtes-vous adhérent ?", CHOICES),
        ],
        3,
    ),
    (
        [
            ("Nom", ["Riou", "Kerven", "Morel", "Petit"]),
            ("Courriel", ["a@example.org"] * 4),
            ("Votre secteur", SECTORS),
            ("Note", COUNTS),
        ],
        2,
    ),
    (
        [
            ("Structure", ["La Criée", "CCAS", "AMAP", "ESAT"]),
            ("Âge", ["30-45", "18-30", "30-45", "60+"]),
            ("Vide", [""] * 4),
        ],
        1,
    ),
]


@pytest.mark.parametrize(
    ("columns", "n_left"),
    LEFT,
    ids=[" ".join(title for title, _ in columns) for columns, _ in LEFT],
)
def test_the_columns_left_out_of_a_form_are_counted(
    columns: list[tuple[str, list[str]]], n_left: int
) -> None:
    titles = ("Horodateur", *(title for title, _ in columns), "Qu'est-ce qui marche bien ?")
    rows = [titles, *zip(STAMPS, *(cells for _, cells in columns), IDEAS, strict=True)]
    held = sort_part((), tuple(rows))
    assert [block.text for block in held.blocks if block.kind == "cell"] == IDEAS
    told = (
        f"questionnaire : {n_left} colonne laissée de côté"
        if n_left == 1
        else f"questionnaire : {n_left} colonnes laissées de côté"
    )
    assert held.skipped == ((told,) if n_left else ())


@pytest.mark.parametrize(
    "titles",
    [("Table", "Couleur", "Ce qui est écrit", "Gommettes"), ("Table", "Qui", "Idée", "Thème")],
)
def test_a_sheet_of_ideas_tells_of_no_column_left_out(titles: tuple[str, ...]) -> None:
    rows = (titles, *(("1", "Anne Riou", said, "3") for said in IDEAS))
    assert sort_part((), rows).skipped == ()


def test_titles_and_totals_of_a_list_are_no_remarks() -> None:
    rows = [
        ("Nom", "Prénom", "Structure", "Signature", "Observations"),
        ("Riou", "Anne", "La Criée", "x", ""),
        ("", "", "", "", "Merci de signer en face de votre nom"),
        ("Ajouts sur place :",) * 5,
        ("Kerven", "Bob", "CCAS", "x", "repart vers 15 h avec le bus"),
        (
            "",
            "Total signatures : 14 sur 20 inscrits",
            "",
            "",
            "Total signatures : 14 sur 20 inscrits",
        ),
    ]
    assert sort_part((), tuple(rows)).skipped == (
        "liste de présence : 1 remarque non reprise comme passage",
    )
