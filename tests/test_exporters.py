"""What strangers' exports hold, whatever their columns are called: who wrote, what is asked, what is no passage."""

import json

import pytest

from pipeline.ingest.attendance import read_attendance
from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.locate.cues import LocatedBlock
from pipeline.ingest.parts import FileContent, RawPart
from pipeline.ingest.people import WorkshopPeople
from pipeline.ingest.readers.exports import read_json
from pipeline.ingest.sheets import SortedPart, sort_part
from pipeline.ingest.words import is_name

Rows = list[tuple[str, ...]]

CARS, POOL, BARN = (
    "Le car du soir a été supprimé",
    "La piscine accueille tout le canton",
    "Une grange à partager entre artisans",
)
FIRST, BACK, OTHER = CARS, POOL, BARN  # the first person writes twice, another between


def _rows(header: str, *rows: str) -> Rows:
    cells = [tuple(cell.strip() for cell in row.split("|")) for row in (header, *rows)]
    width = max(map(len, cells))
    return [(*row, *[""] * (width - len(row))) for row in cells]


def _read(rows: Rows, name: str = "export.csv") -> tuple[SortedPart, list[LocatedBlock]]:
    part = RawPart((), rows=tuple(rows))
    held = sort_part((), part.rows)
    placed = locate_blocks(part, held.blocks, names=[name])
    return held, [block for block in placed if block.kind not in ("meta", "heading")]


KEYS = [  # the title of the column that tells who wrote, her key, another's
    ("e-mail", "zoe@exemple.fr", "max@exemple.fr"),
    ("Courriel", "Zoe@exemple.fr", "max@exemple.fr"),
    ("Adresse de contact", "zoe@exemple.fr", "max@exemple.fr"),
    ("author-id", "7", "0"),
    ("authorId", "VXNlcjo1f0a", "VXNlcjo2b9c"),
    ("author/id", "140", "88"),
    ("participant", "participant_3", "participant_4"),
    ("participant_id", "1001", "1002"),
    ("ID du participant", "P-12", "P-13"),
    ("Respondent ID", "mZ4kQ", "b9xLp"),
    ("respondentid", "118", "119"),
    ("N° répondant", "12", "13"),
    ("identifiant", "b01", "b02"),
    ("Identifiant", "4", "9"),
    ("identifiant_utilisateur", "u_4", "u_9"),
    ("voter-id", "3", "6"),
    ("Voter", "Voter 1", "Voter 2"),
    ("Jeton", "a81f", "b02c"),
    ("Nom d'utilisateur", "zoe_d", "max77"),
    ("Auteur", "zoe_d", "max77"),
    ("interview", "Zoé", "Maxime"),
    ("interview", "entretien_2", "entretien_5"),
    ("Entretien n°", "22", "55"),
    ("Pseudo", "Lune du 35", "k3vin"),
    ("Pseudonyme", "lune35", "k3vin"),
    ("Auteur·rice", "lune35", "k3vin"),
    ("comment_author_username", "lune35", "k3vin"),
    ("Contributeur", "Invité 4", "Invité 7"),
    ("speaker", "SPEAKER_00", "SPEAKER_01"),
    ("Qui", "H12", "H13"),
    ("Profil anonymisé", "f3a91c0b7d", "0b7d1aa1e4"),
    ("Téléphone", "06 11 22 33 44", "06 55 66 77 88"),
    ("Nom", "Quéméré", "Da Silva"),
    ("Identifiant du déposant", "usr_33", "usr_34"),
]


@pytest.mark.parametrize(("title", "hers", "his"), KEYS)
def test_one_key_is_one_person_and_no_login_or_address_is_shown(
    title: str, hers: str, his: str
) -> None:
    rows = _rows(f"{title}|Contribution", f"{hers}|{FIRST}", f"{his}|{OTHER}", f"{hers}|{BACK}")
    _, said = _read(rows)
    assert [block.text for block in said] == [FIRST, OTHER, BACK]
    first, other, back = (block.speaker for block in said)
    assert first and other and first == back != other
    shown = f"{first} {other}"
    assert is_name(hers) or (hers.lower() not in shown.lower() and his not in shown)


NO_KEYS = [  # the title of a column that tells no person, two cells
    ("ID de la réponse", "4", "5"),
    ("Numéro de série", "4", "5"),
    ("comment-id", "4", "5"),
    ("response_id", "4", "5"),
    ("UID", "0", "0"),
    ("Auteur", "Anonyme", "Anonyme"),
    ("Auteur", "Utilisateur supprimé", "Anonyme"),
    ("Courriel", "anonymous", "anonymous"),
    ("Adresse IP", "90.12.4.17", "90.12.4.17"),
    ("session_id", "12", "12"),
    ("Contribution n°", "12", "13"),
    ("_submitted_by", "enquete_ete", "enquete_ete"),
    ("Nom de l'enquêteur", "Inès", "Inès"),
]


@pytest.mark.parametrize(("title", "one", "two"), NO_KEYS)
def test_a_row_a_network_and_whoever_is_hidden_are_no_persons(
    title: str, one: str, two: str
) -> None:
    rows = _rows(
        f"{title}|Date de soumission|Que faudrait-il ici ?",
        f"{one}|2026-05-02 10:00|{CARS}",
        f"{two}|2026-05-03 11:00|{BARN}",
    )
    _, said = _read(rows)
    assert len({block.speaker for block in said}) == len(said) == 2


def test_a_number_beside_anonymous_is_that_of_all_and_a_name_of_two_is_shown_for_none() -> None:
    drupal = _rows(
        "SID|UID|Nom d'utilisateur|Que faudrait-il ici ?",
        f"1|0|Anonyme|{CARS}",
        f"2|0|Anonyme|{BARN}",
        f"3|44|max77|{POOL}",
    )
    _, said = _read(drupal)
    assert len({block.speaker for block in said}) == 3
    homonyms = _rows(
        "Prénom|E-mail|Votre avis", f"Zoé|z1@exemple.fr|{CARS}", f"Zoé|z2@exemple.fr|{BARN}"
    )
    _, said = _read(homonyms)
    assert [block.speaker for block in said] == ["répondant 1", "répondant 2"]


OPINIONS = [  # a header over short answers
    "Nom|Votre avis",
    "Nom|Ton ressenti",
    "Nom et prénom|Avis",
    "Prénom|Commentaire",
    "Nom|Que penser de la suite ?",
]


@pytest.mark.parametrize("header", OPINIONS)
def test_names_beside_short_opinions_are_no_list_of_presence(header: str) -> None:
    held, said = _read(
        _rows(
            header, "Anne Kermeur|plus de cars", "Bob Huet|des bancs à l'ombre", "Zoé Daoud|un bal"
        )
    )
    assert [block.text for block in said] == ["plus de cars", "des bancs à l'ombre", "un bal"]
    assert held.attendance == ()
    assert [block.speaker for block in said] == ["Anne Kermeur", "Bob Huet", "Zoé Daoud"]


OPEN_COLUMNS = [  # what a form asks, short or rare answers, what is asked
    ("de quoi manquez vous", ["un dentiste", "stationnement", "", "un bal"], "q1"),
    ("Que souhaitez-vous voir changer ?", ["les trottoirs", "", "plus de bancs", ""], "q4"),
    ("Comment avez-vous trouvé l'accueil ?", ["trop long", "bien", "", "chaleureux"], None),
    ("Un mot pour l'équipe d'animation", ["hâte d'y être", "", "mettez du thé", "merci Zoé"], None),
    ("Texte libre", ["", "on se sent bien ici quand même", "", ""], None),
    ("Ce qui vous use de l'intérieur", ["les dossiers", "", "le bruit", "la paie"], "q3"),
    ("Sur qui peut-on compter ?", ["mes filles", "la voisine", "", "le club"], "q2"),
    ("Ce qui fragilise votre équipe de l'intérieur", ["les dossiers", "", "la paie", ""], "q3"),
    ("Qu'est-ce qui vous rend fiers dans votre équipe ?", ["le jeudi", "", "la paie", ""], "q3"),
    ("Qu'appréciez-vous ici ?", ["le club", "", "la place", ""], "q2"),
    ("Quelles associations vous aident ?", ["le club", "", "la Croix", ""], "q2"),
    ("Votre structure dans trois ans ?", ["plus petite", "", "toujours là", ""], "q3"),
    ("Un mot sur la soirée", ["dense", "", "vif", "long"], None),
    ("Quelque chose à ajouter ?", ["continuez", "", "vive la Lozère", ""], None),
    ("Un truc à dire ?", ["vive nous", "nan", "", "merci pour ce moment"], None),
    ("Décrivez la commune idéale dans 10 ans", ["un marché", "", "des vélos", ""], None),
]


@pytest.mark.parametrize(("title", "cells", "question"), OPEN_COLUMNS)
def test_open_columns_of_a_form_are_read_however_short_or_rare(
    title: str, cells: list[str], question: str | None
) -> None:
    need = "Que faudrait-il ici ?"
    rows = _rows(
        f"Horodateur|{title}|{need}",
        *(f"0{i}/05/2026 09:14|{cell}|" for i, cell in enumerate(cells, 1)),
    )
    rows[1] = (*rows[1][:2], CARS)
    _, said = _read(rows)
    told = [(block.text, block.question) for block in said if block.text != CARS]
    assert told == [(cell, question) for cell in cells if cell not in ("", "nan")]


def test_who_typed_what_others_said_is_nobody() -> None:
    rows = _rows(
        "username|Que faudrait-il ici ?|_submitted_by",
        f"enq_zoe|{CARS}|enq_zoe",
        f"enq_zoe|{BARN}|enq_zoe",
        f"enq_max|{POOL}|enq_max",
    )
    assert len({block.speaker for block in _read(rows)[1]}) == 3


def test_a_number_under_two_names_is_two_persons() -> None:
    rows = _rows(
        "Author name|Author email|Author ID|votes|Body",
        f"Zoé Daoud|z@exemple.fr|u-2|1|{FIRST}",
        f"Bob Huet|b@exemple.fr|u-2|1|{OTHER}",
        f"Zoé D.|z@exemple.fr|u-2|1|{BACK}",
    )
    first, other, back = (block.speaker for block in _read(rows)[1])
    assert first == back != other


@pytest.mark.parametrize("title", ["n°", "Fiche", "N° de questionnaire", "num"])
def test_a_number_on_two_sheets_of_paper_is_one_person(title: str) -> None:
    rows = _rows(
        f"{title}|de quoi manque-t-on ?|qu'est-ce qui va bien ?",
        f"1|{FIRST}|le foot",
        f"2|{OTHER}|",
        f"1||{BACK}",
    )
    said = _read(rows)[1]
    assert [block.text for block in said] == [FIRST, "le foot", OTHER, BACK]
    assert len({block.speaker for block in said}) == 2


def test_a_comment_does_not_say_again_what_it_answers_to() -> None:
    proposal = "7|Zoé D|lune35|Des cars|Il faut des cars le soir jusqu'à la gare"
    rows = _rows(
        "post_id|post_author_name|post_author_username|post_title|post_body|reply_id|reply_author_username|reply_body",
        f"{proposal}|||",
        f"{proposal}|1|k3vin|{BARN}",
        f"{proposal}|2|lune35|{POOL}",
    )
    said = [(block.text, block.speaker) for block in _read(rows)[1]]
    assert [text for text, _ in said] == [proposal.split("|")[-1], BARN, POOL]
    assert said[0][1] == said[2][1] != said[1][1]


def test_questions_that_open_alike_are_no_threads() -> None:
    rows = _rows(
        "Quel est votre nom ?|Quel besoin voyez-vous ici ?|Votre mail|Votre avis",
        f"Anne Kermeur|{CARS}|a@exemple.fr|{BARN}",
        f"Bob Huet|{POOL}|b@exemple.fr|",
    )
    assert [block.text for block in _read(rows)[1]] == [CARS, BARN, POOL]


def test_records_on_a_line_each_are_a_table() -> None:
    lines = [json.dumps({"response_id": i, "text": text}) for i, text in enumerate((CARS, BARN))]
    (part,) = read_json(FileContent("\n".join(lines).encode(), "réponses.jsonl"))
    assert [block.text for block in _read(list(part.rows))[1]] == [CARS, BARN]


def test_a_hand_typed_sheet_under_a_title_says_who_said_what() -> None:
    rows = _rows(
        "table 6 / scribe : Anne|",
        "qui|remontée",
        "zoé|un bal",
        "mme huet|des bancs",
        "m. huet|un four",
        "zoé|ok",
        "|plus de cars",
    )
    said = [(block.text, block.speaker) for block in _read(rows)[1]]
    assert [text for text, _ in said] == ["un bal", "des bancs", "un four", "plus de cars"]
    assert len({speaker for _, speaker in said}) == 4


ASIDES = [  # the title of a workbook's sheet, its rows
    ("Vue d'ensemble", _rows("Code de l'événement|PAYS26", "Taux de réponse|71 %")),
    ("Results", _rows("Question|Type|Responses", "Et demain ?|Word cloud|5", "Ici ?|Scales|6")),
]


@pytest.mark.parametrize(("title", "rows"), ASIDES)
def test_what_a_tool_says_of_its_own_session_is_no_passage(title: str, rows: Rows) -> None:
    held = sort_part((), rows, title)
    assert [block.text for block in held.blocks if block.kind not in ("meta", "heading")] == []


HEADERS = [
    "survey_text",
    "free_text",
    "commentBody",
    "comment-body",
    "Votre avis",
    "avis",
    "réponse",
]


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("name", ["export.csv", "réponses (1).csv"])
def test_a_header_is_never_speech_and_a_bare_one_asks_nothing(header: str, name: str) -> None:
    _, said = _read(_rows(header, CARS, POOL, BARN), name)
    assert [(block.text, block.question, block.proposed_question) for block in said] == [
        (text, None, None) for text in (CARS, POOL, BARN)
    ]
    _, said = _read(_rows(f"identifiant|{header}", f"b01|{CARS}", f"b02|{BARN}"), name)
    assert [(block.text, block.question) for block in said] == [(CARS, None), (BARN, None)]


LISTS = [  # rows, who is present, whether it is a doubt
    (_rows("Nom|Prénom", "KERMEUR|Anne", "Huet|Bob"), ["Anne KERMEUR", "Bob Huet"], True),
    (_rows("Nom|Prénom|", "||", "Kermeur|Anne|", "Huet|Bob|"), ["Anne Kermeur", "Bob Huet"], True),
    (_rows("Participants", "Anne Kermeur", "Bob Huet"), ["Anne Kermeur", "Bob Huet"], True),
    (
        _rows(
            "Soirée du 4 mai",
            "",
            "Prénom NOM",
            "Anne KERMEUR",
            "",
            "Bob HUET",
            "Zoé DAOUD",
            "Karim BAH",
        ),
        ["Anne KERMEUR", "Bob HUET", "Zoé DAOUD", "Karim BAH"],
        True,
    ),
    (
        _rows("Feuille de présence||", "Nom|Prénom|", "Kermeur|Anne|", "Huet|Bob|"),
        ["Anne Kermeur", "Bob Huet"],
        False,
    ),
    (
        _rows("Kermeur|Anne", "Huet|Bob", "Daoud|Zoé"),
        ["Anne Kermeur", "Bob Huet", "Zoé Daoud"],
        True,
    ),
    (
        _rows("Nom|Prénom|Structure|Signature", "Kermeur|Anne|La Criée|x", "Huet|Bob|CCAS|x"),
        ["Anne Kermeur", "Bob Huet"],
        False,
    ),
]


@pytest.mark.parametrize(("rows", "present", "is_doubtful"), LISTS)
def test_names_alone_are_a_list_and_what_is_doubtful_is_said(
    rows: Rows, present: list[str], is_doubtful: bool
) -> None:
    held, said = _read(rows)
    assert (said, held.taken_for) == ([], "liste de présence")
    people = WorkshopPeople("w")
    n_present = len(read_attendance(held.attendance, people))
    assert [person.full_name for person in people.people] == present
    assert n_present == len(present)
    assert ("sans signature ni statut" in held.doubt) == is_doubtful


def test_a_list_without_header_makes_no_structure_of_what_people_say() -> None:
    rows = _rows("Anne Kermeur|plus de cars", "Bob Huet|des bancs", "Zoé Daoud|moins de bruit")
    held, said = _read(rows)
    assert held.attendance == ()
    assert [(block.speaker, block.text) for block in said] == [
        ("Anne Kermeur", "plus de cars"),
        ("Bob Huet", "des bancs"),
        ("Zoé Daoud", "moins de bruit"),
    ]


SILENT_COLUMNS = [  # the title of a column, cells that are no passage
    ("datetime", ["Tue May 12 2026 14:00:00 GMT+0000 (Coordinated Universal Time)"] * 4),
    ("Note RGPD : vos données sont gardées un an.", ["J'ai lu et j'accepte"] * 4),
    ("Comment ça va ce matin ?", ["En forme", "Fatigué", "En forme", "Curieux"]),
    ("Note de l'enquêtrice", ["dame pressée, deux chiens", "porte close", "vu au marché", "bis"]),
    ("Vos thèmes ?", ["Santé", "Santé, Culture", "Culture", "Sport, Autre : chant"]),
    ("Vos sujets ?", ["Jeux;Chant;", "Danse;", "Tricot;Jeux;Marche;", "Troc;"]),
    ("IP", ["2a01:cb08:8d1::2", "81.56.12.4", "81.56.12.4", "90.3.77.1"]),
    ("Si oui, votre adresse ?", ["a@exemple.fr", "b@exemple.fr", "c@exemple.fr", "d@exemple.fr"]),
]


@pytest.mark.parametrize(("title", "cells"), SILENT_COLUMNS)
def test_choices_consents_dates_and_networks_are_no_passages(title: str, cells: list[str]) -> None:
    texts = [CARS, POOL, BARN, "Un four à pain dans chaque village"]
    rows = _rows(
        f"Horodateur|{title}|Que faudrait-il ici ?",
        *(f"0{i}/05/2026 09:14|{cells[i]}|{text}" for i, text in enumerate(texts)),
    )
    held, said = _read(rows)
    assert [block.text for block in said] == texts
    assert dict(held.left_out)[title] != "unknown column"


def test_what_a_tool_spreads_over_columns_is_a_choice() -> None:
    rows = _rows(
        "Submitted at|Tu agis où ?|Tu agis où ? (Redon)|Tu agis où ? (Allaire)|Une idée ?",
        f"2026-06-21 11:20|Redon|TRUE|FALSE|{CARS}",
        f"2026-06-22 12:20|Redon, Allaire|TRUE|TRUE|{BARN}",
    )
    assert [block.text for block in _read(rows)[1]] == [CARS, BARN]


WITHDRAWN = [  # a column of moderation: of a row that is shown, of one that is not
    ("moderated", "1", "-1"),
    ("moderated", "0", "-1"),
    ("trashed", "0", "1"),
    ("hidden", "false", "true"),
    ("retired_at", "", "2026-09-01 10:00"),
    ("state", "rejected", "withdrawn"),  # rejected by the town, and said
    ("Statut de modération", "Validé", "Refusé"),
]


@pytest.mark.parametrize(("title", "shown", "hidden"), WITHDRAWN)
def test_what_moderation_withdrew_is_no_passage(title: str, shown: str, hidden: str) -> None:
    rows = _rows(
        f"comment-id|author-id|votes|{title}|comment-body",
        f"1|4|3|{shown}|{CARS}",
        f"2|5|3|{hidden}|{POOL}",
        f"3|6|3|{shown}|{BARN}",
    )
    assert [block.text for block in _read(rows)[1]] == [CARS, BARN]


def test_a_table_of_one_answer_a_row_asks_by_its_rows() -> None:
    need = "Question 4 : De quoi manque-t-on ici ?"
    agree = "Question 2 : Êtes-vous d'accord avec le plan ?"
    rows = _rows(
        "participant_id|response_id|question_number|question|response",
        *(
            f"{i}|{i}{n}|{n}|{question}|{answer}"
            for i, text in enumerate((CARS, POOL, BARN, CARS))
            for n, question, answer in (
                (4, need, text),
                (2, agree, ("Plutôt d'accord", "Pas d'accord")[i % 2]),
            )
        ),
    )
    _, said = _read(rows)
    assert [(block.text, block.question) for block in said] == [
        (text, "q1") for text in (CARS, POOL, BARN, CARS)
    ]


def test_a_title_over_a_form_of_several_questions_asks_none_of_them() -> None:
    rows = _rows(
        "Besoins des structures du pays||",
        "Horodateur|Que faudrait-il en priorité ?|Autres remarques",
        f"04/05/2026 09:12|{BARN}|merci de nous demander",
        f"05/05/2026 09:12|{CARS}|on se revoit quand vous voulez",
    )
    _, said = _read(rows, "besoins_des_structures.csv")
    assert [block.question for block in said] == ["q4", None, "q4", None]


def test_the_numbered_frames_of_a_wall_head_their_ideas() -> None:
    lines = ["Atelier du 3 mai", "Cadre 1 – Nos besoins", CARS, "Cadre 2 – Ce qui marche", POOL]
    lines += ["Parking", BARN]
    _, said = _read([(line,) for line in lines])
    placed = [(block.text, block.question) for block in said]
    assert placed == [(CARS, "q1"), (POOL, "q2"), (BARN, None)]


def test_a_json_consultation_asks_what_it_says_above_its_answers() -> None:
    answers = [
        {"response_id": i, "participant_id": person, "text": text}
        for i, (person, text) in enumerate([(201, CARS), (202, BARN), (201, POOL)])
    ]
    answers.append({"response_id": 9, "participant_id": 203, "text": "Free text not provided"})
    content = {"question_text": "De quoi le pays manque-t-il ?", "responses": answers}
    (part,) = read_json(FileContent(json.dumps(content).encode(), "question_part_3.json"))
    _, said = _read(list(part.rows), "question_part_3_responses.json")
    assert [(block.text, block.question) for block in said] == [
        (text, "q1") for text in (CARS, BARN, POOL)
    ]
    assert len({block.speaker for block in said}) == 2


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("polis_de-quoi-le-pays-manque-t-il_comments.csv", "q1"),
        ("debat_quelles_actions_lancer_en_premier.csv", "q4"),
        ("polis_export_comments.csv", None),
        ("debat_mobilite.csv", None),
    ],
)
def test_a_debate_whose_columns_ask_nothing_asks_what_its_file_is_called(
    name: str, question: str | None
) -> None:
    rows = _rows(
        "timestamp|comment-id|author-id|agrees|disagrees|moderated|comment-body",
        *(
            f"176950000000{i}|{i}|{i + 3}|{20 - i}|{i}|1|{text}"
            for i, text in enumerate([CARS, POOL, BARN])
        ),
    )
    _, said = _read(rows, name)
    assert [block.question for block in said] == [question] * 3
