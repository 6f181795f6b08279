"""Ranking: what each criterion counts, who comes first, and how sure a rank is."""

from typing import Any

import pandas as pd
import pytest
from invented import DIE, ORTHEZ, said, study, workshops

from pipeline.rank import CRITERIA, rank_themes
from pipeline.rank.insistence import insisting
from pipeline.settings import RankSettings, RankWeights


def ranked(*passages: dict[str, Any], settings: RankSettings | None = None, n_tables: int | None = 4) -> pd.DataFrame:
    return rank_themes(**study(*passages), workshops=workshops(n_tables=n_tables), settings=settings or RankSettings(n_draws=60))


def criterion(priorities: pd.DataFrame, name: str, theme_id: str = "cars", scope: str = ORTHEZ) -> float:
    return float(priorities.set_index(["scope", "theme_id"]).loc[(scope, theme_id), name])


CASES = [
    ("a talkative table counts once", [said("cars"), said("cars"), said("cars")], "c_tables", 0.25),
    ("three tables of four", [said("cars", 1), said("cars", 2), said("cars", 3)], "c_tables", 0.75),
    ("a summary is not one more table", [said("cars", 1), said("cars", 2, "resume")], "c_tables", 0.25),
    ("a mail is not a table", [said("cars", 1), said("cars", None, "distance", channel="mail")], "c_tables", 0.25),
    ("a fifth table, seen but not announced, is counted", [said("cars", n) for n in (1, 2, 3, 4, 5)], "c_tables", 1.0),
    ("a table whose question is unknown still spoke", [said("cars", 1, None)], "c_tables", 0.25),
    ("two of the two questions that were asked", [said("cars", 1, "q1"), said("cars", 1, "q4")], "c_questions", 1.0),
    ("one of the two questions that were asked", [said("cars", 1, "q1"), said("lait", 1, "q4")], "c_questions", 0.5),
    ("a summary belongs to no question", [said("cars", 1, "q1"), said("lait", 1, "q2"), said("cars", 1, "resume")], "c_questions", 0.5),
    ("a demand is a need", [said("cars", 1, posture="demande"), said("cars", 2)], "c_need", 0.5),
    ("a strength is no need", [said("cars", 1, posture="force")], "c_need", 0.0),
    ("a proposal at two tables", [said("cars", 1, posture="proposition"), said("cars", 2, posture="proposition")], "c_proposals", 0.5),
    ("a rapporteur brings it up", [said("cars", 1, "resume")], "c_insistence", 0.125),
    ("a rapporteur insists", [said("cars", 1, "resume", text="Notre priorité, ce sont les cars du soir.")], "c_insistence", 0.25),
    ("a table insists while talking", [said("cars", 1, text="plus aucun car le soir !!")], "c_insistence", 0.125),
    ("nobody insists", [said("cars", 1)], "c_insistence", 0.0),
    ("a mail counts beside the four tables", [said("cars", None, "distance", channel="mail")], "c_insistence", 0.1),
    (
        "two mails of two speak for one table together",
        [said("cars", None, "distance", channel="mail", document_id=name) for name in "ab"],
        "c_insistence",
        0.1,
    ),
    (
        "one mail of two speaks for half a table",
        [said(theme, None, "distance", channel="mail", document_id=theme) for theme in ("cars", "lait")],
        "c_insistence",
        0.05,
    ),
    (
        "a summary without table number is heard all the same",
        [said("cars", None, "resume", channel="resume"), said("lait", 1)],
        "c_insistence",
        0.1,
    ),
    ("a single workshop's ranking does not reward other workshops", [said("cars", 1)], "c_workshops", 1.0),
]


@pytest.mark.parametrize(("passages", "name", "share"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_criterion_counts_tables_not_sentences(passages: list[dict[str, Any]], name: str, share: float) -> None:
    assert criterion(ranked(*passages), name) == pytest.approx(share)


def test_documents_stand_for_tables_where_no_table_has_a_number() -> None:
    priorities = ranked(
        said("cars", None, "q1", document_id="bleu"),
        said("cars", None, "q2", document_id="bleu"),
        said("lait", None, document_id="vert"),
        n_tables=None,
    )
    assert criterion(priorities, "c_tables") == pytest.approx(0.5)


def test_the_study_counts_all_tables_of_its_workshops() -> None:
    priorities = ranked(said("cars", 1), said("cars", 2), said("cars", 1, workshop_id=DIE), said("lait", 1, workshop_id=DIE))
    assert criterion(priorities, "c_tables", scope="study") == pytest.approx(3 / 8)
    assert criterion(priorities, "c_workshops", scope="study") == pytest.approx(1.0)
    assert criterion(priorities, "c_workshops", "lait", scope="study") == pytest.approx(0.5)


def test_scopes_hold_only_themes_that_were_heard_there_and_ranks_follow_scores() -> None:
    priorities = ranked(said("cars", 1), said("cars", 2), said("lait", 1), said(None, 3), said("haie", 1, workshop_id=DIE))
    assert {scope: list(rows["theme_id"]) for scope, rows in priorities.groupby("scope")} == {
        "study": ["cars", "haie", "lait"],
        ORTHEZ: ["cars", "lait"],
        DIE: ["haie"],
    }
    for _, rows in priorities.groupby("scope"):
        assert list(rows["rank"]) == list(range(1, len(rows) + 1))
        assert rows["score"].is_monotonic_decreasing


def only(**weights: float) -> RankWeights:
    """These weights, and 0 for every other criterion."""
    return RankWeights(**dict.fromkeys(RankWeights.model_fields, 0.0) | weights)


def test_the_score_is_the_weighted_mean_of_the_criteria() -> None:
    settings = RankSettings(n_draws=10, weights=only(tables=3, need=1))
    priorities = ranked(said("cars", 1), said("cars", 2, posture="force"), settings=settings)
    assert criterion(priorities, "score") == pytest.approx((3 * 0.5 + 1 * 0.25) / 4)


def test_ties_go_to_more_passages_then_to_the_identifier() -> None:
    priorities = ranked(said("lait", 1), said("cars", 1), said("haie", 1), said("haie", 1), said(None, 2))
    assert list(priorities.loc[priorities["scope"] == ORTHEZ, "theme_id"]) == ["haie", "cars", "lait"]


def test_a_theme_that_all_tables_say_is_surer_of_its_rank_than_one_that_single_tables_say() -> None:
    passages = [said("cars", table) for table in (1, 2, 3, 4)] + [said("lait", 1, "q2"), said("haie", 2, "q3"), said("bois", 3, "q4")]
    priorities = ranked(*passages, settings=RankSettings(n_draws=200)).set_index(["scope", "theme_id"]).loc[ORTHEZ]
    assert priorities.loc["cars", "p_top1"] > 0.95
    assert priorities.loc["cars", "rank_low"] == priorities.loc["cars", "rank_high"] == 1
    assert priorities.loc["lait", "rank_high"] - priorities.loc["lait", "rank_low"] >= 1


def test_intervals_hold_the_rank_and_chances_grow_with_depth() -> None:
    priorities = ranked(*[said(f"t{theme}", 1 + (theme * step) % 4, f"q{1 + step}") for theme in range(7) for step in range(3)])
    assert (priorities["rank_low"] <= priorities["rank"]).all() and (priorities["rank"] <= priorities["rank_high"]).all()
    assert (priorities["p_top1"] <= priorities["p_top3"]).all() and (priorities["p_top3"] <= priorities["p_top5"]).all()
    assert priorities.loc[priorities["scope"] == ORTHEZ, "p_top1"].sum() == pytest.approx(1.0)


def test_the_order_of_rows_and_the_run_change_nothing() -> None:
    tables = study(*[said(f"t{theme}", 1 + theme % 4, f"q{1 + theme % 3}", posture=["force", "demande"][theme % 2]) for theme in range(9)])
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in tables.items()}
    once, again = (rank_themes(**some, workshops=workshops(), settings=RankSettings(n_draws=30)) for some in (tables, shuffled))
    pd.testing.assert_frame_equal(once, again)


def test_a_study_without_themes_has_no_priorities() -> None:
    assert ranked(said(None)).empty


def test_every_weight_of_the_settings_has_a_criterion_and_one_line_of_explanation() -> None:
    assert [f"c_{name}" for name in RankWeights.model_fields] == list(CRITERIA)
    assert all(entry.explanation.endswith(".") and "\n" not in entry.explanation for entry in CRITERIA.values())


INSISTENCE = [
    ("Le sujet numéro un, c'est le foncier.", True),
    ("Priorité absolue : garder la maternité.", True),
    ("c'est le cri du cœur de nos éleveurs", True),
    ("À Die, TOUT dépend de la Drôme.", True),
    ("un local pour la radio !!", True),
    ("on n'en peut plus des dossiers", True),
    ("La table 5 insiste : les digues du Gave d'abord.", True),
    ("Les quais du Gave sont en danger.", True),
    ("Ce n'est pas vraiment la priorité des maraîchers.", False),
    ("Les adhérents votent vraiment les orientations.", False),
    ("La SCIC et l'ADEME financent le tri.", False),
    ("LES CORDAGES DE L'UN RENFORCENT LE BÉTON DE L'AUTRE", False),
    ("Les vendangeurs dorment au bord du Gave.", False),
    ("On nous répète que le local, c'est bien.", False),
    ("Quelle belle salle !", False),
]


@pytest.mark.parametrize(("text", "expected"), INSISTENCE)
def test_insistence_is_told_from_mention(text: str, expected: bool) -> None:
    assert list(insisting(pd.DataFrame({"document_id": ["d"], "text": [text]}))) == [expected]


def test_exclamation_marks_everywhere_are_a_style() -> None:
    passages = pd.DataFrame({"document_id": ["d"] * 4, "text": ["plus de bus !!", "plus de lait !!", "plus de tout !!", "c'est vital"]})
    assert list(insisting(passages)) == [False, False, False, True]
