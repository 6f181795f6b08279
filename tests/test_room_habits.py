"""Habits of rooms: legends of colours, grids of boards, calls under their day, who said an idea."""

import pytest

from pipeline.ingest.columns import meaning_of
from pipeline.ingest.locate import locate_blocks, read_names
from pipeline.ingest.locate.cues import read_cues
from pipeline.ingest.locate.lines import aside_of
from pipeline.ingest.locate.titles import channel_of
from pipeline.ingest.parts import RawBlock, RawPart
from pipeline.ingest.readers.blocks import blocks_of_lines
from pipeline.ingest.sheets import sort_part
from pipeline.ingest.sheets.roles import legend_of, question_of_category

BUS = "la ligne de car est supprimée le samedi"


def test_a_notice_of_one_column_explains_the_colours() -> None:
    notice = [("Saisie : Léo",), ("Jaune = besoins, enjeux, menaces",), ("Vert = ce qui marche",)]
    assert legend_of(notice) == {"jaune": "q1", "vert": "q2"}
    assert legend_of([("1 ligne = 1 post-it",), ("Jaune = urgent",)]) == {}


def test_colours_are_no_questions_and_follow_the_legend() -> None:
    rows = [
        ("Couleur", "Texte du post-it"),
        ("jaune", "Désert médical dans tout le canton"),
        ("vert", "La ressourcerie et ses six emplois"),
        ("jaune", "La ligne de car supprimée le samedi"),
        ("rose", "Pas de relève au conseil d'administration"),
    ]
    legend = {"jaune": "q1", "vert": "q2", "rose": "q3"}
    blocks = [block for block in sort_part((), rows, legend=legend).blocks if block.kind == "cell"]
    assert [dict(block.columns).get("question") for block in blocks] == ["q1", "q2", "q1", "q3"]


def test_an_idea_is_said_by_whom_its_row_names() -> None:
    rows = [
        ("Qui", "Idée", "Nb de voix"),
        ("Colette", "Quelqu'un qui relève les courriers des anciens", "1"),
        ("", "Le gel d'avril trois années sur cinq", "4"),
    ]
    blocks = [block for block in sort_part((), rows).blocks if block.kind == "cell"]
    located = locate_blocks(RawPart((), rows=tuple(rows)), blocks, names=["T5.xlsx"])
    assert located[0].speaker == "Colette"
    assert located[1].speaker != "Colette"


def test_a_call_is_headed_by_its_day_and_caller() -> None:
    texts = [
        "23/03 9h40 – Mme Girardet, Mirebois, 06 00 00 41 12",
        "dit que le bus du mardi passe trop tôt",
        "24/03 – Alain Pourchet (CUMA)",
        "la CUMA cherche un local pour septembre",
    ]
    kinds = ["paragraph", "bullet", "paragraph", "bullet"]
    blocks = [RawBlock(text, kind) for text, kind in zip(texts, kinds, strict=True)]
    located = locate_blocks(RawPart(tuple(blocks)), blocks, names=["appels recus.txt"])
    said = [(b.text, b.speaker) for b in located if b.kind not in ("heading", "meta")]
    assert said == [(texts[1], "Mme Girardet"), (texts[3], "Alain Pourchet")]


@pytest.mark.parametrize(
    ("title", "question"),
    [
        ("Ce qui tient debout", "q2"),
        ("Sous le capot", "q3"),
        ("Si on avait la main", "q4"),
        ("Si vous étiez maire", "q4"),
        ("Le café du port", None),
    ],
)
def test_images_that_ask_the_four_questions(title: str, question: str | None) -> None:
    assert read_cues(title).question == question


def test_categories_of_platforms_are_questions() -> None:
    names = ("Besoins et menaces", "Ce qui fait notre force", "Vie associative", "Mobilité")
    assert [question_of_category(name) for name in names] == ["q1", "q2", "q3", None]


@pytest.mark.parametrize(
    "text",
    [
        "[00:03]",
        "[rires]",
        "(pause café)",
        "NRP",
        "rappeler jeudi",
        "1 / 2",
        "Glissez vos post-its ici",
        "Voir cette infolettre dans votre navigateur",
        "Se désinscrire",
        "message inaudible",
    ],
)
def test_what_nobody_said(text: str) -> None:
    assert aside_of(text, in_head=False)


@pytest.mark.parametrize(
    "text",
    [
        "On a mis la pause café trop tard, les gens partaient.",
        "rappeler jeudi aux élus que le car est supprimé",
        "on rit beaucoup ici",
        "Venez écrire ici des contes",
    ],
)
def test_what_somebody_said(text: str) -> None:
    assert not aside_of(text, in_head=False)


def test_headers_of_who_came_and_who_spoke() -> None:
    assert meaning_of("Venu·e") == meaning_of("Enregistré à l'entrée") == "signature"
    assert meaning_of("Qui / remarque") == "speaker"
    assert meaning_of("2. Nom du répondant et fonction") == "full_name"
    assert meaning_of("Commentaire accueil") == meaning_of("remarque à l'entrée") == "remark"
    assert channel_of("messagerie vocale du standard") == "telephone"


def test_no_column_of_a_grid_of_questions_is_lost() -> None:
    rows = [
        ("animé par :", "Katell", "", ""),
        (
            "Ce qui nous manque, ce qui nous inquiète",
            "Ce qui tient debout",
            "Sous le capot",
            "Si on avait la main",
        ),
        ("béton", "SNSM", "on est 4", "navette"),
        ("décor", "le foyer", "la compta", "mutuelle"),
        ("algues", "la fanfare", "le toit", "bancs"),
    ]
    blocks = [block for block in sort_part((), rows).blocks if block.kind == "cell"]
    located = locate_blocks(RawPart((), rows=tuple(rows)), blocks, names=["Table B.ods"])
    assert [b.question for b in located if b.kind == "cell"][:4] == ["q1", "q2", "q3", "q4"]
    assert len(blocks) == 12


@pytest.mark.parametrize(
    ("name", "question"),
    [
        ("Mur de fin - Ce qu'on veut améliorer (sortie de salle).csv", "q4"),
        ("Photos (ce qui marche ici) envoyées par Léa Riou.docx", "q2"),
        ("groupe 6 mis au propre.txt", None),
        ("Photos du car, du marché et du four - envoyées par Léa.docx", None),
    ],
)
def test_a_part_of_a_name_asks_in_everyday_words(name: str, question: str | None) -> None:
    assert read_names([name]).question == question


def test_numbered_questions_lead_deeper_lists_of_a_pad() -> None:
    pad = """Notes de la table du four

1/ De quoi manque-t-on, qu'est-ce qui menace ?
\t* la source baisse chaque été
\t* le car du soir

2/ Ce qui roule
\t* la fanfare

3/ Nos structures vues de l'intérieur
\t* trop de réunions

4/ Il faudrait…
\t* un marché couvert
"""
    blocks = blocks_of_lines(pad.split("\n"))
    located = locate_blocks(RawPart(tuple(blocks)), blocks, names=["pad.txt"])
    said = [block.question for block in located if block.kind == "bullet"]
    assert said == ["q1", "q1", "q2", "q3", "q4"]


def test_numbers_tell_the_questions_of_a_column_where_some_words_agree() -> None:
    labels = ["1 besoins", "2 marche bien", "3 structures", "4 améliorer"]
    rows = [
        ("photo", "colonne", "texte du post-it"),
        *((f"{i}", t, BUS) for i, t in enumerate(labels)),
    ]
    blocks = [block for block in sort_part((), rows).blocks if block.kind == "cell"]
    located = locate_blocks(RawPart((), rows=tuple(rows)), blocks, names=["post-its.xlsx"])
    assert [b.question for b in located if b.text == BUS] == ["q1", "q2", "q3", "q4"]


def test_a_title_of_two_sides_is_of_the_inside_of_structures() -> None:
    title = "Q3. Ce qui va et ce qui ne va pas dans nos associations"
    assert read_cues(title).question == "q3"
    assert read_cues("Ce qui ne va pas dans le canton").question == "q1"


def test_persons_named_above_the_first_question_speak_by_their_first_name() -> None:
    lines = [
        ("Table 4 – notes de Hugo Brun, avec Zélie Morand et N. Riou", "heading"),
        ("Besoins", "heading"),
        ("Zélie : la source baisse chaque été", "bullet"),
        ("N. Riou : plus de car le samedi", "bullet"),
    ]
    blocks = [RawBlock(text, kind, 0 if kind == "bullet" else 2) for text, kind in lines]
    located = locate_blocks(RawPart(tuple(blocks)), blocks, names=["t.docx"])
    said = [b.speaker for b in located if b.kind not in ("heading", "meta")]
    assert said == ["Zélie", "N. Riou"]
    blocks[-1] = RawBlock("Gaston : un restaurant où personne ne va plus", "bullet", 0)
    assert locate_blocks(RawPart(tuple(blocks)), blocks, names=["t.docx"])[-1].speaker is None
