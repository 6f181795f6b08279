"""Small counts of people: what is told never lets anybody find one."""

import itertools
import re
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook

from pipeline.errors import SettingsError
from pipeline.publish.html import write_web_page
from pipeline.publish.layout import lay_out
from pipeline.publish.tables import write_public_tables
from pipeline.publish.text import CountMask, MaskedCounts, mask_counts, tally
from pipeline.settings import load_settings
from pipeline.tables.material import ATTENDANCE
from support.invented import DIE, ORTHEZ, said, workshops
from support.published import report, tables, write_people

SMALL, WITHHELD = CountMask.SMALL, CountMask.WITHHELD

CASES = [
    ((), 3, (), 0),
    ((0, 0), 3, (0, 0), 0),
    ((5, 3, 0), 3, (5, 3, 0), 8),
    ((1, 2), 1, (1, 2), 3),
    ((1, 5, 9), 3, (SMALL, WITHHELD, 9), 15),  # without the 5, 15 - 14 gives the 1
    (
        (1, 3, 9),
        3,
        (SMALL, 3, WITHHELD),
        13,
    ),  # 4 shared by a small one and one of 3 or more can only be 1 and 3
    ((1, 2, 9), 3, (SMALL, SMALL, 9), 12),  # 3 is 1 + 2 or 2 + 1
    ((1, 1, 9), 3, (SMALL, SMALL, WITHHELD), 11),  # 2 is only 1 + 1
    ((2,), 3, (SMALL,), SMALL),
    ((1, 1), 3, (SMALL, SMALL), WITHHELD),  # « < 3 » for the total would tell 1 + 1
    ((1, 1, 1), 3, (SMALL, SMALL, SMALL), WITHHELD),
    ((2, 3), 3, (SMALL, WITHHELD), 5),
]


@pytest.mark.parametrize(("counts", "least", "told", "total"), CASES)
def test_a_small_count_is_masked_with_just_enough_others(counts, least, told, total) -> None:
    assert mask_counts(counts, least=least) == MaskedCounts(told, total)


def possible(masked: MaskedCounts, least: int, most: int) -> list[tuple[int, ...]]:
    """Every list of counts that would be told in these words, as somebody finds who knows the rule of masking."""
    domains = [
        range(1, least) if n is SMALL else range(least, most) if n is WITHHELD else (n,)
        for n in masked.counts
    ]
    found = itertools.product(*domains)
    totals = {SMALL: range(1, least), WITHHELD: range(1, 10**6)}
    return [counts for counts in found if sum(counts) in totals.get(masked.total, (masked.total,))]


@pytest.mark.parametrize("least", [3, 4, 5])
def test_every_small_number_stays_possible_for_every_small_count(least: int) -> None:
    for counts in itertools.combinations_with_replacement(range(least + 3), 4):
        masked = mask_counts(counts, least=least)
        worlds = possible(masked, least, sum(counts) + least)
        for place, told in enumerate(masked.counts):
            if told is SMALL:
                assert {world[place] for world in worlds} == set(range(1, least)), (counts, masked)
            if told is WITHHELD:
                assert len({world[place] for world in worlds}) > 1, (counts, masked)


def test_how_a_masked_count_is_written() -> None:
    told = [
        tally(n, "personne", least=3).replace("\u00a0", " ") for n in (0, 1, 4, SMALL, WITHHELD)
    ]
    assert told == ["0 personne", "1 personne", "4 personnes", "< 3 personnes", "personnes n. c."]
    assert (tally(SMALL, least=3), tally(WITHHELD, least=3)) == ("<\u00a03", "n. c.")


def attended(*rows: tuple[str, str, int]) -> pd.DataFrame:
    """(workshop, type, number of people), each of a structure of its own."""
    people = [
        (workshop_id, kind, f"{workshop_id}{kind}{n}")
        for workshop_id, kind, most in rows
        for n in range(most)
    ]
    return ATTENDANCE.build(
        {
            "participant_id": who,
            "workshop_id": workshop_id,
            "structure_id": who,
            "structure_type": kind,
            "has_signed": True,
        }
        for workshop_id, kind, who in people
    )


def test_a_report_holds_no_small_count_and_its_page_says_why(tmp_path: Path) -> None:
    made = tables(
        attendance=attended(
            (ORTHEZ, "association", 7),
            (ORTHEZ, "élu", 1),
            (ORTHEZ, "coopérative", 5),
            (DIE, "élu", 2),
        )
    )
    content = report(made)
    assert [(row.structure_type, row.cells) for row in content.attendance] == [
        ("coopérative", ((WITHHELD, WITHHELD), (0, 0))),
        ("association", ((7, 7), (0, 0))),
        ("élu", ((SMALL, SMALL), (SMALL, SMALL))),
    ]
    assert [workshop.n_people for workshop in content.workshops] == [13, SMALL]
    assert content.n_people is WITHHELD  # 15 would give the 2 of the second workshop
    write_web_page(lay_out(content, "annexe"), tmp_path / "a.html")
    page = re.sub(r"\s+", " ", (tmp_path / "a.html").read_text(encoding="utf-8"))
    assert (
        "&lt; 3 structures, &lt; 3 personnes" in page
        and "un effectif de 1 à moins de 3 est écrit" in page
    )


def test_published_tables_hold_no_row_a_person_and_no_speaker(tmp_path: Path) -> None:
    made = tables()
    made["units"] = made["units"].assign(speaker="personne-12")
    write_public_tables(made, tmp_path, least_count=3)
    book = write_people(made, tmp_path / "tableaux.xlsx")
    names = {path.stem for path in tmp_path.glob("*.csv")}
    assert {"units", "themes", "offers", "documents"} <= names
    assert names.isdisjoint(
        {"attendance", "voices", "theme_voices", "decisions", "agreement", "blocks"}
    )
    shown = "".join(path.read_text(encoding="utf-8-sig") for path in tmp_path.glob("*.csv"))
    assert "personne-12" not in shown and ";p1;" not in shown
    came = str(book.get_sheet_by_name("Présence").to_python()).replace("\\xa0", " ")
    assert "'coopérative', '< 3 structures, < 3 personnes', '–'" in came
    book = CalamineWorkbook.from_path(str(tmp_path / "tables-techniques.xlsx"))
    assert "units" in book.sheet_names and "attendance" not in book.sheet_names


REMOTE = [
    (0, "environ 1 table sur 4 en parle", "0,0", "Personne n'en parle après l'atelier."),
    (1, "redit à distance", "", "Moins de 3 personnes en parlent après l’atelier."),
    (2, "redit à distance", "", "Moins de 3 personnes en parlent après l’atelier."),
    (
        3,
        "redit par 3 contributions à distance",
        "0,5",
        "3 personnes sur 6 en parlent après l'atelier.",
    ),
]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "why", "value", "note"), REMOTE)
def test_a_small_count_of_mails_and_calls_is_told_nowhere(
    n: int, why: str, value: str, note: str, tmp_path: Path
) -> None:
    mails = [
        said(
            "cars", None, "distance", channel="mail", document_id=f"m{place}", text=f"mail {place}"
        )
        for place in range(n)
    ]
    others = [
        said(
            f"t{place}", None, "distance", channel="mail", document_id=f"l{place}", text=f"{place}"
        )
        for place in range(6 - n)
    ]
    made = tables(said("cars", 1), said("lait", 2), *mails, *others, workshops=workshops(ORTHEZ))
    content = report(made)
    (first,) = [item for item in content.scopes[0].priorities if item.label == "Cars"]
    assert why in first.why.replace("\u00a0", " ").lower()
    write_web_page(lay_out(content), tmp_path / "a.html")
    write_public_tables(made, tmp_path, least_count=3)
    notes = (tmp_path / "priority_notes.csv").read_text(encoding="utf-8-sig").split("\n")
    assert f"study;cars;c_late;{value};{note}" in [line.strip() for line in notes]
    if 0 < n < 3:
        shown = re.sub(
            r"\s+",
            " ",
            "".join(
                path.read_text(encoding="utf-8-sig")
                for path in (tmp_path / "a.html", tmp_path / "priority_notes.csv")
            ),
        )
        assert f"{n} contribution" not in shown and f";{n} personne" not in shown
        ranked = pd.read_csv(tmp_path / "priorities.csv", sep=";", decimal=",")
        mine = ranked[(ranked["scope"] == "study") & (ranked["theme_id"] == "cars")].iloc[0]
        assert pd.isna(mine["c_late"]) and mine["score"] == round(mine["score"], 2)


def test_a_study_that_tells_all_has_no_mask() -> None:
    content = report(least_count=1)
    assert (content.n_people, [workshop.n_people for workshop in content.workshops]) == (4, [3, 1])


def test_fewer_than_two_would_tell_one(tmp_path: Path) -> None:
    (tmp_path / "etude.toml").write_text("[publish]\nleast_count = 2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match="3 et plus"):
        load_settings(tmp_path / "etude.toml")
