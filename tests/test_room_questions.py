"""The questions that close a restitution: made of what was said, and never more than it."""

import re
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipeline.publish.layout.blocks import PageDraft
from pipeline.publish.layout.questions import room_questions
from pipeline.publish.report import all_tables
from pipeline.publish.report.content import AbsentVoices
from pipeline.publish.report.passages import Material, gather_passages
from pipeline.settings.sections import PublishSettings
from support.invented import DIE, said, study, workshops
from support.published import GRID


def works(theme: str, *at: int, **more: Any) -> list[dict]:
    return [
        said(theme, n, text=f"{theme} : cela tient à la table {n}", posture="force", **more)
        for n in at
    ]


def lacks(theme: str, *at: int, **more: Any) -> list[dict]:
    return [
        said(theme, n, text=f"{theme} : cela manque à la table {n}", posture="difficulte", **more)
        for n in at
    ]


def proposes(theme: str, text: str, **more: Any) -> list[dict]:
    return [said(theme, 1, "q4", text=text, posture="proposition", **more)]


EVERYWHERE = [*lacks("haies", 1), *lacks("haies", 1, workshop_id=DIE)]
DIVIDED = [*works("cars", 1, 2), *lacks("cars", 2, 3), *lacks("cars", 1, workshop_id=DIE)]

# name: what is said, and the start of each question
CASES = {
    "tables face each other": (
        DIVIDED,
        ["Cars : au moins 2 tables disent ce qui marche, au moins 3 ce qui manque."],
    ),
    "one table is no side": ([*works("cars", 1), *lacks("cars", 2), *EVERYWHERE], []),
    "most divided theme": (
        [*works("lait", 1, 2, 3), *lacks("lait", 1, 2, 3), *DIVIDED],
        ["Lait : au moins 3 tables disent ce qui marche, au moins 3 ce qui manque.", "Lait."],
    ),
    "one territory alone": (
        [*lacks("eau", 1, 2, 3), *EVERYWHERE],
        ["Eau. C'est dit à au moins 3 tables, dans un seul territoire : orthez."],
    ),
    "two tables are too few to be one territory's": ([*lacks("eau", 1, 2), *EVERYWHERE], []),
    "said elsewhere by what is to be checked": (
        [*lacks("eau", 1, 2, 3), *lacks("eau", 1, workshop_id=DIE, is_counted=False), *EVERYWHERE],
        [],
    ),
    "a proposal of one workshop": (
        [*proposes("haies", "replanter avec les écoles de la vallée"), *EVERYWHERE],
        ["Une proposition de l'atelier orthez : « replanter avec les écoles de la vallée »"],
    ),
    "of each workshop once": (
        [
            *proposes("haies", "replanter avec les écoles de la vallée"),
            *proposes("haies", "replanter aussi le long des routes du col"),
            *proposes("haies", "payer les plants aux agriculteurs", workshop_id=DIE),
        ],
        ["Une proposition de l'atelier orthez", "Une proposition de l'atelier die"],
    ),
    "a scrap is no proposal": ([*proposes("haies", "des haies"), *EVERYWHERE], []),
    "each kind once before another of the same": (
        [
            *DIVIDED,
            *lacks("eau", 1, 2, 3),
            *proposes("cars", "un minibus le samedi, porté par les communes"),
            *proposes("cars", "un car de plus le mercredi midi", workshop_id=DIE),
        ],
        [
            "Cars : au moins 2 tables",
            "Eau. C'est dit à au moins 3 tables",
            "Une proposition de l'atelier",
        ],
    ),
}


def study_of(passages: list[dict], *missing: AbsentVoices, n_workshops: int = 2) -> Any:
    """What the questions read of a report, themes ranked by name."""
    made = all_tables(study(*passages) | {"workshops": workshops().head(n_workshops)})
    names = sorted(made["themes"]["theme_id"])
    made["priorities"] = pd.DataFrame(
        {"scope": "study", "theme_id": names, "rank": range(1, len(names) + 1)}
    )
    gathered = gather_passages(made)
    return SimpleNamespace(
        material=Material(made, gathered, GRID, PublishSettings()),
        counted=gathered.words(),
        workshops=tuple(gathered.names),
        absent=missing,
        without_themes=None,
    )


def asked(passages: list[dict], *missing: AbsentVoices, n_workshops: int = 2) -> list[str]:
    made = room_questions(study_of(passages, *missing, n_workshops=n_workshops), PageDraft())
    return [re.sub("[\u00a0\u202f]", " ", question.text).replace("’", "'") for question in made]


@pytest.mark.slow
@pytest.mark.parametrize(("passages", "expected"), CASES.values(), ids=CASES)
def test_questions_are_made_of_what_was_said(passages: list[dict], expected: list[str]) -> None:
    expected = expected or ["Qu'est-ce qui manque, qu'est-ce qui est mal dit, par quoi commencer ?"]
    found = asked(passages)
    assert len(found) == len(expected)
    assert all(text.startswith(start) for text, start in zip(found, expected, strict=True)), found


def test_who_was_missing_is_asked_where_there_is_room() -> None:
    absent = AbsentVoices("orthez", ("collectivité", "élu"), (), "")
    assert asked(EVERYWHERE, absent) == [
        "Personne n'a été reconnu à l'atelier orthez de ces structures : collectivité et élu. "
        "Comment les entendre ?"
    ]
    full = CASES["each kind once before another of the same"][0]
    assert not any("reconnu" in text for text in asked(full, absent))


def test_a_statement_is_told_rather_than_a_title() -> None:
    made = study_of([*lacks("eau", 1, 2, 3), *EVERYWHERE])
    themes = made.material.tables["themes"]
    themes["statement"] = "L'eau manque l'été."
    assert room_questions(made, PageDraft())[0].text.startswith("L’eau manque l’été. C’est dit")


def test_evidence_is_quoted_once_and_says_where() -> None:
    draft = PageDraft()
    (question, *_) = room_questions(study_of(DIVIDED), draft)
    assert [quote.text for quote in question.evidence] == [
        "cars : cela tient à la table 1",
        "cars : cela manque à la table 2",
    ]
    assert all(quote.where.startswith("orthez, table") for quote in question.evidence)
    assert draft.quote(question.evidence, 2) == ()


def test_one_workshop_is_not_asked_about_elsewhere() -> None:
    heard = [*lacks("eau", 1, 2, 3), *proposes("eau", "un bassin pour les jardins partagés")]
    texts = asked(heard, n_workshops=1)
    assert texts and not any("ailleurs" in text for text in texts)
