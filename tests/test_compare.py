"""Comparison: shares of tables, Lafon's specificity, verdicts that admit thin material, and whose voice was missing."""

from math import lgamma
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest, hypergeom

from pipeline.compare.contrasts import compare_territories
from pipeline.compare.counts import specificity
from pipeline.compare.verdict import difference_interval
from pipeline.compare.voices import list_voices
from pipeline.settings.sections import CompareSettings
from pipeline.tables.material import ATTENDANCE, STRUCTURES
from support.invented import DIE, ORTHEZ, said, study, tag, workshops

SETTINGS = CompareSettings(n_draws=60)
LES_VANS = "les-vans-2025-05-20"
SOME_WORKSHOPS = workshops(ORTHEZ, DIE, LES_VANS)


def contrasts(
    *passages: dict[str, Any],
    held: pd.DataFrame = SOME_WORKSHOPS,
    settings: CompareSettings = SETTINGS,
) -> pd.DataFrame:
    tables = study(*passages)
    return compare_territories(
        tables["units"], tables["tags"], tables["theme_members"], held, settings=settings
    )


def cell(found: pd.DataFrame, subject_id: str, territory: str) -> pd.Series:
    return found.set_index(["subject_id", "territory"]).loc[(subject_id, territory)]


def spread(theme_id: str, workshop_id: str, n_units: int) -> list[dict[str, Any]]:
    """`n_units` passages about a theme, one a table in turn."""
    return [said(theme_id, 1 + place % 4, workshop_id=workshop_id) for place in range(n_units)]


def test_shares_count_tables_once_and_leave_summaries_and_mails_aside() -> None:
    found = contrasts(
        said("cars", 1),
        said("cars", 1),
        said("cars", 2, "resume"),
        said("cars", None, "distance", channel="mail"),
        said("lait", 1, workshop_id=DIE),
    )
    assert cell(found, "cars", "orthez")[["n_units", "n_tables", "share"]].tolist() == [4, 1, 0.25]
    assert cell(found, "cars", "die")[["n_units", "n_tables", "share", "share_low"]].tolist() == [
        0,
        0,
        0.0,
        0.0,
    ]


def test_every_theme_and_assigned_code_meets_every_territory() -> None:
    found = contrasts(
        said("cars", rubrique="offre"), said("cars", workshop_id=DIE, posture="force")
    )
    assert set(zip(found["subject"], found["subject_id"], strict=True)) == {
        ("theme", "cars"),
        ("code", "rubrique:offre"),
        ("code", "posture:difficulte"),
        ("code", "posture:force"),
    }
    assert (
        found.groupby("subject_id")["territory"]
        .agg(set)
        .map(lambda names: names == {"orthez", "die", "les-vans"})
        .all()
    )


def test_a_code_put_by_machine_and_person_counts_once_and_a_rejected_one_not_at_all() -> None:
    tables = study(
        said("cars", unit_id="a", rubrique="offre"),
        said("cars", unit_id="b"),
        said("cars", unit_id="c", workshop_id=DIE),
    )
    more = pd.DataFrame(
        [
            tag("a", "rubrique", "offre", source="person"),
            tag("b", "rubrique", "enjeux.social", is_assigned=False),
        ]
    )
    tags = pd.concat([tables["tags"], more], ignore_index=True)
    found = compare_territories(
        tables["units"], tags, tables["theme_members"], workshops(), settings=SETTINGS
    )
    assert cell(found, "rubrique:offre", "orthez")["n_units"] == 1
    assert "rubrique:enjeux.social" not in set(found["subject_id"])


def test_noise_does_not_count_as_material() -> None:
    """Passages without theme or code leave specificities as they are."""
    few = [*spread("cars", ORTHEZ, 6), *spread("lait", DIE, 6)]
    noise = [said(None, 1, posture="constat", workshop_id=DIE) for _ in range(20)]
    quiet, noisy = contrasts(*few), contrasts(*few, *noise)
    assert (
        cell(quiet, "cars", "orthez")["specificity"] == cell(noisy, "cars", "orthez")["specificity"]
    )


@pytest.mark.parametrize(
    ("n_units", "n_subject", "n_here", "n_all", "sign"),
    [
        (8, 10, 40, 100, 1),
        (1, 10, 40, 100, -1),
        (4, 10, 40, 100, 1),
        (0, 3, 5, 9, -1),
        (3, 3, 5, 9, 1),
    ],
)
def test_specificity_is_the_signed_log_of_the_hypergeometric_tail(
    n_units: int, n_subject: int, n_here: int, n_all: int, sign: int
) -> None:
    law = hypergeom(n_all, n_subject, n_here)
    tail = sum(
        law.pmf(k) for k in (range(n_units, n_subject + 1) if sign > 0 else range(n_units + 1))
    )
    found = specificity(*(np.array([number]) for number in (n_units, n_subject, n_here, n_all)))
    assert found[0] == pytest.approx(-sign * np.log10(tail), abs=1e-4)


def test_specificity_stays_finite_where_the_tail_is_too_small_for_a_float() -> None:
    found = specificity(*(np.array([number]) for number in (3000, 3000, 5000, 20000)))
    log_probability = (lgamma(5001) - lgamma(2001) - lgamma(20001) + lgamma(17001)) / np.log(10)
    assert found[0] == pytest.approx(-log_probability, rel=1e-6)


def said_at(
    n_said: int, n_held: int, workshop_id: str, n_to_check: int = 0
) -> list[dict[str, Any]]:
    """« cars » once at `n_said` of `n_held` tables, each of which says three other things; at `n_to_check` more, it is to be checked."""
    rest = [
        said(theme, table, workshop_id=workshop_id)
        for table in range(1, n_held + 1)
        for theme in ("lait", "haie", "bois")
    ]
    return [
        *rest,
        *(
            said("cars", table, workshop_id=workshop_id, is_counted=table <= n_said)
            for table in range(1, n_said + n_to_check + 1)
        ),
    ]


VERDICTS = [
    (
        "said here by all tables, nowhere else",
        [*spread("cars", ORTHEZ, 12), *spread("lait", DIE, 12)],
        "cars",
        "orthez",
        "plus présent ici",
    ),
    (
        "never said here, by all tables elsewhere",
        [*spread("cars", ORTHEZ, 12), *spread("lait", DIE, 12)],
        "cars",
        "die",
        "moins présent",
    ),
    (
        "said everywhere alike",
        [*said_at(6, 6, ORTHEZ), *said_at(6, 6, DIE)],
        "cars",
        "die",
        "comme ailleurs",
    ),
    (
        "two passages in all",
        [*spread("cars", ORTHEZ, 2), *spread("lait", DIE, 12)],
        "cars",
        "orthez",
        "trop peu de matière pour conclure",
    ),
    (
        "nothing from the territory",
        [*spread("cars", ORTHEZ, 8), *spread("lait", DIE, 8)],
        "cars",
        "les-vans",
        "trop peu de matière pour conclure",
    ),
    (
        "one table says it over and over",
        [
            *[said("cars", 1) for _ in range(9)],
            *spread("lait", ORTHEZ, 15),
            *spread("lait", DIE, 24),
        ],
        "cars",
        "orthez",
        "trop peu de matière pour conclure",
    ),
]


# tables here, tables there, and whether "comme ailleurs" may be said: the interval of the difference stays within a third of the tables
ALIKE = [
    ("nothing here, most tables there", (0, 5), (5, 7), False),
    ("most tables here, few there", (5, 7), (1, 5), False),
    ("one here, a majority there", (1, 5), (4, 6), False),
    ("few tables, some difference", (1, 4), (3, 5), False),
    ("all of three against none of three", (3, 3), (0, 3), False),
    ("two of four against three of four", (2, 4), (3, 4), False),
    ("half of many on both sides", (10, 20), (11, 20), True),
    ("nearly all on both sides", (12, 12), (13, 14), True),
    ("all of three on both sides", (3, 3), (3, 3), False),
    ("all of five on both sides", (5, 5), (5, 5), False),
    ("all of six on both sides", (6, 6), (6, 6), True),
    ("a fourth of few, a seventh of few", (3, 12), (2, 14), False),
    ("a fourth of many, a seventh of many", (6, 24), (4, 28), True),
    ("never here, once elsewhere", (0, 20), (1, 20), False),
    ("once on both sides", (1, 20), (1, 20), False),
    ("what is to be checked elsewhere could differ", (12, 24, 0), (4, 24, 18), False),
    ("what is to be checked here could differ", (6, 24, 16), (6, 24, 0), False),
    ("what is to be checked is little", (6, 24, 1), (6, 24, 1), True),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("here", "there", "is_alike"), [case[1:] for case in ALIKE], ids=[case[0] for case in ALIKE]
)
def test_alike_is_said_where_likeness_is_shown_not_where_no_difference_is(
    here: tuple[int, ...], there: tuple[int, ...], is_alike: bool
) -> None:
    held = workshops(n_tables=None)
    passages = [
        passage
        for (n_said, n_held, *n_to_check), place in ((here, ORTHEZ), (there, DIE))
        for passage in said_at(n_said, n_held, place, *n_to_check)
    ]
    found = contrasts(*passages, held=held)
    verdicts = {cell(found, "cars", territory)["verdict"] for territory in ("orthez", "die")}
    assert ("comme ailleurs" in verdicts) == is_alike, verdicts


def test_what_differs_in_one_territory_is_said_alike_in_no_other() -> None:
    held = workshops(ORTHEZ, DIE, LES_VANS, n_tables=None)
    much = [said("cars", 1 + n % 12, workshop_id=LES_VANS) for n in range(60)]
    even, uneven = (
        contrasts(*said_at(6, 12, ORTHEZ), *said_at(6, 12, DIE), *there, held=held)
        for there in (said_at(6, 12, LES_VANS), [*said_at(6, 12, LES_VANS), *much])
    )
    assert cell(even, "cars", "orthez")["verdict"] == "comme ailleurs"
    assert cell(uneven, "cars", "les-vans")["verdict"] == "plus présent ici"
    assert "comme ailleurs" not in set(uneven.loc[uneven["subject_id"] == "cars", "verdict"])


def test_a_territory_whose_people_only_wrote_gives_the_other_nothing_to_be_compared_with() -> None:
    mails = [
        said(theme, None, "distance", channel="mail", document_id=f"mail-{n}", workshop_id=DIE)
        for n in range(8)
        for theme in ("cars", "bois")
    ]
    found = contrasts(*said_at(6, 6, ORTHEZ), *mails, held=workshops(n_tables=None))
    assert (
        set(found["verdict"]) == {"trop peu de matière pour conclure"}
        and not found["is_lead"].any()
    )


@pytest.mark.parametrize(
    ("here", "there"),
    [((56, 70), (48, 80)), ((9, 10), (3, 10)), ((0, 5), (5, 7)), ((4, 4), (8, 8))],
)
def test_the_interval_of_a_difference_is_newcombes_of_two_wilson_intervals(
    here: tuple[int, int], there: tuple[int, int]
) -> None:
    low, high = difference_interval(*(np.array([float(number)]) for number in (*here, *there)))
    share, other = here[0] / here[1], there[0] / there[1]
    (ends, other_ends) = (
        binomtest(*one).proportion_ci(0.9, method="wilson") for one in (here, there)
    )
    assert low[0] == pytest.approx(
        share - other - np.hypot(share - ends.low, other_ends.high - other)
    )
    assert high[0] == pytest.approx(
        share - other + np.hypot(ends.high - share, other - other_ends.low)
    )


@pytest.mark.parametrize(
    ("passages", "subject_id", "territory", "verdict"),
    [case[1:] for case in VERDICTS],
    ids=[case[0] for case in VERDICTS],
)
def test_verdicts(
    passages: list[dict[str, Any]], subject_id: str, territory: str, verdict: str
) -> None:
    assert cell(contrasts(*passages), subject_id, territory)["verdict"] == verdict


def test_a_territory_with_few_tables_gets_no_verdict() -> None:
    passages = [*spread("cars", ORTHEZ, 12), *spread("lait", DIE, 12)]
    found = contrasts(*passages, settings=CompareSettings(n_draws=20, min_tables=5))
    assert set(found["verdict"]) == {"trop peu de matière pour conclure"}


def test_one_territory_alone_gets_no_verdict() -> None:
    found = contrasts(
        *spread("cars", ORTHEZ, 12), *spread("lait", ORTHEZ, 12), held=workshops(ORTHEZ)
    )
    assert set(found["verdict"]) == {"trop peu de matière pour conclure"}


def test_workshops_of_one_territory_are_put_together() -> None:
    passages = [
        said("cars", 1),
        said("cars", 1, workshop_id="orthez-2025-06-12"),
        said("lait", workshop_id=DIE),
    ]
    found = contrasts(*passages, held=workshops(ORTHEZ, "orthez-2025-06-12", DIE))
    assert cell(found, "cars", "orthez")[["n_tables", "share"]].tolist() == [2, 0.25]


def test_intervals_hold_the_share_and_stay_open_where_all_tables_agree() -> None:
    found = contrasts(
        *spread("cars", ORTHEZ, 4),
        said("lait", 1, workshop_id=DIE),
        said("lait", 2, workshop_id=DIE),
    )
    assert ((found["share_low"] <= found["share"]) & (found["share"] <= found["share_high"])).all()
    assert cell(found, "cars", "orthez")["share_low"] == pytest.approx(0.05 ** (1 / 4), abs=1e-6)
    assert cell(found, "cars", "die")["share_high"] == pytest.approx(1 - 0.05 ** (1 / 4), abs=1e-6)
    assert cell(found, "lait", "die")["share_low"] < 0.5 < cell(found, "lait", "die")["share_high"]


def test_the_order_of_rows_changes_nothing() -> None:
    tables = study(*spread("cars", ORTHEZ, 7), *spread("cars", DIE, 2), *spread("lait", DIE, 5))
    shuffled = {name: table.sample(frac=1, random_state=1) for name, table in tables.items()}
    once, again = (
        compare_territories(
            some["units"], some["tags"], some["theme_members"], workshops(), settings=SETTINGS
        )
        for some in (tables, shuffled)
    )
    pd.testing.assert_frame_equal(once, again)


def test_a_study_without_tags_and_themes_has_no_contrasts() -> None:
    assert contrasts(said(None, posture=None)).empty


def person(participant_id: str, workshop_id: str = ORTHEZ, **more: Any) -> dict[str, Any]:
    return {"participant_id": participant_id, "workshop_id": workshop_id, "has_signed": True} | more


def structure(structure_id: str, **more: Any) -> dict[str, Any]:
    return {
        "structure_id": structure_id,
        "name": structure_id,
        "is_on_map": False,
        "is_in_attendance": True,
    } | more


def voices(
    people: list[dict[str, Any]],
    known: list[dict[str, Any]],
    expected: tuple[str, ...] = (),
    held: pd.DataFrame | None = None,
) -> pd.DataFrame:
    found = list_voices(
        ATTENDANCE.build(people),
        STRUCTURES.build(known),
        workshops() if held is None else held,
        expected_structure_types=expected,
    )
    return found.set_index(["workshop_id", "kind", "value"])[["n_on_map", "n_present", "is_absent"]]


def test_an_expected_type_that_nobody_came_for_is_absent() -> None:
    found = voices(
        [person("p1", structure_id="laiterie", structure_type="coopérative")],
        [structure("laiterie")],
        ("coopérative", "élu"),
    )
    assert found.loc[(ORTHEZ, "structure_type", "coopérative")].tolist() == [0, 1, False]
    assert found.loc[(ORTHEZ, "structure_type", "élu")].tolist() == [0, 0, True]


def test_no_type_is_absent_where_the_type_of_nobody_who_came_is_known() -> None:
    assert voices(
        [person("p1"), person("p2", structure_id="laiterie")],
        [structure("laiterie")],
        ("coopérative", "élu"),
    ).empty


@pytest.mark.parametrize(
    ("n_known", "n_people", "is_absent"),
    [(6, 33, False), (1, 2, False), (4, 5, False), (9, 10, True), (5, 5, True)],
)
@pytest.mark.parametrize("kind", ["structure_type", "commune"])
def test_nobody_is_absent_where_too_many_are_unknown(
    kind: str, n_known: int, n_people: int, is_absent: bool
) -> None:
    told = {"structure_type": "association", "commune_code": "64430"}
    people = [person(f"p{n}", **(told if n < n_known else {})) for n in range(n_people)]
    sawmill = structure("scierie", commune_code="64335", is_on_map=True, lat=43.4, lon=-0.6)
    found = voices(people, [sawmill], ("élu",), held=workshops(ORTHEZ))
    value = {"structure_type": "élu", "commune": "64335"}[kind]
    assert found.loc[(ORTHEZ, kind, value), "is_absent"] == is_absent


def test_two_people_of_one_structure_are_one_structure_and_an_elected_official_without_one_counts() -> (
    None
):
    people = [
        person(name, structure_id="laiterie", structure_type="coopérative") for name in ("p1", "p2")
    ]
    found = voices([*people, person("p3", structure_type="élu")], [structure("laiterie")])
    assert found["n_present"].to_dict() == {
        (ORTHEZ, "structure_type", "coopérative"): 1,
        (ORTHEZ, "structure_type", "élu"): 1,
    }


def test_who_did_not_sign_did_not_come_unless_nobody_signed() -> None:
    excused = person("p2", structure_type="élu", has_signed=False)
    assert voices([person("p1", structure_type="association"), excused], [], ("élu",)).loc[
        (ORTHEZ, "structure_type", "élu"), "is_absent"
    ]
    assert not voices([excused], [], ("élu",)).loc[(ORTHEZ, "structure_type", "élu"), "is_absent"]


def test_a_commune_of_the_map_without_anybody_in_the_room_is_absent() -> None:
    known = [
        structure("laiterie", commune_code="64430", is_on_map=True, lat=43.49, lon=-0.77),
        structure(
            "moulin",
            commune_code="64335",
            is_on_map=True,
            is_in_attendance=False,
            lat=43.4,
            lon=-0.6,
        ),
        structure("scierie", commune_code="26113", lat=44.75, lon=5.37),
    ]
    people = [person("p1", structure_id="laiterie"), person("p2", DIE, structure_id="scierie")]
    found = voices(people, known)
    assert found.loc[(ORTHEZ, "commune", "64430")].tolist() == [1, 1, False]
    assert found.loc[(ORTHEZ, "commune", "64335")].tolist() == [1, 0, True]
    assert (DIE, "commune", "64335") not in found.index


def test_a_structure_is_placed_by_its_own_map_even_where_who_came_and_the_commune_tell_another_workshop() -> (
    None
):
    known = [
        structure("moulin", commune_code="64430", is_on_map=True, map_workshop_ids=f'["{DIE}"]'),
        structure(
            "laiterie",
            commune_code="64430",
            is_on_map=True,
            map_workshop_ids=f'["{DIE}", "{ORTHEZ}"]',
        ),
    ]
    found = voices(
        [person("p1", structure_id="moulin"), person("p2", DIE, structure_type="élu")], known
    )
    assert found.loc[(ORTHEZ, "commune", "64430"), "n_on_map"] == 1
    assert found.loc[(DIE, "commune", "64430"), "n_on_map"] == 2


def test_in_a_study_of_one_workshop_the_whole_map_is_its_own() -> None:
    known = [
        structure(
            "moulin",
            commune_code="64335",
            structure_type="association",
            is_on_map=True,
            is_in_attendance=False,
        )
    ]
    people = [person("p1", structure_type="élu", commune_code="64430")]
    found = voices(people, known, held=workshops(ORTHEZ))
    assert found.loc[(ORTHEZ, "commune", "64335")].tolist() == [1, 0, True]
    assert found.loc[(ORTHEZ, "structure_type", "association")].tolist() == [1, 0, True]


def test_a_workshop_without_attendance_list_says_nothing_of_absences() -> None:
    assert voices([], [structure("moulin", commune_code="64335", is_on_map=True)], ("élu",)).empty
