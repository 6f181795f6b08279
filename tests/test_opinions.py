"""What is said under a theme: who says the same thing, and which need faces which answer."""

import json
from itertools import chain, combinations
from typing import Any

import pandas as pd
import pytest

from models.embedder import load_embedder
from pipeline.cluster.opinions import group_opinions
from pipeline.counting import count_themes, with_circles
from pipeline.tables.results import OPINION_POSTURES
from tests.support.invented import said, study

# Passages of one theme by posture; those of one line say the same thing.
SAID: dict[str, dict[str, list[tuple[str, ...]]]] = {
    "sante": {
        "difficulte": [
            (
                "Très peu de médecins et de dentistes : huit mois d'attente à La Capelle.",
                "pas assez de médecins, on a huit mois d'attente avant un rendez-vous",
            ),
            ("l'hôpital est à quarante-cinq minutes et aucun taxi ne vient le soir",),
        ],
        "proposition": [
            (
                "navette vers l'hôpital le mardi, chauffeurs déjà là",
                "Une navette vers l'hôpital avec les chauffeurs déjà là, c'est faisable dès mai.",
            ),
            ("payer une infirmière qui passe dans les villages une fois par mois",),
        ],
    },
    "marches": {
        "difficulte": [
            (
                "1 marché = 60 pages, caution, chiffre d'affaires mini… on laisse tomber",
                "donc les marchés publics c'est trop lourd pour nous, soixante pages, des cautions",
            ),
        ],
        "demande": [("les acheteurs doivent nous appeler avant d'écrire le cahier des charges",)],
    },
    "epicerie": {
        "difficulte": [("L'Epicerie qui Roule perd 300 € par mois, le gasoil mange tout",)],
        "force": [
            ("L'Epicerie qui Roule : un camion, 27 villages par semaine, on s'y parle",),
            ("les bénévoles de la Croix-Rouge trient les invendus du supermarché",),
        ],
    },
    "velo": {
        "force": [
            # the same thing is done elsewhere by others
            ("L'atelier La Roue Libre a remis en état 430 vélos l'an passé et en a donné.",),
            ("La Chaîne Roubaisienne : 640 vélos remis en état l'an passé, 8 € l'adhésion",),
            ("la commune a tracé une piste cyclable jusqu'au collège",),
        ],
    },
}


def passages() -> list[dict[str, Any]]:
    rows = []
    for theme_id, by_posture in SAID.items():
        for posture, opinions in by_posture.items():
            for texts in opinions:
                for i, text in enumerate(texts):
                    more = {"posture": posture, "text": text, "unit_id": f"u{len(rows):02}"}
                    rows.append(said(theme_id, i + 1, **more))
    return rows


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return study(*passages())


@pytest.fixture(scope="module")
def opinions(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return opinions_of(tables)


def opinions_of(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    return group_opinions(tables["units"], tables["tags"], tables["theme_members"], load_embedder())


def texts_of(opinions: pd.DataFrame, tables: dict[str, pd.DataFrame]) -> list[set[str]]:
    text_of = tables["units"].set_index("unit_id")["text"]
    return [{text_of[unit_id] for unit_id in json.loads(ids)} for ids in opinions["unit_ids"]]


@pytest.mark.parametrize("theme_id", SAID)
def test_passages_that_say_the_same_thing_are_one_opinion_and_others_are_not(
    opinions, tables, theme_id
):
    of_theme = opinions[opinions["theme_id"] == theme_id]
    expected = list(map(set, chain.from_iterable(SAID[theme_id].values())))
    found = texts_of(of_theme, tables)
    assert sorted(map(sorted, found)) == sorted(map(sorted, expected))
    assert of_theme["n_tables"].tolist() == [len(texts) for texts in found]


def test_a_need_and_an_answer_about_the_same_thing_face_each_other(opinions, tables):
    facing = opinions[opinions["faces"].notna()]
    assert [sorted(texts)[0][:20] for texts in texts_of(facing, tables)] == [
        "L'Epicerie qui Roule",
        "L'Epicerie qui Roule",
    ]
    assert facing["posture"].tolist() == ["difficulte", "force"]
    assert facing["faces"].tolist() == facing["opinion_order"].tolist()[::-1]


def test_needs_come_first_then_answers_requests_and_proposals_most_tables_first(opinions):
    for _, of_theme in opinions.groupby("theme_id"):
        order = [
            (OPINION_POSTURES.index(row.posture), -row.n_tables) for row in of_theme.itertuples()
        ]
        assert order == sorted(order)
        assert of_theme["opinion_order"].tolist() == list(range(1, len(order) + 1))


COPIES = "on vit à découvert en attendant la subvention de la Région"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # n_units, n_tables, n_workshops of each opinion
        ([{}, {}], [(2, 1, 1)]),
        ([{"table_number": 2}, {"table_number": 3}], [(2, 2, 1)]),
        ([{"workshop_id": "die-2025-03-11"}, {}], [(2, 2, 2)]),
        # a mail comes from no table, and a summary tells again what tables said
        ([{"channel": "mail"}, {}], [(2, 1, 1)]),
        ([{"table_number": 2, "question": "resume"}, {}], [(2, 1, 1)]),
        # documents, where the notes name no table
        ([{"table_number": None}, {"table_number": None, "document_id": "d"}], [(2, 2, 1)]),
        # another posture is another opinion, and no posture of the four is none
        ([{"posture": "demande"}, {}], [(1, 1, 1), (1, 1, 1)]),
        ([{"posture": "constat"}, {}], [(1, 1, 1)]),
        ([{"posture": None}], []),
        ([{"text": COPIES.upper() + " !"}, {}], [(2, 1, 1)]),
    ],
)
def test_an_opinion_counts_its_passages_tables_and_workshops(changes, expected):
    of_copies = [
        said("argent", posture="difficulte", text=COPIES, unit_id=f"c{i}") | change
        for i, change in enumerate(changes)
    ]
    opinions = opinions_of(study(*of_copies))
    counts = opinions[["n_units", "n_tables", "n_workshops"]]
    assert list(counts.itertuples(index=False, name=None)) == expected


def test_a_whole_sentence_is_quoted_for_those_who_say_the_same(opinions, tables):
    text_of = tables["units"].set_index("unit_id")["text"]
    several = opinions[(opinions["n_units"] > 1) & (opinions["posture"] == "proposition")]
    (quoted,) = several["unit_id"].map(text_of)
    assert quoted.startswith("Une navette vers l'hôpital")


def test_without_passages_nothing_is_said() -> None:
    assert opinions_of(study()).empty


@pytest.mark.parametrize("left_out", [*combinations(range(4), 1), (), (1, 5, 9)])
def test_each_counted_passage_is_in_one_opinion_and_tables_are_never_above_the_themes(
    tables, left_out
):
    members = tables["theme_members"]
    is_counted = ~members.index.isin(list(left_out))
    now = tables | {"theme_members": members.assign(is_counted=is_counted)}
    opinions = opinions_of(now)
    in_opinions = list(chain.from_iterable(map(json.loads, opinions["unit_ids"])))
    assert sorted(in_opinions) == sorted(members.loc[is_counted, "unit_id"])
    assert [json.loads(ids)[0] for ids in opinions["unit_ids"]] == opinions["unit_id"].tolist()
    counts = count_themes(now["theme_members"], with_circles(now["units"]))
    most = opinions.groupby("theme_id")["n_tables"].max()
    assert (most <= counts["n_tables"].reindex(most.index)).all()


def test_the_order_of_passages_changes_nothing(tables, opinions):
    mixed = {name: rows.iloc[::-1] for name, rows in tables.items()}
    assert opinions_of(mixed).equals(opinions)
