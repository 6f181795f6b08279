"""The corpus for IRaMuTeQ, read back by its own rules: every passage once, variables that hold for the whole text."""

from collections import Counter

import pytest

from pipeline.exchange.documents import BY, clean_text, corpus_file, modality
from support.draws import seeds
from support.exchanged import Doc, Line, any_study, made_study, small
from support.iramuteq import parsed

CLEANED = [
    ("l’arrêt d'Arthez, à 10 € !", "l'arrêt d'Arthez, à 10 € !"),
    ("**** *faux_titre", "faux_titre"),
    ("-*theme", "theme"),
    ("- plus de *car* $ le soir", "plus de car le soir"),
    ("[personne 12] et [adresse]", "personne_12 et adresse"),
    ("e\u0301te\u0301 🚍\tà\nNice", "été à Nice"),
    ("🚍 ***", ""),
    ("rendez-vous à 8h30 (mairie)", "rendez-vous à 8h30 (mairie)"),
]


@pytest.mark.parametrize(("text", "expected"), CLEANED)
def test_a_passage_keeps_its_words_and_loses_the_signs_that_mean_something_else(
    text: str, expected: str
) -> None:
    assert clean_text(text) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Pays de Saint-Omer", "paysdesaintomer"),
        (3, "3"),
        (None, "nr"),
        ("🚍", "nr"),
        ("Œuvre n° 4", "oeuvreno4"),
    ],
)
def test_a_modality_is_small_letters_and_digits(value: object, expected: str) -> None:
    assert modality(value) == expected


@pytest.mark.slow
@pytest.mark.parametrize("by", BY)
@pytest.mark.parametrize("seed", seeds(15))
def test_every_passage_stands_once_in_the_corpus_of_any_study(seed: int, by: str) -> None:
    tables = any_study(seed)
    found = Counter(line for _, lines in parsed(corpus_file(tables, by=by)) for line in lines)  # type: ignore[arg-type]
    assert found == Counter(filter(None, map(clean_text, tables["units"]["text"])))
    shuffled = {
        name: rows.sample(frac=1, random_state=1).reset_index(drop=True)
        for name, rows in tables.items()
    }
    assert corpus_file(tables, by=by) == corpus_file(shuffled, by=by)  # type: ignore[arg-type]


def test_by_document_a_text_is_a_document() -> None:
    first, second, mail = parsed(corpus_file(small()))
    assert first[0] == {
        "territoire": "orthez",
        "atelier": "orthez20250204",
        "canal": "notes",
        "question": "q1",
        "table": "1",
    }
    assert second[0]["rubrique"] == "opportunites" and second[0]["theme"] == "tcars"
    assert (mail[0]["table"], mail[0]["canal"], mail[0]["rubrique"]) == (
        "nr",
        "mail",
        "enjeuxsocial",
    )


def test_by_table_a_question_of_a_table_is_one_text_whatever_the_document() -> None:
    tables = made_study(
        Doc(
            [
                Line("a", ["rubrique:offre"], "t-1"),
                Line("b", ["rubrique:offre", "rubrique:opportunites"], "t-1", "q2"),
            ]
        ),
        Doc(
            [Line("c", ["rubrique:offre"], "t-1"), Line("d", table=2), Line("e", table=None)],
            title="Suite",
            channel="postit",
        ),
        labels={"t-1": "Cars & trains"},
    )
    found = [
        (variables["table"], variables["question"], lines)
        for variables, lines in parsed(corpus_file(tables, by="table"))
    ]
    assert found == [
        ("1", "q1", ["a", "c"]),
        ("1", "q2", ["b"]),
        ("2", "q1", ["d"]),
        ("nr", "q1", ["e"]),
    ]
    (first, second, *_) = [variables for variables, _ in parsed(corpus_file(tables, by="table"))]
    assert (first["canal"], first["rubrique"], first["theme"]) == (
        "plusieurs",
        "offre",
        "carsettrains",
    )
    assert (second["rubrique"], second["rubrique2"]) == ("offre", "opportunites")


def test_a_code_that_only_some_passages_bear_is_no_variable() -> None:
    tables = made_study(Doc([Line("a", ["rubrique:offre"], "t-1"), Line("b", [], "t-2")]))
    ((variables, _),) = parsed(corpus_file(tables))
    assert set(variables) == {"territoire", "atelier", "canal", "question", "table"}


def test_without_passages_the_corpus_is_empty() -> None:
    assert corpus_file(made_study()) == b""
