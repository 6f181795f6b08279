"""A theme's page counts its tables one way, in its head and by workshop."""

from typing import Any

import pandas as pd
import pytest

from pipeline.counting import count_themes, with_circles
from pipeline.review.snapshot import Snapshot
from pipeline.review.state import Themes
from pipeline.review.theme_page import workshop_counts
from support.invented import DIE, ORTHEZ, said, study, workshops

TO_CHECK = {"is_counted": False}
COUNTED = [
    ([said("t", n, **TO_CHECK) for n in range(1, 6)], {ORTHEZ: (0, 5)}),
    ([said("t", 1), said("t", 2, **TO_CHECK)], {ORTHEZ: (1, 2)}),
    ([said("t", 1), said("t", 1, **TO_CHECK)], {ORTHEZ: (1, 1)}),
    ([said("t", 1), said("t", 2, workshop_id=DIE)], {ORTHEZ: (1, 1), DIE: (1, 1)}),
    ([said("t", 1), said("t", 2, "resume")], {ORTHEZ: (1, 1)}),
]


@pytest.mark.parametrize(("told", "expected"), COUNTED)
def test_tables_by_workshop_add_up_to_those_of_the_theme(
    told: list[dict[str, Any]], expected: dict[str, tuple[int, int]]
) -> None:
    tables = study(*told) | {"workshops": workshops()}
    now = Themes(tables["themes"], pd.DataFrame(), tables["theme_members"], 0)
    counts = workshop_counts(now.of_theme["t"], now, Snapshot("run", tables, {}))
    shown = {row.workshop["workshop_id"]: (row.n_tables, row.n_tables_high) for row in counts}
    assert shown == expected
    theme = count_themes(tables["theme_members"], with_circles(tables["units"])).loc["t"]
    sums = [sum(column) for column in zip(*shown.values(), strict=True)]
    assert sums == [theme["n_tables"], theme["n_tables_high"]]
