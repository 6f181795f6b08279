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
from support.invented import DIE, said, study, workshops

TO_CHECK = {"is_counted": False}
SURE, LIKELY = {"probability": 1.0}, {"probability": 0.7}
COUNTED = [
    [said("t", n, probability=0.3, **TO_CHECK) for n in range(1, 6)],
    [said("t", 1, **SURE), said("t", 2, probability=0.4, **TO_CHECK)],
    [said("t", 1, **SURE), said("t", 2, workshop_id=DIE, **SURE)],
    [said("t", 1, **SURE), said("t", 2, "resume", **SURE)],
    [said("t", n, **LIKELY) for n in range(1, 6)],
    [said("t", 1, **SURE), said("u", 2, probability=0.6, likely='[["t", 0.4]]')],
]


@pytest.mark.parametrize("told", COUNTED)
@pytest.mark.parametrize("is_signed_off", [False, True])
def test_tables_are_those_that_the_report_says(
    told: list[dict[str, Any]], is_signed_off: bool
) -> None:
    tables = study(*told) | {"workshops": workshops()}
    tables["themes"] = tables["themes"].assign(is_signed_off=is_signed_off)
    now = Themes(tables["themes"], pd.DataFrame(), tables["theme_members"], 0)
    snapshot = Snapshot("run", {**all_tables(tables)}, {})
    counts = workshop_counts("t", now, snapshot)
    passages = gather_passages(all_tables(tables))
    members = [one for one in passages.every if one.theme_id == "t"]
    card = theme_summaries(now, snapshot)["t"]
    assert card["n_tables"] == n_sure_tables(members, is_exact=is_signed_off)
    theme = count_themes(tables["theme_members"], with_circles(tables["units"])).loc["t"]
    if is_signed_off:  # all that counts, exactly
        assert card["n_tables"] == theme["n_tables"] == sum(row["n_tables"] for row in counts)
    for row in counts:
        name = row["workshop"]["workshop_id"]
        about = tuple(row[f"n_tables_{part}"] for part in ("expected", "low", "high"))
        assert about == passages.estimate("t", [name])
    if len(counts) == 1:
        assert counts[0]["n_tables_expected"] == theme["n_tables_expected"]


@pytest.mark.parametrize(
    ("estimate", "is_signed_off", "told"),
    [
        ((4.6, 3, 7), False, "environ 5 tables (entre 3 et 7)"),
        ((1.2, 0, 2), False, "environ 1 table (entre 0 et 2)"),
        ((0.3, 0, 1), False, "environ 1 table (entre 0 et 1)"),
        ((0, 0, 0), False, "aucune table"),
        ((3, 3, 3), True, "3 tables"),
        (None, False, "3 à 7 tables"),  # a family
    ],
)
def test_tables_are_said_as_in_the_report(
    monkeypatch: pytest.MonkeyPatch,
    estimate: tuple[float, int, int] | None,
    is_signed_off: bool,
    told: str,
) -> None:
    monkeypatch.setattr(state, "snapshot", lambda: SimpleNamespace(counts_documents=False))
    monkeypatch.setattr(words, "gettext", str)
    monkeypatch.setattr(words, "ngettext", lambda one, several, n: one if n < 2 else several)
    of: dict[str, Any] = {"n_tables": 3, "n_tables_high": 7, "is_signed_off": is_signed_off}
    if estimate:
        names = [f"n_tables_{part}" for part in ("expected", "low", "high")]
        of |= dict(zip(names, estimate, strict=True))
    assert words.about_tables(of) == told
