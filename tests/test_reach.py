"""Whose own a theme is: said at three tables or more of one territory, at none elsewhere, and what that rests on."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import fisher_exact

from pipeline.compare.contrasts import compare_territories
from pipeline.compare.reach import SaidAlone, reach_themes
from pipeline.settings.sections import CompareSettings
from pipeline.tables.results import PRIORITIES
from pipeline.verdicts import shown_verdicts
from support.invented import DIE, ORTHEZ, said, study, workshops

SETTINGS = CompareSettings(n_draws=20)
LES_VANS = "les-vans-2025-05-20"
OWN, TOO_LITTLE = "propre à un territoire", "trop peu de matière pour conclure"


def talk(workshop_id: str, n_tables: int, *tables: int, **more: Any) -> list[dict[str, Any]]:
    """`n_tables` that speak of milk, and « cars » at `tables`."""
    milk = [said("lait", table, workshop_id=workshop_id) for table in range(1, n_tables + 1)]
    return [*milk, *(said("cars", table, workshop_id=workshop_id, **more) for table in tables)]


def by_theme(*passages: dict[str, Any], held: pd.DataFrame | None = None) -> pd.DataFrame:
    names = sorted({passage.get("workshop_id", ORTHEZ) for passage in passages})
    held = workshops(*names, n_tables=None) if held is None else held
    return reached(study(*passages), held)[0].set_index("theme_id")


def reached(
    tables: dict[str, pd.DataFrame], held: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    units, members = tables["units"], tables["theme_members"]
    contrasts = compare_territories(units, tables["tags"], members, held, settings=SETTINGS)
    return reach_themes(units, members, contrasts, PRIORITIES.empty(), held), contrasts


HERE = talk(ORTHEZ, 6, 1, 2, 3, 4)
MAIL = {"channel": "mail", "document_id": "mail-1"}
FOUR_OF_SIX = "dit à 4 tables sur 6, à aucune des 11 tables ailleurs"
ELSEWHERE = [*talk(DIE, 6), *talk(LES_VANS, 5)]
OWNS = [
    ("four tables here, none elsewhere", [*HERE, *ELSEWHERE], "orthez", OWN, FOUR_OF_SIX),
    (
        "three tables are enough",
        [*talk(ORTHEZ, 6, 1, 2, 3), *ELSEWHERE],
        "orthez",
        OWN,
        "dit à 3 tables sur 6, à aucune des 11 tables ailleurs",
    ),
    ("two tables are not", [*talk(ORTHEZ, 6, 1, 2), *ELSEWHERE], None, None, None),
    ("one table elsewhere says it", [*HERE, *ELSEWHERE, said("cars", 5, workshop_id=DIE)], None, None, None),
    ("a mail elsewhere says it", [*HERE, *ELSEWHERE, said("cars", None, "distance", workshop_id=DIE, **MAIL)], None, None, None),
    ("a rapporteur elsewhere says it", [*HERE, *ELSEWHERE, said("cars", 2, "resume", workshop_id=DIE)], None, None, None),
    ("a mail from here too says it", [*HERE, *ELSEWHERE, said("cars", None, "distance", **MAIL)], "orthez", OWN, FOUR_OF_SIX),
    ("a talkative table counts once", [*talk(ORTHEZ, 6, 1, 1, 1, 1, 2), *ELSEWHERE], None, None, None),
    (
        "one table to check elsewhere changes nothing",
        [*HERE, *ELSEWHERE, said("cars", 1, workshop_id=DIE, is_counted=False)],
        "orthez",
        OWN,
        FOUR_OF_SIX + ", dont 1 reste à vérifier",
    ),
    (
        "five tables to check elsewhere could",
        [*HERE, *ELSEWHERE, *(said("cars", n, workshop_id=DIE, is_counted=False) for n in range(1, 6))],
        "orthez",
        TOO_LITTLE,
        FOUR_OF_SIX + ", dont 5 restent à vérifier",
    ),
    (
        "what is to be checked here is not claimed",
        [*HERE, *ELSEWHERE, said("cars", 5, is_counted=False)],
        "orthez",
        OWN,
        FOUR_OF_SIX,
    ),
    (
        "nearly all tables of the study are here",
        [*talk(ORTHEZ, 12, 1, 2, 3), *talk(DIE, 3)],
        "orthez",
        TOO_LITTLE,
        "dit à 3 tables sur 12, à aucune des 3 tables ailleurs",
    ),
    ("elsewhere is two tables", [*talk(ORTHEZ, 6, *range(1, 7)), *talk(DIE, 2)], None, None, None),
    ("a territory with one table", [*talk(ORTHEZ, 1, 1), *ELSEWHERE], None, None, None),
    ("one territory alone", HERE, None, None, None),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("passages", "only_in", "reach", "rests_on"),
    [case[1:] for case in OWNS],
    ids=[case[0] for case in OWNS],
)
def test_a_theme_is_a_territorys_own_where_its_tables_alone_say_it(
    passages: list[dict[str, Any]], only_in: str | None, reach: str | None, rests_on: str | None
) -> None:
    cars = by_theme(*passages).loc["cars"]
    if only_in is None:
        assert pd.isna(cars["only_in"]) and pd.isna(cars["rests_on"]) and cars["reach"] != OWN
    else:
        assert (cars["only_in"], cars["reach"], cars["rests_on"]) == (only_in, reach, rests_on)


def test_tables_announced_elsewhere_that_left_no_notes_are_no_silence() -> None:
    """Six tables were announced at Die, two left notes; four of six at Orthez prove nothing."""
    held = workshops(n_tables=6)
    cars = by_theme(*HERE, *talk(DIE, 2), held=held).loc["cars"]
    assert pd.isna(cars["only_in"])


def test_where_no_notes_name_a_table_documents_are_told() -> None:
    notes = [
        said(theme, None, workshop_id=place, document_id=f"{place}-{n}")
        for place in (ORTHEZ, DIE)
        for n in range(5)
        for theme in ("lait", "cars")
        if theme == "lait" or place == ORTHEZ
    ]
    cars = by_theme(*notes).loc["cars"]
    assert cars["rests_on"] == "dit dans 5 documents sur 5, dans aucun des 5 documents ailleurs"


@pytest.mark.parametrize(
    "alone",
    [
        SaidAlone("ici", 3, 6, 12, 0),
        SaidAlone("ici", 4, 7, 11, 2),
        SaidAlone("ici", 6, 6, 6, 1),
        SaidAlone("ici", 3, 6, 6, 6),
    ],
)
def test_the_chance_is_fishers_exact_one_with_all_that_is_to_be_checked(alone: SaidAlone) -> None:
    cells = [
        [alone.n_tables, alone.n_here - alone.n_tables],
        [alone.n_to_check, alone.n_elsewhere - alone.n_to_check],
    ]
    expected = fisher_exact(cells, alternative="greater").pvalue
    assert alone.chance == pytest.approx(expected)


def test_screens_say_whose_own_a_theme_is_in_place_of_too_little() -> None:
    tables = study(*HERE, *ELSEWHERE)
    reach, contrasts = reached(tables, workshops(ORTHEZ, DIE, LES_VANS, n_tables=None))
    shown = contrasts.assign(shown=shown_verdicts(contrasts, reach))
    cars = shown[shown["subject_id"] == "cars"].set_index("territory")["shown"].to_dict()
    elsewhere = {cars["die"], cars["les-vans"]}
    assert cars["orthez"] == "propre à ce territoire"
    assert elsewhere <= {"propre à un autre territoire", "moins présent"}
    others = shown[shown["subject_id"] != "cars"]
    assert (others["shown"] == others["verdict"]).all()


PLACES = (ORTHEZ, DIE, LES_VANS)


def made_up(seed: int) -> list[dict[str, Any]]:
    """Milk at every table of three territories; cars and hedges at some, mostly in one, counted or to check."""
    rng = np.random.default_rng(seed)
    passages = []
    for place in PLACES:
        n_tables = int(rng.integers(2, 7))
        passages += talk(place, n_tables)
        for theme, home in (("cars", ORTHEZ), ("haie", DIE)):
            share = 0.9 if place == home else rng.choice([0.0, 0.0, 0.2])
            passages += [
                said(theme, table, workshop_id=place, is_counted=bool(rng.random() < 0.8))
                for table in range(1, n_tables + 1)
                if rng.random() < share
            ]
    return passages


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_moves_no_verdict(seed: int) -> None:
    held, tables = workshops(*PLACES, n_tables=None), study(*made_up(seed))
    shuffled = {name: rows.sample(frac=1, random_state=seed) for name, rows in tables.items()}
    for once, again in zip(
        reached(tables, held),
        reached(shuffled, held.sample(frac=1, random_state=seed)),
        strict=True,
    ):
        pd.testing.assert_frame_equal(once, again)


@pytest.mark.slow
def test_a_table_elsewhere_that_says_it_ends_what_was_ones_own() -> None:
    held, n_owns = workshops(*PLACES, n_tables=None), 0
    for seed in range(4):
        passages = made_up(seed)
        found = reached(study(*passages), held)[0].query("reach == @OWN")
        for theme_id, only_in in zip(found["theme_id"], found["only_in"], strict=True):
            other = next(place for place in PLACES if place[:-11] != only_in)
            more = study(*passages, said(theme_id, 1, workshop_id=other))
            left = reached(more, held)[0].set_index("theme_id").loc[theme_id]
            assert left["reach"] != OWN and pd.isna(left["only_in"])
            n_owns += 1
    assert n_owns > 2
