"""One rule for tables: the themes, the review and the report count the same ones."""

from typing import Any

import pandas as pd
import pytest

from pipeline.counting import (
    TableEstimate,
    at_least,
    count_themes,
    estimate_tables,
    least_tables,
    with_circles,
)
from pipeline.publish.report.passages import gather_passages, n_tables_of
from pipeline.review.snapshot import Snapshot
from support.invented import DIE, said, study
from support.published import tables

MAIL = {"channel": "mail", "document_id": "mail"}
LATE = {"question": "distance", "document_id": "suite"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("others", "n_tables"),
    [
        ([said("cars", 1)], 1),
        ([said("cars", 2), said("cars", 2, "q4")], 2),
        ([said("cars", 1, workshop_id=DIE)], 2),
        # a rapporteur's summary tells again what a table said, its own or another one
        ([said("cars", 1, "resume")], 1),
        ([said("cars", 2, "resume")], 1),
        ([said("cars", 2, "resume"), said("cars", 2)], 2),
        # what came after the workshop comes from no table
        ([said("cars", None, None, **MAIL)], 1),
        ([said("cars", 3, **LATE)], 1),
        ([said("cars", 3, channel="telephone")], 1),
        # a document without table, where others of the workshop have one
        ([said("cars", None, document_id="affiche")], 1),
        # where a workshop's notes name no table, its documents count
        ([said("cars", None, document_id=name, workshop_id=DIE) for name in "ab"], 3),
        ([said("cars", None, "resume", document_id="bilan", workshop_id=DIE)], 2),
        # where nobody spoke in a room, mails do
        ([said("cars", None, None, workshop_id=DIE, **MAIL)], 2),
    ],
)
def test_tables_are_counted_alike_everywhere(others: list[dict[str, Any]], n_tables: int) -> None:
    made = tables(said("cars", 1), *others)
    passages = gather_passages(made).every
    counts = count_themes(made["theme_members"], with_circles(made["units"])).loc["cars"]
    snapshot = Snapshot("run", made, {})
    assert (
        n_tables_of(passages),
        counts["n_tables"],
        snapshot.n_tables(made["units"]["unit_id"]),
    ) == (n_tables,) * 3


def test_what_is_to_be_checked_and_what_may_be_about_it_too_are_expected_alone() -> None:
    made = study(
        said("cars", 1, probability=1.0),
        said("cars", 2, is_counted=False, probability=0.5),
        said("cars", 3, "resume", probability=1.0),
        said("lait", 4, likely='[["cars", 0.4], ["gone", 0.3]]'),
        said("lait", 4, likely="[]"),  # what it may be about was rejected
        # what it may be about was merged with its own theme
        said("lait", 5, probability=0.5, likely='[["lait", 0.4], ["lait", 0.3]]'),
    )
    counts = count_themes(made["theme_members"], with_circles(made["units"]))
    names = ["n_tables", "n_tables_expected", "n_tables_low", "n_tables_high"]
    assert counts.loc["cars", names].tolist() == [1, 1.9, 1, 3]
    assert counts.index.tolist() == ["cars", "lait"]
    assert counts.loc["lait", "n_tables_expected"] == 1.5


@pytest.mark.parametrize(
    ("tables", "n_heard", "estimate"),
    [
        ([], 5, (0, 0, 0)),
        # what a person is sure of leaves no doubt
        ([("a", 1.0, True), ("b", 1.0, True)], 5, (2, 2, 2)),
        ([("a", 1.0, True), ("b", 0.5, False)], 5, (1.5, 1, 2)),
        ([("a", 0.9, True), ("b", 0.9, True)], 5, (1.8, 1, 3)),
        # two passages of one table are surer together than one
        ([("a", 0.5, False), ("a", 0.5, False)], 3, (0.75, 0, 2)),
        ([(name, 0.8, True) for name in "abcde"], 8, (4, 3, 6)),
        # no more than there are
        ([(name, 0.8, True) for name in "abcde"], 5, (4, 3, 5)),
        ([(name, 0.3, False) for name in "abcdefghij"], 17, (3, 0, 6)),
    ],
)
def test_the_number_of_tables_is_expected_with_its_interval(
    tables: list[tuple[str, float, bool]], n_heard: int, estimate: tuple[float, int, int]
) -> None:
    assert estimate_tables(tables, n_heard) == TableEstimate(*estimate)
    assert estimate_tables(tables[::-1], n_heard) == TableEstimate(*estimate)


def test_the_units_keep_their_order_and_their_columns() -> None:
    units = study(said("cars", 2), said("cars", 1, "resume"), said(None, None))["units"]
    circles = with_circles(units)
    pd.testing.assert_frame_equal(circles[units.columns], units)
    assert circles["is_said"].tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("probabilities", "expected"),
    [
        ([], 0),
        ([0.89], 0),
        ([0.95], 1),
        ([1.0, 1.0, 1.0], 3),
        ([0.8] * 5, 3),
        ([0.7] * 11, 6),
        ([0.99, 0.5, 0.5], 1),
    ],
)
def test_as_many_are_claimed_as_hold_nine_times_in_ten(
    probabilities: list[float], expected: int
) -> None:
    assert at_least(probabilities) == expected


def test_a_table_is_as_sure_as_its_passages_together() -> None:
    assert least_tables([("a", 0.8), ("a", 0.8), ("b", 0.96)]) == 2
    assert least_tables([("a", 0.8)]) == least_tables([]) == 0
