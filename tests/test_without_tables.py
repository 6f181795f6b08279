"""Material without world café tables: surveys, debates, minutes."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.cluster import off_topic
from pipeline.counting import CONTRIBUTORS, DOCUMENTS, RESPONDENTS, TABLES, circles_of, noun_of
from pipeline.ingest.sheets import sort_part
from pipeline.publish.layout import lay_out
from pipeline.publish.report.passages import gather_passages, words_for
from pipeline.publish.report.themes import said_at
from pipeline.rank import rank_themes
from pipeline.settings.sections import RankSettings
from pipeline.tables.material import TAGS, UNITS
from pipeline.text import load_cues
from support.invented import DIE, ORTHEZ, said, study, workshops
from support.published import report, tables


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # what runs a meeting
        ("Présents : Mme Barbotin, M. Foucherot, M. Orvain.", True),
        ("excusés Lamballais, Couesnel", True),
        ("Mme Rézeau est désignée secrétaire de séance.", True),
        ("Le procès-verbal est approuvé, M. Orvain s'abstenant.", True),
        ("Votants : 10. Pour : 8. Contre : 1. Abstention : 1.", True),
        ("Le projet de convention est soumis au vote.", True),
        ("L'ordre du jour étant épuisé, la séance est levée à 20 h 25.", True),
        ("Documents remis en séance : plan de financement, projet de bail.", True),
        ("Les dossiers complets sont consultables au siège.", True),
        ("Dossier partagé : lien à renvoyer à tout le monde", True),
        ("Deuxième sujet, l'éclairage.", True),
        ("prochaine le 20 mai à Craon en présentiel.", True),
        # ideas in the words of meetings
        ("subventions : 22 pages à remplir pour 400 euros, le club a laissé tomber", False),
        ("Prendre un café tous les premiers lundis, sans ordre du jour.", False),
        ("CA de 14, ils sont 3 à venir, jamais le quorum", False),
        ("AG de la MJC : 9 votants sur 540 adhérents, CA élu par défaut", False),
        ("Pour 4 000 euros de la fondation, 38 pages et trois versions du budget.", False),
        ("Troisième sujet, le niveau du marais : chacun veut l'inverse de son voisin.", False),
        ("on m'a donné un numéro de dossier et puis plus rien", False),
        ("Gardez, je vous prie, des bancs avec un dossier sur la place.", False),
        ("infirmiers scolaires, 1 pour 3 collèges", False),
    ],
)
def test_what_runs_a_meeting_enters_no_theme(text: str, expected: bool) -> None:
    assert load_cues("procedure").are_in(text) is expected
    units = UNITS.build([study(said("cars", text=text))["units"].iloc[0].to_dict()])
    assert off_topic(units, TAGS.empty(), np.zeros(1)).tolist() == [expected]


def kinds(*passages: dict[str, Any], n_tables: int | None = None) -> dict[str, str]:
    return circles_of(study(*passages)["units"], workshops(n_tables=n_tables)).kinds


def spoken(speaker: str | None, **more: Any) -> dict[str, Any]:
    return said("cars", None, None, speaker=speaker, document_id="debat", **more)


@pytest.mark.parametrize(
    ("passages", "n_tables", "expected"),
    [
        ([said("cars", 1), spoken("p-1"), spoken("p-2")], None, TABLES),
        ([said("cars", None, document_id="cr")], None, DOCUMENTS),
        ([spoken("p-1"), spoken("p-2"), spoken(None)], None, CONTRIBUTORS),
        ([spoken("p-1"), spoken(None), spoken(None)], None, DOCUMENTS),
        ([spoken("intervenant"), spoken("intervenant")], None, DOCUMENTS),
        ([spoken("répondant 1"), spoken("répondant 2")], None, RESPONDENTS),
        ([spoken("p-1"), spoken("p-2")], 4, DOCUMENTS),  # a world café that was recorded
        ([spoken("p-1"), said("lait", 1, workshop_id=DIE)], None, DOCUMENTS),
    ],
)
def test_people_are_counted_where_no_file_has_tables_and_passages_say_who_speaks(
    passages: list[dict[str, Any]], n_tables: int | None, expected: str
) -> None:
    assert kinds(*passages, n_tables=n_tables)[ORTHEZ] == expected


def test_who_speaks_and_writes_is_one_contributor_and_mails_count_as_the_room_does() -> None:
    passages = [
        spoken("p-1"),
        spoken("p-2"),
        said("cars", None, "distance", channel="mail", document_id="m1", speaker="p-1"),
        said("cars", None, "distance", channel="mail", document_id="m2", speaker="p-3"),
        said("cars", None, None, document_id="mot laissé à l'accueil"),
    ]
    circles = circles_of(study(*passages)["units"], workshops(n_tables=None))
    assert circles.n_tables[ORTHEZ] == 4
    assert circles.of_unit["is_said"].all()
    assert not circles.of_unit["is_away"].any()


def test_a_sheet_that_explains_the_survey_is_no_respondent() -> None:
    passages = [spoken("répondant 1"), spoken("répondant 2"), said(None, None, document_id="aide")]
    circles = circles_of(study(*passages)["units"], workshops(n_tables=None))
    assert circles.n_tables[ORTHEZ] == 2


HEADER = ("Date de soumission", "Votre commune", "Qu'est-ce qui manque ?", "Qu'est-ce qui marche ?")
ROWS = [
    ("2026-04-13 10:02", "Dieppe", "des bus le soir pour rentrer", "le club de marche"),
    ("2026-04-13 10:03", "Dieppe", "des bus le soir pour rentrer", "le club de marche"),
    ("2026-04-14 09:00", "Arques", "RAS", "sans objet"),
    ("2026-04-15 18:30", "Arques", "docteur", "Idem question 1"),
    ("2026-04-16 18:30", "Dieppe", "un local pour les répétitions", "??"),
]


def test_each_row_of_a_survey_is_a_respondent_and_a_row_sent_twice_is_one() -> None:
    blocks = sort_part((), (HEADER, *ROWS)).blocks
    answers = [(block.speaker, block.text) for block in blocks if block.kind == "cell"]
    assert [speaker for speaker, _ in answers[:4]] == ["répondant 1"] * 4
    assert ("répondant 4", "docteur") in answers
    assert not {"RAS", "sans objet", "Idem question 1"} & {text for _, text in answers}
    assert "répondant 3" not in {speaker for speaker, _ in answers}


def ranks(themes: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[str]:
    ranking = rank_themes(
        **tables | {"themes": themes}, workshops=workshops(), settings=RankSettings(n_draws=60)
    )
    study_rows = ranking.priorities[ranking.priorities["scope"] == "study"]
    first = study_rows.iloc[0]
    assert first["rank_low"] == 1
    assert (study_rows["rank"].diff().dropna() == 1).all()
    return list(study_rows["theme_id"])


def test_what_is_not_one_subject_leads_nothing_unless_a_person_named_it() -> None:
    passages = [said("divers", n) for n in (1, 2, 3, 4)] + [said("cars", 1)]
    tables = study(*passages)
    themes = tables["themes"].assign(unity=[0.7, 0.2])
    assert list(themes["theme_id"]) == ["cars", "divers"]
    assert ranks(themes, tables) == ["cars", "divers"]
    assert ranks(themes.assign(unity=0.7), tables) == ["divers", "cars"]
    named = themes.assign(name_source=["phrase", "person"])
    assert ranks(named, tables) == ["divers", "cars"]


def test_notes_on_a_rank_say_documents_or_people_where_nothing_has_tables() -> None:
    passages = [spoken("répondant 1"), spoken("répondant 2")]
    ranking = rank_themes(
        **study(*passages), workshops=workshops(n_tables=None), settings=RankSettings(n_draws=20)
    )
    sentences = ranking.priority_notes["sentence"]
    assert "Dit par 2 répondants sur 2, en 2 passages." in set(sentences)
    of_criteria = ranking.priority_notes[ranking.priority_notes["subject"].str.startswith("c_")]
    assert not of_criteria["sentence"].str.contains(r"\btables?\b").any()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("passages", "paths", "expected"),
    [
        (
            [spoken("répondant 1"), spoken("répondant 2")],
            {"debat": "enquete.xlsx"},
            "Ce qui a été lu : 2 réponses à un questionnaire.",
        ),
        (
            [
                spoken("p-1", channel="transcript"),
                spoken("p-2", channel="transcript"),
                said("cars", None, "distance", channel="mail", document_id="m", speaker="p-3"),
                said("cars", None, None, document_id="budget", channel="postit", speaker=None),
            ],
            {"debat": "debat.vtt", "m": "avis.eml", "budget": "avis.eml#001-budget.csv"},
            "Ce qui a été lu : un débat transcrit et 1 contribution écrite.",
        ),
        (
            [said("cars", None, None, document_id="a"), said("lait", None, None, document_id="b")],
            {"a": "PV 18 février.odt", "b": "CR copil mars.docx"},
            "Ce qui a été lu : 2 comptes rendus de réunion.",
        ),
        (
            [said("cars", None, None, document_id="a")],
            {"a": "notes.txt"},
            "Ce qui a été lu : 1 document.",
        ),
    ],
)
def test_a_report_without_tables_says_what_was_read_and_no_word_of_a_workshop(
    passages: list[dict[str, Any]], paths: dict[str, str], expected: str
) -> None:
    made = tables(*passages, held=workshops(ORTHEZ, n_tables=None))
    names = made["documents"]["document_id"]
    channels = made["units"].drop_duplicates("document_id").set_index("document_id")["channel"]
    made["documents"] = made["documents"].assign(
        path=names.map(paths), channel=names.map(channels), title=names
    )
    for part in ("rapport", "annexe"):
        texts = "\n".join(printed(lay_out(report(made), part))).replace("\u00a0", " ")
        assert part == "annexe" or expected in texts
        found = re.findall(r".*\b(?:tables?|ateliers?|restitutions?|rapporteurs?)\b.*", texts)
        assert not found


def printed(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from printed(part)
    elif is_dataclass(value):
        for field in fields(value):
            if field.name not in ("anchor", "spec", "style"):
                yield from printed(getattr(value, field.name))


def test_tags_are_less_sure_where_no_question_is_known() -> None:
    unsure = "moins sûres que d’ordinaire"
    asked = report(tables(said("cars", 1, "q1"), held=workshops(ORTHEZ)))
    unasked = report(tables(said("cars", 1, None), held=workshops(ORTHEZ)))
    assert unsure not in lay_out(asked).notice
    assert unsure in lay_out(unasked).notice


BESIDE_TABLES = [  # contributors to a consultation, what the theme's line says
    (0, "environ 2 tables sur 4 en parlent"),
    (2, "environ 2 tables sur 4 en parlent, et quelques contributeurs à la consultation"),
    (5, "environ 2 tables sur 4 en parlent, et au moins 5 contributeurs à la consultation"),
]


@pytest.mark.parametrize(("n_contributors", "expected"), BESIDE_TABLES)
def test_contributors_are_told_beside_tables_and_never_as_tables(
    n_contributors: int, expected: str
) -> None:
    answers = [
        said("cars", None, None, channel="consultation", speaker=f"répondant {n}", text=text)
        for n in range(n_contributors)
        for text in ("un car le soir", "des cars plus tard")
    ]
    made = tables(said("cars", 1), said("cars", 2), said("argent", 3), *answers)
    passages = gather_passages(made)
    members = [one for one in passages.every if one.theme_id == "cars"]
    assert said_at("cars", members, passages, [ORTHEZ]).replace("\u00a0", " ") == expected


@pytest.mark.parametrize(
    ("kinds", "one", "column", "none"),
    [
        ([], "table", "tables", "aucune table"),
        ([DOCUMENTS], "document", "documents", "aucun document"),
        ([RESPONDENTS], "répondant", "repondants", "aucun répondant"),
        # a debate beside a survey: each person counts, whatever they were asked
        ([CONTRIBUTORS, RESPONDENTS], "contributeur", "contributeurs", "aucun contributeur"),
        (
            *([TABLES, DOCUMENTS], "table ou document", "tables_documents"),
            "aucune table, aucun document",
        ),
    ],
)
def test_report_and_ranking_name_what_is_counted_alike(
    kinds: list[str], one: str, column: str, none: str
) -> None:
    words = words_for(kinds)
    assert noun_of(kinds).one == words.lieu == one
    assert (words.column, words.none) == (column, none)
