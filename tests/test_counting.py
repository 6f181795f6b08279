"""One rule for tables: the themes, the review and the report count the same ones."""

from typing import Any

import pandas as pd
import pytest

from pipeline.counting import at_least, count_themes, least_tables_by, with_circles
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
        counts["n_tables_high"],
        snapshot.n_tables(made["units"]["unit_id"]),
    ) == (n_tables,) * 4


def test_what_is_to_be_checked_counts_only_at_most() -> None:
    made = study(said("cars", 1), said("cars", 2, is_counted=False), said("cars", 3, "resume"))
    counts = count_themes(made["theme_members"], with_circles(made["units"])).loc["cars"]
    assert (counts["n_tables"], counts["n_tables_high"]) == (1, 2)


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


def test_a_table_is_as_sure_as_its_counted_passages_together() -> None:
    rows = pd.DataFrame(
        {
            "theme_id": "cars",
            "circle_id": ["a", "a", "b", "c", "d"],
            "probability": [0.8, 0.8, 0.96, 0.99, 0.99],
            "is_said": [True, True, True, True, False],
            "is_counted": [True, True, True, False, True],
        }
    )
    # a and b: c is to be checked, d is no table
    assert least_tables_by(rows, ["theme_id"]) == {("cars",): 2}
    assert least_tables_by(rows.head(1), ["theme_id"]) == {("cars",): 0}
    assert least_tables_by(rows.head(0), ["theme_id"]) == {}
