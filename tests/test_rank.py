"""Ranking: what each criterion counts, who comes first, and how sure a rank is."""

import random
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kendalltau

from pipeline.rank import Ranking, rank_themes
from pipeline.rank.checks import kendall_tau, topsis, vikor
from pipeline.rank.criteria import CRITERIA, insisting, load_cues
from pipeline.rank.order import rank_tallies, tally_themes
from pipeline.settings.sections import RankSettings, RankWeights
from pipeline.tables.material import ATTENDANCE
from support.draws import seeds
from support.invented import DIE, ORTHEZ, said, study, workshops

QUICK = RankSettings(n_draws=60)


def ranking(
    *passages: dict[str, Any],
    settings: RankSettings = QUICK,
    n_tables: int | None = 4,
    attendance: pd.DataFrame | None = None,
) -> Ranking:
    return rank_themes(
        **study(*passages),
        workshops=workshops(n_tables=n_tables),
        attendance=attendance,
        settings=settings,
    )


def ranked(
    *passages: dict[str, Any], settings: RankSettings = QUICK, n_tables: int | None = 4
) -> pd.DataFrame:
    return ranking(*passages, settings=settings, n_tables=n_tables).priorities


def criterion(
    priorities: pd.DataFrame, name: str, theme_id: str = "cars", scope: str = ORTHEZ
) -> float:
    return float(priorities.set_index(["scope", "theme_id"]).loc[(scope, theme_id), name])


def mail(theme_id: str, name: str = "a", **more: Any) -> dict[str, Any]:
    return said(theme_id, None, "distance", channel="mail", document_id=name, **more)


CASES = [
    ("a talkative table counts once", [said("cars"), said("cars"), said("cars")], "c_tables", 0.25),
    ("three tables of four", [said("cars", 1), said("cars", 2), said("cars", 3)], "c_tables", 0.75),
    (
        "a summary is not one more table",
        [said("cars", 1), said("cars", 2, "resume")],
        "c_tables",
        0.25,
    ),
    ("a mail is not a table", [said("cars", 1), mail("cars")], "c_tables", 0.25),
    (
        "a fifth table, seen but not announced, is counted",
        [said("cars", n) for n in (1, 2, 3, 4, 5)],
        "c_tables",
        1.0,
    ),
    ("a table whose question is unknown still spoke", [said("cars", 1, None)], "c_tables", 0.25),
    ("a demand is a need", [said("cars", 1, posture="demande"), said("cars", 2)], "c_need", 0.5),
    ("a strength is no need", [said("cars", 1, posture="force")], "c_need", 0.0),
    (
        "a need that as many tables answer counts half",
        [
            said("cars", 1),
            said("cars", 2),
            said("cars", 3, posture="force"),
            said("cars", 4, posture="constat", rubrique="offre"),
        ],
        "c_need",
        0.25,
    ),
    (
        "a need that tells of a poor offer is no answer",
        [said("cars", 1, rubrique="offre")],
        "c_need",
        0.25,
    ),
    (
        "a proposal at two tables",
        [said("cars", 1, posture="proposition"), said("cars", 2, posture="proposition")],
        "c_leverage",
        0.5,
    ),
    (
        "an opportunity is a lever",
        [said("cars", 1, posture="constat", rubrique="opportunites")],
        "c_leverage",
        0.25,
    ),
    (
        "a partnership is a lever",
        [said("cars", 1, posture="force", rubrique="partenariats.developpement")],
        "c_leverage",
        0.25,
    ),
    (
        "a partnership that is missed is none",
        [said("cars", 1, rubrique="partenariats.developpement")],
        "c_leverage",
        0.0,
    ),
    ("a rapporteur brings it up", [said("cars", 1, "resume")], "c_rapporteurs", 0.125),
    (
        "a rapporteur insists",
        [said("cars", 1, "resume", text="Notre priorité, ce sont les cars du soir.")],
        "c_rapporteurs",
        0.25,
    ),
    (
        "a table that insists is no rapporteur",
        [said("cars", 1, text="plus aucun car le soir !!")],
        "c_rapporteurs",
        0.0,
    ),
    (
        "one summary for the whole room is one rapporteur",
        [said("cars", None, "resume", channel="resume"), said("lait", 1)],
        "c_rapporteurs",
        0.5,
    ),
    (
        "a table says it is grave",
        [said("cars", 1, text="des anciens renoncent aux soins")],
        "c_severity",
        0.25,
    ),
    ("a table insists", [said("cars", 1, text="c'est vital pour la vallée")], "c_severity", 0.25),
    (
        "a rapporteur's insistence is counted elsewhere",
        [said("cars", 1, "resume", text="c'est vital")],
        "c_severity",
        0.0,
    ),
    ("one mail speaks for one table of four", [mail("cars")], "c_late", 0.25),
    ("two mails of two", [mail("cars", "a"), mail("cars", "b")], "c_late", 0.5),
    ("one mail of two", [mail("cars", "a"), mail("lait", "b")], "c_late", 0.25),
    (
        "who writes twice is one person",
        [mail("cars", "a", speaker="personne-1"), mail("cars", "b", speaker="personne-1")],
        "c_late",
        0.25,
    ),
    (
        "eight mails weigh no more than their share",
        [mail("cars", f"m{n}") for n in range(8)],
        "c_late",
        1.0,
    ),
    (
        "a single workshop's ranking does not reward other workshops",
        [said("cars", 1)],
        "c_workshops",
        1.0,
    ),
    ("where nobody is known, actors are neutral", [said("cars", 1)], "c_actors", 0.5),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("passages", "name", "share"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_a_criterion_counts_tables_not_sentences(
    passages: list[dict[str, Any]], name: str, share: float
) -> None:
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
    priorities = ranked(
        said("cars", 1),
        said("cars", 2),
        said("cars", 1, workshop_id=DIE),
        said("lait", 1, workshop_id=DIE),
    )
    assert criterion(priorities, "c_tables", scope="study") == pytest.approx(3 / 8)
    assert criterion(priorities, "c_workshops", scope="study") == pytest.approx(1.0)
    assert criterion(priorities, "c_workshops", "lait", scope="study") == pytest.approx(0.5)


def test_scopes_hold_only_themes_that_were_heard_there_and_ranks_follow_scores() -> None:
    priorities = ranked(
        said("cars", 1),
        said("cars", 2),
        said("lait", 1),
        said(None, 3),
        said("haie", 1, workshop_id=DIE),
    )
    assert {scope: list(rows["theme_id"]) for scope, rows in priorities.groupby("scope")} == {
        "study": ["cars", "haie", "lait"],
        ORTHEZ: ["cars", "lait"],
        DIE: ["haie"],
    }
    for _, rows in priorities.groupby("scope"):
        assert list(rows["rank"]) == list(range(1, len(rows) + 1))
        assert rows["score"].is_monotonic_decreasing


@pytest.mark.parametrize("seed", seeds(4))
def test_what_is_left_to_check_moves_no_rank_of_the_study_nor_of_a_workshop(seed: int) -> None:
    """Ranks, notes and checks are those of the same passages without these memberships."""
    draw = random.Random(seed)
    passages = [
        said(
            f"t{draw.randint(0, 4)}",
            draw.randint(1, 4),
            draw.choice(["q1", "q2", "resume"]),
            workshop_id=draw.choice([ORTHEZ, DIE]),
            text=draw.choice(["les cars du soir", "il FAUT des cars, vraiment !", "danger"]),
            is_counted=draw.random() < 0.6,
        )
        for _ in range(40)
    ]
    tables = study(*passages, mail("t1", "a", is_counted=False)) | {"workshops": workshops()}
    members = tables["theme_members"]
    counted = members[members["is_counted"]]
    every, certain = (
        rank_themes(**tables | {"theme_members": rows}, settings=QUICK)
        for rows in (members, counted)
    )
    for name in Ranking._fields:
        pd.testing.assert_frame_equal(getattr(every, name), getattr(certain, name))
    assert len(counted) < len(members)


def test_a_theme_that_a_workshop_may_have_said_has_no_rank_there() -> None:
    priorities = ranked(
        said("cars", 1),
        said("lait", 1, workshop_id=DIE),
        said("cars", 2, workshop_id=DIE, is_counted=False),
    )
    assert set(priorities.loc[priorities["scope"] == DIE, "theme_id"]) == {"lait"}
    assert criterion(priorities, "c_workshops", scope="study") == pytest.approx(0.5)


def only(**weights: float) -> RankWeights:
    """These weights, and 0 for every other criterion."""
    return RankWeights(**dict.fromkeys(RankWeights.model_fields, 0.0) | weights)


def test_the_score_is_the_weighted_mean_of_the_criteria() -> None:
    settings = RankSettings(n_draws=10, weights=only(tables=3, need=1))
    priorities = ranked(said("cars", 1), said("cars", 2, posture="constat"), settings=settings)
    assert criterion(priorities, "score") == pytest.approx((3 * 0.5 + 1 * 0.25) / 4)


def test_ties_go_to_more_tables_then_to_the_identifier_never_to_more_passages() -> None:
    passages = [said("lait", 1), said("cars", 1), said("lait", 1), said("haie", 2), said("haie", 3)]
    priorities = ranked(*passages, settings=RankSettings(n_draws=10, weights=only(workshops=1)))
    assert list(priorities.loc[priorities["scope"] == ORTHEZ, "theme_id"]) == [
        "haie",
        "cars",
        "lait",
    ]


def test_a_theme_that_all_tables_say_is_surer_of_its_rank_than_one_that_single_tables_say() -> None:
    passages = [said("cars", table) for table in (1, 2, 3, 4)] + [
        said("lait", 1, "q2"),
        said("haie", 2, "q3"),
        said("bois", 3, "q4"),
    ]
    priorities = (
        ranked(*passages, settings=RankSettings(n_draws=200))
        .set_index(["scope", "theme_id"])
        .loc[ORTHEZ]
    )
    assert priorities.loc["cars", "p_top1"] > 0.95
    assert priorities.loc["cars", "rank_low"] == priorities.loc["cars", "rank_high"] == 1
    assert priorities.loc["lait", "rank_high"] - priorities.loc["lait", "rank_low"] >= 1


def test_intervals_hold_the_rank_and_chances_grow_with_depth() -> None:
    priorities = ranked(
        *[
            said(f"t{theme}", 1 + (theme * step) % 4, f"q{1 + step}")
            for theme in range(7)
            for step in range(3)
        ]
    )
    assert (priorities["rank_low"] <= priorities["rank"]).all() and (
        priorities["rank"] <= priorities["rank_high"]
    ).all()
    assert (priorities["p_top1"] <= priorities["p_top3"]).all() and (
        priorities["p_top3"] <= priorities["p_top5"]
    ).all()
    assert priorities.loc[priorities["scope"] == ORTHEZ, "p_top1"].sum() == pytest.approx(1.0)


def test_the_order_of_rows_and_the_run_change_nothing() -> None:
    tables = study(
        *[
            said(
                f"t{theme}",
                1 + theme % 4,
                f"q{1 + theme % 3}",
                posture=["force", "demande"][theme % 2],
            )
            for theme in range(9)
        ]
    )
    shuffled = {name: table.sample(frac=1, random_state=3) for name, table in tables.items()}
    once, again = (
        rank_themes(**some, workshops=workshops(), settings=RankSettings(n_draws=30))
        for some in (tables, shuffled)
    )
    for first, second in zip(once, again, strict=True):
        pd.testing.assert_frame_equal(first, second)


def test_a_study_without_themes_has_no_priorities() -> None:
    assert ranked(said(None)).empty


def test_every_weight_of_the_settings_has_a_criterion_and_one_line_of_explanation() -> None:
    assert [f"c_{name}" for name in RankWeights.model_fields] == list(CRITERIA)
    assert all(
        entry.explanation.endswith(".") and "\n" not in entry.explanation
        for entry in CRITERIA.values()
    )


def people(**types: str | None) -> pd.DataFrame:
    """Attendance: participant → type of structure."""
    return ATTENDANCE.build(
        {
            "participant_id": name,
            "workshop_id": ORTHEZ,
            "structure_id": f"s-{name}",
            "structure_type": kind,
            "has_signed": True,
        }
        for name, kind in types.items()
    )


def test_actors_count_the_types_that_are_known_and_leave_the_others_neutral() -> None:
    passages = [
        mail("cars", "a", speaker="p1"),
        mail("cars", "b", speaker="p2"),
        mail("lait", "c", speaker="p1"),
        said("haie", 1, speaker="p9"),
        said("bois", 1),
    ]
    priorities = ranking(
        *passages, attendance=people(p1="élu", p2="association", p9=None)
    ).priorities
    found = {
        name: criterion(priorities, "c_actors", name) for name in ("cars", "lait", "haie", "bois")
    }
    assert found == pytest.approx({"cars": 1.0, "lait": 0.5, "haie": 0.75, "bois": 0.75})


def many_passages(seed: int) -> list[dict[str, Any]]:
    """An invented workshop of five tables and six themes, some insistence and some mails."""
    draw = random.Random(seed)
    texts = [
        "les cars du soir",
        "c'est vital !!",
        "des aînés renoncent aux soins",
        "on partage le four",
    ]
    postures = ["difficulte", "demande", "force", "proposition", "constat"]
    rubriques = [None, "offre", "opportunites", "partenariats.developpement"]
    spoken = [
        said(
            draw.choice("abcdef"),
            draw.randint(1, 5),
            draw.choice(["q1", "q2", "q3", "q4", "resume"]),
            text=draw.choice(texts),
            posture=draw.choice(postures),
            rubrique=draw.choice(rubriques),
        )
        for _ in range(40)
    ]
    return spoken + [mail(draw.choice("abcdef"), f"m{n}") for n in range(3)]


@pytest.mark.parametrize("seed", seeds(12))
def test_a_talkative_table_lifts_no_theme(seed: int) -> None:
    passages = many_passages(seed)
    talkative = [passage for passage in passages if passage["table_number"] == 1 + seed % 5]
    once, again = (ranking(*some, n_tables=5) for some in (passages, passages + talkative * 19))
    pd.testing.assert_frame_equal(once.priorities, again.priorities)
    pd.testing.assert_frame_equal(once.late_effects, again.late_effects)
    pd.testing.assert_frame_equal(once.rank_checks, again.rank_checks)


def note(found: Ranking, subject: str, theme_id: str = "cars", scope: str = "study") -> str:
    return str(
        found.priority_notes.set_index(["scope", "theme_id", "subject"]).loc[
            (scope, theme_id, subject), "sentence"
        ]
    )


def test_each_criterion_is_told_in_a_sentence_with_what_was_counted() -> None:
    passages = [
        said("cars", 1),
        said("cars", 1),
        said("cars", 2, text="l'arrêt a disparu, c'est vital"),
        said("cars", 3, posture="force", rubrique="partenariats.developpement"),
        said("cars", 2, "resume", text="Notre priorité : les cars."),
        said("lait", 1, "resume"),
        mail("cars", speaker="p1"),
        mail("lait", "b"),
    ]
    found = ranking(*passages, attendance=people(p1="élu"))
    assert {name: note(found, name) for name in CRITERIA} == {
        "c_tables": "Dit à 3 tables sur 4, en 6 passages.",
        "c_workshops": "Dit dans 1 atelier sur 1.",
        "c_rapporteurs": "Repris par 1 rapporteur sur 4, dont 1 en y insistant.",
        "c_actors": "Porté par 1 type d'acteurs sur 1 dont une voix est connue.",
        "c_need": "Un manque ou une demande à 2 tables ; une offre ou une force à 1 table.",
        "c_leverage": "1 table y voit par où agir : une proposition, une opportunité ou un partenariat.",
        "c_late": "1 personne sur 2 en parle après l'atelier.",
        "c_severity": "1 table en parle comme d'un danger, d'une perte ou d'une urgence.",
    }
    assert (
        note(found, "c_severity", "lait")
        == "Aucune table n'en parle comme d'un danger, d'une perte ou d'une urgence."
    )
    assert (
        note(found, "p_top5")
        == "Parmi les cinq premières dans 100 % des tirages de poids et de tables."
    )


def test_every_priority_has_a_note_on_each_criterion_and_chance() -> None:
    found = ranking(*many_passages(3))
    subjects = [*CRITERIA, "p_top1", "p_top3", "p_top5"]
    values = found.priority_notes.pivot(
        index=["scope", "theme_id"], columns="subject", values="value"
    )[subjects]
    expected = found.priorities.set_index(["scope", "theme_id"]).sort_index()[subjects]
    pd.testing.assert_frame_equal(values, expected, check_names=False)


LATE = [
    (
        "nobody wrote",
        [],
        "Aucun passage d'un thème n'est connu pour être venu à distance.",
        {"cars": (1, 1), "lait": (2, 2)},
    ),
    (
        "a mail that changes no rank",
        [mail("cars")],
        "Ce qui a été écrit ou dit à distance ne change pas l'ordre des 2 premières priorités.",
        {"cars": (1, 1), "lait": (2, 2)},
    ),
    (
        "mails that turn the ranking over",
        [mail("lait", name) for name in "abcd"],
        "Ce qui a été écrit ou dit à distance change l'ordre des 2 premières, sans en faire entrer d'autre.",
        {"cars": (1, 2), "lait": (2, 1)},
    ),
    (
        "a subject that only comes by mail",
        [mail("haie")],
        "Ce qui a été écrit ou dit à distance fait entrer 1 thème parmi les 3 premiers.",
        {"cars": (1, 1), "lait": (2, 2), "haie": (None, 3)},
    ),
]


@pytest.mark.parametrize(
    ("mails", "sentence", "ranks"), [case[1:] for case in LATE], ids=[case[0] for case in LATE]
)
def test_whether_late_contributions_change_the_ranking_is_answered(
    mails: list[dict[str, Any]], sentence: str, ranks: dict[str, tuple[int | None, int]]
) -> None:
    weights = only(tables=1, late=1)
    found = ranking(
        said("cars", 1),
        said("cars", 2),
        said("lait", 1),
        *mails,
        settings=RankSettings(n_draws=10, weights=weights),
    )
    checks = found.rank_checks.set_index(["scope", "check"])
    assert checks.loc[(ORTHEZ, "a_distance"), "sentence"] == sentence
    effects = found.late_effects[found.late_effects["scope"] == ORTHEZ]
    told = {
        row.theme_id: (None if pd.isna(row.rank_without) else row.rank_without, row.rank_with)
        for row in effects.itertuples()
    }
    assert told == ranks


def test_other_methods_are_compared_on_the_first_five() -> None:
    checks = (
        ranking(*many_passages(1), n_tables=5).rank_checks.set_index(["scope", "check"]).loc[ORTHEZ]
    )
    assert list(checks.index) == ["topsis", "vikor", "poids_libres", "a_distance"]
    assert (checks["n_first"] == 5).all() and checks["n_common"].between(4, 5).all()  # six themes


# Published figures: Tzeng and Huang (2011) for TOPSIS, Opricovic and Tzeng (2004; 2007, four sets of weights) for VIKOR.
PHONES = np.array([[5, 8, 4], [7, 6, 8], [8, 8, 6], [7, 4, 6]], dtype=float)
MOUNTAINS = np.array([[-1, 3000], [-2, 3750], [-5, 4500]], dtype=float)
RESERVOIRS = np.array(
    [
        [4184.3, -2914.0, 407.2, 251.0, -195, -244, -15, 2.41],
        [5211.9, -3630.0, 501.7, 308.3, -282, -346, -21, 1.41],
        [5021.3, -3920.5, 504.0, 278.6, -12, -56, -3, 4.42],
        [5566.1, -3957.9, 559.5, 335.3, -167, -268, -16, 3.36],
        [5060.5, -3293.5, 514.1, 284.2, -69, -90, -7, 4.04],
        [4317.9, -2925.9, 432.8, 239.3, -12, -55, -3, 4.36],
    ]
)


def test_topsis_gives_the_textbook_figures() -> None:
    assert topsis(PHONES, np.array([0.3, 0.4, 0.3])) == pytest.approx(
        [0.5037, 0.6581, 0.7482, 0.3340], abs=1e-4
    )


@pytest.mark.parametrize(
    ("criteria", "weights", "regrets"),
    [
        (MOUNTAINS, [1, 1], [1.0, 0.0, 1.0]),
        (RESERVOIRS, [1] * 8, [0.991, 1.0, 0.473, 0.670, 0.0, 0.578]),
        (RESERVOIRS, [2, 2, 2, 2, 1, 1, 1, 1], [1.0, 0.533, 0.552, 0.563, 0.0, 0.686]),
        (RESERVOIRS, [1, 1, 1, 1, 2, 2, 2, 2], [0.684, 1.0, 0.147, 0.554, 0.041, 0.191]),
        (RESERVOIRS, [1, 1, 1, 1, 3.2, 3.2, 3.2, 3.2], [0.668, 1.0, 0.051, 0.588, 0.058, 0.078]),
    ],
)
def test_vikor_gives_the_published_figures(
    criteria: Any, weights: list[float], regrets: list[float]
) -> None:
    assert 1 - vikor(criteria, np.array(weights)) == pytest.approx(regrets, abs=1.5e-3)


@pytest.mark.parametrize("method", [topsis, vikor])
def test_a_method_asked_for_one_alternative_or_equal_ones_gives_finite_figures(method: Any) -> None:
    for criteria in (np.array([[0.5, 0.0]]), np.array([[0.5, 0.0], [0.5, 0.0]])):
        assert np.isfinite(method(criteria, np.array([1.0, 1.0]))).all()


GRAVITY = [
    ("des familles renoncent aux soins", True),
    ("la dernière pharmacie va fermer", True),
    ("il n'y a plus de médecin", True),
    ("les aînés sont isolés dans les hameaux", True),
    ("plus aucun car après 18 h", True),
    ("nos bénévoles n'en peuvent plus", True),
    ("la ferme vend ses pommes au marché", False),
    ("les horaires de fermeture de la mairie", False),
    ("du bois mort laissé sur place", False),
    ("rien de grave, aucun danger", False),
    ("on aimerait un four à pain", False),
]


@pytest.mark.parametrize(("text", "expected"), GRAVITY)
def test_gravity_is_told_from_plain_talk(text: str, expected: bool) -> None:
    assert load_cues("gravite").are_in(text) is expected


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
    passages = pd.DataFrame(
        {
            "document_id": ["d"] * 4,
            "text": ["plus de bus !!", "plus de lait !!", "plus de tout !!", "c'est vital"],
        }
    )
    assert list(insisting(passages)) == [False, False, False, True]


@pytest.mark.parametrize("seed", range(4))
def test_agreement_of_two_orders_is_kendalls_tau(seed: int) -> None:
    draw = np.random.default_rng(seed)
    for n in range(2, 40):
        places = draw.permutation(2 * n)[:n] + 1
        assert kendall_tau(places) == round(float(kendalltau(np.arange(n), places).statistic), 6)


@pytest.mark.slow
@pytest.mark.parametrize("seed", seeds(8))
def test_other_weights_need_no_second_count(seed: int) -> None:
    draw = random.Random(seed)
    passages = [
        said(
            f"t{draw.randint(0, 6)}",
            draw.randint(1, 4),
            draw.choice(["q1", "q2", "resume"]),
            workshop_id=draw.choice([ORTHEZ, DIE]),
        )
        for _ in range(40)
    ]
    tables = study(*passages, mail("t1", "a"), said(None, 2)) | {"workshops": workshops()}
    tallies = tally_themes(**tables, settings=QUICK)
    for chosen in (
        QUICK.weights,
        only(need=1, late=2),
        only(workshops=1),
        RankWeights(tables=draw.random(), severity=5),
    ):
        ranked_again = rank_tallies(tallies, chosen, QUICK)
        pd.testing.assert_frame_equal(
            ranked_again, rank_themes(**tables, settings=QUICK, weights=chosen).priorities
        )
    whole = rank_themes(**tables, settings=QUICK).priorities
    pd.testing.assert_frame_equal(rank_tallies(tallies, QUICK.weights, QUICK), whole)
    for scope in ("study", DIE):
        one = rank_tallies(
            tally_themes(**tables, settings=QUICK, scopes=(scope,)), QUICK.weights, QUICK
        )
        pd.testing.assert_frame_equal(one, whole[whole["scope"] == scope].reset_index(drop=True))


def test_a_study_without_themes_has_no_priority_by_any_weights() -> None:
    tables = study(said(None, 1)) | {"workshops": workshops()}
    tallies = tally_themes(**tables, settings=QUICK)
    assert rank_tallies(tallies, only(need=1), QUICK).empty


def test_weighing_again_takes_under_300_ms_of_the_processor_over_forty_workshops() -> None:
    places = [f"terr{n:02d}-2026-01-{1 + n % 28:02d}" for n in range(40)]
    passages = [said(f"t{n % 31}", 1 + n % 7, workshop_id=places[n % 40]) for n in range(4_000)]
    tables = study(*passages) | {"workshops": workshops(*places)}
    tallies = tally_themes(**tables, settings=RankSettings())
    started = time.process_time()
    assert rank_tallies(tallies, only(need=1, tables=3), RankSettings())["scope"].nunique() == 41
    assert time.process_time() - started < 0.3  # 0.05 s on a quiet core
