"""What any attentive reader uses: labels of codes, trees, rules between mails, keys and legends."""

import json

import pytest

from pipeline.ingest.columns import meaning_of
from pipeline.ingest.locate import locate_blocks
from pipeline.ingest.locate.cues import LocatedBlock, reporter_named
from pipeline.ingest.locate.lines import aside_of
from pipeline.ingest.parts import FileContent, Limits, RawBlock, RawPart
from pipeline.ingest.readers.dispatch import read_source
from pipeline.ingest.sheets import sort_part


def _read(name: str, text: str) -> RawPart:
    return read_source(FileContent(text.encode(), name, Limits()))[0]


def _said(part: RawPart, *names: str) -> list[LocatedBlock]:
    blocks = sort_part(part.blocks, part.rows).blocks
    located = locate_blocks(part, blocks, names=names)
    return [block for block in located if block.kind not in ("meta", "heading")]


ANSWERS = [
    {"_id": 1, "g1/manque": "Plus de boulanger au bourg", "g2/idee": "Un four banal, à tous"},
    {"_id": 2, "g1/manque": "La crèche ferme à cinq heures", "g2/idee": ""},
]
ASKED = {"manque": "De quoi manquez-vous ici ?", "idee": "Que faudrait-il améliorer ?"}
SURVEYS = {
    "labels by code": {"form": {f"g{i}/{k}": q for i, (k, q) in enumerate(ASKED.items(), 1)}},
    "a list of questions": {"survey": [{"name": k, "label": [q]} for k, q in ASKED.items()]},
}


@pytest.mark.parametrize("legend", SURVEYS.values(), ids=SURVEYS)
def test_answers_in_json_are_read_under_the_questions_of_their_codes(
    legend: dict[str, object],
) -> None:
    part = _read("reponses.json", json.dumps(legend | {"results": ANSWERS}, ensure_ascii=False))
    assert part.rows[0][1:] == tuple(ASKED.values())
    assert len(part.rows) == len(ANSWERS) + 1


TREES = {
    "carte.opml": "<opml version='2.0'><head><title>t</title></head><body>{}</body></opml>",
    "carte.mm": "<map version='1.0'>{}</map>",
}


@pytest.mark.parametrize(("name", "frame"), TREES.items())
def test_a_mind_map_is_read_as_a_tree(name: str, frame: str) -> None:
    node, text = ("outline", "text") if name.endswith("opml") else ("node", "TEXT")
    leaf = f"<{node} {text}='un four banal'/><{node} {text}='un marché le soir'/>"
    branch = f"<{node} {text}='Manger'>{leaf}</{node}>"
    tree = f"<{node} {text}='Que faut-il améliorer ?'>{branch}</{node}>"
    said = _said(_read(name, f"<?xml version='1.0'?>{frame.format(tree)}"), name)
    assert [(b.text, b.question) for b in said] == [
        ("un four banal", "q4"),
        ("un marché le soir", "q4"),
    ]


def test_mails_pasted_below_one_another_are_each_their_authors_own() -> None:
    mails = [
        f"De : {name}\nEnvoyé : {day} mai 2026\nObjet : suite\n\nBonjour,\n\n{words}\n\nBien à vous\n"
        for name, day, words in (
            ("Anne Riou", 2, "Le car du soir ne passe plus chez nous."),
            ("Marc Nolot", 3, "Ma cousine cherche une place en crèche depuis un an."),
            ("Léa Petit", 4, "Le club prête sa salle le lundi matin."),
        )
    ]
    said = _said(_read("mails.txt", "\n==========\n\n".join(mails)), "mails.txt")
    assert [block.speaker for block in said] == ["Anne Riou", "Marc Nolot", "Léa Petit"]


def test_a_log_of_calls_is_said_by_telephone() -> None:
    rows = (
        ("date", "heure", "qui", "durée", "ce qu'elle ou il dit", "suite"),
        ("10/02", "9h20", "Anne Riou", "12 min", "Le car du soir ne passe plus.", "rappeler"),
        ("11/02", "14h05", "Marc Nolot", "5 min", "Il manque une crèche.", ""),
        ("12/02", "8h", "?", "1 min", "erreur de numéro", ""),
    )
    said = _said(RawPart((), rows=rows), "appels reçus.ods")
    assert [(b.channel, b.speaker, b.text) for b in said] == [
        ("telephone", "Anne Riou", "Le car du soir ne passe plus."),
        ("telephone", "Marc Nolot", "Il manque une crèche."),
    ]


def test_a_grid_of_boards_loses_no_short_column() -> None:
    rows = (
        ("Paperboards du 4 mai", "", ""),
        ("", "LARZAC", "CAUSSE NOIR"),
        ("Q1\nbesoins & menaces", "le bus", "médecins !!"),
        ("Q4\naméliorer", "achats groupés", "une halle"),
        ("* photo coupée en bas", "", ""),
    )
    said = _said(RawPart((), rows=rows), "paperboards.xlsx")
    assert [(b.text, b.question) for b in said] == [
        ("le bus", "q1"),
        ("médecins !!", "q1"),
        ("achats groupés", "q4"),
        ("une halle", "q4"),
    ]


def _spoken(*turns: tuple[str, str], name: str = "T3 retranscription.txt") -> list[LocatedBlock]:
    blocks = [RawBlock(text, "cue", speaker=who or None) for who, text in turns]
    part = RawPart(tuple(blocks), channel="transcript")
    return locate_blocks(part, blocks, names=[name])


def test_initials_are_the_persons_of_the_key() -> None:
    turns = _spoken(
        ("", "AR = Anne Riou (animatrice) ; MN = Marc Nolot, maraîcher"),
        ("AR", "Première question : de quoi avez-vous besoin ?"),
        ("MN", "D'un bus le soir pour rentrer du marché."),
        ("AR", "Et la quatrième, qu'est-ce qu'on pourrait améliorer, même vos idées folles."),
        ("MN", "Un abattoir mobile qui tourne de ferme en ferme."),
    )
    said = [(b.speaker, b.question) for b in turns[1:] if b.kind != "meta"]
    assert said == [("Marc Nolot", "q1"), ("Marc Nolot", "q4")]


@pytest.mark.parametrize(
    ("title", "reporter"),
    [
        ("Table 1 – Anne Riou", "Anne Riou"),
        ("Table 2 (Karim)", "Karim"),
        ("Pour la table 3 c'est Anne Riou qui rapporte :", "Anne Riou"),
        ("Table 4 – Le Nouvion", None),
        ("Table 5", None),
    ],
)
def test_a_title_names_its_reporter(title: str, reporter: str | None) -> None:
    assert reporter_named(title) == reporter


def test_a_summary_called_after_its_reporter_is_hers() -> None:
    blocks = [RawBlock("Alors nous, à notre table, on a parlé des bus du soir.")]
    located = locate_blocks(RawPart(tuple(blocks)), blocks, names=["restitution orale (Léa).txt"])
    assert (located[0].question, located[0].speaker) == ("resume", "Léa")


def test_a_newsletter_tells_what_was_said() -> None:
    blocks = [RawBlock("Ce qui inquiète", "heading", 3), RawBlock("Les soins arrivent en tête.")]
    located = locate_blocks(RawPart(tuple(blocks)), blocks, names=["Vallée-infos n°12.pdf"])
    assert (located[1].question, located[1].channel) == ("q1", "resume")


def test_contributions_with_pages_of_their_own_are_a_platform() -> None:
    rows = (
        ("id", "url", "categorie", "contribution", "auteur", "soutiens", "etat"),
        ("1", "https://a.example/1", "Idées", "Un marché le soir au bourg", "Léa", "3", "acceptée"),
        ("2", "https://a.example/2", "Ce qui marche", "Le pédibus du matin", "Tom", "0", "rejetée"),
    )
    said = _said(RawPart((), rows=rows), "contributions.csv")
    assert [(b.channel, b.question) for b in said] == [
        ("consultation", "q4"),
        ("consultation", "q2"),
    ]


def test_a_question_given_once_holds_for_the_blank_cells_below() -> None:
    asked = [
        ("Q1", "le bus du soir"),
        ("", "la crèche"),
        ("Q4", "un four banal"),
        ("", "une halle"),
    ]
    columns = [(("Question", q), ("Qui", "Léa"), ("Ce qui a été dit", text)) for q, text in asked]
    blocks = [RawBlock(row[2][1], "cell", columns=row, column=2) for row in columns]
    said = _said(RawPart(tuple(blocks)), "T1.docx")
    assert [block.question for block in said] == ["q1", "q1", "q4", "q4"]


def test_a_zone_of_a_board_tells_table_and_question() -> None:
    zones = ["Table 2 > Q1 Besoins", "Table 2 > Q4 Améliorer", "Table 5 > Q1 Besoins"]
    rows = [
        ("Zone", "Contenu", "Votes"),
        *((zone, f"idée {zone[6]}, la halle", "2") for zone in zones),
    ]
    rows.append((zones[0], "le car du soir", "0"))
    said = _said(RawPart((), rows=tuple(rows)), "export.csv")
    assert [(b.table_number, b.question) for b in said] == [
        (2, "q1"),
        (2, "q4"),
        (5, "q1"),
        (2, "q1"),
    ]


def test_who_asks_the_questions_in_a_chat_says_nothing_of_them() -> None:
    messages = [
        ("Léa", "d'après vous qu'est-ce qui marche bien au village ?"),
        ("Tom", "la chorale, quarante personnes le lundi"),
        ("Léa", "Super ! et qu'est-ce qu'il faudrait améliorer en premier ?"),
        ("Zoé", "éclairer le passage sous la voie ferrée"),
        ("Léa", "Merci la team, je transmets"),
    ]
    blocks = [RawBlock(text, speaker=name) for name, text in messages]
    part = RawPart(tuple(blocks), channel="mail", taken_for="conversation WhatsApp")
    located = locate_blocks(part, blocks, names=["discussion.txt"])
    said = [(b.speaker, b.question) for b in located if b.kind != "meta"]
    assert said == [("Tom", "q2"), ("Zoé", "q4")]


@pytest.mark.parametrize(
    "text",
    [
        "Déposez une carte par idée. Merci !",
        "BIENVENUE ! Un post-it = une idée",
        "Merci à tous, je recopie ce soir",
        "Merci à la mairie pour la salle et le café",
        "à faire : envoyer à Léa avant lundi",
        "Adopté à l'unanimité.",
        "il y a 3 jours · 2 ♥",
        "Prochain copil le 4 mai, salle du conseil",
    ],
)
def test_an_animators_words_are_nobodys_ideas(text: str) -> None:
    assert aside_of(text, in_head=False)


@pytest.mark.parametrize(
    "text",
    [
        "Merci aux bénévoles, sans eux la fête n'aurait pas lieu",
        "Il y a 3 jours de marché par an, c'est trop peu",
        "Une idée par habitant, ce serait déjà bien",
        "Bienvenue chez nous, disait le panneau qu'on a volé",
        "à faire vivre : le café du bourg",
    ],
)
def test_an_idea_may_open_as_they_do(text: str) -> None:
    assert not aside_of(text, in_head=False)


def test_a_plan_of_the_meeting_holds_no_idea() -> None:
    lines = ["Q1 – Quels sont les besoins ? 25 min", "Consigne : une idée par papier", "Café : Léa"]
    blocks = [RawBlock(line) for line in lines]
    assert not _said(RawPart(tuple(blocks)), "déroulé animateurs.docx")
    assert _said(RawPart(tuple(blocks)), "table 3.docx")


def test_cards_of_structures_are_a_map() -> None:
    blocks = [RawBlock("Structures de la vallée", "heading", 1)]
    for name in ("La Criée", "Le Fournil", "La Recyclerie"):
        blocks.append(RawBlock(name, "heading", 3))
        blocks += [RawBlock("Forme : association"), RawBlock("Zone : Redon, Allaire")]
    held = sort_part(blocks, ())
    assert not held.blocks
    assert [row[0] for row in held.maps[0]] == [
        "Structure",
        "La Criée",
        "Le Fournil",
        "La Recyclerie",
    ]
    assert not sort_part([*blocks, RawBlock("On manque de bus le soir.")], ()).maps


def test_nobody_on_a_waiting_list_came() -> None:
    rows = (("Participant", "Organisation"), ("Anne Riou", "La Criée"), ("Marc Nolot", ""))
    assert not sort_part((), rows, "Liste d'attente").attendance
    assert sort_part((), rows, "Confirmés").attendance


@pytest.mark.parametrize("title", ["Là le 9/04 ?", "Étiez-vous là le 4 mai ?", "Présent le 4/05 ?"])
def test_a_column_asks_who_was_there(title: str) -> None:
    assert meaning_of(title) == "signature"


def test_the_author_of_a_card_is_its_speaker() -> None:
    card = (
        "<div class='card'><div class='author'>{}</div><p>{}</p><span>il y a 2 jours</span></div>"
    )
    page = "".join(card.format(*own) for own in (("Léa", "Un four banal"), ("anonyme", "Un car")))
    said = _said(_read("mur.html", f"<html><body><h1>Mur</h1>{page}</body></html>"), "mur.html")
    assert [(b.speaker, b.text) for b in said] == [("Léa", "Un four banal"), (None, "Un car")]
