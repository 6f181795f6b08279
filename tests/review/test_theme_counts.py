"""A theme's page counts its tables as the report does, in its head and by workshop."""

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from pipeline.counting import count_themes, with_circles
from pipeline.publish.report import all_tables
from pipeline.publish.report.passages import gather_passages, n_sure_tables
from pipeline.review import state
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.templatetags import review as words
from pipeline.review.theme_page import theme_summaries, workshop_counts
from support.invented import DIE, ORTHEZ, said, study, workshops

TO_CHECK = {"is_counted": False}
SURE, LIKELY = {"probability": 1.0}, {"probability": 0.7}
COUNTED = [
    ([said("t", n, **TO_CHECK) for n in range(1, 6)], {ORTHEZ: (0, 5)}, 0),
    ([said("t", 1, **SURE), said("t", 2, **TO_CHECK)], {ORTHEZ: (1, 2)}, 1),
    ([said("t", 1, **SURE), said("t", 1, **TO_CHECK)], {ORTHEZ: (1, 1)}, 1),
    (
        [said("t", 1, **SURE), said("t", 2, workshop_id=DIE, **SURE)],
        {ORTHEZ: (1, 1), DIE: (1, 1)},
        2,
    ),
    ([said("t", 1, **SURE), said("t", 2, "resume", **SURE)], {ORTHEZ: (1, 1)}, 1),
    # five counted tables, each right seven times in ten: two surely
    ([said("t", n, **LIKELY) for n in range(1, 6)], {ORTHEZ: (2, 5)}, 2),
]


@pytest.mark.parametrize(("told", "by_workshop", "of_theme"), COUNTED)
@pytest.mark.parametrize("is_signed_off", [False, True])
def test_tables_are_those_that_the_report_says(
    told: list[dict[str, Any]],
    by_workshop: dict[str, tuple[int, int]],
    of_theme: int,
    is_signed_off: bool,
) -> None:
    tables = study(*told) | {"workshops": workshops()}
    tables["themes"] = tables["themes"].assign(is_signed_off=is_signed_off)
    now = Themes(tables["themes"], pd.DataFrame(), tables["theme_members"], 0)
    snapshot = Snapshot("run", {**all_tables(tables)}, {})
    counts = workshop_counts(now.of_theme["t"], now, snapshot)
    shown = {
        row["workshop"]["workshop_id"]: (row["n_tables"], row["n_tables_high"]) for row in counts
    }
    card = theme_summaries(now, snapshot)["t"]
    members = gather_passages(all_tables(tables)).every
    assert card["n_tables"] == n_sure_tables(members, is_exact=is_signed_off)
    if is_signed_off:  # all that counts, exactly
        theme = count_themes(tables["theme_members"], with_circles(tables["units"])).loc["t"]
        assert card["n_tables"] == theme["n_tables"] == sum(n for n, _ in shown.values())
    else:
        assert shown == by_workshop and card["n_tables"] == of_theme


@pytest.mark.parametrize(
    ("n", "most", "is_exact", "told"),
    [
        (3, 7, False, "au moins 3 tables, peut-être 7"),
        (3, 3, False, "au moins 3 tables"),
        (1, 2, False, "au moins 1 table, peut-être 2"),
        (0, 4, False, "peut-être 4 tables"),
        (0, 1, False, "peut-être 1 table"),
        (0, 0, False, "aucune table"),
        (3, 7, True, "3 tables"),
    ],
)
def test_tables_are_said_as_in_the_report(
    monkeypatch: pytest.MonkeyPatch, n: int, most: int, is_exact: bool, told: str
) -> None:
    monkeypatch.setattr(state, "snapshot", lambda: SimpleNamespace(counts_documents=False))
    monkeypatch.setattr(words, "gettext", str)
    monkeypatch.setattr(words, "ngettext", lambda one, several, n: one if n < 2 else several)
    assert words.at_least(n, most, is_exact=is_exact) == told
    first, *others = told.split(",")
    assert words.at_least(n, most, 8, is_exact=is_exact) == ",".join([f"{first} sur 8", *others])
